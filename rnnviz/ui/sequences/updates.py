"""Lines over the updates of a training: they end at the one shown, and are seen from the first one on."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

DOTTED = 20
"""Up to so many updates, each has a dot on its curve."""


def dotted(figure: go.Figure, lines: int, at: int) -> go.Figure:
    """Return a figure whose first lines have a dot at every update while these are few: one alone makes no line."""
    if at <= DOTTED:
        for line in figure.data[:lines]:
            line.update(mode="lines+markers", marker={"size": 6})
    return figure


def padded(values: Sequence[float], end: int) -> np.ndarray:
    """Return the values with the updates to come, up to `end`, as nan."""
    return np.append(values, np.full(end + 1 - len(values), np.nan))
