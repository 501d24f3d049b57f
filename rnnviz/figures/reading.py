"""The reading figure: every view of a trace in columns that share the digit's rows.

The figure carries the numbers and the axes. Where each column stands is decided in the browser, which knows the
width: see `rnnviz/ui/stepper`.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from .style import DASHES, KINDS, LINES, SCALES

HUNDREDTHS = 100
"""Further samples travel as signed bytes: a quarter of float32's size, and finer than an eye tells colours."""


class Norm(NamedTuple):
    """One line of the gradient column."""

    name: str
    """Whose gradient: "h", "c", "x" or "jacobian"."""
    log10: np.ndarray
    """(T,), relative to the last step; -inf where exactly zero."""


class LogAxis(NamedTuple):
    """A logarithmic axis drawn on a linear one of log10 values."""

    range: tuple[float, float]
    ticks: list[float]
    labels: list[str]


def hundredths(values: np.ndarray) -> np.ndarray:
    """Return values in [-1, 1] as int8 hundredths."""
    return np.clip(np.rint(values * HUNDREDTHS), -HUNDREDTHS, HUNDREDTHS).astype(np.int8)


def log_axis(norms: Sequence[Norm]) -> LogAxis:
    """Return an axis that holds every finite norm, at least [0.1, 1], with two to four labelled powers of ten."""
    known = np.concatenate([[0.0, -1.0], *(norm.log10[np.isfinite(norm.log10)] for norm in norms)])
    low, high = float(known.min()), float(known.max())
    margin = 0.06 * (high - low)
    labels = 3.5 if high - low < 20 else 1.9  # the powers of a long axis are long themselves
    stride = max(1, int(np.ceil((high - low) / labels)))
    ticks = [float(k) for k in range(0, int(np.floor(low)) - 1, -stride) if k >= low - margin]
    ticks = [float(k) for k in range(stride, int(np.floor(high)) + 1, stride)] + ticks
    return LogAxis((low - margin, high + margin), ticks, [power(k) for k in ticks])


def decimal(value: float) -> str:
    """Return a loss, which is never negative, with three decimals: "< 0.001" where these would say that it is zero."""
    return "< 0.001" if 0 < value < 0.0005 else f"{value:.3f}"


def power(log10: float) -> str:
    """Return 10**log10 as a short label: 0.1, 1, 10, else 10 with a superscript, or 3.2·10⁻⁷ between powers.

    Exactly zero (-inf) is "0"; nothing (nan) is empty.
    """
    if not np.isfinite(log10):
        return "0" if np.isneginf(log10) else ""
    below = int(np.floor(log10))
    mantissa, carried = f"{10.0 ** (log10 - below):.1e}".split("e")  # rounded first: 9.97 is 1.0 of the next power
    whole = below + int(carried)
    if -3 <= whole <= 2:
        return f"{float(f'{mantissa}e{whole}'):g}"
    raised = "10" + str(whole).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return raised if mantissa == "1.0" else f"{mantissa}·{raised}"


def reading(
    columns: Mapping[str, np.ndarray],
    norms: Sequence[Norm],
    axis: LogAxis,
    hover: Mapping[str, str],
    theme: str = "light",
    identity: str = "",
) -> go.Figure:
    """Return the figure: a heatmap per column, then one line per norm and one trace of exact zeros.

    columns: by signal name, values (T, N) in the range of its kind, in the order they are to stand. hover: by
    column or norm name, Plotly's hovertemplate in the reader's language; "zero" for exact zeros. identity tells the
    browser which figure this is, as the last trace's `meta`. Layout (domains, titles, height) is left to the browser.
    """
    names = list(columns)
    T = len(columns[names[0]])
    rows = np.arange(1, T + 1)
    figure = make_subplots(rows=1, cols=len(names) + 1, shared_yaxes=True)
    for place, name in enumerate(names, start=1):
        kind = KINDS[name]
        heatmap = go.Heatmap(
            z=columns[name].astype(np.float32),  # never float64: five times the bytes once it is JSON
            y=rows,
            zmin=kind.low,
            zmax=kind.high,
            colorscale=SCALES[theme][kind.scale],
            showscale=False,
            hovertemplate=hover[name],
            name=name,
        )
        figure.add_trace(heatmap, 1, place)
    last = len(names) + 1
    for norm in norms:
        line = go.Scatter(
            x=np.where(np.isfinite(norm.log10), norm.log10, np.nan),
            y=rows,
            text=[power(v) for v in norm.log10],
            mode="lines+markers",
            line={"color": LINES[theme][norm.name], "dash": DASHES[norm.name], "width": 2.5},
            marker={"color": LINES[theme][norm.name], "size": 5},
            hovertemplate=hover[f"norm_{norm.name}"],
            name=norm.name,
        )
        figure.add_trace(line, 1, last)
    zeros = go.Scatter(
        x=[axis.range[0] for _ in exact_zeros(norms)],
        y=exact_zeros(norms),
        mode="markers",
        marker={"symbol": "x-thin-open", "size": 8, "color": LINES[theme]["text"]},
        cliponaxis=False,
        hovertemplate=hover["zero"],
        name="zero",
        meta=identity,
    )
    figure.add_trace(zeros, 1, last)
    # Row t of the picture is step t: the rows run down, and half a row of margin keeps every cell whole.
    figure.update_yaxes(range=[T + 0.5, 0.5], tickvals=[1, *range(7, T + 1, 7)], showgrid=False, zeroline=False)
    figure.update_xaxes(showgrid=False, zeroline=False, showticklabels=False)
    figure.update_xaxes(
        range=axis.range,
        tickvals=axis.ticks,
        ticktext=axis.labels,
        tickangle=0,
        showgrid=True,
        gridcolor=LINES[theme]["grid"],
        showticklabels=True,
        row=1,
        col=last,
    )
    classes = columns["probs"].shape[1]
    place = names.index("probs") + 1
    figure.update_xaxes(showticklabels=True, tickvals=list(range(classes)), tickangle=0, row=1, col=place)
    figure.update_xaxes(fixedrange=True, ticks="")
    figure.update_yaxes(fixedrange=True, ticks="")
    return figure.update_layout(
        showlegend=False,
        dragmode=False,
        hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 14, "color": LINES[theme]["text"]},
        margin={"l": 30, "r": 10, "t": 34, "b": 48},
        # One title per column and one line of names for the gradients, all set in the browser.
        annotations=[{"text": "", "showarrow": False, "xref": "paper", "yref": "paper"} for _ in range(last + 1)],
    )


def exact_zeros(norms: Sequence[Norm]) -> list[int]:
    """Return the rows (from 1) at which some norm is exactly zero."""
    rows = {int(t) + 1 for norm in norms for t in np.flatnonzero(np.isneginf(norm.log10))}
    return sorted(rows)
