"""Part 5: a gradient that explodes, what it does to the loss, and clipping as the remedy; trained here and now."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import repeat

import numpy as np
import streamlit as st

from ... import figures, learn, measures
from ...figures import over_time, style
from ...figures.over_time import Axis, Line
from ...text import Words
from ...trace import record
from .. import state
from ..callbacks import answered
from ..charts import Chart, charts
from ..parts import stories
from ..parts.growing import Growing, follow
from ..parts.legend import legend
from ..parts.lesson import lesson, predict
from ..slider import slider
from .fan import beginning, probes

PART = "exploding"
TOLD = ("jump", "saturated", "tame")
CELLS = ("rnn_relu", "rnn_tanh")
UNITS, DIGITS, UPDATES = 32, 20, 100
RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0]
CLIPS = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
TALL = 50.0
"""A loss beyond it makes the axis of losses logarithmic."""
UNLEARNT = float(np.log(10))
"""The loss of a network that gives every class a tenth."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    stories.buttons(words, TOLD)
    left, right = st.columns([1, 3.4], gap="medium")
    with left, st.container(key="part_controls", gap="small"):
        _controls(words)
    with right:
        predict(words, PART)
    with right, st.container(key="part_figure", gap="xsmall"):
        _descents(words)
    lesson(words, PART)
    return stories.link(PART)


def _controls(words: Words) -> None:
    now = st.session_state
    # One cell: the list is the fan's, so that a link has one name for both.
    now["exploding_cell"] = now["cells"][0] if now["cells"] and now["cells"][0] in CELLS else CELLS[0]
    cell = state.remember(
        st.segmented_control,
        words("exploding.cell"),
        list(CELLS),
        format_func=lambda cell: words(f"cell.{cell}"),
        key="exploding_cell",
        required=True,
        on_change=lambda: now.update(cells=[now["exploding_cell"]]),
    )
    now["cells"] = [cell]
    slider(words("fan.gain"), 0.5, 3.0, 0.05, "gain")
    for key, values in (("rate", RATES), ("clip", CLIPS)):
        now[key] = state.nearest(values, now[key])
        state.remember(st.select_slider, words(f"exploding.{key}"), values, key=key, format_func="{:g}".format)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.remember(st.number_input, words("subject.seed"), 0, 9999, key="seed", width="stretch")
        st.button(words("exploding.new_seed"), icon=":material/casino:", key="new_seed", on_click=answered(_new_seed))


def _new_seed() -> None:
    st.session_state["seed"] = (st.session_state["seed"] + 1) % 10_000


def _descents(words: Words) -> None:
    now = st.session_state
    settings = (now["cells"][0], now["gain"], now["rate"], now["seed"])
    works = [_growing(*settings, None), _growing(*settings, now["clip"])]
    follow(works, partial(_look, words, works, now["clip"]))


@st.cache_resource(show_spinner=False, max_entries=64)
def _growing(cell: str, gain: float, rate: float, seed: int, clip: float | None) -> Growing:
    return Growing(lambda: _numbers(cell, gain, rate, seed, clip), UPDATES + 1)


def _numbers(cell: str, gain: float, rate: float, seed: int, clip: float | None) -> Iterator[tuple[float, ...]]:
    """Yield loss, gradient norm and mean slope, update by update, of a network that learns digits by heart.

    The slope is that of all units' activation function over the first digit's steps.
    """
    images, labels = probes(DIGITS)
    begun = replace(beginning(cell, "orthogonal", gain, 0.0), hidden_size=UNITS)
    batches = repeat(list(zip(images, labels.tolist(), strict=True)))
    for step in learn.train(begun.network(28, seed), batches, learn.SGD(rate), clip=clip):
        slope = np.nan
        if np.isfinite(step.loss):
            slope = measures.activation_slopes(step.network, record(step.network, images[0])).mean()
        yield step.loss, step.norm, slope


def _look(words: Words, works: list[Growing], clip: float) -> None:
    theme = st.context.theme.type or "light"
    looks = {
        "without": (style.LINES[theme]["level"], "solid"),
        "with": (style.LINES[theme]["h"], "solid"),
    }
    if not all(work.found for work in works):
        st.progress(0.0, words("exploding.progress", done=0, updates=UPDATES))
        return
    found = [np.array(work.found) for work in works]  # (updates, 3)
    tall = max(values[:, 0][np.isfinite(values[:, 0])].max(initial=0.0) for values in found) > TALL
    lines = {}
    for column, name in enumerate(("loss", "norm")):
        lines[name] = [
            Line(words(f"exploding.{key}", clip=clip), _padded(values[:, column], name == "norm" or tall), *look)
            for values, (key, look) in zip(found, looks.items(), strict=True)
        ]
    done = min(len(values) for values in found) - 1
    legend(lines["loss"], [_loss(values[-1, 0]) for values in found], words("exploding.lead", done=done))
    hover = {key: words(f"exploding.hover_{key}") + "<extra></extra>" for key in ("loss", "norm")}
    loss = over_time.over_time(
        lines["loss"], Axis(words("exploding.loss"), tall, (0.0, 1.0) if tall else (0.0, 2.5)),
        words("exploding.across"), {"line": hover["loss"], "mark": ""}, theme,
        level=float(np.log10(UNLEARNT)) if tall else UNLEARNT, first=0,
    )  # fmt: skip
    norm = over_time.over_time(
        lines["norm"], Axis(words("exploding.norm"), holds=(0.0, 1.0)), words("exploding.across"),
        {"line": hover["norm"], "mark": ""}, theme, level=float(np.log10(clip)), first=0,
    )  # fmt: skip
    told = {"without": _loss(found[0][-1, 0]), "with_clip": _loss(found[1][-1, 0])}
    items = [
        Chart("loss", words("exploding.title_loss"), loss, words("exploding.alt_loss", **told)),
        Chart("norm", words("exploding.title_norm"), norm, words("exploding.alt_norm", **_largest(found))),
    ]
    charts(items, theme, key="exploding_charts")
    if not all(work.done for work in works):
        st.progress(done / UPDATES, words("exploding.progress", done=done, updates=UPDATES))
    slopes = {"before": found[0][0, 2], "low": np.nanmin(found[0][:, 2]), "with_clip": np.nanmin(found[1][:, 2])}
    told = [words("exploding.told", **_largest(found)), words("exploding.slopes", **slopes)]
    st.markdown(words.join([*told, words("exploding.how", units=UNITS, digits=DIGITS)]))
    for values, key in zip(found, looks, strict=True):
        if not np.isfinite(values[:, :2]).all():
            st.warning(words(f"exploding.beyond_{key}"), icon=":material/trending_up:")


def _padded(values: np.ndarray, log: bool) -> np.ndarray:
    """Return values (as log10) with the updates to come as nan."""
    with np.errstate(divide="ignore"):
        known = np.log10(values) if log else values
    return np.concatenate([np.where(np.isposinf(known), np.nan, known), np.full(UPDATES + 1 - len(known), np.nan)])


def _largest(found: list[np.ndarray]) -> dict[str, object]:
    """Return, in words, the largest norm without clipping, its update, and the largest loss from then on."""
    norms, losses = found[0][:, 1], found[0][:, 0]
    at = int(np.argmax(np.where(np.isfinite(norms), norms, -1.0)))
    later = losses[at:][np.isfinite(losses[at:])]
    return {"norm": _short(norms[at]), "update": at, "peak": _loss(later.max(initial=0.0))}


def _loss(value: float) -> str:
    return f"{value:.2f}" if value < TALL else _short(value)


def _short(value: float) -> str:
    with np.errstate(divide="ignore"):
        return figures.power(float(np.log10(value))) if np.isfinite(value) else "∞"
