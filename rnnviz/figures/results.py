"""What came of runs: confusion matrices, the curves of several, scores over the settings of a sweep."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from .style import LINES, RUNS, SCALES

POINTS = 60
"""A run's loss is drawn through at most so many means: single updates jump, and lines of several runs would cross."""
FORMS = {"accuracy": (".0%", ".1%", ".2%"), "psnr": (".1f", ".1f", ".2f")}
"""How scores stand on the axis of curves, on that of a sweep, and alone: accuracies in percent, PSNR in dB."""
LOG_FROM = 20
"""Values of a setting that reach over this factor stand on a logarithmic axis."""


class Curve(NamedTuple):
    """One run's learning curve; x is the update or the second that a row was written at."""

    name: str
    x: np.ndarray
    loss: np.ndarray
    score: np.ndarray
    """An accuracy in [0, 1] or a PSNR in dB; nan where it was not measured."""


def confusion_counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return how often (K, K) each class, down, was answered as each class, across; both (N,), from 0.

    Raises ValueError where there is not one answer for each, or a class is not among them.
    """
    if labels.shape != predicted.shape:
        raise ValueError(f"predicted must have shape {labels.shape}, as labels has. Got {predicted.shape}.")
    for name, values in (("labels", labels), ("predicted", predicted)):
        if len(values) and not 0 <= values.min() <= values.max() < classes:
            raise ValueError(f"{name} must be 0 to {classes - 1}. Got {values.min()} to {values.max()}.")
    counts = np.zeros((classes, classes), int)
    np.add.at(counts, (labels.astype(int), predicted.astype(int)), 1)
    return counts


def confusion(counts: np.ndarray, titles: Mapping[str, str], names: Sequence[str], theme: str = "light") -> go.Figure:
    """Return the matrix counts (K, K), true classes down and answers across: what is right quiet, mistakes loud.

    titles: "x", "y", and the hover texts "right" and "wrong", with Plotly's %{x}, %{y}, %{text} (the count) and
    %{customdata} (its share of the true class, in [0, 1]). names: of the classes. The colour of a mistake follows the
    root of its count, so that a single one is seen beside fifty.
    """
    K = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(K, dtype=bool)
    wrong = np.where(right, np.nan, np.sqrt(counts))
    said = np.where(counts > 0, counts.astype(str), "")
    common = {"x": names, "y": names, "customdata": share, "texttemplate": "%{text}", "showscale": False}
    worst = max(1.0, float(np.nanmax(wrong))) if K > 1 else 1.0
    quiet = LINES[theme]["grid"]
    mistakes = go.Heatmap(
        z=wrong,
        zmin=0,
        zmax=worst,
        colorscale=SCALES[theme]["mistake"],
        text=np.where(right, "", said),
        name="wrong",
        **common,
    )
    diagonal = go.Heatmap(
        z=np.where(right, 0.0, np.nan),
        zmin=0,
        zmax=1,
        colorscale=[[0, quiet], [1, quiet]],
        text=np.where(right, said, ""),
        name="right",
        **common,
    )
    figure = go.Figure([mistakes, diagonal])
    for trace in figure.data:
        trace.update(hovertemplate=titles[trace.name] + "<extra></extra>", hoverongaps=False, xgap=1, ygap=1)
    figure.update_xaxes(title=titles["x"], type="category", showgrid=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(
        title={"text": titles["y"], "standoff": 8},
        type="category",
        showgrid=False,
        autorange="reversed",
        scaleanchor="x",
    )
    figure.update_yaxes(constrain="domain", constraintoward="top")
    return _plain(figure, theme, height=60 + 40 * max(K, 5), margin={"l": 56, "r": 8, "t": 8, "b": 52})


def comparison(
    curves: Sequence[Curve], titles: Mapping[str, str], theme: str = "light", measure: str = "accuracy"
) -> go.Figure:
    """Return loss above and score below, a line per run: each in a colour and a dash of its own (`style.RUNS`).

    titles: "x", "loss", "score", and the hover texts "loss_hover", "score_hover" with %{fullData.name}. measure: what
    all scores are, a name in FORMS.
    """
    figure = go.Figure()
    for index, curve in enumerate(curves):
        look = RUNS[index % len(RUNS)]
        line = {"color": look.colours[theme], "dash": look.dash, "width": 2.2}
        x, loss = smoothed(curve.x, curve.loss)
        figure.add_scatter(x=x, y=loss, name=curve.name, line=line, mode="lines", meta="loss")
        known = np.flatnonzero(np.isfinite(curve.score))
        figure.add_scatter(
            x=curve.x[known],
            y=curve.score[known],
            name=curve.name,
            line=line,
            marker={"color": look.colours[theme], "size": 6},
            mode="lines+markers",
            meta="score",
            yaxis="y2",
        )
    for trace in figure.data:
        trace.update(hovertemplate=titles[f"{trace.meta}_hover"] + "<extra></extra>", connectgaps=False)
    grid = {"gridcolor": LINES[theme]["grid"], "zeroline": False, "fixedrange": True}
    losses = np.concatenate([[], *(trace.y for trace in figure.data if trace.meta == "loss")])
    near = not len(losses) or losses.max() / losses.min() < 20  # then the powers of ten alone are too few
    figure.update_layout(
        xaxis={"title": titles["x"], "anchor": "y2", "rangemode": "tozero", **grid},
        yaxis={
            "title": titles["loss"],
            "domain": [0.54, 1.0],
            "type": "log",
            "dtick": "D2" if near else 1,
            "exponentformat": "none",
        }
        | grid,
        yaxis2={"title": titles["score"], "domain": [0.0, 0.46], "tickformat": FORMS[measure][0]} | grid,
    )
    return _plain(figure, theme, height=520, margin={"l": 64, "r": 12, "t": 8, "b": 48})


def smoothed(x: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of at most POINTS stretches of rows, of about equal length, each at the x of its last row.

    What is not finite, or not above 0 and has no place on a logarithmic axis, is left out.
    """
    sound = np.isfinite(values) & (values > 0)
    x, values = x[sound], values[sound]
    parts = np.array_split(np.arange(len(x)), min(POINTS, max(1, len(x))))
    parts = [part for part in parts if len(part)]
    return np.array([x[part[-1]] for part in parts]), np.array([values[part].mean() for part in parts])


def sweep_line(
    values: Sequence[object],
    scores: Sequence[float],
    titles: Mapping[str, str],
    theme: str = "light",
    measure: str = "accuracy",
) -> go.Figure:
    """Return scores over the values of one setting: a line over numbers, dots over names and switches.

    titles: "x", "y", and "hover" with %{x} and %{y}. measure: what the scores are, a name in FORMS.
    """
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    order = sorted(range(len(values)), key=lambda k: values[k]) if numbers else range(len(values))
    x = [values[k] if numbers else str(values[k]) for k in order]
    colour = LINES[theme]["h"]
    figure = go.Figure(
        go.Scatter(
            x=x,
            y=[scores[k] for k in order],
            mode="lines+markers" if numbers else "markers",
            line={"color": colour, "width": 2.2},
            marker={"color": colour, "size": 9},
            hovertemplate=titles["hover"] + "<extra></extra>",
        )
    )
    far = numbers and min(x) > 0 and max(x) / min(x) >= LOG_FROM
    ticks = {"type": "log" if far else "linear" if numbers else "category"}
    ticks |= {"tickvals": sorted(set(x)), "ticktext": [f"{v:g}" for v in sorted(set(x))]} if numbers else {}
    grid = {"gridcolor": LINES[theme]["grid"], "zeroline": False, "fixedrange": True}
    figure.update_xaxes(title=titles["x"], **ticks, **grid)
    figure.update_yaxes(title=titles["y"], tickformat=FORMS[measure][1], **grid)
    return _plain(figure, theme, height=340, margin={"l": 72, "r": 12, "t": 8, "b": 48})


def sweep_map(
    columns: Sequence[str],
    rows: Sequence[str],
    scores: np.ndarray,
    titles: Mapping[str, str],
    theme: str = "light",
    measure: str = "accuracy",
) -> go.Figure:
    """Return scores (rows, columns) over the values of two settings; nan where there is none (yet).

    titles: "x", "y", and "hover" with %{x}, %{y} and %{z}. measure: what the scores are, a name in FORMS.
    """
    figure = go.Figure(
        go.Heatmap(
            x=columns,
            y=rows,
            z=scores,
            colorscale=SCALES[theme]["accuracy"],  # text is read on all of it
            texttemplate=f"%{{z:{FORMS[measure][2]}}}",
            showscale=False,
            hoverongaps=False,
            xgap=2,
            ygap=2,
            hovertemplate=titles["hover"] + "<extra></extra>",
        )
    )
    figure.update_xaxes(title=titles["x"], type="category", showgrid=False, fixedrange=True)
    figure.update_yaxes(title=titles["y"], type="category", showgrid=False, fixedrange=True)
    return _plain(figure, theme, height=110 + 46 * max(len(rows), 3), margin={"l": 72, "r": 8, "t": 8, "b": 52})


def _plain(figure: go.Figure, theme: str, height: int, margin: dict) -> go.Figure:
    """Return the figure as all of these look: nothing but the data, to be looked at and not dragged about."""
    figure.update_xaxes(ticks="", automargin=True, fixedrange=True)
    figure.update_yaxes(ticks="", automargin=True, fixedrange=True)
    return figure.update_layout(
        height=height,
        margin=margin,
        showlegend=False,
        dragmode=False,
        hovermode="closest",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"size": 14, "color": LINES[theme]["text"]},
    )
