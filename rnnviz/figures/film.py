"""The film of a training run: how gradients, and what the network makes of one digit, change with the updates."""

import numpy as np
import plotly.graph_objects as go

from .curves import over_updates, spread
from .reading import power
from .style import GRADIENT, KINDS, LINES, SCALES

COLUMNS = 240
"""A film is drawn through at most so many of its frames."""
HEIGHT = 230


def gradient_film(
    steps: np.ndarray,
    log10: np.ndarray,
    rows: np.ndarray,
    end: int,
    hover: str,
    hover_zero: str,
    theme: str = "light",
    moment: int | None = None,
) -> go.Figure:
    """Return a heatmap of gradient norms log10 (N, R), relative to the last step's, update by update.

    steps (N,): the updates, which run right to `end`. rows (R,): the time steps from 0, which run down as in the
    digit. -inf, exactly zero, is drawn apart; nan, nothing known, is left blank. hover, hover_zero: Plotly's
    hovertemplates. moment: an update marked by an upright line.
    """
    kept = spread(steps, COLUMNS)
    x, y, z = np.asarray(steps)[kept], np.asarray(rows) + 1, np.asarray(log10, dtype=np.float32)[kept].T
    marks = np.arange(GRADIENT.low, GRADIENT.high + 1)
    norms = go.Heatmap(
        x=x,
        y=y,
        z=np.where(np.isfinite(z), z, np.nan),
        zmin=GRADIENT.low,
        zmax=GRADIENT.high,
        colorscale=SCALES[theme][GRADIENT.scale],
        colorbar={
            "thickness": 10,
            "len": 1.0,
            "xpad": 6,
            "outlinewidth": 0,
            "tickvals": marks,
            "ticktext": [f"≤ {power(marks[0])}", *map(power, marks[1:-1]), f"≥ {power(marks[-1])}"],
        },
        hovertemplate=hover,
        name="norms",
    )
    zeros = go.Heatmap(
        x=x,
        y=y,
        z=np.where(np.isneginf(z), np.float32(1), np.float32(np.nan)),
        zmin=0,
        zmax=1,
        colorscale=[[0, LINES[theme]["zero"]], [1, LINES[theme]["zero"]]],
        showscale=False,
        hovertemplate=hover_zero,
        name="zero",
    )
    first, last = int(y[0]), int(y[-1])
    upright = {"range": [last + 0.5, first - 0.5], "tickvals": _ticks(first, last)}
    looks = over_updates(end, theme, HEIGHT, moment, upright)
    looks["margin"]["r"] = 74
    return go.Figure([norms, zeros], looks)


def picture(values: np.ndarray, rows: np.ndarray, name: str, hover: str, high: float = 1.0, theme: str = "light"):
    """Return a heatmap of values (R, N) whose rows are the time steps rows (R,), from 0, running down.

    name: the signal's, which gives its colours (`style.KINDS`); high: the value at the upper end of its scale.
    """
    kind, y = KINDS[name], np.asarray(rows) + 1
    heatmap = go.Heatmap(
        z=np.asarray(values).astype(np.float32),
        y=y,
        zmin=kind.low * high,
        zmax=kind.high * high,
        colorscale=SCALES[theme][kind.scale],
        showscale=False,
        hovertemplate=hover,
    )
    half = (y[-1] - y[0]) / max(1, len(y) - 1) / 2 or 0.5
    upright = {"range": [y[-1] + half, y[0] - half], "tickvals": _ticks(int(y[0]), int(y[-1]))}
    looks = over_updates(0, theme, HEIGHT, upright=upright)
    looks["margin"] |= {"l": 30, "r": 6}
    across = {"range": [-0.5, values.shape[1] - 0.5], "showticklabels": name == "probs", "dtick": 1, "tickangle": 0}
    looks["xaxis"] |= across
    return go.Figure(heatmap, looks)


def _ticks(first: int, last: int) -> list[int]:
    """Return a few of the time steps first..last, the two among them, at round distances."""
    stride = next(k for k in (1, 2, 7, 14, 28, 56, 112, 196, 392, 784) if (last - first) / k <= 5)
    return [first, *range(first - first % stride + stride, last - stride // 2, stride), last]
