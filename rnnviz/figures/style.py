"""All colours, scales and ranges: one meaning has one look everywhere, in the light and in the dark theme.

The scales are colour-blind safe (after ColorBrewer's PuOr, BuGn and Purples, and an orange-blue pair). The neutral
value of every scale is nearly the page's ground, so that "nothing" looks like nothing.
"""

from typing import NamedTuple

Scale = list[list[float | str]]


class Kind(NamedTuple):
    """How one kind of signal is coloured: a scale's name and the values at its ends."""

    scale: str
    low: float
    high: float


INK = Kind("ink", 0.0, 1.0)
STATE = Kind("state", -1.0, 1.0)
GATE = Kind("gate", 0.0, 1.0)
PROBABILITY = Kind("probability", 0.0, 1.0)
GRADIENT = Kind("gradient", -5.0, 1.0)
"""Of log10 of a gradient's norm relative to the last step's, in the film of a run: at 1 the colour is fullest."""

KINDS: dict[str, Kind] = {
    "x": INK,
    **dict.fromkeys(("h", "c", "g", "n"), STATE),
    **dict.fromkeys(("i", "f", "o", "r", "z"), GATE),
    "probs": PROBABILITY,
}
"""The kind of every signal drawn as a heatmap. The cell state is drawn as tanh(c), which the output gate reads."""

SCALES: dict[str, dict[str, Scale]] = {
    "light": {
        "ink": [[0, "#F6F6F3"], [1, "#16171A"]],
        "state": [[0, "#A84B00"], [0.25, "#EE9B3A"], [0.5, "#F6F6F3"], [0.75, "#62A5CE"], [1, "#1B5FA6"]],
        "gate": [[0, "#F6F6F3"], [0.5, "#79BDAD"], [1, "#00594F"]],
        "probability": [[0, "#F6F6F3"], [0.5, "#9A93C6"], [1, "#43117D"]],
        "accuracy": [[0, "#F6F6F3"], [1, "#B0A9D8"]],
        "mistake": [[0, "#F6F6F3"], [0.45, "#EE9078"], [1, "#9A1B10"]],
        "gradient": [
            [0, "#F6F6F3"],
            [0.25, "#C5E0D8"],
            [0.5, "#62A5CE"],
            [0.667, "#2B6BAE"],
            [0.833, "#1B2A63"],
            [0.88, "#7A2E5D"],
            [1, "#D9601A"],
        ],
    },
    "dark": {
        "ink": [[0, "#24262B"], [1, "#F5F5F2"]],
        "state": [[0, "#FFBE6B"], [0.25, "#B55E0B"], [0.5, "#24262B"], [0.75, "#2E7DBB"], [1, "#9BCBEB"]],
        "gate": [[0, "#24262B"], [0.5, "#2B8376"], [1, "#A9EBD8"]],
        "probability": [[0, "#24262B"], [0.5, "#6D55AC"], [1, "#E0DDF2"]],
        "accuracy": [[0, "#24262B"], [1, "#5B4794"]],
        "mistake": [[0, "#24262B"], [0.45, "#A83A28"], [1, "#FFB9A8"]],
        "gradient": [
            [0, "#24262B"],
            [0.25, "#24494A"],
            [0.5, "#2E7DBB"],
            [0.667, "#7FB4DE"],
            [0.833, "#EAF3FB"],
            [0.88, "#F3C9A5"],
            [1, "#F08A3C"],
        ],
    },
}

LINES: dict[str, dict[str, str]] = {
    "light": {
        "h": "#1B5FA6",
        "c": "#00594F",
        "x": "#8A5A00",
        "jacobian": "#8E2A7B",
        "curve": "#16171A",
        "level": "#C0271B",
        "zero": "#B9B5AC",
        "grid": "#E4E4E0",
        "text": "#4A4D55",
    },
    "dark": {
        "h": "#9BCBEB",
        "c": "#7FD6C2",
        "x": "#F0B65B",
        "jacobian": "#E39AD4",
        "curve": "#F1F1EE",
        "level": "#E5533D",
        "zero": "#62646B",
        "grid": "#383B43",
        "text": "#C9CCD3",
    },
}
"""Line colours by the state whose gradient is drawn; of a run's curves "curve", and "level" what is wrong or marked on
them, "zero" where a gradient is exactly zero; "grid" and "text" serve every figure."""

DASHES = {"h": "solid", "c": "dash", "x": "dot", "jacobian": "dashdot"}
"""Lines differ in dash as well as in colour."""


class Look(NamedTuple):
    """How the lines of one of several runs are drawn."""

    colours: dict[str, str]
    """By theme."""
    dash: str


CELLS: dict[str, dict[str, str]] = {
    "light": {
        "rnn_tanh": "#B5500B",
        "rnn_relu": "#7D6A00",
        "rnn_sigmoid": "#A32A55",
        "lstm": "#1B5FA6",
        "gru": "#00756A",
        "peephole_lstm": "#5B45B0",
        "peephole_lstm_full": "#3E2F80",
        "layernorm_lstm": "#8E2A7B",
    },
    "dark": {
        "rnn_tanh": "#FFB066",
        "rnn_relu": "#D9C64A",
        "rnn_sigmoid": "#F58CB0",
        "lstm": "#8CC4F0",
        "gru": "#6FD3BF",
        "peephole_lstm": "#B7A9F5",
        "peephole_lstm_full": "#D6CEFA",
        "layernorm_lstm": "#E79AD8",
    },
}
"""A cell keeps one hue in every figure that compares cells: plain RNNs warm, gated ones cold."""

STARTS = {"default": "solid", "orthogonal": "dash", "identity": "dot", "forget": "dashdot"}
"""Lines of one cell that began differently differ in dash: PyTorch's start, ways of W_hh, a forget gate's bias."""

PARAMETERS: dict[str, list[dict[str, str]]] = {
    "light": [
        {"ih": "#C4620A", "hh": "#1B5FA6", "ch": "#8E2A7B"},
        {"ih": "#A32A55", "hh": "#00756A", "ch": "#5B45B0"},
        {"head": "#7D6A00"},
    ],
    "dark": [
        {"ih": "#FFB066", "hh": "#8CC4F0", "ch": "#E79AD8"},
        {"ih": "#F58CB0", "hh": "#6FD3BF", "ch": "#B7A9F5"},
        {"head": "#D9C64A"},
    ],
}
"""Groups of parameters on an unrolled network: of its first layer, of its second, and of the readout. A group has one
colour at all steps, since its weights are the same ones there; a bias has that of its matrix."""


def parameter(name: str) -> dict[str, str]:
    """Return a parameter's colour by theme, given its name in torch: "rnn.weight_hh_l0", "head.bias"."""
    room, _, rest = name.partition(".")
    place, kind = (2, "head") if room == "head" else (int(rest[-1]), rest.partition("_")[2][:2])
    return {theme: groups[place][kind] for theme, groups in PARAMETERS.items()}


BOXES: dict[str, dict[str, str]] = {
    "light": {"x": "#8A5A00", "h": "#1B5FA6", "y": "#5B45B0", "wrong": "#C0271B", "line": "#4A4D55"},
    "dark": {"x": "#F0B65B", "h": "#9BCBEB", "y": "#B7A9F5", "wrong": "#E5533D", "line": "#C9CCD3"},
}
"""Boxes of an unrolled network: what goes in, the hidden state, what comes out, an answer that is wrong; the arrows."""

RUNS = [
    Look({"light": light, "dark": dark}, dash)
    for light, dark, dash in (
        ("#1B5FA6", "#8CC4F0", "solid"),
        ("#B5500B", "#FFB066", "dash"),
        ("#00756A", "#6FD3BF", "dot"),
        ("#8E2A7B", "#E79AD8", "dashdot"),
        ("#16171A", "#F1F1EE", "longdash"),
        ("#7D6A00", "#D9C64A", "solid"),
        ("#C0271B", "#FF8A75", "dash"),
        ("#5A6270", "#A9B0BD", "dot"),
    )
]
"""Runs that are compared differ in dash as well as in colour; as many as `ui.state.MAX_RUNS`."""
