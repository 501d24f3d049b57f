"""Part 5: a training loop in NumPy, running here, with the code that runs beside it."""

import inspect
from collections.abc import Callable
from itertools import repeat
from textwrap import dedent
from types import ModuleType

import numpy as np
import streamlit as st

from ... import initial, learn, trace
from ...cells import CELLS
from ...figures import answers, over_time, style
from ...figures.over_time import Axis, Line
from ...tasks import parity
from ...text import Words
from .. import state
from ..charts import Chart, charts
from ..parts import stories
from ..parts.beside import beside
from ..parts.growing import Growing
from ..parts.learning import learning
from ..parts.lesson import lesson, predict
from ..slider import slider
from . import numbers
from .numbers import plain

PART = "scratch"
TOLD = ("scratch-begun", "scratch-learnt", "scratch-slow", "scratch-wild", "scratch-adam", "scratch-lstm")
LEARNERS = ("rnn_tanh", "rnn_relu", "lstm", "gru")
UNITS, STEPS = (1, 8), (2, 5)
UPDATES = 150
RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
UNCUT = 1000.0
"""The gradient is not clipped."""
CLIPS = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, UNCUT]
FAULTS: dict[str, tuple[ModuleType, str, str]] = {
    "state": (learn, "h_prev = ", "gradients"),
    "mean": (trace, "len(targets), dlogits", "record"),
    "update": (learn, "= moved(", "train"),
    "leak": (trace, "h0 = network.h0", "record"),
}
"""What a tutorial has wrong: the module of ours that does it, how to find the line, and the function that runs it."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    numbers.style_sheet()
    left, right = beside(words, TOLD, "xsmall")
    with left:
        _controls(words)
    with right:
        _training(words)
    predict(words, PART)
    lesson(words, PART)
    _code(words)
    return stories.link(PART)


def _controls(words: Words) -> None:
    now, defaults = st.session_state, stories.PARTS[PART].defaults
    for key, fine in (
        ("cell", now["cell"] in LEARNERS),
        ("units", UNITS[0] <= now["units"] <= UNITS[1]),
        ("steps", STEPS[0] <= now["steps"] <= STEPS[1]),
    ):
        if not fine:
            now[key] = defaults[key]
            state.ignore(key)
    state.remember(
        st.selectbox, words("tiny.cell"), list(LEARNERS), key="cell", format_func=lambda cell: words(f"cell.{cell}")
    )
    slider(words("tiny.units"), *UNITS, 1, "units")
    slider(words("scratch.bits"), *STEPS, 1, "steps")
    state.remember(
        st.segmented_control, words("scratch.optimiser"), list(learn.OPTIMISERS), key="optimiser", required=True,
        format_func=lambda name: words(f"scratch.{name}"),
    )  # fmt: skip
    for key, values in (("rate", RATES), ("clip", CLIPS)):
        now[key] = state.nearest(values, now[key])
        state.remember(
            st.select_slider, words(f"scratch.{key}"), values, key=key,
            format_func=lambda value: words("scratch.uncut") if value == UNCUT else f"{value:g}",
        )  # fmt: skip


# ---- The training


def _training(words: Words) -> None:
    now = st.session_state
    settings = {key: now[key] for key in ("cell", "units", "steps", "optimiser", "rate", "clip", "seed")}
    work = _growing(**settings)
    at = learning(words, work)
    steps = work.found[: at + 1]
    st.markdown(words("scratch.task"))
    _told(words, steps)
    _figures(words, work, at)


def strings(steps: int) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Return all bit strings of that length, (2**steps, steps), and what is to be learnt: pairs for `learn.train`."""
    bits = np.array(list(np.ndindex(*(2,) * steps)))
    return bits, [(parity.sequence(each), parity.parities(each)) for each in bits]


@st.cache_resource(show_spinner=False, max_entries=32)
def _growing(cell: str, units: int, steps: int, optimiser: str, rate: float, clip: float, seed: int) -> Growing:
    def begin():
        network = initial.network(cell, 1, units, num_classes=2, seed=seed)
        batches = repeat(strings(steps)[1])
        cut = None if clip == UNCUT else clip
        for step in learn.train(network, batches, learn.OPTIMISERS[optimiser](rate), "every", cut):
            yield step, answered(step.network, steps)

    return Growing(begin, UPDATES + 1)


def answered(network, steps: int) -> np.ndarray:
    """Return the probability (2**steps, steps) that a network gives to the right parity after every bit."""
    bits, pairs = strings(steps)
    probs = trace.record_many(network, np.stack([x for x, _ in pairs]), ("probs",))["probs"]
    return np.take_along_axis(probs, parity.parities(bits)[..., None], axis=2)[..., 0]


def _told(words: Words, steps: list) -> None:
    """Show the update in hand in numbers: the loss, the gradient, how far it is cut."""
    now, (step, right) = st.session_state, steps[-1]
    share = float((right > 0.5).mean())
    told = words("scratch.now", update=len(steps) - 1, loss=plain(step.loss), share=share)
    if not np.isfinite(step.norm):
        st.markdown(told)
        st.warning(words("scratch.beyond"), icon=":material/trending_up:")
        return
    cut = min(1.0, now["clip"] / (step.norm + 1e-6))
    key = "cut" if cut < 1 and now["clip"] != UNCUT else "whole"
    following = words(f"scratch.{key}", norm=plain(step.norm), factor=plain(cut, 3), clip=f"{now['clip']:g}")
    st.markdown(words.join([told, following]))


def _figures(words: Words, work: Growing, at: int) -> None:
    theme = st.context.theme.type or "light"
    seen = work.found[: at + 1]
    losses = np.array([step.loss for step, _ in seen])
    shares = np.array([(right > 0.5).mean() for _, right in seen])
    padding = np.full(work.count - len(seen), np.nan)
    lines = {
        "loss": Line(words("scratch.loss"), np.concatenate([losses, padding]), style.LINES[theme]["curve"]),
        "share": Line(words("scratch.share"), np.concatenate([shares, padding]), style.LINES[theme]["h"]),
    }
    levels, items = {"loss": float(np.log(2)), "share": 1.0}, []
    for key, line in lines.items():
        hover = {"line": words(f"scratch.hover_{key}") + "<extra></extra>", "mark": ""}
        figure = over_time.over_time(
            [line._replace(y=np.where(np.isfinite(line.y), line.y, np.nan))],
            Axis(line.name, False, (0.0, levels[key])), words("neuron.updates"), hover, theme, level=levels[key],
            moment=at, height=154, first=0,
        )  # fmt: skip
        figure.update_layout(margin_t=8, margin_b=40)
        alt = words(f"scratch.alt_{key}", first=plain(line.y[0], 3), last=plain(line.y[at], 3), update=at)
        items.append(Chart(f"scratch_{key}", words(f"scratch.title_{key}"), figure, alt))
    curves, heatmap = st.columns(2, gap="medium")
    with curves:
        charts(items, theme, key="scratch_charts")
    bits, _ = strings(st.session_state["steps"])
    right, targets = seen[-1][1], parity.parities(bits)
    texts = [
        [f"{target}{'' if p > 0.5 else ' ✗'}" for target, p in zip(*row, strict=True)]
        for row in zip(targets, right, strict=True)
    ]
    names = ["".join(map(str, each)) for each in bits]
    hover = words("scratch.hover_answers") + "<extra></extra>"
    figure = answers.answers(right, texts, names, words("scratch.after_bit"), hover, theme)
    wrong = int((right <= 0.5).sum())
    alt = words("scratch.alt_answers", wrong=wrong, count=right.size)
    with heatmap:
        charts([Chart("answers", words("scratch.title_answers"), figure, alt)], theme, key="scratch_answers")


# ---- The code


def listings(cell: str) -> dict[str, Callable]:
    """Return the functions that run here, by the name that the page shows for them."""
    kind = type(CELLS[cell])
    return {
        "train": learn.train,
        "gradients": learn.gradients,
        "forward": kind.forward,
        "backward": kind.backward,
        "sgd": learn.SGD,
        "adam": learn.Adam,
        "clipped": learn.clipped,
    }


def _code(words: Words) -> None:
    now = st.session_state
    st.subheader(words("scratch.code"), anchor=False)
    st.markdown(words("scratch.as_it_is"))
    found = listings(now["cell"])
    now.setdefault("listing", "train")
    name = state.remember(
        st.segmented_control, words("scratch.listing"), list(found), key="listing", required=True,
        format_func=lambda name: words(f"scratch.of_{name}"), label_visibility="collapsed",
    )  # fmt: skip
    st.caption(words("scratch.where", module=found[name].__module__, name=found[name].__qualname__))
    st.code(dedent(inspect.getsource(found[name])), language="python")
    st.subheader(words("scratch.faults"), anchor=False)
    for fault, (module, mark, name) in FAULTS.items():
        st.markdown(words(f"scratch.fault_{fault}"))
        st.code(line_of(module, mark), language="python")
        st.caption(words("scratch.in_module", module=module.__name__, name=name))


def line_of(module: ModuleType, mark: str) -> str:
    """Return the first line of a module's source that holds a mark."""
    return next(line.strip() for line in inspect.getsource(module).splitlines() if mark in line)
