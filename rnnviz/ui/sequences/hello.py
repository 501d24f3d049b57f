"""Part 1: one word is learnt to be turned into another, a letter per step, in the page."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from itertools import islice
from typing import NamedTuple

import numpy as np
import streamlit as st

from ... import figures
from ...figures import curves, over_time, style
from ...figures import letters as drawn
from ...figures.over_time import Axis, Line
from ...tasks.words import ENCODINGS, READOUTS, Pair, Recipe, floor, right_since
from ...text import Words
from ...trace import record
from .. import state
from ..charts import Chart, charts
from ..markdown import escaped
from ..parts.growing import Growing, follow
from ..parts.learning import learning
from ..parts.legend import legend
from ..slider import slider
from . import letters
from .letters import LEAST, ask, choice, optimiser_fields, right_at, spelling, word_fields
from .updates import dotted, padded

PART = "hello"
TOLD = ("hello-head", "hello-embedding", "hello-hidden", "hello-stuck", "hello-count", "hello-words", "hello-chinese")
CELLS = ("rnn_tanh", "lstm", "gru")
UPDATES, SEEDS = 80, 20
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
    return letters.show(words, PART, TOLD, _controls, _figures, gap="xsmall")


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


def _recipe(asked: Pair) -> Recipe:
    """Return what is trained; settings that it does not depend on do not tell two trainings apart."""
    now = st.session_state
    units = now["units"] if now["readout"] == "head" else len(asked.letters)
    return Recipe(
        cell=now["cell"], units=units, encoding=now["encoding"], biases=now["biases"], readout=now["readout"],
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
            yield right_since([right_at(asked, each.probs).all() for each in seen])

    return Growing(needed, SEEDS)


# ---- Figures


def _figures(words: Words) -> None:
    if not (asked := ask(words)):
        return
    recipe = _recipe(asked)
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
        of_loss.append(Line(name, np.full(end + 1, lowest), style.LINES[theme]["text"], "dash", width=2))
    across, guess = words("hello.updates"), float(np.log(len(asked.letters)))
    hover = {name: words(f"hello.hover_{name}") + "<extra></extra>" for name in ("answers", "memory", "curves", "loss")}
    size = {"theme": theme, "height": drawn.HEIGHT}
    moment = {"moment": at, "first": 0}
    named = [line._replace(name=escape(line.name)) for line in lines]
    items = [
        Chart(
            "answers", words("hello.title_answers"),
            drawn.answers(last.probs, asked.labels, asked.word, asked.letters, hover["answers"], **size),
            words("hello.alt_answers", steps=len(asked.word), right=int(right_at(asked, last.probs).sum())),
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
    legend(lines, [f"{chance:.0%}" for chance in chances[-1]], words("hello.lead"), typed=True)


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
