"""Figures that change while someone looks: drawn into the same place again, where st.plotly_chart would mount anew."""

from collections.abc import Mapping, Sequence
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
    follow: Mapping[str, object] | None = None
    """What it does, without Python, when the slider of `moment` moves: `OVER_UPDATES`, `frames_of` its lines, or
    `rows_of` a picture."""

    def as_text(self) -> "Chart":
        """Return the same with its figure as JSON, which sessions can share."""
        return self if isinstance(self.figure, str) else self._replace(figure=self.figure.to_json())


SQUARE = {"square": True}
"""Of a figure that is as tall as it is wide, and follows nothing."""
OVER_UPDATES = {"cursor": True}
"""Of a figure whose x axis counts updates: a line stands at the chosen one."""


def frames_of(frames: Sequence[Mapping[str, object]], rows: Sequence[int], floor: float) -> dict[str, object]:
    """Return how a figure's first lines follow the slider: a line for each of the packed `frames`, over `rows`.

    The trace after them marks, at `floor`, the rows at which some norm is exactly zero.
    """
    return {"frames": list(frames), "rows": [int(row) for row in rows], "floor": float(floor)}


def rows_of(rows: Sequence[tuple[float, float] | None], veil: bool, square: bool = False) -> dict[str, object]:
    """Return how a picture whose rows run down follows the slider: at step k (from 1) rows[k - 1] are framed.

    rows: from where to where on the y axis; None where a step has none. veil: whether what lies below, and is yet to
    come, is veiled. square: whether the figure is as tall as it is wide.
    """
    return {"boxes": [each and [float(end) for end in each] for each in rows], "veil": veil, "square": square}


def charts(items: Sequence[Chart], theme: str, key: str, moment: Mapping[str, object] | None = None) -> None:
    """Show figures beside and below one another, as the width and the style sheet of `key` allow.

    theme: the one that the figures are coloured for; where the browser's is another, the page is run again. moment:
    what they follow: the "key" of a slider, the update that is chosen "at" first (None: the newest), the "last" one.
    """
    with st.container(key=f"plotly_{key}"):
        # Brings Plotly's code into the browser; the style sheet hides it.
        st.plotly_chart(_NOTHING, theme=None, key=f"loader_{key}", height=1)
    told = [item.as_text()._asdict() for item in items]
    _charts(
        data={"theme": theme, "charts": told, "moment": moment}, key=key, on_theme_change=lambda: None, height="content"
    )


def moment(
    steps: Sequence[int], words: dict[str, object], key: str, at: int | None = None, rest: int | None = None
) -> int | None:
    """Show a slider over the frames that were taken at the updates `steps`, and return the chosen update.

    None means the newest, whichever that is: the slider follows until it is moved. at: where it begins. rest: it is
    only told of once the slider has rested for so many milliseconds; charts that follow the slider move at once.
    words: "moment" names the slider, "newest" its button; "at" with {step} is what it says, or a sentence per frame;
    with "play" and "pause" there is a button that plays the frames.
    """
    now = st.session_state.get(key) or {}
    told = {"steps": [int(step) for step in steps], "at": now.get("moment", at), "words": words, "key": key}
    told["rest"] = rest
    result = _moment(data=told, key=key, default={"moment": at}, on_moment_change=lambda: None, height="content")
    return None if result.moment is None else int(result.moment)
