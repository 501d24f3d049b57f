"""Tables and galleries whose parts answer to a click or a tick (see `clicks.js`)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

_HERE = Path(__file__).parent

# Registered once, at import: a second registration under the same name would replace the first while it is in use.
_component = st.components.v2.component(
    "rnnviz_clicks",
    html='<div class="content"></div>',
    css=(_HERE / "clicks.css").read_text("utf-8"),
    js=(_HERE / "clicks.js").read_text("utf-8"),
)


class Clicked(NamedTuple):
    """What was done since the last run of the page, and which boxes are ticked."""

    clicked: str | None
    """The `data-click` of what was clicked just now."""
    ticked: list[str]
    """The `data-tick` of the boxes that are ticked."""


def table(key: str, label: str, head: str, rows: Sequence[str], ticked: Sequence[str] = (), most: int = 0) -> Clicked:
    """Show rows of escaped HTML under a head, `<tr>...</tr>` each, and return what was done with them.

    label: for screen readers. ticked: which boxes are, when the table is first shown; another `key` begins anew.
    most: how many may be ticked.
    """
    state = {"ticked": list(ticked), "most": most}
    return _show(key, {"kind": "table", "label": label, "head": head, "parts": list(rows), **state})


def matrix(key: str, label: str, head: str, rows: Sequence[str]) -> str | None:
    """Show rows of escaped HTML that stay a table on a phone, scrolled sideways; return what was clicked just now."""
    return _show(key, {"kind": "matrix", "label": label, "head": head, "parts": list(rows)}).clicked


def gallery(key: str, label: str, items: Sequence[str]) -> str | None:
    """Show items of escaped HTML, `<li>...</li>` each, and return the `data-click` of one clicked just now."""
    return _show(key, {"kind": "gallery", "label": label, "head": "", "parts": list(items)}).clicked


def _show(key: str, data: dict) -> Clicked:
    result = _component(
        data=data,
        key=key,
        default={"ticked": data.get("ticked", [])},
        on_clicked_change=lambda: None,
        on_ticked_change=lambda: None,
        width="stretch",
        height="content",
    )
    return Clicked(result.clicked, list(result.ticked))
