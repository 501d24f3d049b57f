"""Part 1: one word is learnt to be turned into another, a letter per step, in the page."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from ... import figures, learn
from ...figures import curves, over_time, style
from ...figures import letters as drawn
from ...figures.over_time import Axis, Line
from ...tasks.words import ENCODINGS, LONGEST, READOUTS, Pair, Recipe, WordError, floor, pair, right_since
from ...text import Words
from ...trace import record
from .. import state
from ..charts import Chart, charts
from ..markdown import escaped
from ..parts import stories
from ..parts.growing import Growing, follow
from ..parts.learning import learning
from ..parts.legend import legend
from ..parts.lesson import lesson, predict
from ..slider import slider

PART = "hello"
TOLD = ("hello-head", "hello-embedding", "hello-hidden", "hello-stuck", "hello-count", "hello-words", "hello-chinese")
CELLS = ("rnn_tanh", "lstm", "gru")
RATES = [0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]
USUAL = {"adam": 0.1, "sgd": 1.0}
"""The rate that comes with an optimiser when it is chosen."""
UPDATES, SEEDS = 80, 20
MOST_SIGNS = 120
"""What a field takes: twelve letters may be of several code points each, or words."""
LEAST = 10
"""Updates that the curves have room for at least."""
DOTTED = 20
"""Up to so many updates, each has a dot on its curve."""
FLAT = 0.1
"""Below such a slope of tanh a unit counts as stuck."""


class Seen(NamedTuple):
    """What stands after some updates."""

    loss: float
    probs: np.ndarray
    """(T, K)."""
    h: np.ndarray
    """(T, H)."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    st.html(Path(__file__).with_name("letters.css"))
    stories.buttons(words, TOLD)
    left, right = st.columns([1, 3.4], gap="medium")
    with left, st.container(key="part_controls", gap="small"):
        _controls(words)
    with right, st.container(key="part_figure", gap="xsmall"):
        if asked := ask(words):
            _learning(words, asked)
    predict(words, PART)
    lesson(words, PART)
    return stories.link(PART)


# ---- What is asked for; the part about embeddings asks for it as well


def word_fields(words: Words) -> None:
    """Ask for the word and for what it is to be turned into."""
    for key in ("word", "target"):
        state.remember(st.text_input, words(f"hello.{key}"), key=key, max_chars=MOST_SIGNS)


def ask(words: Words) -> Pair | None:
    """Return what is to be learnt; where it cannot be, the page says why."""
    now = st.session_state
    try:
        return pair(now["word"], now["target"])
    except WordError as problem:
        st.warning(words(f"hello.{problem.reason}", longest=LONGEST), icon=":material/edit:")
        return None


def optimiser_fields(words: Words) -> None:
    """Ask for the optimiser and its rate."""
    now = st.session_state
    choice(words, "optimiser", list(learn.OPTIMISERS), _usual_rate)
    now["rate"] = state.nearest(RATES, now["rate"])
    state.remember(st.select_slider, words("hello.rate"), RATES, key="rate", format_func="{:g}".format)


def _usual_rate() -> None:
    st.session_state["rate"] = USUAL[st.session_state["optimiser"]]


def _controls(words: Words) -> None:
    now = st.session_state
    word_fields(words)
    choice(words, "encoding", list(ENCODINGS))
    if now["cell"] not in CELLS:
        state.ignore("cell")
        now["cell"] = CELLS[0]
    state.remember(
        st.segmented_control, words("hello.cell"), list(CELLS), format_func=lambda cell: words(f"cell.{cell}"),
        key="cell", required=True,
    )  # fmt: skip
    choice(words, "biases", [1, 2])
    choice(words, "readout", list(READOUTS))
    if now["readout"] == "head":
        slider(words("hello.units"), 2, 16, 1, "units")
    optimiser_fields(words)


def choice(words: Words, key: str, options: list, on_change=None) -> None:
    """Ask for one of a few options."""
    state.remember(
        st.segmented_control, words(f"hello.{key}"), options, key=key, required=True, on_change=on_change,
        format_func=lambda option: words(f"hello.{key}_{option}"),
    )  # fmt: skip


def _recipe() -> Recipe:
    now = st.session_state
    return Recipe(
        cell=now["cell"], units=now["units"], encoding=now["encoding"], biases=now["biases"], readout=now["readout"],
        optimiser=now["optimiser"], rate=now["rate"], seed=now["seed"],
    )  # fmt: skip


# ---- Numbers


@st.cache_resource(show_spinner=False, max_entries=64)  # of about 50 kB each, or 300 for the longest words
def _training(recipe: Recipe, asked: Pair) -> Growing:
    return Growing(lambda: _watched(recipe, asked), UPDATES + 1)


def _watched(recipe: Recipe, asked: Pair) -> Iterator[Seen]:
    """Yield what stands after 0, 1, 2, ... updates, as long as float64 holds it."""
    for step in recipe.train(asked):
        if not np.isfinite(step.loss):
            return
        trace = record(step.network, asked.x, asked.labels, loss="every")
        yield Seen(step.loss, trace["probs"], trace["h"][0])


@st.cache_resource(show_spinner=False, max_entries=256)
def _surveyed(recipe: Recipe, asked: Pair) -> Growing:
    """Return how many updates each seed needs; None for one that is not right at the end."""

    def needed() -> Iterator[int | None]:
        for seed in range(SEEDS):
            seen = islice(_watched(replace(recipe, seed=seed), asked), UPDATES + 1)
            yield right_since([_right(asked, each.probs).all() for each in seen])

    return Growing(needed, SEEDS)


def _right(asked: Pair, probs: np.ndarray) -> np.ndarray:
    """Return at which steps (T,) the most probable letter is the right one."""
    return probs.argmax(axis=1) == asked.labels


# ---- Figures


def _learning(words: Words, asked: Pair) -> None:
    recipe = _recipe()
    work = _training(recipe, asked)
    at = learning(words, work)
    seen = work.found[: at + 1]
    spelling(words, asked, seen)
    _charts(words, asked, recipe, seen)
    for sentence in _why(words, asked, recipe, seen[-1]):
        st.markdown(sentence)
    now = st.session_state
    now["many"] = int(state.remember(st.toggle, words("hello.many", seeds=SEEDS), key="many"))
    if now["many"]:
        survey = _surveyed(replace(recipe, seed=0), asked)
        follow([survey], partial(_survey, words, survey, recipe.seed))


def spelling(words: Words, asked: Pair, seen: Sequence[Seen]) -> None:
    """Show what the network says, letter by letter, and since when it is right."""
    at, last = len(seen) - 1, seen[-1]
    right = _right(asked, last.probs)
    since = right_since([_right(asked, each.probs).all() for each in seen])
    said = [asked.letters[k] for k in last.probs.argmax(axis=1)]
    rows = [
        ("read", "".join(f"<td>{escape(letter)}</td>" for letter in asked.word)),
        ("said", "".join(map(_said, said, right, last.probs.max(axis=1)))),
        ("wanted", "".join(f"<td>{escape(letter)}</td>" for letter in asked.target)),
    ]
    table = "".join(f'<tr class="{name}"><th scope="row">{escape(words(f"hello.{name}"))}</th>{cells}</tr>'
                    for name, cells in rows)  # fmt: skip
    if since is None:
        verdict = words("hello.wrong", right=int(right.sum()), steps=len(right))
    else:
        verdict = words("hello.right", since=since)
    told = words.join([words("hello.now", update=at, loss=last.loss), verdict])
    mark = "sound" if since is not None else "open"
    st.html(f'<div class="spelling"><table>{table}</table><p class="{mark}">{escape(told)}</p></div>')


def _said(letter: str, right: bool, probability: float) -> str:
    mark = "✓" if right else "✗"
    name = "sound" if right else "wrong"
    return f'<td class="{name}">{escape(letter)}<small>{mark} {probability:.0%}</small></td>'


def _charts(words: Words, asked: Pair, recipe: Recipe, seen: Sequence[Seen]) -> None:
    theme = st.context.theme.type or "light"
    last, at, floored = seen[-1], len(seen) - 1, recipe.readout == "hidden"
    end = max(LEAST, curves.reach(at, UPDATES))
    chances = np.array([each.probs[np.arange(len(asked.word)), asked.labels] for each in seen])  # (updates, T)
    lines = []
    for step, (read, wanted) in enumerate(zip(asked.word, asked.target, strict=True)):
        look = drawn.look(step)
        name = words("hello.step", step=step + 1, read=read, wanted=wanted)
        lines.append(Line(name, padded(chances[:, step], end), look.colours[theme], look.dash, width=2.5))
    losses = [each.loss for each in seen]
    of_loss = [Line(words("hello.loss"), padded(losses, end), style.LINES[theme]["curve"])]
    if floored:
        lowest = floor(len(asked.letters))
        name = words("hello.floor", floor=lowest)
        of_loss.append(Line(name, np.full(end + 1, lowest), style.LINES[theme]["level"], "dash", width=2))
    across, guess = words("hello.updates"), float(np.log(len(asked.letters)))
    hover = {name: words(f"hello.hover_{name}") + "<extra></extra>" for name in ("answers", "memory", "curves", "loss")}
    size = {"theme": theme, "height": drawn.HEIGHT}
    moment = {"moment": at, "first": 0}
    named = [line._replace(name=escape(line.name)) for line in lines]
    items = [
        Chart(
            "answers", words("hello.title_answers"),
            drawn.answers(last.probs, asked.labels, asked.word, asked.letters, hover["answers"], **size),
            words("hello.alt_answers", steps=len(asked.word), right=int(_right(asked, last.probs).sum())),
        ),
        Chart(
            "memory", words("hello.title_memory"), drawn.memory(last.h, asked.word, hover["memory"], **size),
            words(
                "hello.alt_memory", units=last.h.shape[1], steps=len(asked.word), low=last.h.min(), high=last.h.max()
            ),
        ),
        Chart(
            "curves", words("hello.title_curves"),
            dotted(over_time.over_time(
                named, Axis(words("hello.probability"), False, (0.0, 1.0)), across,
                {"line": hover["curves"], "mark": ""}, **size, **moment,
            ), len(lines), at),
            words("hello.alt_curves", update=at, low=chances[-1].min(), high=chances[-1].max()),
        ),
        Chart(
            "loss", words("hello.title_loss"),
            dotted(over_time.over_time(
                of_loss, Axis(words("hello.nats"), False, (0.0, guess)), across,
                {"line": hover["loss"], "mark": ""}, **size, **moment, named=floored,
            ), 1, at),
            words("hello.alt_loss", first=losses[0], last=losses[-1], update=at),
        ),
    ]  # fmt: skip
    st.caption(words("hello.read_answers"))
    charts(items, theme, key="hello_charts")
    legend(lines, [f"{chance:.0%}" for chance in chances[-1]], words("hello.lead"))


def dotted(figure: go.Figure, lines: int, at: int) -> go.Figure:
    """Return a figure whose first lines have a dot at every update while these are few: one alone makes no line."""
    if at <= DOTTED:
        for line in figure.data[:lines]:
            line.update(mode="lines+markers", marker={"size": 6})
    return figure


def padded(values: Sequence[float], end: int) -> np.ndarray:
    """Return the values with the updates to come, up to `end`, as nan."""
    return np.append(values, np.full(end + 1 - len(values), np.nan))


def _why(words: Words, asked: Pair, recipe: Recipe, last: Seen) -> Iterator[str]:
    """Yield why hidden states are poor scores: what they cannot reach, and which unit is stuck, if one is."""
    if recipe.readout != "hidden":
        return
    count = len(asked.letters)
    lowest = floor(count)
    yield words("hello.why_floor", letters=count, others=count - 1, best=np.exp(-lowest), floor=lowest)
    said = last.probs.argmax(axis=1)
    for step in np.flatnonzero(said != asked.labels):
        high = last.h[step, said[step]]
        if recipe.cell == "rnn_tanh" and 1 - high**2 < FLAT:
            told = {"wanted": escaped(asked.target[step]), "said": escaped(asked.letters[said[step]])}
            told |= {"high": high, "right": last.h[step, asked.labels[step]]}
            yield words("hello.why_stuck", step=step + 1, slope=figures.power(np.log10(1 - high**2)), **told)
            return


def _survey(words: Words, survey: Growing, seed: int) -> None:
    theme = st.context.theme.type or "light"
    needed = list(survey.found)
    if not needed:
        return
    solved = [updates for updates in needed if updates is not None]
    failed = [str(k) for k, updates in enumerate(needed) if updates is None]
    if solved:
        numbers = {"solved": len(solved), "count": len(needed), "median": np.median(solved), "most": max(solved)}
        told = [words("hello.survey", **numbers)]
    else:
        told = [words("hello.survey_none", count=len(needed))]
    if failed:
        told.append(words("hello.survey_failed", updates=UPDATES, seeds=", ".join(failed)))
    titles = {"x": words("hello.seed"), "y": words("hello.needed"), "failed": words("hello.failed")}
    hover = {name: words(f"hello.hover_{name}") + "<extra></extra>" for name in ("needed", "failed")}
    figure = drawn.how_soon(needed, UPDATES, SEEDS, titles, hover, theme, seed)
    charts([Chart("soon", words("hello.title_soon"), figure, words.join(told))], theme, key="soon_charts")
    st.markdown(words.join(told))
