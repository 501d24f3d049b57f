"""Stepping without the reading line: the same figure, sent again from Python with the row marked, on every step."""

import streamlit as st

from rnnviz import checkpoints, digits, figures, record
from rnnviz.ui.reading import View, columns, norms

st.set_page_config(layout="wide")


@st.cache_resource
def figure():
    network = checkpoints.load("lstm-64")
    trace = record(network, *digits.sample(18))
    shown, lines = columns(trace, View()), norms(network, trace, View())
    hovers = dict.fromkeys([*shown, *(f"norm_{line.name}" for line in lines), "zero"], "%{y}<extra></extra>")
    return figures.reading(shown, lines, figures.log_axis(lines), hovers).update_layout(height=400)


def line(place: int, row: int) -> dict:
    """Return the mark of a row in the subplot with this place (from 1)."""
    axis = "" if place == 1 else place
    return {"type": "line", "xref": f"x{axis} domain", "yref": f"y{axis}", "x0": 0, "x1": 1, "y0": row, "y1": row}


@st.fragment
def read() -> None:
    row = st.slider("Row", 1, 28)
    marked = figure().update_layout(shapes=[line(place, row) for place in range(1, 10)])
    st.plotly_chart(marked, key="figure", theme=None, config={"displayModeBar": False})


read()
