"""The vanishing-gradient lab."""

import streamlit as st

from rnnviz.ui import frame, state
from rnnviz.ui.lab import exploding, fan, proof, recall, stories, unrolled, why

PARTS = {"fan": fan, "why": why, "unrolled": unrolled, "recall": recall, "exploding": exploding, "proof": proof}

words = frame.open_page("gradients")
st.html(frame.HERE / "lab" / "lab.css")
frame.title(words, "lab.title")
notice = st.container()

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
link = PARTS[part].show(words)
with notice:  # what the link asks for may turn out to be gone only now
    frame.link_notice(words)
state.write_link(part=None if part == state.PARTS[0] else part, **link)
