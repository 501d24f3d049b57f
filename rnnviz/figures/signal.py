"""One signal as a heatmap: units across, time steps down."""

import numpy as np
import plotly.graph_objects as go

from .style import GATE, LINES, SCALES, STATE, Kind


def signal(values: np.ndarray, title: str = "", kind: Kind | None = None, theme: str = "light") -> go.Figure:
    """Return a heatmap of values (T, N), row t = 1..T running down.

    kind says which scale and range apply (`figures.style`); by default the gates' range [0, 1] where all values
    lie in it, and the states' [-1, 1] otherwise. Raises ValueError where values is not a matrix.
    """
    values = np.asarray(values)
    if values.ndim != 2:
        raise ValueError(f"values must have shape (T, N), one row per time step. Got {values.shape}. Pick one layer.")
    kind = kind or _guess(values)
    heatmap = go.Heatmap(
        z=values.astype(np.float32),
        y=np.arange(1, len(values) + 1),
        zmin=kind.low,
        zmax=kind.high,
        colorscale=SCALES[theme][kind.scale],
        hovertemplate="t = %{y}, %{x}: %{z:.3f}<extra></extra>",
    )
    figure = go.Figure(heatmap)
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False)
    figure.update_xaxes(showgrid=False, zeroline=False)
    ground = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
    return figure.update_layout(title=title, font_color=LINES[theme]["text"], **ground)


def _guess(values: np.ndarray) -> Kind:
    return GATE if values.size and values.min() >= 0.0 and values.max() <= 1.0 else STATE
