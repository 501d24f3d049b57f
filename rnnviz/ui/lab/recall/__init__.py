"""Part 4 of the lab, delayed recall: small networks learn to answer only after blank rows, side by side."""

from pathlib import Path

import streamlit as st

from ....text import Words
from ... import live
from ...charts import moment
from ...parts import stories
from ...parts.lesson import lesson, predict
from . import asking, found, pictures, verdict

REST = 400
"""Milliseconds that the slider has to rest before the address is told where it stands."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    st.html(Path(__file__).with_name("recall.css"))
    now, shown = st.session_state, found.chosen(st.session_state["recall"])
    st.markdown(words("recall.intro", blank=shown.blank if shown else now["blank"]))
    asking.show(words, shown)
    if (now.get("lesson_links") or {}).get("story"):
        now.pop("update_told", None)  # the slider is mounted anew, and takes the keyboard
    predict(words, "recall")
    live.repeat(_results, words)
    lesson(words, "recall")
    return stories.link("recall")


def _results(words: Words, seen: list[live.Seen]) -> None:
    """Show what came of the chosen group, or of the recording."""
    if st.session_state.pop("recall_changed", False):
        st.rerun()  # what is asked for stands outside of what is shown again by itself
    live.look_after(words, any(each.state.state in live.ALIVE for each in seen))
    with st.container(key="recall_results"):
        shown = asking.choose(words)
        if shown is None:
            return
        st.html(verdict.told(words, shown, st.context.theme.type or "light"))
        _pictures(words, shown)
        st.caption(found.origin(words, shown))


def _pictures(words: Words, shown: found.Shown) -> None:
    """Show curves and films, and the slider that moves them all."""
    now, steps = st.session_state, pictures.updates(shown)
    over, slider = st.container(key="recall_pictures", gap="xsmall"), st.container(key="recall_when")
    if "update_told" not in now or now["update"] != now["update_told"]:  # by a story or a group, not by the slider
        now["moment_round"] = now.get("moment_round", 0) + 1
    key, at = f"moment_recall_{shown.id or 'recording'}_{now.get('moment_round', 0)}", None
    if steps:
        with slider:
            told = {name: words(f"film.{name}") for name in ("at", "following", "newest", "moment")}
            at = moment(steps, told, key, at=now["update"], rest=REST)
        before, now["update"], now["update_told"] = now["update"], at, at
        if at != before:
            st.rerun()  # the address stands outside of what is shown again by itself
    with over:
        pictures.show(words, shown, at, {"key": key, "at": at, "last": steps[-1] if steps else 0})
