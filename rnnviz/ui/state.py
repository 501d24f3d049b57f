"""The URL is the state: one typed table of what a link can carry, read once a session, written whenever it changes.

Values live in `st.session_state` under the same keys. `remember` ties a widget to one of them, so that it outlives
the widget: Streamlit forgets a widget's state, or half of it, when another page is shown.
"""

from collections.abc import Callable
from typing import Any

import streamlit as st

from .. import checkpoints, digits
from ..text import LANGUAGES, Words

AUTO = "auto"
"""The network that suits what is shown, or the class that the network answers."""


def _one_of(valid: Callable[[], Any]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in valid():
            raise ValueError(text)
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 8 and low <= int(text) <= high):
            raise ValueError(text)
        return int(text)

    return parse


def _drawing(text: str) -> str:
    digits.unpack(text)
    return text


LINK: dict[str, Callable[[str], Any]] = {
    "net": _one_of(checkpoints.names),
    "set": _one_of(lambda: digits.SETS),
    "digit": _whole(0, 9999),
    "draw": _drawing,
    "step": _whole(1, 28),
    "layer": _whole(1, 99),
    "lang": _one_of(lambda: LANGUAGES),
    "label": _whole(0, 9),
}
"""What a link can carry, and how each value is read; ValueError for anything else. Step and layer count from 1."""


def open_link() -> Words:
    """Take over what the link says, in a session's first run, and return the words of the chosen language."""
    if "link_read" not in st.session_state:
        st.session_state["link_read"] = True
        ignored = []
        for key, text in st.query_params.items():
            if key not in LINK:
                continue
            try:
                st.session_state[key] = LINK[key](text)
            except ValueError:
                ignored.append(key)
        st.session_state["link_ignored"] = ignored
        st.session_state.setdefault("lang", _browser_language())
    return Words(st.session_state["lang"])


def write_link(**values: object) -> None:
    """Put values into the address; None leaves a key out. Touches nothing where nothing changed."""
    values["lang"] = st.session_state["lang"] if st.session_state["lang"] != _browser_language() else None
    wanted = {key: str(value) for key, value in values.items() if value is not None}
    current = {key: value for key, value in st.query_params.items() if key in values}
    if wanted != current:
        others = {key: value for key, value in st.query_params.items() if key not in LINK}
        st.query_params.from_dict(others | wanted)


def remember(widget: Callable, label: str, *args, key: str, on_change: Callable[[], None] | None = None, **options):
    """Show a widget whose value is `st.session_state[key]`, which must be set, and return that value."""
    own = f"widget_{key}"

    def changed() -> None:
        st.session_state[key] = st.session_state[own]
        if on_change:
            on_change()

    st.session_state[own] = st.session_state[key]
    widget(label, *args, key=own, on_change=changed, **options)
    return st.session_state[key]


def _browser_language() -> str:
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"
