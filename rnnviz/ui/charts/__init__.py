"""Figures that change while someone looks: drawn into the same place again, where st.plotly_chart would mount anew."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import plotly.graph_objects as go
import streamlit as st

_HERE = Path(__file__).parent

# Not isolated: Plotly puts its own style into the page, which would not reach into a shadow root.
_charts = st.components.v2.component(
    "rnnviz_charts", css=(_HERE / "charts.css").read_text("utf-8"), js=(_HERE / "charts.js").read_text("utf-8"),
    isolate_styles=False,
)  # fmt: skip
_moment = st.components.v2.component(
    "rnnviz_moment", html=(_HERE / "moment.html").read_text("utf-8"), css=(_HERE / "moment.css").read_text("utf-8"),
    js=(_HERE / "moment.js").read_text("utf-8"),
)  # fmt: skip


_NOTHING = go.Figure()


class Chart(NamedTuple):
    """A figure with its name and its description for those who cannot see it."""

    name: str
    """Its CSS class is chart-<name>."""
    title: str
    figure: go.Figure | str
    """The figure, or its JSON where it was drawn before."""
    alt: str

    def as_text(self) -> "Chart":
        """Return the same with its figure as JSON, which sessions can share."""
        return self if isinstance(self.figure, str) else self._replace(figure=self.figure.to_json())


def charts(items: Sequence[Chart], theme: str, key: str) -> None:
    """Show figures beside and below one another, as the width and the style sheet of `key` allow.

    theme: the one that the figures are coloured for; where the browser's is another, the page is run again.
    """
    with st.container(key=f"plotly_{key}"):
        # Brings Plotly's code into the browser; the style sheet hides it.
        st.plotly_chart(_NOTHING, theme=None, key=f"loader_{key}", height=1)
    told = [item.as_text()._asdict() for item in items]
    _charts(data={"theme": theme, "charts": told}, key=key, on_theme_change=lambda: None, height="content")


def moment(steps: Sequence[int], words: dict[str, str], key: str) -> int | None:
    """Show a slider over the frames that were taken at the updates `steps`, and return the chosen update.

    None means the newest, whichever that is: the slider follows until it is moved.
    """
    now = st.session_state.get(key) or {}
    told = {"steps": [int(step) for step in steps], "at": now.get("moment"), "words": words}
    result = _moment(data=told, key=key, default={"moment": None}, on_moment_change=lambda: None, height="content")
    return None if result.moment is None else int(result.moment)
