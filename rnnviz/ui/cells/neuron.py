"""Part 3: one neuron through time: forward, loss, backward, update, with every number on the chain."""

import numpy as np
import streamlit as st

from ... import neuron
from ...figures import chain, over_time, power, style
from ...figures.over_time import Axis, Line
from ...neuron import Pass, Weights
from ...text import Words
from .. import state
from ..callbacks import answered
from ..charts import Chart, charts
from ..parts import stories
from ..parts.beside import beside
from ..parts.lesson import lesson, predict
from ..slider import slider
from . import numbers
from .numbers import aligned, factor, plain, tex

PART = "neuron"
TOLD = ("neuron-end", "neuron-every", "neuron-vanish", "neuron-saturated", "neuron-learnt")
STAGES = ("forward", "loss", "backward", "update")
WEIGHTS = ("w_x", "w_h", "b")
INPUTS, TARGETS = (1.0, -0.5, 0.5, 1.0, -1.0, 0.5), (0.4, 0.0, 0.2, 0.5, -0.2, 0.1)
"""What a neuron reads and should answer, where a link says nothing else; as many as are steps."""
STEPS = (2, 6)
LARGEST = 3.0
"""No input and no target is larger."""
RATES = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]
LAST_UPDATE = 200
PLAY = 10
"""So many updates a press of the second button makes."""
NUDGE = 1e-5
"""The step of the finite differences."""
ROUNDING = 1e-10
"""What rounding does to them, of a loss of at most 1; of a larger one, that part."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    numbers.style_sheet()
    left, right = beside(words, TOLD, "xsmall")
    with left:
        _controls(words)
    with right:
        _learning(words)
    predict(words, PART)
    lesson(words, PART)
    edits = (
        f"{place}:{np.format_float_positional(value, trim='-')}" for place, value in st.session_state["edits"].items()
    )
    return stories.link(PART) | {"edits": ",".join(edits) or None}


def _controls(words: Words) -> None:
    now = st.session_state
    for key in WEIGHTS:
        slider(words(f"neuron.{key}"), -3.0, 3.0, 0.05, key, help=words("neuron.start_help"))
    if now["loss"] not in ("last", "every"):
        now["loss"] = "last"
        state.ignore("loss")
    state.remember(
        st.segmented_control, words("tiny.loss"), ["last", "every"], key="loss", required=True,
        format_func=lambda loss: words(f"neuron.at_{loss}"),
    )  # fmt: skip
    now["rate"] = state.nearest(RATES, now["rate"])
    state.remember(st.select_slider, words("neuron.rate"), RATES, key="rate", format_func="{:g}".format)
    if not STEPS[0] <= now["steps"] <= STEPS[1]:
        now["steps"] = stories.PARTS[PART].defaults["steps"]
        state.ignore("steps")
    slider(words("tiny.steps"), *STEPS, 1, "steps")
    _settle()
    for name, label in (("x", "neuron.inputs"), ("y", "neuron.targets")):
        st.markdown(words(label))
        with st.container(horizontal=True, gap="xsmall", key=f"neuron_{name}"):
            for t in range(now["steps"]):
                if name == "x" or now["loss"] == "every" or t == now["steps"] - 1:
                    _number(words, name, t)
    if refused := now.pop("neuron_refused", None):
        place, kept = refused
        st.warning(words("neuron.refused", name=place, value=plain(kept), most=f"{LARGEST:g}"), icon=":material/block:")


def _settle() -> None:
    """Leave out what a link would change and is not there."""
    now = st.session_state
    places = {f"{name}.{t}" for name in "xy" for t in range(STEPS[1])}
    kept = {place: value for place, value in now["edits"].items() if place in places and abs(value) <= LARGEST}
    if len(kept) < len(now["edits"]):
        now["edits"] = kept
        state.ignore("edits")


def _number(words: Words, name: str, t: int) -> None:
    now, place = st.session_state, f"{name}.{t}"
    key, own = f"neuron_{name}{t}", (INPUTS if name == "x" else TARGETS)[t]

    def changed() -> None:
        if now[key] is None or not abs(now[key]) <= LARGEST:
            now["neuron_refused"] = f"{name}_{t + 1}", now["edits"].get(place, own)
            return
        value = round(now[key], 4)  # as a link holds it
        now["edits"] = {p: v for p, v in now["edits"].items() if p != place} | ({place: value} if value != own else {})

    now[key] = now["edits"].get(place, own)
    state.remember(
        st.number_input, words("neuron.number", name=name, step=t + 1), value=None, step=0.1, format="%g", key=key,
        on_change=changed, width=112,
    )  # fmt: skip


def _sequence() -> tuple[np.ndarray, np.ndarray]:
    now, T = st.session_state, st.session_state["steps"]
    pairs = (("x", INPUTS), ("y", TARGETS))
    return tuple(np.array([now["edits"].get(f"{name}.{t}", own[t]) for t in range(T)]) for name, own in pairs)


# ---- Learning


def _learning(words: Words) -> None:
    now = st.session_state
    x, y = _sequence()
    now["at"] = min(now["at"], LAST_UPDATE)
    stage = now["stage"] = min(max(now["stage"], 1), len(STAGES))
    history = descent(Weights(*(now[key] for key in WEIGHTS)), x, y, now["loss"] == "every", now["rate"], now["at"])
    weights, found = history[-1]
    _buttons(words)
    _chain(words, weights, found, x, y, stage)
    {1: _forward, 2: _loss, 3: _backward, 4: _update}[stage](words, weights, found, x, y)
    if stage >= 3:
        _slip(words, weights, found, x, y)
    _curve(words, history)


def descent(
    weights: Weights, x: np.ndarray, y: np.ndarray, every: bool, rate: float, updates: int
) -> list[tuple[Weights, Pass]]:
    """Return the weights before and after each of so many updates, with what the neuron does with them."""
    history = [(weights, neuron.read(weights, x, y, every))]
    for _ in range(updates):
        weights = neuron.updated(weights, history[-1][1].gradient, rate)
        history.append((weights, neuron.read(weights, x, y, every)))
    return history


def _buttons(words: Words) -> None:
    now = st.session_state
    state.remember(
        st.segmented_control, words("neuron.stage"), [1, 2, 3, 4], key="stage", required=True,
        format_func=lambda stage: words("neuron.numbered", number=stage, name=words(f"neuron.{STAGES[stage - 1]}")),
        label_visibility="collapsed",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="neuron_buttons"):
        at, full = now["at"], now["at"] >= LAST_UPDATE
        for name, icon, act, args, off in (
            ("next", "navigate_next", _next, (), full and now["stage"] == len(STAGES)),
            ("once", "exposure_plus_1", _go, (at + 1,), full),
            ("often", "fast_forward", _go, (min(at + PLAY, LAST_UPDATE),), full),
            ("restart", "skip_previous", _go, (0,), not at),
        ):
            st.button(
                words(f"neuron.{name}", count=PLAY), key=f"neuron_{name}", icon=f":material/{icon}:",
                on_click=answered(act), args=args, disabled=off,
            )  # fmt: skip
        st.markdown(words("neuron.made", count=at))


def _next() -> None:
    """Go on to the next of the four stages; after the last one, to the first with the updated weights."""
    now = st.session_state
    if now["stage"] == len(STAGES):
        now["stage"], now["at"] = 1, now["at"] + 1
    else:
        now["stage"] += 1
    state.heard()


def _go(update: int) -> None:
    st.session_state["at"] = update
    state.heard()


# ---- The chain, and each stage's arithmetic


def _chain(words: Words, weights: Weights, found: Pass, x: np.ndarray, y: np.ndarray, stage: int) -> None:
    theme, T, every = st.context.theme.type or "light", len(x), st.session_state["loss"] == "every"
    links = []
    for t in range(T):
        judged = stage >= 2 and (every or t == T - 1)
        back = stage >= 3
        links.append(
            chain.Link(
                words("neuron.node", name="x", step=t + 1, value=plain(x[t], 3)),
                words("neuron.node", name="h", step=t + 1, value=plain(found.h[t], 3)),
                words("neuron.node", name="L", step=t + 1, value=plain(found.direct[t] ** 2 / 2, 3)) if judged else "",
                f"×{plain(weights.w_x, 3)}",
                f"×{plain(weights.w_h, 3)}",
                plain(found.direct[t], 3) if back and judged else "",
                f"×{plain(found.factor[t], 3)}" if back and t else "",
                words("neuron.error", step=t + 1, value=plain(found.delta[t], 3)) if back else "",
            )
        )
    figure = chain.chain(words("neuron.node", name="h", step=0, value="0"), links, "%{text}<extra></extra>", theme)
    alt = words("neuron.alt", last=plain(found.h[-1]), loss=plain(found.loss), first=plain(found.delta[0]))
    charts([Chart("chain", words("neuron.title"), figure, alt)], theme, key="neuron_charts")


def _forward(words: Words, weights: Weights, found: Pass, x: np.ndarray, y: np.ndarray) -> None:
    st.latex(r"h_t = \tanh(a_t), \qquad a_t = w_x x_t + w_h h_{t-1} + b, \qquad h_0 = 0")
    before, lines = np.concatenate([[0.0], found.h[:-1]]), []
    for t in range(len(x)):
        inner = rf"{factor(weights.w_x)}\cdot{factor(x[t])} + {factor(weights.w_h)}\cdot{factor(before[t])}"
        inner += rf" + {factor(weights.b)}"
        lines.append(rf"h_{{{t + 1}}} &= \tanh({inner}) = \tanh({tex(found.a[t])}) = {tex(found.h[t])}")
    st.latex(aligned(lines))


def _loss(words: Words, weights: Weights, found: Pass, x: np.ndarray, y: np.ndarray) -> None:
    steps = range(len(x)) if st.session_state["loss"] == "every" else [len(x) - 1]
    squares = " + ".join(rf"({tex(found.h[t])} - {factor(y[t])})^2" for t in steps)
    if len(steps) > 1:
        lead, squares = r"\tfrac12\sum_t (h_t - y_t)^2", rf"\bigl[{squares}\bigr]"
    else:
        lead = rf"\tfrac12 (h_{{{len(x)}}} - y_{{{len(x)}}})^2"
    st.latex(rf"L = {lead} = \tfrac12 {squares} = {tex(found.loss)}")
    st.markdown(words("neuron.total", loss=plain(found.loss)))


def _backward(words: Words, weights: Weights, found: Pass, x: np.ndarray, y: np.ndarray) -> None:
    T, every = len(x), st.session_state["loss"] == "every"
    st.latex(
        r"\delta_{t-1} = \underbrace{h_{t-1} - y_{t-1}}_{\text{0 without } y_{t-1}} +"
        r" \frac{\partial h_t}{\partial h_{t-1}}\,\delta_t, \qquad"
        r" \frac{\partial h_t}{\partial h_{t-1}} = (1-h_t^2)\,w_h"
    )
    lines = [
        rf"\delta_{{{T}}} &= h_{{{T}}} - y_{{{T}}} = {tex(found.h[-1])} - {factor(y[-1])} = {tex(found.delta[-1])}"
    ]
    for t in range(T - 1, 0, -1):
        direct = f"{factor(found.direct[t - 1])} + " if every else ""
        inner = rf"(1-{factor(found.h[t])}^2)\cdot{factor(weights.w_h)}\cdot{factor(found.delta[t])}"
        passed = rf"{factor(found.factor[t])}\cdot{factor(found.delta[t])}"
        lines.append(rf"\delta_{{{t}}} &= {direct}{inner} = {direct}{passed} = {tex(found.delta[t - 1])}")
    st.latex(aligned(lines))


def _update(words: Words, weights: Weights, found: Pass, x: np.ndarray, y: np.ndarray) -> None:
    rate = st.session_state["rate"]
    da, before = found.delta * (1 - found.h**2), np.concatenate([[0.0], found.h[:-1]])
    rows = [
        ["δ_t", *map(plain, found.delta)],
        ["δ_t (1−h_t²)", *map(plain, da)],
        ["δ_t (1−h_t²) x_t", *map(plain, da * x)],
        ["δ_t (1−h_t²) h_(t−1)", *map(plain, da * before)],
    ]
    numbers.table(["t", *map(str, range(1, len(x) + 1))], rows, "neuron-shares", caption=words("neuron.shares"))
    given = {"w_x": r"\sum_t \delta_t(1-h_t^2)\,x_t", "w_h": r"\sum_t \delta_t(1-h_t^2)\,h_{t-1}"}
    given["b"] = r"\sum_t \delta_t(1-h_t^2)"
    new, lines = neuron.updated(weights, found.gradient, rate), []
    for name, w, g, after in zip(WEIGHTS, weights, found.gradient, new, strict=True):
        lines.append(
            rf"\tfrac{{\partial L}}{{\partial {name}}} &= {given[name]} = {tex(g)}, &\quad {name} &\leftarrow"
            rf" {tex(w)} - {tex(rate)}\cdot{factor(g)} = {tex(after)}"
        )
    st.latex(aligned(lines))
    after = neuron.read(new, x, y, st.session_state["loss"] == "every").loss
    st.markdown(words("neuron.falls" if after < found.loss else "neuron.rises", before=found.loss, after=after))


def _slip(words: Words, weights: Weights, found: Pass, x: np.ndarray, y: np.ndarray) -> None:
    """Show the errors by finite differences, as they are, and as the source has them."""
    twice = neuron.counted_twice(found)
    judge, coarser = (
        neuron.differences(weights, x, y, st.session_state["loss"] == "every", step) for step in (NUDGE, 2 * NUDGE)
    )
    resolved = ROUNDING * max(1.0, found.loss) + np.abs(coarser - judge)
    rows, looks = [[words("neuron.errors_judge"), *map(plain, judge)]], [[""] * len(x)]
    for name, values in (("right", found.delta), ("twice", twice)):
        rows.append([words(f"neuron.errors_{name}"), *map(plain, values)])
        looks.append([_judgement(*each) for each in zip(values, judge, resolved, strict=True)])
    numbers.table(
        [words("neuron.error_of"), *(f"δ_{t}" for t in range(1, len(x) + 1))], rows, "neuron-errors", looks,
        words("neuron.compared"),
    )  # fmt: skip
    st.caption(words("neuron.judged", nudge=power(np.log10(NUDGE))))


def _judgement(value: float, judge: float, resolved: float) -> str:
    """Return how an error is shown; "" where it is too small for finite differences to tell."""
    if max(abs(value), abs(judge)) <= resolved:
        return ""
    return "class:sound" if abs(value - judge) <= resolved else "class:wrong"


def _curve(words: Words, history: list[tuple[Weights, Pass]]) -> None:
    theme = st.context.theme.type or "light"
    losses = np.array([found.loss for _, found in history])
    if len(losses) < 2:
        return
    line = Line(words("neuron.loss"), losses, style.LINES[theme]["curve"])
    hover = {"line": words("neuron.hover") + "<extra></extra>", "mark": ""}
    figure = over_time.over_time(
        [line], Axis(words("neuron.loss"), False, (0.0,)), words("neuron.updates"), hover, theme, height=220, first=0
    )
    alt = words("neuron.alt_loss", first=plain(losses[0]), last=plain(losses[-1]), count=len(losses) - 1)
    charts([Chart("neuron_loss", words("neuron.title_loss"), figure, alt)], theme, key="neuron_loss_charts")
