"""Part 4: sigmoid, tanh and ReLU with their derivatives, and where real units stand on them."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from ...cells import CELLS
from ...figures import functions, over_time, style
from ...figures.functions import Curve, Points
from ...figures.over_time import Axis, Line
from ...measures import STEEPEST
from ...network import Network
from ...text import Words
from ...trace import Trace, record
from .. import state
from ..callbacks import answered
from ..charts import Chart, charts
from ..parts import stories
from ..parts.beside import beside
from ..parts.lesson import lesson, predict
from ..slider import slider
from . import numbers, tiny
from .numbers import factor, plain, tex

PART = "activations"
TOLD = ("act-tanh", "act-sigmoid", "act-relu", "act-saturated", "act-gate")
FUNCTIONS = ("sigmoid", "tanh", "relu")
BLOCKS = {
    "tanh": ("rnn_tanh.a", "lstm.g", "gru.n"),
    "sigmoid": ("rnn_sigmoid.a", "lstm.i", "lstm.f", "lstm.o", "gru.r", "gru.z"),
    "relu": ("rnn_relu.a",),
}
"""What an activation function is taken of in the cells: <cell>.<block>."""
UNITS, STEPS, FEATURES = 3, 6, 2
REACH = 6.0
"""The functions are drawn from -REACH to REACH."""
FACTORS = 20
EXTENTS = {"value": (-1.25, 2.25), "slope": (-0.08, 1.2)}
LABELS = {
    "value": {"sigmoid": (-2.3, 0.3), "tanh": (-3.2, -0.8), "relu": (0.9, 1.7)},
    "slope": {"sigmoid": (-3.6, 0.16), "tanh": (-2.0, 0.5), "relu": (3.8, 1.08)},
}
"""Where a function that is not chosen has its name."""
TEN = 10
"""So many factors are marked on the best that a sigmoid leaves."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    numbers.style_sheet()
    left, right = beside(words, TOLD, "xsmall")
    with left:
        block = _controls(words)
        network, trace = _unit(block)
        a = trace["a"][0][:, _place(network, block)]
        _steps(words, a)
    with right:
        slider(words("act.point"), -REACH, REACH, 0.01, "point")
        _formula(words, block)
        _figures(words, block, a)
        _table(words, block, a)
    predict(words, PART)
    lesson(words, PART)
    return stories.link(PART)


def _controls(words: Words) -> str:
    """Show the controls and return whose pre-activation is looked at, <cell>.<block>."""
    now = st.session_state
    activation = state.remember(
        st.segmented_control, words("act.function"), list(FUNCTIONS), format_func=lambda name: words(f"act.{name}"),
        key="activation", required=True, on_change=_first_block,
    )  # fmt: skip
    if now["node"] not in BLOCKS[activation]:
        if now["node"] is not None:
            state.ignore("node")
        _first_block()
    state.remember(
        st.selectbox, words("act.whose"), list(BLOCKS[activation]), format_func=lambda block: _named(words, block),
        key="node",
    )  # fmt: skip
    now["unit"] = min(now["unit"], UNITS)
    state.remember(st.segmented_control, words("act.unit"), list(range(1, UNITS + 1)), key="unit", required=True)
    slider(words("act.gain"), 0.5, 3.0, 0.1, "gain", help=words("act.gain_help"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.remember(st.number_input, words("tiny.seed"), 0, tiny.LAST_SEED, key="seed", width="stretch")
        st.button(words("tiny.new_seed"), icon=":material/casino:", key="act_new_seed", on_click=answered(_new_seed))
    return now["node"]


def _steps(words: Words, a: np.ndarray) -> None:
    """Show a button for every step, which brings the slider to the unit's pre-activation there."""
    st.markdown(words("act.bring"))
    with st.container(horizontal=True, gap="xsmall", key="act_steps"):
        for t, value in enumerate(a, 1):
            st.button(f"t = {t}", key=f"act_step_{t}", on_click=answered(_bring), args=(float(value),))


def _first_block() -> None:
    st.session_state["node"] = BLOCKS[st.session_state["activation"]][0]


def _bring(value: float) -> None:
    st.session_state["point"] = round(float(np.clip(value, -REACH, REACH)), 2)
    state.heard()


def _new_seed() -> None:
    st.session_state["seed"] = (st.session_state["seed"] + 1) % (tiny.LAST_SEED + 1)
    state.heard()


def _named(words: Words, block: str) -> str:
    cell, _, name = block.partition(".")
    return words("act.block", cell=words(f"cell.{cell}"), block=name) if name != "a" else words(f"cell.{cell}")


# ---- Numbers


def _unit(block: str) -> tuple[Network, Trace]:
    """Return the small network that a block belongs to, its cell's weights times the gain, and what happened in it."""
    now, cell = st.session_state, block.partition(".")[0]
    seeded = tiny.seeded(cell, UNITS, STEPS, FEATURES, 1, "last", now["seed"])
    arrays = {name: array * (now["gain"] if name.startswith("rnn.") else 1.0) for name, array in seeded.items()}
    network = Network(cell, {name: array for name, array in arrays.items() if name not in "xy"})
    return network, record(network, seeded["x"], int(seeded["y"][-1]))


def _gate(block: str) -> str:
    """Return the letter of a gate, "" for what is no gate: a gate multiplies by its value, not by its slope."""
    cell, _, name = block.partition(".")
    return name if block in BLOCKS["sigmoid"] and not cell.startswith("rnn") else ""


def _place(network: Network, block: str) -> int:
    """Return which of the pre-activations is the chosen unit's in that block."""
    return network.kind.blocks.index(block.partition(".")[2]) * UNITS + st.session_state["unit"] - 1


def activation(name: str, a: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return φ(a) and φ'(a), as the cells compute them."""
    rnn, a = CELLS[f"rnn_{name}"], np.asarray(a, float)
    h = rnn.activate(a, np.empty_like(a))
    return h, rnn.slopes({"a": a, "h": h})


# ---- Figures


def _formula(words: Words, block: str) -> None:
    name, a = st.session_state["activation"], st.session_state["point"]
    value, slope = (float(each) for each in activation(name, a))
    if name == "tanh":
        lines = [
            rf"h = \tanh(a) = \tanh({tex(a)}) = {tex(value)}",
            r"\tanh'(a) = \operatorname{sech}^2(a) = \frac{1}{\cosh^2(a)} = 1-\tanh^2(a)"
            rf" = 1 - {factor(value)}^2 = {tex(slope)} \;\le\; 1",
        ]
    elif name == "sigmoid":
        h, inner = (gate, f"a_{gate}") if (gate := _gate(block)) else ("h", "a")
        lines = [
            rf"{h} = \sigma({inner}) = \frac{{1}}{{1+e^{{-{inner}}}}} = \sigma({tex(a)}) = {tex(value)}",
            rf"\sigma'({inner}) = \sigma({inner})\,(1-\sigma({inner})) = {tex(value)}\cdot{tex(1 - value)}"
            rf" = {tex(slope)} \;\le\; \tfrac14",
        ]
    else:
        side = "a > 0" if a > 0 else "a < 0" if a < 0 else "a = 0"
        lines = [
            rf"h = \operatorname{{ReLU}}(a) = \max(0, a) = \max(0, {tex(a)}) = {tex(value)}",
            rf"\operatorname{{ReLU}}'(a) = {tex(slope)} \quad ({side})",
        ]
    for line in lines:
        st.latex(line)
    if name == "relu" and a == 0:
        st.caption(words("act.kink"))


def _figures(words: Words, block: str, a: np.ndarray) -> None:
    now, theme = st.session_state, st.context.theme.type or "light"
    name, point = now["activation"], now["point"]
    value, slope = (float(each) for each in activation(name, point))
    unit_value, unit_slope = activation(name, a)
    hover = words("act.hover") + "<extra></extra>"
    unit_name = words("act.of_unit", whose=_named(words, block), unit=now["unit"])
    shown, items = np.abs(a) <= REACH, []
    names = [words("act.step", whose=unit_name, step=t) for t in np.flatnonzero(shown) + 1]
    for which, at_point, at_unit in (("value", value, unit_value), ("slope", slope, unit_slope)):
        curves = [_curve(words, each, which, theme, each == name) for each in sorted(FUNCTIONS, key=name.__eq__)]
        points = [
            Points(names, a[shown], at_unit[shown], style.LINES[theme]["curve"], False, 11),
            Points([words("act.slider")], [point], [at_point], style.LINES[theme]["level"], True, 13),
        ]
        figure = functions.function(
            curves, points, words("act.across"), EXTENTS[which], hover, theme,
            tangent=(point, value, slope) if which == "value" else None,
        )  # fmt: skip
        told = {"function": words(f"act.{name}"), "a": plain(point), "value": plain(at_point)}
        alt = words(f"act.alt_{which}", unit=unit_name, **told)
        items.append(Chart(f"act_{which}", words(f"act.title_{which}", function=words(f"act.{name}")), figure, alt))
    if gate := _gate(block):
        items.append(_carried(words, gate, value, unit_value, unit_slope, theme))
    else:
        items.append(_powers(words, name, slope, unit_slope, theme))
    charts(items, theme, key="act_charts")


def _curve(words: Words, name: str, which: str, theme: str, chosen: bool) -> Curve:
    x = np.linspace(-REACH, REACH, 481)
    values = activation(name, x)[which == "slope"]
    if name == "relu" and which == "slope":  # it jumps behind 0, and is 0 there
        at = int(np.flatnonzero(x > 0)[0])
        x, values = np.insert(x, at, [0.0, 0.0]), np.insert(values, at, [np.nan, 1.0])
    colour = style.CELLS[theme][f"rnn_{name}"]
    label = None if chosen else LABELS[which][name]
    return Curve(words(f"act.{name}"), x, values, colour, 3.5 if chosen else 1.5, "solid" if chosen else "dot", label)


def _powers(words: Words, name: str, slope: float, unit: np.ndarray, theme: str) -> Chart:
    """Return the chart of products of many slopes: what is left of a gradient after so many factors."""
    count, colour = np.arange(FACTORS + 1), style.CELLS[theme][f"rnn_{name}"]
    with np.errstate(divide="ignore"):
        at_point = count * np.log10(slope) if slope else np.where(count, -np.inf, 0.0)
        best = count * np.log10(STEEPEST[name])
    lines = [  # the best on top: at its place the slider's is the same
        Line(words("act.at_point"), at_point, style.LINES[theme]["level"], width=2.5),
        Line(words("act.of_steps"), _multiplied(unit), colour, "solid", width=4.0),
        Line(words("act.best"), best, style.LINES[theme]["text"], "dash", width=4.0),
    ]
    figure = _products(words, lines, theme)
    if name == "sigmoid":
        figure.add_annotation(
            x=TEN, y=best[TEN], text=words("act.ten", count=TEN, left=plain(STEEPEST[name] ** TEN, 1)), ax=34, ay=-30,
            arrowcolor=style.LINES[theme]["text"], arrowhead=2,
        )  # fmt: skip
    left = {"count": FACTORS, "point": plain(slope**FACTORS), "best": plain(STEEPEST[name] ** FACTORS)}
    return Chart("act_powers", words("act.title_powers"), figure, words("act.alt_powers", **left))


def _carried(words: Words, gate: str, value: float, values: np.ndarray, slopes: np.ndarray, theme: str) -> Chart:
    """Return the chart of products of a gate's values: what is left of a state that it multiplies at every step."""
    colours = style.LINES[theme]
    at_point = np.arange(FACTORS + 1) * np.log10(value)
    lines = [
        Line(words("act.gate_slopes"), _multiplied(slopes), colours["text"], "dot", width=1.5),
        Line(words("act.at_point"), at_point, colours["level"], width=2.5),
        Line(words("act.gate_steps", gate=gate), _multiplied(values), style.CELLS[theme]["rnn_sigmoid"], width=4.0),
    ]
    alt = words("act.alt_gate", count=FACTORS, point=plain(value**FACTORS), steps=plain(values.prod()), gate=gate)
    return Chart("act_powers", words("act.title_gate", gate=gate), _products(words, lines, theme), alt)


def _multiplied(factors: np.ndarray) -> np.ndarray:
    """Return log10 of the products of the last 0, 1, 2, ... factors, with nan behind all of them."""
    with np.errstate(divide="ignore"):
        back = np.concatenate([[0.0], np.cumsum(np.log10(factors[::-1]))])
    return np.concatenate([back, np.full(FACTORS + 1 - len(back), np.nan)])


def _products(words: Words, lines: list[Line], theme: str) -> go.Figure:
    hover = {"line": words("act.hover_powers") + "<extra></extra>", "mark": words("act.zero") + "<extra></extra>"}
    return over_time.over_time(
        lines, Axis(words("act.product"), holds=(0.0, -6.0)), words("act.factors"), hover, theme,
        height=functions.HEIGHT, named=True, first=0,
    )  # fmt: skip


def _table(words: Words, block: str, a: np.ndarray) -> None:
    name = st.session_state["activation"]
    value, slope = activation(name, a)
    now = st.session_state
    near = [abs(round(float(each), 2) - now["point"]) < 1e-9 for each in a]
    rows = [[label, *map(plain, values)] for label, values in (("a_t", a), ("φ(a_t)", value), ("φ′(a_t)", slope))]
    looks = [["class:chosen" if each else "" for each in near]] * 3
    caption = words("act.of_unit", whose=_named(words, block), unit=now["unit"])
    numbers.table(["t", *(str(t) for t in range(1, len(a) + 1))], rows, "act-table", looks, caption)
    T = len(a)
    if gate := _gate(block):
        st.markdown(words("act.argument_gate", gate=gate))
        factors = r"\cdot".join(tex(each, 3) for each in value[::-1])
        st.latex(rf"{gate}_{{{T}}}\cdots {gate}_1 = {factors} = {tex(value.prod())}")
        return
    st.markdown(words("act.argument"))
    factors = r"\cdot".join(tex(each, 3) for each in slope[::-1])
    st.latex(rf"\varphi'(a_{{{T}}})\cdots\varphi'(a_1) = {factors} = {tex(slope.prod())}")
