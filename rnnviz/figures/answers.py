"""What a network answers at every step of many sequences, and how sure it is of the right answer."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from .style import LINES, PROBABILITY, SCALES

ROW = 18
"""Pixels per sequence."""
DARKENS = 0.62
"""A probability above it is drawn in the other half of the scale, and written on in the other colour."""


def answers(
    right: np.ndarray, texts: Sequence[Sequence[str]], names: Sequence[str], across: str, hover: str,
    theme: str = "light",
) -> go.Figure:  # fmt: skip
    """Return a heatmap of the probability of the right answer (N, T), with a text in every place.

    names: of the sequences (N). across: the title of the time axis. hover: Plotly's hovertemplate.
    """
    N, T = right.shape
    axis = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}
    figure = go.Figure(
        layout={
            "xaxis": {**axis, "tickvals": list(range(1, T + 1)), "title": {"text": across, "standoff": 4}},
            "yaxis": {
                **axis, "tickvals": list(range(N)), "ticktext": list(names), "autorange": "reversed",
                "tickfont": {"family": "monospace", "size": 13},
            },
            "height": ROW * N + 54,
            "margin": {"l": 70, "r": 14, "t": 6, "b": 42},
            "dragmode": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 14, "color": LINES[theme]["text"]},
        }
    )  # fmt: skip
    figure.add_trace(
        go.Heatmap(
            z=right.astype(np.float32), x=list(range(1, T + 1)), y=list(range(N)), text=[list(row) for row in texts],
            colorscale=SCALES[theme][PROBABILITY.scale], zmin=0.0, zmax=1.0, showscale=False,
            hovertemplate=hover, xgap=1, ygap=1,
        )
    )  # fmt: skip
    # Written apart from the colours, to be dark on every light one: Plotly's own choice is too pale in the middle.
    steps, rows = np.meshgrid(np.arange(1, T + 1), np.arange(N))
    dark = (right < DARKENS) == (theme == "light")
    return figure.add_trace(
        go.Scatter(
            x=steps.ravel().tolist(), y=rows.ravel().tolist(), text=[text for row in texts for text in row],
            mode="text", textfont={"size": 14, "color": ["#16171A" if each else "#FFFFFF" for each in dark.ravel()]},
            hoverinfo="skip",
        )
    )  # fmt: skip
