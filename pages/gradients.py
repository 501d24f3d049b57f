"""The vanishing-gradient lab."""

import importlib

import streamlit as st

from rnnviz.ui import frame, state
from rnnviz.ui.lab import stories

words = frame.open_page("gradients")
st.html(frame.HERE / "lab" / "lab.css")
frame.title(words, "lab.title")
frame.link_notice(words)

st.session_state.setdefault("part", state.PARTS[0])
part = state.remember(
    st.segmented_control,
    words("lab.part"),
    list(state.PARTS),
    format_func=lambda part: words(f"lab.{part}"),
    key="part",
    required=True,
    label_visibility="collapsed",
)
stories.prepare(part)
link = importlib.import_module(f"rnnviz.ui.lab.{part}").show(words)
state.write_link(part=None if part == state.PARTS[0] else part, **link)
