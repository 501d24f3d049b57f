"""Curves of a training run against its updates."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from .reading import power
from .style import LINES

POINTS = 400
"""A curve is drawn through at most so many of its points: as many as a screen tells apart."""
MARGIN = {"l": 52, "r": 14, "t": 8, "b": 28}
"""The same for every figure over updates, so that they stand exactly below one another."""
HEIGHT = 150


def reach(step: int, total: int) -> int:
    """Return where the axis of updates ends while `step` of `total` are done: at all of them, or half, a quarter, …

    So the curve always fills a good part of its figure, and the axis changes a few times only.
    """
    end = max(total, 1)
    while end > 8 and step * 2 < end:
        end = -(-end // 2)
    return end


def spread(steps: np.ndarray, most: int) -> np.ndarray:
    """Return the indices of at most `most` of the ascending `steps` (N,), evenly spaced, the first and last of them."""
    steps = np.asarray(steps)
    if len(steps) <= most:
        return np.arange(len(steps))
    return np.unique(np.searchsorted(steps, np.linspace(steps[0], steps[-1], most)))


def curve(
    steps: np.ndarray,
    values: np.ndarray,
    end: int,
    hover: str,
    theme: str = "light",
    scale: str = "linear",
    level: float | None = None,
    moment: int | None = None,
) -> go.Figure:
    """Return a curve of values (N,) at the updates steps (N,), on an axis that runs from 0 to `end`.

    What is not finite is left out. hover: Plotly's hovertemplate. scale: "linear" (from 0), "free" (from where the
    values are), "log" (what is not above 0 is left out as well) or "share" (values in [0, 1], told in percent). level:
    a value marked by a dashed line. moment: an update marked by an upright line.
    """
    steps, values = np.asarray(steps), np.asarray(values, dtype=float)
    sound = np.isfinite(values) & ((values > 0) | (scale != "log"))
    steps, values = steps[sound], values[sound]
    kept = spread(steps, POINTS)
    line = go.Scatter(
        x=steps[kept],
        y=values[kept].astype(np.float32),
        mode="lines+markers" if len(kept) <= 40 else "lines",
        line={"color": LINES[theme]["curve"], "width": 2},
        marker={"size": 5},
        hovertemplate=hover,
        cliponaxis=False,
    )
    upright = {"showgrid": True, "gridcolor": LINES[theme]["grid"]}
    if scale == "share":
        low = _floor(values)
        upright |= {"tickformat": ".0%", "range": [low, 1 + 0.05 * (1 - low)], "tickvals": _percents(low)}
    elif scale == "log":
        low, high = _decades(np.log10([*values, *([level] if level is not None else [])] or [0.1, 1.0]))
        ticks = round_numbers(low, high)
        labels = [power(np.log10(tick)) for tick in ticks]
        upright |= {"type": "log", "range": [low, high], "tickvals": ticks, "ticktext": labels}
    else:
        upright |= {"rangemode": "tozero", "nticks": 4} if scale == "linear" else {"nticks": 6}
    looks = over_updates(end, theme, HEIGHT, moment, upright)
    if level is not None:
        marked = {"color": LINES[theme]["text"], "width": 1.5, "dash": "dash"}
        looks["shapes"].append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level, "line": marked}
        )
    return go.Figure(line, looks)


def over_updates(end: int, theme: str, height: int, moment: int | None = None, upright: Mapping | None = None) -> dict:
    """Return the layout that all figures share whose x axis counts updates, from 0 to `end`.

    upright: more of the y axis. In one piece, since Plotly takes its time with every change of a figure.
    """
    bare = {"fixedrange": True, "zeroline": False, "showgrid": False, "automargin": False}
    bare |= {"ticks": "", "ticklabelstandoff": 4}
    marked = {"color": LINES[theme]["curve"], "width": 1.5}
    line = {"type": "line", "x0": moment, "x1": moment, "yref": "paper", "y0": 0, "y1": 1, "line": marked}
    return {
        "xaxis": {**bare, "range": [0, end], "nticks": 6, "tickformat": ",d"},
        "yaxis": {**bare, **(upright or {})},
        "shapes": [] if moment is None else [line],
        "height": height,
        "margin": dict(MARGIN),
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 13, "color": LINES[theme]["text"]},
    }


def _floor(values: np.ndarray) -> float:
    """Return a tenth, from 0 to 0.9, below all values."""
    return float(np.clip(np.floor((values.min() - 0.02) * 10) / 10, 0.0, 0.9)) if len(values) else 0.0


def _percents(low: float) -> list[float]:
    """Return ticks for an axis of shares that begins at a tenth: at most six, 100 % among them."""
    tenths = round(10 * (1 - low))
    step = 1 if tenths <= 5 else 2
    return [round(1 - step * k / 10, 1) for k in reversed(range(tenths // step + 1))]


def round_numbers(low: float, high: float) -> list[float]:
    """Return a few round numbers between 10**low and 10**high: powers of ten, and where these are few, more."""
    decades = np.arange(np.floor(low), np.ceil(high) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [float(f"{k}e{d:.0f}") for d in decades for k in factors if low <= d + np.log10(k) <= high]
        if len(found) >= 3:
            break
    return found[:: -(-len(found) // 5)]


def _decades(log10: np.ndarray) -> list[float]:
    """Return a range of log10 values around all given ones, at least half a decade wide."""
    low, high = float(np.min(log10)), float(np.max(log10))
    middle, half = (low + high) / 2, max(0.25, (high - low) / 2) * 1.08
    return [middle - half, middle + half]
