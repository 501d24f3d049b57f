"""One neuron unrolled: its steps from left to right, what is passed on above the arrows, what comes back below."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from .style import LINES

HEIGHT = 350
_FONT = 16
_SIZE = 31
"""Half of a circle, in pixels: arrows end there."""
_ERROR = 25
"""Pixels above a circle that its error takes."""
_LOSS, _STATE, _INPUT = 2.0, 1.0, 0.1


class Link(NamedTuple):
    """One step of the chain, in words and numbers; "" where there is nothing to be shown."""

    input: str
    state: str
    target: str
    """The loss of this step, and its target."""
    from_input: str
    from_state: str
    """The weights that the arrows multiply by."""
    direct: str
    """What the loss says to this state directly."""
    back: str
    """The factor from this state back to the one before."""
    error: str
    """The error of this state."""


def chain(start: str, links: Sequence[Link], hover: str, theme: str = "light") -> go.Figure:
    """Return the figure. start: the state before the first step. hover: Plotly's hovertemplate."""
    T, colours = len(links), LINES[theme]
    figure = go.Figure(
        layout={
            "xaxis": {"visible": False, "range": [-0.45, T + 0.45], "fixedrange": True},
            "yaxis": {"visible": False, "range": [-0.16, 2.26], "fixedrange": True},
            "height": HEIGHT,
            "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
            "hovermode": "closest",
            "dragmode": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": _FONT, "color": colours["text"]},
            "showlegend": False,
        }
    )
    for t, link in enumerate(links, 1):
        _arrow(figure, (t - 1, _STATE), (t, _STATE), colours["text"], (0, 8))
        _arrow(figure, (t, _INPUT), (t, _STATE), colours["text"])
        _told(figure, t - 0.5, _STATE, link.from_state, colours["text"], (0, 24))
        _told(figure, t, (_STATE + _INPUT) / 2, link.from_input, colours["text"], (-30, 0))
        above = _ERROR if link.error else 0
        if link.target:
            _arrow(figure, (t, _STATE), (t, _LOSS), colours["text"], (-8, 0), tail_gap=above)
        if link.direct:
            _arrow(figure, (t, _LOSS), (t, _STATE), colours["level"], (8, 0), head_gap=above)
            _told(figure, t, (_STATE + _LOSS) / 2, link.direct, colours["level"], (38, above / 2))
        if link.back:
            _arrow(figure, (t, _STATE), (t - 1, _STATE), colours["level"], (0, -8))
            _told(figure, t - 0.5, _STATE, link.back, colours["level"], (0, -24))
        if link.error:
            _told(figure, t, _STATE, link.error, colours["level"], (0, _SIZE + 14))
    steps = list(enumerate(links, 1))
    states = [(0, _STATE, start), *((t, _STATE, link.state) for t, link in steps)]
    losses = [(t, _LOSS, link.target) for t, link in steps if link.target]
    nodes = (
        ([(t, _INPUT, link.input) for t, link in steps], colours["x"], "square"),
        (states, colours["h"], "circle"),
        (losses, colours["level"], "square"),
    )
    for places, colour, symbol in nodes:
        marker = {
            "symbol": symbol, "size": 2 * _SIZE, "color": "#FFFFFF" if theme == "light" else "#17181B",
            "line": {"color": colour, "width": 2},
        }  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=[x for x, _, _ in places], y=[y for _, y, _ in places], text=[text for _, _, text in places],
                mode="markers+text", marker=marker, textfont={"size": _FONT, "color": colour},
                hovertemplate=hover, cliponaxis=False,
            )
        )  # fmt: skip
    return figure


def _arrow(
    figure: go.Figure, tail: tuple, head: tuple, colour: str, shift: tuple[int, int] = (0, 0), tail_gap: int = 0,
    head_gap: int = 0,
) -> None:  # fmt: skip
    """Draw an arrow between two nodes, moved aside by `shift` pixels (to the right, upwards).

    tail_gap, head_gap: pixels that are left free at its ends, besides the nodes'.
    """
    figure.add_annotation(
        x=head[0], y=head[1], ax=tail[0], ay=tail[1], xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=2, arrowsize=1.1, arrowwidth=1.8, arrowcolor=colour,
        standoff=_SIZE + 3 + head_gap, startstandoff=_SIZE + 3 + tail_gap, xshift=shift[0], yshift=shift[1],
    )  # fmt: skip


def _told(figure: go.Figure, x: float, y: float, text: str, colour: str, shift: tuple[int, int]) -> None:
    if text:
        figure.add_annotation(
            x=x, y=y, text=text, showarrow=False, font={"color": colour, "size": _FONT}, xshift=shift[0],
            yshift=shift[1],
        )  # fmt: skip
