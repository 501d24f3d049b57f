"""Stacked layers unrolled over the time steps: what goes in, what is called output, what the last hidden state."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from .style import CELLS, LINES

ROW = 74
"""Pixels per layer."""
_SIZE = 21
"""Half of a box, in pixels: arrows end there."""


def stack(
    inputs: Sequence[str], states: Sequence[Sequence[str]], names: Mapping[str, str], theme: str = "light"
) -> go.Figure:
    """Return the figure.

    inputs: what stands in the box of every step, with <br> between several. states: by layer, by step (from the state
    before the first one on), what is told when a box is pointed at. names: of "input", "output", "last", "first", as
    they are written beside what they mean.
    """
    T, L, colours = len(inputs), len(states), LINES[theme]
    half = max(_SIZE, 10 * (1 + max(text.count("<br>") for text in inputs)) + 4)  # of a box of the input, in pixels
    bottom = -(half - _SIZE) / ROW
    low = bottom - half / ROW - 0.5
    output, last = CELLS[theme]["lstm"], CELLS[theme]["rnn_tanh"]
    figure = go.Figure(
        layout={
            "xaxis": {"visible": False, "range": [-0.9, T + 1.1], "fixedrange": True},
            "yaxis": {"visible": False, "range": [low, L + 1.6], "fixedrange": True},
            "height": round(ROW * (L + 1.6 - low)) + 8,
            "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
            "hovermode": "closest",
            "dragmode": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 14, "color": colours["text"]},
            "showlegend": False,
        }
    )
    for t in range(1, T + 1):
        for k in range(1, L + 1):
            below, start = ((t, k - 1), _SIZE) if k > 1 else ((t, bottom), half)
            _arrow(figure, below, (t, k), colours["text"], start=start + 3)
            _arrow(figure, (t - 1, k), (t, k), colours["text"])
        _arrow(figure, (t, L), (t, L + 0.85), output, 6)
    for k in range(1, L + 1):
        _arrow(figure, (T, k), (T + 0.85, k), last, 6)
    # The top layer at all steps is the output; all layers at the last step are the last hidden state.
    for (x0, y0, x1, y1), colour, dash in (
        ((0.6, L - 0.36, T + 0.4, L + 0.36), output, "dash"),
        ((T - 0.34, 0.58, T + 0.34, L + 0.42), last, "dot"),
    ):
        figure.add_shape(type="rect", x0=x0, y0=y0, x1=x1, y1=y1, line={"color": colour, "width": 2, "dash": dash})
    ground = "#FFFFFF" if theme == "light" else "#17181B"
    for t in range(1, T + 1):
        figure.add_shape(
            type="rect", xsizemode="pixel", ysizemode="pixel", xanchor=t, yanchor=bottom, x0=-_SIZE, x1=_SIZE, y0=-half,
            y1=half, line={"color": colours["x"], "width": 2}, fillcolor=ground, layer="below",
        )  # fmt: skip
    boxes = (
        ([(t, bottom, text, text) for t, text in enumerate(inputs, 1)], colours["x"], "square"),
        ([(0, k, "0", each[0]) for k, each in enumerate(states, 1)], colours["zero"], "circle"),
        (
            [(t, k, f"h<sub>{t}</sub>", each[t]) for k, each in enumerate(states, 1) for t in range(1, T + 1)],
            colours["h"], "circle",
        ),
    )  # fmt: skip
    for places, colour, symbol in boxes:
        marker = {"symbol": symbol, "size": 2 * _SIZE, "color": ground, "line": {"color": colour, "width": 2}}
        if symbol == "square":  # its box is drawn already
            marker |= {"color": "rgba(0,0,0,0)", "line": {"width": 0}}
        figure.add_trace(
            go.Scatter(
                x=[x for x, *_ in places], y=[y for _, y, *_ in places], text=[text for _, _, text, _ in places],
                customdata=[told for *_, told in places], mode="markers+text", marker=marker,
                textfont={"size": 14, "color": colour}, cliponaxis=False,
                hovertemplate="%{customdata}<extra></extra>",
            )
        )  # fmt: skip
    middle = (T + 1) / 2
    for x, y, text, colour, anchor, hangs in (
        (middle, low + 0.25, names["input"], colours["x"], "center", "middle"),
        (middle, L + 1.25, names["output"], output, "center", "middle"),
        (T + 1.1, 0.62, names["last"], last, "right", "top"),
        (0, 0.62, names["first"], colours["text"], "center", "top"),
    ):
        figure.add_annotation(
            x=x, y=y, text=text, showarrow=False, font={"color": colour, "size": 14}, xanchor=anchor, yanchor=hangs,
            align=anchor,
        )  # fmt: skip
    return figure


def _arrow(
    figure: go.Figure, tail: tuple, head: tuple, colour: str, end: int = _SIZE + 3, start: int = _SIZE + 3
) -> None:
    figure.add_annotation(
        x=head[0], y=head[1], ax=tail[0], ay=tail[1], xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=2, arrowwidth=1.6, arrowcolor=colour, standoff=end, startstandoff=start,
    )  # fmt: skip
