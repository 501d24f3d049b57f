"""A function of one number and points on it: an activation function, its derivative."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from .style import LINES

HEIGHT = 280


class Curve(NamedTuple):
    """One function."""

    name: str
    x: np.ndarray
    """(N,), ascending."""
    y: np.ndarray
    """(N,); nan where it jumps."""
    colour: str
    width: float = 2.0
    dash: str = "solid"
    label: tuple[float, float] | None = None
    """Where its name stands in the figure, if it does."""


class Points(NamedTuple):
    """Points that belong together."""

    names: Sequence[str]
    """One for each, told when it is pointed at."""
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    filled: bool = True
    size: int = 12


def function(
    curves: Sequence[Curve], points: Sequence[Points], across: str, extent: tuple[float, float], hover: str,
    theme: str = "light", tangent: tuple[float, float, float] | None = None, level: float | None = None,
    height: int = HEIGHT,
) -> go.Figure:  # fmt: skip
    """Return a figure of functions with points on them.

    across: the title of the x axis. extent: what the y axis shows. hover: Plotly's hovertemplate; %{text} is the
    name. tangent: (x, y,
    slope) of a point at which a piece of the tangent is drawn. level: a value marked by a dashed line.
    """
    axis = {
        "gridcolor": LINES[theme]["grid"], "zerolinecolor": LINES[theme]["zero"], "zeroline": True, "fixedrange": True,
        "ticks": "",
    }  # fmt: skip
    low, high = float(curves[0].x[0]), float(curves[0].x[-1])
    figure = go.Figure(
        layout={
            "xaxis": {**axis, "range": [low, high], "title": {"text": across, "standoff": 4}},
            "yaxis": {**axis, "range": list(extent), "nticks": 6},
            "height": height,
            "margin": {"l": 44, "r": 14, "t": 10, "b": 48},
            "hovermode": "closest",
            "dragmode": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 15, "color": LINES[theme]["text"]},
            "showlegend": False,
        }
    )
    for curve in curves:
        looks = {"color": curve.colour, "width": curve.width, "dash": curve.dash}
        figure.add_trace(
            go.Scatter(
                x=curve.x, y=np.asarray(curve.y, np.float32), mode="lines", line=looks, name=curve.name,
                text=[curve.name] * len(curve.x), hovertemplate=hover,
            )
        )  # fmt: skip
        if curve.label:
            x, y = curve.label
            figure.add_annotation(x=x, y=y, text=curve.name, showarrow=False, font={"color": curve.colour, "size": 14})
    if level is not None:
        figure.add_hline(level, line={"color": LINES[theme]["level"], "width": 1.5, "dash": "dash"})
    if tangent:
        x, y, slope = tangent
        reach = 1.3 / np.hypot(1.0, slope)
        ends = np.array([-reach, reach])
        looks = {"color": LINES[theme]["level"], "width": 2}
        figure.add_trace(go.Scatter(x=x + ends, y=y + slope * ends, mode="lines", line=looks, hoverinfo="skip"))
    for each in points:
        marker = {
            "size": each.size, "color": each.colour if each.filled else "rgba(0,0,0,0)",
            "line": {"width": 2, "color": each.colour},
        }  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=list(each.x), y=list(each.y), mode="markers", marker=marker, text=list(each.names),
                hovertemplate=hover, cliponaxis=False,
            )
        )  # fmt: skip
    return figure
