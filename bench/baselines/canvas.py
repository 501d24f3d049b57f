"""The canvas alone, with the app's settings: it says how many strokes there are, and can be cleared."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas

from rnnviz.ui.canvas import SIZE, strokes

st.set_page_config(layout="wide")
nonce = st.session_state.setdefault("nonce", 0)


def clear() -> None:
    st.session_state["nonce"] += 1


with st.container(key="canvas"):
    result = st_canvas(
        stroke_width=18,
        stroke_color="#FFFFFF",
        background_color="#000000",
        width=SIZE,
        height=SIZE,
        key=f"canvas_{nonce}",
    )
st.button("Clear the canvas", on_click=clear)
with st.container(key="says"):
    st.text(f"{nonce}: {len(strokes(result.json_data))} strokes")
