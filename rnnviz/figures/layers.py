"""What every layer of a deep network holds, one above the other over the same steps, the input at the bottom."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

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
    T = len(x)
    tall = [max(LEAST, UNIT * values.shape[1]) for values, _, _ in bands]
    height = sum(tall) + TITLE * (len(bands) - 1)
    data, notes, foot = [], [], 0.0
    axes = {"xaxis": _steps(across)}
    for k, (values, kind, told) in enumerate(bands):
        axis = "y" if not k else f"y{k + 1}"
        top = foot + tall[k] / height
        # In one piece and by hand: Plotly's own subplots take ten times as long.
        axes[f"yaxis{axis[1:]}"] = {
            "domain": [foot, min(top, 1.0)], "visible": False, "fixedrange": True, "autorange": "reversed",
        }  # fmt: skip
        notes.append(
            {
                "text": titles[k], "x": 0, "xref": "paper", "xanchor": "left", "y": top, "yref": "paper",
                "yanchor": "bottom", "showarrow": False, "font": {"size": 14},
            }
        )  # fmt: skip
        data.append(
            go.Heatmap(
                z=values.T.astype(np.float32), x=np.arange(1, T + 1), y=np.arange(1, values.shape[1] + 1), yaxis=axis,
                zmin=kind.low, zmax=kind.high, colorscale=SCALES[theme][kind.scale], showscale=False, xgap=2,
                hovertemplate=told,
            )
        )  # fmt: skip
        foot = top + TITLE / height
    ground = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    looks = {"height": height + 26 + 44, "margin": {"l": 8, "r": 8, "t": 26, "b": 44}, "dragmode": False}
    font = {"size": 13, "color": LINES[theme]["text"]}
    return go.Figure(data, {**axes, **looks, **ground, "annotations": notes, "showlegend": False, "font": font})


def _steps(across: str) -> dict[str, object]:
    """Return the axis of steps that all bands share, at the foot of the first."""
    bare = {"showgrid": False, "zeroline": False, "fixedrange": True, "dtick": 1, "ticks": ""}
    return {**bare, "anchor": "y", "title": {"text": across, "standoff": 4}}
