"""Super-resolution: pictures of digits, how far they are from the true one, and what happens step by step."""

import numpy as np
import plotly.graph_objects as go

from .style import KINDS, LINES, SCALES

HEIGHT = 300
"""Of a figure over the steps."""


def picture(values: np.ndarray, hover: str, theme: str = "light", kind: str = "x") -> go.Figure:
    """Return a picture (R, C), row 1 on top; square where the page draws it as wide as it is tall.

    hover: Plotly's hovertemplate. kind: "x" for ink in [0, 1], "h" for differences in [-1, 1].
    """
    figure = _heatmap(values, np.arange(1, len(values) + 1), hover, theme, kind, 1.0)
    return figure.update_layout(margin={"l": 2, "r": 2, "t": 2, "b": 2}, yaxis_range=[len(values) + 0.5, 0.5])


def over_steps(
    values: np.ndarray, per_step: int, hover: str, theme: str = "light", kind: str = "x", high: float = 1.0
) -> go.Figure:
    """Return values (n·T, N), n = per_step rows for each of the steps 1..T, which run down.

    hover: Plotly's hovertemplate. high: the value at the upper end of the scale of the kind.
    """
    steps = len(values) // per_step
    y = (np.arange(len(values)) + 0.5) / per_step + 0.5  # the rows of step t lie between t - 1/2 and t + 1/2
    figure = _heatmap(values, y, hover, theme, kind, high)
    upright = {"range": [steps + 0.5, 0.5], "tickvals": [1, *range(5, steps + 1, 5)], "showticklabels": True}
    return figure.update_layout(margin={"l": 28, "r": 4, "t": 4, "b": 4}, yaxis=upright)


def _heatmap(values: np.ndarray, y: np.ndarray, hover: str, theme: str, kind: str, high: float) -> go.Figure:
    look = KINDS[kind]
    heatmap = go.Heatmap(
        z=np.asarray(values).astype(np.float32),
        x=np.arange(1, values.shape[1] + 1),
        y=y,
        zmin=look.low * high,
        zmax=look.high * high,
        colorscale=SCALES[theme][look.scale],
        showscale=False,
        hovertemplate=hover,
    )
    bare = {"showgrid": False, "zeroline": False, "fixedrange": True, "ticks": "", "showticklabels": False}
    layout = {
        "xaxis": bare | {"range": [0.5, values.shape[1] + 0.5]},
        "yaxis": dict(bare),
        "height": HEIGHT,
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13, "color": LINES[theme]["text"]},
    }
    return go.Figure(heatmap, layout)
