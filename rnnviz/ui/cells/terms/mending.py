"""Exercises: a program whose gradients fail the check, and the line that is wrong."""

import numpy as np
import streamlit as st

from .... import initial, mistakes
from ....figures import power
from ....text import Words
from ... import state
from .. import numbers
from ..numbers import plain

NUDGE, GREEN = 1e-5, 1e-6
"""The step of the central differences, and the relative difference below which they tell no mistake."""
SIZES = {"input_size": 2, "hidden_size": 3, "num_classes": 2}
STEPS = 4
"""Of the network that is to be mended, and of what it reads."""


def find_the_mistake(words: Words) -> None:
    """Show the exercises."""
    now = st.session_state
    st.subheader(words("mistake.title"), anchor=False)
    st.markdown(words("mistake.lead"))
    if now["mistake"] not in (None, *mistakes.MISTAKES):
        now["mistake"] = None
        state.ignore("mistake")
    chosen = state.remember(
        st.pills, words("mistake.choose"), list(mistakes.MISTAKES), key="mistake", label_visibility="collapsed",
        format_func=lambda name: words(f"mistake.{name}.name"),
    )  # fmt: skip
    if chosen:
        _exercise(words, chosen)


def _exercise(words: Words, name: str) -> None:
    mistake = mistakes.MISTAKES[name]
    parameters, x, y = to_mend(st.session_state["seed"])
    judge = mistakes.differences(lambda moved: mistake.loss(moved, x, y), parameters, NUDGE)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        found = _line(words, name, mistake)
        st.code(mistake.right_source if found else mistake.source, language="python", line_numbers=True)
    with right:
        st.markdown(words(f"mistake.{name}.meant"))
        wrong = mistake.gradients(parameters, x, y)
        _check(words, wrong, judge, words("mistake.as_written"))
        if found:
            st.markdown(words("mistake.mended", line=mistake.line))
            st.code(f"- {mistake.wrong}\n+ {mistake.right}", language="diff")
            _check(words, mistake.right_gradients(parameters, x, y), judge, words("mistake.after"))
            st.success(words(f"mistake.{name}.why"), icon=":material/check:")
        st.caption(
            words("mistake.how", nudge=power(np.log10(NUDGE)), seed=st.session_state["seed"], steps=STEPS, **SIZES)
        )


def _line(words: Words, name: str, mistake: mistakes.Mistake) -> bool:
    """Ask which line is wrong, and return whether the right one was chosen."""
    now, key = st.session_state, f"line_{name}"
    lines = mistake.source.splitlines()
    now.setdefault(key, None)
    line = state.remember(
        st.selectbox, words("mistake.which"), [n for n, text in enumerate(lines, 1) if text.strip() and n > 1], key=key,
        format_func=lambda n: f"{n}:  {lines[n - 1].strip()}", index=None, placeholder=words("mistake.unchosen"),
    )  # fmt: skip
    if line and line != mistake.line:
        st.warning(words("mistake.not_this", line=line), icon=":material/search:")
    return line == mistake.line


def _check(words: Words, ours: mistakes.Arrays, judge: mistakes.Arrays, caption: str) -> None:
    rows, looks = [], []
    for name in mistakes.PARAMETERS:
        off = mistakes.relative(ours[name], judge[name])
        verdict = "class:sound" if off <= GREEN else "class:wrong"
        told = words("mistake.off", share=off) if off > GREEN else plain(off, 2)
        sizes = (float(np.linalg.norm(each[name])) for each in (ours, judge))
        rows.append([name, *map(plain, sizes), told])
        looks.append(["", "", verdict])
    head = ["", words("mistake.program"), words("terms.judge"), words("terms.relative")]
    numbers.table(head, rows, "mistake", looks, caption)


def to_mend(seed: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return the parameters of a plain RNN as the tutorials name them, inputs and targets."""
    arrays = initial.network("rnn_tanh", **SIZES, seed=seed).arrays
    names = ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "head.weight", "head.bias")
    random = np.random.default_rng(seed)
    x, y = (random.uniform(-1.0, 1.0, (STEPS, SIZES[size])) for size in ("input_size", "num_classes"))
    return dict(zip(mistakes.PARAMETERS, (arrays[name] for name in names), strict=True)), x, y
