"""To be written."""

import streamlit as st

from ...text import Words
from .. import frame
from ..parts import stories
from ..parts.lesson import lesson

PART = "upscaling"


def see(run_id: str, digit_set: str | None = None, index: int | None = None) -> None:
    """Ask for this part with a run's network, reading the digit of that index if one is given."""
    st.session_state.pop("step", None)
    if index is not None:
        for key in ("draw", "asked"):
            st.session_state.pop(key, None)
        st.session_state.update(set=digit_set, digit=index, source="sample", show="all")
    frame.go("sequences", part=PART, part_prepared=PART, upscaler=f"run:{run_id}")


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    lesson(words, PART)
    return stories.link(PART)
