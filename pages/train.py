"""Choose settings, start a training run, and watch it learn."""

import streamlit as st

from rnnviz.ui import form, frame, live

words = frame.open_page("train")
st.html(frame.HERE / "train.css")
frame.title(words, "train.title")
frame.link_notice(words)

left, right = st.columns([1, 2], gap="medium")  # train.css gives the left one its width
with left:
    form.show(words)
    live.queue(words)
with right:
    live.show(words)
