"""The formulas of a cell in vectors, as HTML: what stands under the unrolled graph while a moment is shown.

Written with %t for the step and %p for the one before; _{...} is set below, ^{...} above the line.
"""

import re
from collections.abc import Sequence
from html import escape

_ACTIVATIONS = {"rnn_tanh": "tanh", "rnn_relu": "ReLU", "rnn_sigmoid": "σ"}
_CELL_STATE = "c_{%t} = f_{%t} ⊙ c_{%p} + i_{%t} ⊙ g_{%t}"
_OF_LSTM = {"c": _CELL_STATE, "h": "h_{%t} = o_{%t} ⊙ tanh c_{%t}"}
_OF_CELL = {
    "lstm": _OF_LSTM,
    "peephole_lstm": _OF_LSTM,
    "peephole_lstm_full": _OF_LSTM,
    "gru": {
        "s": "s_{%t} = W_{hn} h_{%p} + b_{hn}",
        "a_n": "a_{n,%t} = W_{in} x_{%t} + b_{in} + r_{%t} ⊙ s_{%t}",
        "h": "h_{%t} = (1 − z_{%t}) ⊙ n_{%t} + z_{%t} ⊙ h_{%p}",
    },
}
_OF_ALL = {
    "a": "a_{%t} = W_{ih} x_{%t} + b_{ih} + W_{hh} h_{%p} + b_{hh}",
    "g": "g_{%t} = tanh(a_{g,%t})",
    "n": "n_{%t} = tanh(a_{n,%t})",
    "m": "tanh c_{%t}",
    "y": "y_{%t} = W_{y} h_{%t} + b_{y}",
    "p": "p_{%t} = softmax(y_{%t})",
    "e": "e_{%t} = (y_{%t} − target_{%t})^{2}",
}
_AFFINE = "a_{•,%t} = W_{i•} x_{%t} + b_{i•} + W_{h•} h_{%p} + b_{h•}"
_PEEPHOLES = {"a_i": "P_{•} c_{%p}", "a_f": "P_{•} c_{%p}", "a_o": "P_{•} c_{%t}"}


def formulas(cell: str, signals: Sequence[str], loss: str, layer: int | None, step: int | None) -> str:
    """Return what computes some signals of one step, as HTML; layer and step count from 0."""
    found, together = [], {}
    for signal in signals:
        if (known := _OF_CELL.get(cell, {}).get(signal) or _OF_ALL.get(signal)) is not None:
            found.append(known)
        elif signal.startswith("a_"):  # alike for several gates: told once
            seen = f" + {_PEEPHOLES[signal]}" if cell.startswith("peephole") and signal in _PEEPHOLES else ""
            together.setdefault(_AFFINE + seen, []).append(signal[2:])
        elif signal == "h":
            found.append(f"h_{{%t}} = {_ACTIVATIONS[cell]}(a_{{%t}})")
        elif signal == "l":
            mean = "L_{%t} = Σ_{k} e_{%t}[k] / K"
            found.append(mean if loss == "mse" else "L_{%t} = ln Σ_{k} exp y_{%t}[k] − y_{%t}[target]")
        elif signal == "loss":
            found.append({"last": "L = L_{T}", "every": "L = Σ_{t} L_{t} / N", "mse": "L = Σ_{t} L_{t} / T"}[loss])
        elif signal != "x":
            found.append(f"{signal}_{{%t}} = σ(a_{{{signal},%t}})")
    told = [
        text.replace("•", names[0]) if len(names) == 1 else f"{text}  (• = {', '.join(names)})"
        for text, names in together.items()
    ]
    return ", &ensp;".join(_html(text, layer, step) for text in told + found)


def _html(text: str, layer: int | None, step: int | None) -> str:
    if layer:  # it reads the layer below
        text = text.replace("x_{%t}", f"h_{{%t}}^{{({layer})}}")
    if step is not None:
        text = text.replace("%t", str(step + 1)).replace("%p", str(step))
    text = re.sub(r"\^\{([^}]*)\}", r"<sup>\1</sup>", escape(text))
    return re.sub(r"_\{([^}]*)\}", r"<sub>\1</sub>", text)
