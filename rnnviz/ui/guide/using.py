"""How to use rnnviz."""

import streamlit as st

from ...text import Words


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    with st.container(key="lesson"):
        st.markdown(words.lesson("guide_using"))
    return {}
