"""A part's lesson: a prediction to make before its answer is told, and a text whose links set the figure."""

from pathlib import Path

import streamlit as st

from ...text import Words
from . import stories

_links = st.components.v2.component("rnnviz_lesson_links", js=Path(__file__).with_name("links.js").read_text("utf-8"))

OPTIONS = ("a", "b", "c")
ANSWERS = {"fan": "c", "why": "b", "unrolled": "a", "recall": "b", "exploding": "c", "proof": "b"}
"""Which prediction is right, by part."""
REVEALS = {"fan": "gated", "why": "why-bias", "unrolled": "shares-trained", "exploding": "jump"}
"""The story that the figure tells once a prediction was made."""


def lesson(words: Words, part: str) -> None:
    """Show the prediction and the lesson of a part of the lab."""
    with st.container(key="lesson"):
        _prediction(words, part)
        st.markdown(words.lesson(f"lab_{part}"))
        _links(key="lesson_links", on_story_change=_follow_link)


def _prediction(words: Words, part: str) -> None:
    key = f"predicted_{part}"
    st.markdown(f"**{words('lab.predict.title')}** {words(f'lab.predict.{part}.question')}")
    chosen = st.session_state.get(key)
    with st.container(horizontal=True, gap="xsmall"):
        for option in OPTIONS:
            st.button(
                words(f"lab.predict.{part}.{option}"),
                key=f"predict_{part}_{option}",
                icon=":material/check:" if chosen and option == ANSWERS[part] else None,
                type="primary" if option == chosen else "secondary",
                on_click=_predict,
                args=(part, option),
            )
    if chosen:
        verdict = words("lab.predict.right" if chosen == ANSWERS[part] else "lab.predict.other")
        st.info(words.join([verdict, words(f"lab.predict.{part}.answer")]), icon=":material/lightbulb:")


def _predict(part: str, option: str) -> None:
    st.session_state[f"predicted_{part}"] = option
    if story := REVEALS.get(part):
        stories.tell(story)


def _follow_link() -> None:
    """Tell the story that a link names; another name is none of ours."""
    name = (st.session_state.get("lesson_links") or {}).get("story")
    if name in stories.STORIES:
        stories.tell(name)
