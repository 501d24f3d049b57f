"""A part's lesson: a prediction to make before its answer is shown, and a text whose links set the figure."""

from pathlib import Path

import streamlit as st

from ...text import Words
from ..callbacks import answered
from . import stories

_links = st.components.v2.component("rnnviz_lesson_links", js=Path(__file__).with_name("links.js").read_text("utf-8"))

OPTIONS = ("a", "b", "c")


def predict(words: Words, part: str) -> None:
    """Ask for a prediction. Figures that would give its answer away stay veiled until there is one, below the question.

    Whoever comes by a link with settings, or has moved any, wants to see the figures: nothing is veiled then.
    """
    now, key = st.session_state, f"predicted_{part}"
    asked = stories.PARTS[part]
    if stories.changed(part):
        now[f"unveiled_{part}"] = True
    chosen, veiled = now.get(key), asked.veiled and not (now.get(key) or now.get(f"unveiled_{part}"))
    with st.container(key="predict", gap="xsmall"):
        title = words("predict.title" if asked.veiled else "predict.after")
        st.markdown(f"**{title}** {words(f'predict.{part}.question')}")
        with st.container(horizontal=True, gap="xsmall"):
            for option in OPTIONS:
                st.button(
                    words(f"predict.{part}.{option}"),
                    key=f"predict_{part}_{option}",
                    icon=":material/check:" if chosen and option == asked.answer else None,
                    type="primary" if option == chosen else "secondary",
                    on_click=answered(_predict),
                    args=(part, option),
                )
            if asked.veiled:  # it keeps its place: what is below must not move up while it is scrolled to
                label, off = words("predict.show"), not veiled
                st.button(
                    label, type="tertiary", key=f"unveil_{part}", on_click=answered(_unveil), args=(part,), disabled=off
                )
        if chosen:
            said = [
                words("predict.right" if chosen == asked.answer else "predict.other"),
                words(f"predict.{part}.answer"),
            ]
            if asked.reveals and not asked.veiled:  # the figure stands above, perhaps out of view
                said.append(f"[{words('predict.see')}](#story-{asked.reveals})")
            st.info(words.join(said), icon=":material/lightbulb:")
    if veiled:
        st.html(f"<style>.st-key-{asked.veiled} {{ filter: blur(12px); pointer-events: none; }}</style>")


def lesson(words: Words, part: str) -> None:
    """Show the lesson of a part."""
    with st.container(key="lesson"):
        st.markdown(words.lesson(f"{stories.PARTS[part].page}_{part}"))
        _links(key="lesson_links", on_story_change=answered(_follow_link))


def _predict(part: str, option: str) -> None:
    st.session_state[f"predicted_{part}"] = option
    if story := stories.PARTS[part].reveals:
        stories.tell(story)


def _unveil(part: str) -> None:
    st.session_state[f"unveiled_{part}"] = True


def _follow_link() -> None:
    """Tell the story that a link names; another name is none of ours."""
    name = (st.session_state.get("lesson_links") or {}).get("story")
    if name in stories.STORIES:
        stories.tell(name)
        _unveil(stories.STORIES[name][0])
