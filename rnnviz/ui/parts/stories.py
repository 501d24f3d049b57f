"""What the parts of a page begin with, and stories: settings that a button or a link in a lesson brings back."""

from collections.abc import Sequence

import streamlit as st

from ...text import Words
from ..callbacks import answered
from . import of_cells, of_gradients, of_guide, of_sequences
from .part import Part

PARTS: dict[str, Part] = of_gradients.PARTS | of_cells.PARTS | of_sequences.PARTS | of_guide.PARTS
"""Every part of every page, by name."""
STORIES: dict[str, tuple[str, dict[str, object]]] = {
    name: (part, dict(values)) for part, told in PARTS.items() for name, values in told.stories.items()
}
"""name -> (part, what differs from its defaults)."""


def of_page(page: str) -> list[str]:
    """Return the names of a page's parts, in order."""
    return [name for name, part in PARTS.items() if part.page == page]


def prepare(part: str) -> None:
    """Put a part's settings into the session: the link's, those it was left with, or its defaults.

    Parts have names in common, such as "gain", so that one link can carry them; each part has its own values.
    """
    now, defaults = st.session_state, PARTS[part].defaults
    if now.get("part_prepared") == part:
        return
    of_link = {key: now[key] for key in defaults if key in now and "part_prepared" not in now}
    now.update(defaults | now.setdefault("kept", {}).get(part, {}) | of_link)
    now["part_prepared"], now["playing"] = part, False


def buttons(words: Words, names: Sequence[str]) -> None:
    """Show a button for each of some stories."""
    with st.container(horizontal=True, gap="xsmall", key="stories"):
        for name in names:
            st.button(words(f"story.{name}"), key=f"story_{name}", on_click=answered(tell), args=(name,))


def tell(name: str) -> None:
    """Bring back a story's settings; for a button's on_click."""
    part, values = STORIES[name]
    for key in ("label", "level"):  # another network's, or another digit's
        st.session_state.pop(key, None)
    if "digit" in values:
        for key in ("draw", "asked"):
            st.session_state.pop(key, None)
    st.session_state.update(PARTS[part].defaults | values)
    st.session_state["part"] = st.session_state["part_prepared"] = part
    st.session_state["playing"] = False


def changed(part: str) -> bool:
    """Return whether any of a part's settings is another than its default."""
    return any(st.session_state[key] != value for key, value in PARTS[part].defaults.items())


def link(part: str) -> dict[str, object]:
    """Return what the address has to hold of a part's settings, those that are not its defaults; and remember all."""
    defaults = PARTS[part].defaults
    settings = {key: st.session_state[key] for key in defaults}
    st.session_state.setdefault("kept", {})[part] = settings
    return {key: _told(value) if value != defaults[key] else None for key, value in settings.items()}


def _told(value: object) -> object:
    if isinstance(value, list):
        return ",".join(value) or None
    return f"{value:g}" if isinstance(value, float) else value
