"""How most parts are laid out: stories on top, controls on the left, what they change on the right."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ...text import Words
from . import stories


def beside(words: Words, told: Sequence[str], gap: str = "small") -> tuple[DeltaGenerator, DeltaGenerator]:
    """Show a button for each of some stories, and return where the controls and where the figures go."""
    stories.buttons(words, told)
    left, right = st.columns([1, 3.4], gap="medium")
    return left.container(key="part_controls", gap="small"), right.container(key="part_figure", gap=gap)
