"""What the parts about letters ask for and show alike: words, an optimiser, and how far the spelling has come."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Protocol

import numpy as np
import streamlit as st

from ... import figures, learn
from ...tasks.words import LONGEST, Pair, WordError, pair, right_since
from ...text import Words
from .. import state
from ..markdown import escaped
from ..parts import stories
from ..parts.beside import beside
from ..parts.lesson import lesson, predict

RATES = [0.001, 0.003, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0]
USUAL = {"adam": 0.1, "sgd": 1.0}
"""The rate that comes with an optimiser when it is chosen."""
MOST_SIGNS = 120
"""What a field takes: twelve letters may be of several code points each, or words."""
LEAST = 10
"""Updates that the curves have room for at least."""


class Said(Protocol):
    """What a network stands at after some updates."""

    loss: float
    probs: np.ndarray
    """(T, K)."""


def show(
    words: Words, part: str, told: Sequence[str], controls: Callable[[Words], None], figures: Callable[[Words], None],
    gap: str = "small",
) -> dict[str, object]:  # fmt: skip
    """Show a part about letters and return what the address has to hold. told: the stories that have a button."""
    st.html(Path(__file__).with_name("letters.css"))
    left, right = beside(words, told, gap)
    with left:
        controls(words)
    with right:
        figures(words)
    predict(words, part)
    lesson(words, part)
    return stories.link(part)


def word_fields(words: Words) -> None:
    """Ask for the word and for what it is to be turned into."""
    for key in ("word", "target"):
        state.remember(st.text_input, words(f"hello.{key}"), key=key, max_chars=MOST_SIGNS)


def ask(words: Words) -> Pair | None:
    """Return what is to be learnt; where it cannot be, the page says why, and pales what it showed last."""
    now = st.session_state
    try:
        asked = now["last_pair"] = pair(now["word"], now["target"])
        return asked
    except WordError as problem:
        told = {"word": escaped(now["word"]), "target": escaped(now["target"]), "longest": LONGEST}
        told |= dict(zip(("reads", "says"), problem.lengths, strict=True))
        st.warning(words(f"hello.{problem.reason}", **told), icon=":material/edit:")
        if "last_pair" in now:
            st.html("<style>.st-key-part_figure :is(.charts, .spelling, .lookup) { opacity: 0.35; }</style>")
        return now.get("last_pair")


def optimiser_fields(words: Words) -> None:
    """Ask for the optimiser and its rate."""
    now = st.session_state
    choice(words, "optimiser", list(learn.OPTIMISERS), _usual_rate)
    now["rate"] = state.nearest(RATES, now["rate"])
    state.remember(st.select_slider, words("hello.rate"), RATES, key="rate", format_func="{:g}".format)


def _usual_rate() -> None:
    st.session_state["rate"] = USUAL[st.session_state["optimiser"]]


def choice(words: Words, key: str, options: list, on_change=None) -> None:
    """Ask for one of a few options."""
    state.remember(
        st.segmented_control, words(f"hello.{key}"), options, key=key, required=True, on_change=on_change,
        format_func=lambda option: words(f"hello.{key}_{option}"),
    )  # fmt: skip


def right_at(asked: Pair, probs: np.ndarray) -> np.ndarray:
    """Return at which steps (T,) the most probable letter is the right one."""
    return probs.argmax(axis=1) == asked.labels


def spelling(words: Words, asked: Pair, seen: Sequence[Said]) -> None:
    """Show what the network says, letter by letter, and since when it is right."""
    at, last = len(seen) - 1, seen[-1]
    right = right_at(asked, last.probs)
    since = right_since([right_at(asked, each.probs).all() for each in seen])
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
    told = words.join([words("hello.now", update=at, loss=figures.decimal(last.loss)), verdict])
    mark = "sound" if since is not None else "open"
    st.html(f'<div class="spelling"><table>{table}</table><p class="{mark}">{escape(told)}</p></div>')


def _said(letter: str, right: bool, probability: float) -> str:
    mark = "✓" if right else "✗"
    name = "sound" if right else "wrong"
    return f'<td class="{name}">{escape(letter)}<small>{mark} {probability:.0%}</small></td>'
