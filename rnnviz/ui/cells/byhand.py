"""Part 1: every number of a small network, forward and backward, with the arithmetic that makes it."""

import streamlit as st

from ...text import Words
from ..parts import stories
from ..parts.lesson import lesson, predict
from . import tiny
from .graph import graph, moments
from .matrices import matrices

PART = "byhand"


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    tiny.controls(words)
    shown = tiny.chosen()
    with st.container(key="part_figure", gap="small"):
        made = graph(words, shown, "byhand_graph")
    stories.buttons(words, list(stories.PARTS[PART].stories))
    predict(words, PART)
    st.subheader(words("matrices.title"), anchor=False)
    stage = st.session_state["stage"]
    backward = stage is not None and stage > len(moments(made)[0])
    matrices(words, shown, made, backward, "byhand_matrices")
    lesson(words, PART)
    return tiny.link(PART)
