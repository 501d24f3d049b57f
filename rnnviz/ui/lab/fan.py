"""Part 1: how far back the loss reaches in untrained networks, over seeds and digits."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import streamlit as st

from ... import digits, fan, figures
from ...cells import CELLS
from ...figures import over_time, style
from ...text import Words
from .. import state
from ..charts import Chart, charts
from ..parts import stories
from ..parts.beside import beside
from ..parts.growing import Growing, follow
from ..parts.legend import legend
from ..parts.lesson import lesson, predict
from ..slider import slider

PART = "fan"
TOLD = ("rnn", "gated", "bias", "orthogonal", "explode", "activations", "irnn", "blank", "long", "deep", "normalised")
"""The stories that have a button."""
MAX_CURVES = 6
SEEDS, DIGITS = {"rows": 8, "pixels": 4, "permuted": 4}, {"rows": 16, "pixels": 8, "permuted": 8}
"""Networks per curve, and digits that each reads."""
RESOLUTION = -10.0
"""log10 of what central differences of a loss of about 2.3 resolve: its rounding, 5·10⁻¹⁶, over a nudge of 6·10⁻⁶."""
SMALLEST = {"float32": np.log10(2.0) * -149, "float64": np.log10(2.0) * -1074}
"""log10 of the smallest number above 0 that each holds."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    left, right = beside(words, TOLD, "xsmall")
    with left:
        _controls(words)
    with right:
        chosen = beginnings()
        if chosen:
            _fans(words, chosen)
        else:
            st.info(words("fan.nothing"), icon=":material/touch_app:")
    predict(words, PART)
    lesson(words, PART)
    return stories.link(PART)


def _controls(words: Words) -> None:
    now = st.session_state
    state.remember(
        st.pills,
        words("fan.cells"),
        list(CELLS),
        selection_mode="multi",
        format_func=lambda cell: words(f"cell.{cell}"),
        key="cells",
    )
    state.remember(
        st.pills,
        words("fan.starts"),
        list(state.STARTS),
        selection_mode="multi",
        format_func=lambda start: words(f"start.{start}"),
        key="starts",
    )
    if {"orthogonal", "identity"} & set(now["starts"]):
        slider(words("fan.gain"), 0.5, 3.0, 0.05, "gain")
    if "forget" in now["starts"]:
        slider(words("fan.bias"), -2.0, 8.0, 0.5, "bias", help=words("fan.bias_help"))
    state.remember(
        st.segmented_control,
        words("fan.reading"),
        list(digits.ORDERS),
        format_func=lambda order: words(f"reading.{order}"),
        key="reading",
        required=True,
    )
    if now["reading"] == "rows":
        slider(words("fan.delay"), 0, 84, 7, "delay")
    slider(words("fan.depth"), 1, 4, 1, "depth")


def beginnings() -> list[tuple[str, fan.Beginning]]:
    """Return the kinds of networks that are shown, with the name of their start: the first ones asked for."""
    return wishes()[:MAX_CURVES]


def wishes() -> list[tuple[str, fan.Beginning]]:
    """Return the kinds of networks that are asked for, all cells with one start first; a forget bias needs its gate."""
    now = st.session_state
    pairs = [(start, cell) for start in now["starts"] for cell in now["cells"]]
    return [
        (start, beginning(cell, start, now["gain"], now["bias"], now["depth"]))
        for start, cell in pairs
        if start != "forget" or "f" in CELLS[cell].blocks
    ]


def beginning(cell: str, start: str, gain: float, bias: float, depth: int = 1) -> fan.Beginning:
    """Return the kind of network that a cell and one of `state.STARTS` name."""
    if start == "forget":
        return fan.Beginning(cell, forget_bias=bias, num_layers=depth)
    return fan.Beginning(cell, start, 1.0 if start == "default" else gain, num_layers=depth)


def title(words: Words, start: str, begun: fan.Beginning) -> str:
    """Return what a kind of network is called."""
    numbers = {"cell": words(f"cell.{begun.cell}"), "gain": begun.gain, "bias": begun.forget_bias}
    return words(f"start.{start}_of", **numbers)


# ---- Numbers


def _fans(words: Words, chosen: Sequence[tuple[str, fan.Beginning]]) -> None:
    reading = st.session_state["reading"]
    delay = st.session_state["delay"] if reading == "rows" else 0
    works = [_growing(begun, reading, delay) for _, begun in chosen]
    follow(works, partial(_look, words, chosen, works, reading, delay))


@st.cache_resource(show_spinner=False, max_entries=128)  # of 100 to 200 kB each
def _growing(begun: fan.Beginning, reading: str, delay: int) -> Growing:
    seeds, count = SEEDS[reading], DIGITS[reading]
    return Growing(lambda: _readings(begun, reading, delay, seeds, count), seeds * count)


def _readings(begun: fan.Beginning, reading: str, delay: int, seeds: int, count: int) -> Iterator:
    """Yield the norms that each digit gives in each network; None where a network grows beyond all numbers."""
    images, labels = probes(count)
    sequences = digits.as_sequences(images, reading, delay)
    networks = [begun.network(sequences.shape[-1], seed) for seed in range(seeds)]
    for x, label in zip(sequences, labels, strict=True):
        for network in networks:
            try:
                found = fan.norms(network, x, int(label))
                yield {state_name: norms.astype(np.float32) for state_name, norms in found.items()}
            except OverflowError:
                yield None


@st.cache_resource(show_spinner=False)
def probes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first bundled digits of every class in turn, (count, 28, 28) in [0, 1], and their classes."""
    known = digits.open_set("uci")
    index = [np.flatnonzero(known.labels == k % 10)[k // 10] for k in range(count)]
    return known.images[index] / 255, known.labels[index]


# ---- Figures


def _look(words: Words, chosen, works: Sequence[Growing], reading: str, delay: int) -> None:
    theme = st.context.theme.type or "light"
    found = {}
    for state_name in ("h", "c"):
        lines = []
        for (start, begun), work in zip(chosen, works, strict=True):
            known = [norms[state_name] for norms in list(work.found) if norms and state_name in norms]
            if known:
                lines.append(line(title(words, start, begun), np.array(known), begun.cell, start, theme))
        if lines:
            found[state_name] = lines
    known = np.concatenate([over_time.values(line) for lines in found.values() for line in lines] or [[0.0]])
    holds = (
        0.0,
        -1.0,
        float(known[np.isfinite(known)].min(initial=0.0)),
        float(known[np.isfinite(known)].max(initial=0.0)),
    )
    items = [_chart(words, name, lines, delay, theme, holds) for name, lines in found.items()]
    if lines := found.get("h"):  # what every cell has, and so all curves
        legend(lines, [_reaches(words, line.y) for line in lines], words("fan.reaches"))
    _left_out(words, chosen)
    charts(items, theme, key="fan_charts")
    seen, count = sum(len(work.found) for work in works), sum(work.count for work in works)
    told = words("fan.band", seeds=SEEDS[reading], digits=DIGITS[reading], units=chosen[0][1].hidden_size)
    if seen < count:
        st.progress(seen / count, words.join([told, words("fan.growing", done=seen, count=count)]))
    else:
        st.caption(told)
    present = {mark for lines in found.values() for line in lines for mark in line.marks}
    present |= {"zero" for lines in found.values() for line in lines if np.isneginf(line.y).any()}
    for mark in over_time.MARKS:
        if mark in present:
            st.caption(words(f"mark.{mark}.read"))
    if any(norms is None for work in works for norms in list(work.found)):
        st.warning(words("fan.overflow"), icon=":material/trending_up:")
    if st.session_state["depth"] > 1:
        st.caption(words("fan.first_layer", depth=st.session_state["depth"]))


def _left_out(words: Words, chosen: Sequence[tuple[str, fan.Beginning]]) -> None:
    """Say which of the asked curves are not shown, and why."""
    wanted = wishes()
    if len(wanted) > len(chosen):
        names = words("runs.comma").join(title(words, *each) for each in wanted[len(chosen) :])
        st.caption(words("fan.too_many", most=len(chosen), count=len(wanted), names=names))
    if "forget" in st.session_state["starts"] and not all(
        "f" in CELLS[cell].blocks for cell in st.session_state["cells"]
    ):
        st.caption(words("fan.no_gate"))


def _reaches(words: Words, log10: np.ndarray) -> str:
    """Return what is left at the first step; where that is exactly zero, from where on there is something."""
    begun = np.flatnonzero(np.isfinite(log10))
    if np.isneginf(log10[0]) and begun.size:
        return words("fan.from_step", value=figures.power(log10[begun[0]]), step=begun[0] + 1)
    return figures.power(log10[0])


def line(name: str, log10: np.ndarray, cell: str, start: str, theme: str) -> over_time.Line:
    """Return a fan's line with its band and marks, of norms log10 (N, T)."""
    middle = fan.band(fan.relative(log10))
    absolute = fan.band(log10).median
    marks = {}
    for mark, floor in {"resolution": RESOLUTION, **SMALLEST}.items():
        above = np.flatnonzero(~(absolute < floor))  # from the first step on, all before are below
        at = int(above[0]) - 1 if above.size else len(absolute) - 1
        if at >= 0 and np.isfinite(middle.median[at]):
            marks[mark] = [at + 1]
    looks = style.CELLS[theme][cell], style.STARTS[start]
    return over_time.Line(name, middle.median, *looks, middle.low, middle.high, marks)


def _chart(
    words: Words, name: str, lines: Sequence[over_time.Line], delay: int, theme: str, holds: tuple[float, ...]
) -> Chart:
    steps = len(lines[0].y)
    axis = over_time.Axis(words(f"fan.axis_{name}"), holds=holds)
    hover = {"line": words("fan.hover") + "<extra></extra>", "mark": "%{text}<extra></extra>"}
    shade = (steps - delay + 0.5, steps + 0.5, words("fan.blank")) if delay else None
    figure = over_time.over_time(lines, axis, words("fan.across"), hover, theme, 0.0, shade)
    told = [words("fan.alt", name=line.name, first=figures.power(line.y[0])) for line in lines]
    return Chart(f"fan_{name}", words(f"fan.title_{name}"), figure, words.join(told))
