"""Lines over the time steps, from left to right as the literature draws them: fans, spectra, shares."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from .reading import power
from .style import LINES, SCALES, STATE

HEIGHT = 380
MARKS = {
    "resolution": ("diamond-open", 10),
    "float32": ("triangle-down-open", 11),
    "float64": ("triangle-down", 11),
    "zero": ("x-thin-open", 8),
}
"""How what is special about a number is marked: a symbol and its size."""
_BAND = "33"  # of a line's colour, this opaque


class Line(NamedTuple):
    """One line over the steps 1..T, or over `x`."""

    name: str
    y: np.ndarray
    """(T,). On a logarithmic axis log10 of the values: -inf, exactly zero, is marked at the foot; nan is left out."""
    colour: str
    dash: str = "solid"
    low: np.ndarray | None = None
    """(T,), the lower end of a band around the line; `high` the upper one."""
    high: np.ndarray | None = None
    marks: Mapping[str, Sequence[int]] = {}
    """By a name in MARKS: the steps at which the line is marked."""
    width: float = 3.0


class Axis(NamedTuple):
    """What the upright axis is: its title, whether it is logarithmic, and values that it must hold."""

    title: str
    log: bool = True
    holds: tuple[float, ...] = ()


def over_time(
    lines: Sequence[Line],
    axis: Axis,
    across: str,
    hover: Mapping[str, str],
    theme: str = "light",
    level: float | None = None,
    shade: tuple[float, float, str] | None = None,
    moment: int | None = None,
    height: int = HEIGHT,
    named: bool = False,
    first: int = 1,
) -> go.Figure:
    """Return a figure of lines over time steps, or over what else is counted from `first` on.

    across: the title of the time axis. hover: Plotly's hovertemplates "line" and "mark". level: a value marked by a
    level line. shade: (from, to, words) of steps that are marked apart. moment: a step marked by an upright line.
    named: whether the lines' names stand above them.
    """
    known = np.concatenate([np.asarray(axis.holds, float), *(values(line) for line in lines)])
    known = known[np.isfinite(known)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (-1.0, 0.0)
    if axis.log and high - low < 1:  # never less than a decade: a small change must look like one
        low, high = (low + high - 1) / 2, (low + high + 1) / 2
    margin = 0.05 * (high - low) or 0.5
    foot, top = low - margin, high + margin
    last = first + max((len(line.y) for line in lines), default=1) - 1
    figure = go.Figure(layout=_layout(axis, across, (foot, top), (first, last), theme, height))
    if named:
        figure.update_layout(showlegend=True, margin_t=44)
    if shade:
        figure.add_vrect(shade[0], shade[1], fillcolor=LINES[theme]["grid"], opacity=0.5, line_width=0, layer="below")
        figure.add_annotation(
            x=(shade[0] + shade[1]) / 2, y=1, yref="paper", yanchor="bottom", text=shade[2], showarrow=False
        )  # fmt: skip
    if level is not None:
        figure.add_hline(level, line={"color": LINES[theme]["text"], "width": 1.5, "dash": "dash"})
    if moment is not None:
        figure.add_vline(moment, line={"color": LINES[theme]["curve"], "width": 2})
    for line in lines:
        figure.add_traces(_band(line, first))
    for line in lines:
        figure.add_trace(_line(line, axis.log, hover["line"], first))
    for line in lines:
        figure.add_traces(_marked(line, axis.log, foot, hover["mark"], first))
    return figure


def bars(
    values: np.ndarray, axis: Axis, across: str, hover: str, theme: str = "light", moment: float | None = None,
    height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Return signed bars (T,) over the time steps: positive ones blue, negative ones orange, as states are coloured.

    moment: everything left of it is pale.
    """
    values, x = np.asarray(values, float), np.arange(1, len(values) + 1)
    scale = SCALES[theme][STATE.scale]
    colours = np.where(values >= 0, scale[-1][1], scale[0][1])
    held = [*axis.holds, 0.0, *values[np.isfinite(values)]]
    margin = 0.05 * (max(held) - min(held)) or 0.5
    figure = go.Figure(
        layout=_layout(axis, across, (min(held) - margin, max(held) + margin), (1, len(values)), theme, height)
    )
    pale = np.where(x > moment, 1.0, 0.25) if moment is not None else 1.0
    figure.add_trace(
        go.Bar(x=x, y=values.astype(np.float32), marker={"color": colours, "opacity": pale}, hovertemplate=hover)
    )
    if moment is not None:
        figure.add_vline(moment + 0.5, line={"color": LINES[theme]["level"], "width": 2})
    return figure.add_hline(0.0, line={"color": LINES[theme]["text"], "width": 1})


def histogram(
    edges: Sequence[float], counts: Sequence[int], labels: Sequence[str], titles: Mapping[str, str], colour: str,
    hover: str, theme: str = "light", height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Return counts (N,) of what lies between edges (N + 1,), drawn with equal widths and named by labels (N,).

    titles: "x" and "y".
    """
    figure = _counted(np.arange(len(counts)), counts, labels, titles, colour, hover, theme, height)
    return figure.update_xaxes(
        range=[-0.6, len(counts) - 0.4], tickvals=list(range(len(counts))), ticktext=list(labels)
    )


def log_histogram(
    log10: np.ndarray, titles: Mapping[str, str], colour: str, hover: str, theme: str = "light",
    level: float | None = None, height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Return how often values, given as log10 (N,), occur in each tenth of a decade. level: log10 of a marked value."""
    held = np.append(log10, [] if level is None else [level])
    low, high = np.floor(held.min() * 10) / 10 - 0.1, np.ceil(held.max() * 10) / 10 + 0.1
    edges = np.linspace(low, high, round((high - low) * 10) + 1)
    counts, middles = np.histogram(log10, edges)[0].tolist(), (edges[:-1] + edges[1:]) / 2
    labels = [f"{power(round(float(a), 1))} – {power(round(float(b), 1))}" for a, b in pairwise(edges)]
    figure = _counted(middles, counts, labels, titles, colour, hover, theme, height)
    places = ticks(low, high)
    figure.update_xaxes(range=[low, high], tickvals=places, ticktext=[power(place) for place in places])
    if level is not None:
        figure.add_vline(level, line={"color": LINES[theme]["level"], "width": 2})
    return figure


def _counted(x, counts, labels, titles: Mapping[str, str], colour: str, hover: str, theme: str, height: int):
    top = max(counts, default=0) * 1.08 or 1.0
    figure = go.Figure(layout=_layout(Axis(titles["y"], log=False), titles["x"], (0.0, top), (0, 1), theme, height))
    bars = go.Bar(x=x, y=list(counts), marker={"color": colour}, hovertemplate=hover, customdata=list(labels))
    return figure.add_trace(bars).update_layout(bargap=0.08)


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return where a logarithmic axis from 10**low to 10**high is labelled: at whole powers in round distances.

    Where these are fewer than three, round numbers between them as well.
    """
    stride = next(k for k in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10**9) if (high - low) / k <= most)
    found = [float(k) for k in range(int(np.ceil(low / stride)) * stride, int(np.floor(high)) + 1, stride)]
    if len(found) >= 3:
        return found
    factors = (1, 2, 5) if high - low > 0.8 else (1, 1.5, 2, 3, 5, 7)
    found = [np.log10(k * 10.0**d) for d in range(int(np.floor(low)), int(np.ceil(high)) + 1) for k in factors]
    return [float(place) for place in found if low <= place <= high]


def values(line: Line) -> np.ndarray:
    """Return all numbers of a line and its band."""
    return np.concatenate([line.y, *(each for each in (line.low, line.high) if each is not None)])


def _layout(
    axis: Axis, across: str, extent: tuple[float, float], steps: tuple[int, int], theme: str, height: int
) -> dict:
    grid = {"gridcolor": LINES[theme]["grid"], "zeroline": False, "fixedrange": True, "ticks": "", "automargin": False}
    margin = max(0.5, 0.006 * (steps[1] - steps[0]))
    upright = {**grid, "range": extent, "title": {"text": axis.title, "standoff": 6}}
    if axis.log:
        places = ticks(*extent)
        upright |= {"tickvals": places, "ticktext": [power(place) for place in places]}
    return {
        "xaxis": {
            **grid, "showgrid": False, "range": [steps[0] - margin, steps[1] + margin],
            "tickvals": _steps(*steps), "title": {"text": across, "standoff": 4},
        },
        "yaxis": upright,
        "height": height,
        "margin": {"l": 72, "r": 14, "t": 26, "b": 48},
        "hovermode": "closest",
        "dragmode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 15, "color": LINES[theme]["text"]},
        "showlegend": False,
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 13}},
        "shapes": [],
        "annotations": [],
    }  # fmt: skip


def _steps(first: int, last: int) -> list[int]:
    """Return the steps that are written at the axis: the first, the last, and some at round distances."""
    strides = (1, 2, 7, 14, 28, 56, 112, 196, 392) if first else (1, 2, 5, 10, 20, 50, 100, 200)
    stride = next(k for k in strides if (last - first) / k <= 8)
    between = range(stride, last - stride // 2, stride)
    return [first, *(k for k in between if k > first + stride // 2), last]


def _band(line: Line, first: int) -> list[go.Scatter]:
    if line.low is None:
        return []
    x = first + np.arange(len(line.y))
    known = np.isfinite(line.low) & np.isfinite(line.high)  # a band that ends at exactly zero has no end to be drawn
    around = np.concatenate([line.high[known], line.low[known][::-1]])
    return [
        go.Scatter(
            x=np.concatenate([x[known], x[known][::-1]]),
            y=around.astype(np.float32),
            fill="toself",
            fillcolor=line.colour + _BAND,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
    ]


def _line(line: Line, log: bool, hover: str, first: int) -> go.Scatter:
    return go.Scatter(
        x=first + np.arange(len(line.y)),
        y=np.where(np.isfinite(line.y), line.y, np.nan).astype(np.float32),
        mode="lines",
        line={"color": line.colour, "dash": line.dash, "width": line.width},
        text=[power(v) if log else f"{v:.3g}" for v in line.y],
        name=line.name,
        hovertemplate=hover,
    )


def _marked(line: Line, log: bool, foot: float, hover: str, first: int) -> list[go.Scatter]:
    """Return the markers of a line; on a logarithmic axis each exact zero is one, at the foot."""
    marks = dict(line.marks)
    if log and (zeros := np.flatnonzero(np.isneginf(line.y))).size:
        marks["zero"] = [int(t) + first for t in zeros]
    found = []
    for name, steps in marks.items():
        symbol, size = MARKS[name]
        y = [line.y[t - first] if np.isfinite(line.y[t - first]) else foot for t in steps]
        looks = {"symbol": symbol, "size": size, "color": line.colour, "line": {"width": 2, "color": line.colour}}
        found.append(
            go.Scatter(
                x=list(steps), y=y, mode="markers", marker=looks, name=name, text=[line.name] * len(steps),
                hovertemplate=hover, cliponaxis=False, showlegend=False,
            )
        )  # fmt: skip
    return found
