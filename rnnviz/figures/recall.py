"""Delayed recall: accuracy over the updates, how far gradients reach back through blank rows, and the film of both."""

import base64
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from .curves import over_updates
from .reading import power
from .style import CELLS, GRADIENT, LINES, SCALES, STARTS

HEIGHT = 220
MARGIN = {"l": 58, "r": 12, "t": 6, "b": 40}
STRIP = 54
"""The height of one film: as many stand below one another as a network has seeds."""
FONT = 15
MORE = "longdash"
"""The dash of a forget gate that starts wide open, beside one that starts a little open."""
WIDE_OPEN = 3.0
LEAST, LARGEST = -327.0, 327.0
"""Norms of float64 numbers lie between 10 to these powers."""
ZERO, UNKNOWN = -32768, -32767
"""How frames say that a norm is exactly zero, and that nobody knows it."""


class Line(NamedTuple):
    """One network's line, and how it is drawn."""

    name: str
    x: np.ndarray
    y: np.ndarray
    colour: str
    dash: str


class Film(NamedTuple):
    """One network's gradient norms over its training."""

    name: str
    steps: np.ndarray
    """(N,) updates."""
    log10: np.ndarray
    """(N, R), relative to the last step; -inf where exactly zero, nan where unknown."""


def look(cell: str, recurrent: str, forget_bias: float | None, theme: str = "light") -> tuple[str, str]:
    """Return colour and dash of a network: a hue for its cell, a dash for how it began."""
    start = recurrent if forget_bias is None else "forget"
    dash = MORE if start == "forget" and forget_bias >= WIDE_OPEN else STARTS[start]
    return CELLS[theme][cell], dash


def accuracy(
    lines: Sequence[Line], end: int, chance: float, guessing: str, hover: str, theme: str = "light"
) -> go.Figure:
    """Return a line of accuracies in [0, 1] per network, over updates from 0 to `end`.

    chance: the accuracy of guessing, marked and called `guessing`. hover: Plotly's hovertemplate.
    """
    traces = [_line(line, "lines+markers" if len(line.x) < 3 else "lines", hover) for line in lines]
    looks = over_updates(end, theme, HEIGHT)
    grid = {"showgrid": True, "gridcolor": LINES[theme]["grid"]}
    looks["yaxis"] |= {"range": [0.0, 1.03], "tickvals": [0, 0.25, 0.5, 0.75, 1], "tickformat": ".0%", **grid}
    looks |= {"margin": dict(MARGIN), "font": looks["font"] | {"size": FONT}}
    level = {"color": LINES[theme]["level"], "width": 1.5, "dash": "dash"}
    looks["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": chance, "y1": chance, "line": level, "layer": "below"}
    ]
    told = {"xref": "paper", "x": 1, "xanchor": "right", "y": chance, "yanchor": "top", "yshift": 1}
    looks["annotations"] = [
        {"text": guessing, "showarrow": False, "font": {"size": FONT - 1, "color": LINES[theme]["level"]}, **told}
    ]
    return go.Figure(traces, looks)


def fan(
    lines: Sequence[Line],
    steps: int,
    digit: int,
    reach: tuple[float, float],
    words: Mapping[str, str],
    theme: str = "light",
) -> go.Figure:
    """Return a line of gradient norms per network against the time step, left to right, and a trace of exact zeros.

    lines: x the steps from 1, y log10 relative to the last step. steps: T. digit: how many of the first steps read
    the digit; the others are blank, and shaded. reach: the smallest and the largest norm that the axis holds.
    words: "digit" and "blank_rows", which name the two; "hover" and "zero", Plotly's hovertemplates.
    """
    low, high = min(reach[0], -1.0), max(reach[1], 0.0)
    margin = 0.04 * (high - low)
    ticks = _decades(low, high)
    traces = [_line(line, "lines", words["hover"]) for line in lines]
    for trace in traces:
        trace.y = np.where(np.isfinite(trace.y), trace.y, np.nan)
    x = zeros([line.y for line in lines], lines[0].x if lines else np.zeros(0, int))
    crosses = {"symbol": "x-thin-open", "size": 8, "color": LINES[theme]["text"]}
    traces.append(
        go.Scatter(
            x=x, y=[low - margin] * len(x), mode="markers", marker=crosses, cliponaxis=False,
            hovertemplate=words["zero"], name="zero",
        )
    )  # fmt: skip
    looks = over_updates(steps, theme, HEIGHT)
    looks["xaxis"] |= {"range": [0.5, steps + 0.5], "tickvals": [1, *([digit] if digit < steps else []), steps]}
    looks["yaxis"] |= {"range": [low - margin, high + margin], "tickvals": ticks, "ticktext": list(map(power, ticks))}
    looks["yaxis"] |= {"showgrid": True, "gridcolor": LINES[theme]["grid"]}
    looks |= {"margin": dict(MARGIN), "font": looks["font"] | {"size": FONT}}
    parts = [("digit", 0.5, digit + 0.5), ("blank_rows", digit + 0.5, steps + 0.5)][: 1 + (digit < steps)]
    shade = {"fillcolor": LINES[theme]["zero"], "opacity": 0.25, "line": {"width": 0}, "layer": "below"}
    across = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1}
    looks["shapes"] = [{**across, **shade, "x0": low, "x1": high} for _, low, high in parts[1:]]
    looks["annotations"] = [
        {"text": words[name], "showarrow": False, "x": (low + high) / 2, "yref": "paper", "y": 0, "yanchor": "bottom",
         "font": {"size": FONT - 1}}
        for name, low, high in parts
    ]  # fmt: skip
    return go.Figure(traces, looks)


def film(
    films: Sequence[Film],
    rows: np.ndarray,
    digit: int,
    end: int,
    hover: str,
    hover_zero: str,
    theme: str = "light",
) -> go.Figure:
    """Return the films of one kind of network below one another, update by update on one axis from 0 to `end`.

    rows (R,): the time steps from 0, which run down. digit: the steps of the digit, below which a line is drawn.
    """
    y, count = np.asarray(rows) + 1, max(1, len(films))
    first, last = int(y[0]), int(y[-1])
    looks = over_updates(end, theme, STRIP * count + 34)
    looks |= {"margin": {"l": 34, "r": 8, "t": 4, "b": 30}, "font": looks["font"] | {"size": FONT - 1}}
    upright, looks["shapes"], traces = looks.pop("yaxis"), [], []
    looks["xaxis"] |= {"anchor": f"y{count}" if count > 1 else "y", "nticks": 3}
    gap = 0.05 if count > 1 else 0.0
    for index, each in enumerate(films):
        axis = f"y{index + 1}" if index else "y"
        high = 1 - index * (1 + gap) / (count + gap * (count - 1))
        domain = [max(0.0, high - 1 / (count + gap * (count - 1))), high]
        ends = [first] * (not index) + [last] * (index == count - 1)  # between two strips they would collide
        ticks = [*ends, digit] if first < digit < last else ends
        looks[f"yaxis{index + 1}" if index else "yaxis"] = {
            **upright, "range": [last + 0.5, first - 0.5], "tickvals": ticks, "domain": domain, "anchor": "x",
        }  # fmt: skip
        z = np.asarray(each.log10, np.float32).T.reshape(len(y), len(each.steps))
        common = {"x": each.steps, "y": y, "yaxis": axis, "showscale": False, "name": each.name}
        traces.append(
            go.Heatmap(
                z=np.where(np.isfinite(z), z, np.nan),
                zmin=GRADIENT.low,
                zmax=GRADIENT.high,
                colorscale=SCALES[theme][GRADIENT.scale],
                hovertemplate=hover,
                **common,
            )
        )
        if np.isneginf(z).any():
            grey = [[0, LINES[theme]["zero"]], [1, LINES[theme]["zero"]]]
            marked = np.where(np.isneginf(z), np.float32(1), np.float32(np.nan))
            traces.append(go.Heatmap(z=marked, zmin=0, zmax=1, colorscale=grey, hovertemplate=hover_zero, **common))
        if digit < last:
            line = {"color": LINES[theme]["text"], "width": 1, "dash": "dot"}
            looks["shapes"].append(
                {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": axis, "y0": digit + 0.5, "y1": digit + 0.5,
                 "line": line}
            )  # fmt: skip
    return go.Figure(traces, looks)


def frames(film: Film) -> dict[str, object]:
    """Return a film's norms for the browser: the updates, and hundredths (N·R,) as int16 in base64.

    ZERO stands for exactly zero, UNKNOWN for what nobody knows.
    """
    log10 = np.asarray(film.log10, float)
    coded = np.rint(np.clip(np.where(np.isfinite(log10), log10, 0.0), LEAST, LARGEST) * 100)
    coded = np.where(np.isneginf(log10), ZERO, np.where(np.isnan(log10), UNKNOWN, coded)).astype("<i2")
    return {"steps": np.asarray(film.steps).tolist(), "norms": base64.b64encode(coded.tobytes()).decode()}


def at_update(film: Film, update: int | None) -> int | None:
    """Return which frame shows a network at an update, the last one taken by then; None for none. None: the newest."""
    if update is None:
        return len(film.steps) - 1 if len(film.steps) else None
    found = int(np.searchsorted(film.steps, update, "right")) - 1
    return found if found >= 0 else None


def zeros(norms: Sequence[np.ndarray], steps: np.ndarray) -> list[int]:
    """Return the steps (R,) at which some of the norms (R,) is exactly zero."""
    found = [np.isneginf(each) for each in norms if len(each) == len(steps)]
    return np.asarray(steps)[np.any(found, axis=0)].tolist() if found else []


def _decades(low: float, high: float) -> list[float]:
    """Return at most seven powers of ten between 10**low and 10**high, evenly spaced from 1 on, as their logarithms."""
    stride = next(k for k in (1, 2, 3, 5, 10, 20, 50, 100) if (high - low) / k <= 6)
    return [float(k) for k in range(0, int(np.ceil(low)) - 1, -stride)][::-1] + [
        float(k) for k in range(stride, int(np.floor(high)) + 1, stride)
    ]


def _line(line: Line, mode: str, hover: str) -> go.Scatter:
    drawn = {"color": line.colour, "width": 3, "dash": line.dash}
    y = np.asarray(line.y, np.float32)
    return go.Scatter(
        x=line.x, y=y, mode=mode, line=drawn, marker={"color": line.colour, "size": 8}, name=line.name,
        hovertemplate=hover, cliponaxis=False,
    )  # fmt: skip
