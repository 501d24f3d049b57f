"""A page of several parts: the choice of one, what it shows, and the link."""

from collections.abc import Callable, Mapping
from pathlib import Path

import streamlit as st

from ...text import Words
from .. import frame, state
from . import stories


def show(page: str, shows: Mapping[str, Callable[[Words], dict[str, object]]]) -> None:
    """Show a page with the choice of its parts, the chosen one, and write the link; shows: part -> its `show`."""
    words, now = frame.open_page(page), st.session_state
    st.html(Path(__file__).with_name("parts.css"))
    frame.title(words, f"title.{page}")
    notice = st.container()
    first, last_seen = next(iter(shows)), f"part_of_{page}"
    if now.get("part") not in shows:  # another page's
        if "part" in now and "part_prepared" not in now:  # by a link, not on the way from that page
            state.ignore("part")
        now["part"] = now.get(last_seen, first)
    part = now[last_seen] = state.remember(
        st.segmented_control,
        words("part.choose"),
        list(shows),
        format_func=lambda part: words(f"part.{part}"),
        key="part",
        required=True,
        label_visibility="collapsed",
    )
    stories.prepare(part)
    link = shows[part](words)
    with notice:  # what the link asks for may turn out to be gone only now
        frame.link_notice(words)
    state.write_link(part=None if part == first else part, **link)
