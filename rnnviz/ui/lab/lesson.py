"""A part's lesson: a prediction to make before its answer is shown, and a text whose links set the figure."""

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
VEILED = {"unrolled": "lab_figure", "exploding": "lab_figure", "recall": "recall_results"}
"""The keys of what would give the answer away, in the parts that begin with it."""


def predict(words: Words, part: str) -> None:
    """Ask for a prediction. Figures that would give its answer away stay veiled until there is one, below the question.

    Whoever comes by a link with settings, or has moved any, wants to see the figures: nothing is veiled then.
    """
    now, key = st.session_state, f"predicted_{part}"
    if stories.changed(part):
        now[f"unveiled_{part}"] = True
    chosen, veiled = now.get(key), part in VEILED and not (now.get(key) or now.get(f"unveiled_{part}"))
    with st.container(key="predict", gap="xsmall"):
        st.markdown(f"**{words('lab.predict.title')}** {words(f'lab.predict.{part}.question')}")
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
            if part in VEILED:  # it keeps its place: what is below must not move up while it is scrolled to
                label, off = words("lab.predict.show"), not veiled
                st.button(label, type="tertiary", key=f"unveil_{part}", on_click=_unveil, args=(part,), disabled=off)
        if chosen:
            verdict = words("lab.predict.right" if chosen == ANSWERS[part] else "lab.predict.other")
            st.info(words.join([verdict, words(f"lab.predict.{part}.answer")]), icon=":material/lightbulb:")
    if veiled:
        st.html(f"<style>.st-key-{VEILED[part]} {{ filter: blur(12px); pointer-events: none; }}</style>")


def lesson(words: Words, part: str) -> None:
    """Show the lesson of a part of the lab."""
    with st.container(key="lesson"):
        st.markdown(words.lesson(f"lab_{part}"))
        _links(key="lesson_links", on_story_change=_follow_link)


def _predict(part: str, option: str) -> None:
    st.session_state[f"predicted_{part}"] = option
    if story := REVEALS.get(part):
        stories.tell(story)


def _unveil(part: str) -> None:
    st.session_state[f"unveiled_{part}"] = True


def _follow_link() -> None:
    """Tell the story that a link names; another name is none of ours."""
    name = (st.session_state.get("lesson_links") or {}).get("story")
    if name in stories.STORIES:
        stories.tell(name)
        _unveil(stories.STORIES[name][0])
