"""What every layer of a deep network holds, one above the other over the same steps, the input at the bottom."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .style import INK, LINES, PROBABILITY, SCALES, STATE, Kind

UNIT = 5
"""Pixels per unit, at least."""
LEAST, TITLE = 84, 26
"""Pixels that a band has at least, and the room for a title between two."""


def layers(
    x: np.ndarray,
    states: np.ndarray,
    probs: np.ndarray,
    titles: Sequence[str],
    across: str,
    hover: Mapping[str, str],
    theme: str = "light",
) -> go.Figure:
    """Return bands that share the axis of steps: x (T, D) at the bottom, states (L, T, H), probs (T, K) on top.

    titles: of the bands from the bottom to the top, L + 2 of them. across: the title of the steps. hover: Plotly's
    hovertemplates "x", "h" and "probs". The first pixel and the class 0 stand on top of their bands.
    """
    bands: list[tuple[np.ndarray, Kind, str]] = [(x, INK, hover["x"])]
    bands += [(layer, STATE, hover["h"]) for layer in states]
    bands.append((probs, PROBABILITY, hover["probs"]))
    tall = [max(LEAST, UNIT * values.shape[1]) for values, _, _ in bands]
    height = sum(tall) + TITLE * (len(bands) - 1)
    figure = make_subplots(
        len(bands), 1, shared_xaxes=True, vertical_spacing=TITLE / height, row_heights=tall[::-1],
        subplot_titles=list(titles)[::-1],
    )  # fmt: skip
    for row, (values, kind, told) in enumerate(bands[::-1], 1):
        T, N = values.shape
        heatmap = go.Heatmap(
            z=values.T.astype(np.float32), x=np.arange(1, T + 1), y=np.arange(1, N + 1), zmin=kind.low, zmax=kind.high,
            colorscale=SCALES[theme][kind.scale], showscale=False, hovertemplate=told, xgap=2,
        )  # fmt: skip
        figure.add_trace(heatmap, row, 1)
    figure.update_yaxes(visible=False, fixedrange=True, autorange="reversed")
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True, dtick=1, ticks="")
    figure.update_xaxes(title={"text": across, "standoff": 4}, row=len(bands), col=1)
    figure.update_annotations(x=0, xanchor="left", font_size=14)
    return figure.update_layout(
        height=height + 26 + 44,
        margin={"l": 8, "r": 8, "t": 26, "b": 44},
        dragmode=False,
        showlegend=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 13, "color": LINES[theme]["text"]},
    )
