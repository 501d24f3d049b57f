"""The drawing canvas: strokes in, strokes out, whatever reruns and page changes come in between."""

from pathlib import Path

import numpy as np
import streamlit as st

from ..text import Words
from . import state
from .callbacks import answered

SIZE = 248
"""Side of the canvas in CSS pixels."""

# The canvas brings a toolbar that lies, invisible until a mouse comes, over the top-right corner and swallows strokes
# that start there; its words are English only. This companion hides it inside the canvas's shadow root and names the
# canvas for screen readers; undo and clear are buttons of ours.
_companion = st.components.v2.component("rnnviz_canvas", js=Path(__file__).with_name("canvas.js").read_text("utf-8"))


def canvas(words: Words, on_stroke) -> list[np.ndarray]:
    """Show the canvas with its pen and buttons; return the strokes on it, each (N, 2) in pixels, x before y.

    on_stroke is called (before the rerun) when the drawing changes.
    """
    from streamlit_drawable_canvas import st_canvas

    st.session_state.setdefault("pen", 18)
    board = st.session_state.setdefault("canvas", {"nonce": 0, "initial": None, "drawing": None})
    if st.session_state.pop("entered", False):  # popped here, where it is acted on: a run can be cut short before
        # Back from another page: a new canvas takes up the old strokes.
        board["initial"] = board["drawing"]
    with st.container(key="canvas", gap="small"):
        result = st_canvas(
            stroke_width=st.session_state["pen"],
            stroke_color="#FFFFFF",
            background_color="#000000",
            initial_drawing=board["initial"],
            width=SIZE,
            height=SIZE,
            key=f"canvas_{board['nonce']}",
            on_change=answered(on_stroke),
        )
        with st.container(horizontal=True, wrap=False, vertical_alignment="bottom", gap="xsmall", key="pen_row"):
            state.remember(st.slider, words("step.pen"), 8, 30, key="pen", width="stretch")
            empty = not strokes(result.json_data)
            for key, icon, drop in (("undo", ":material/undo:", 1), ("clear", ":material/delete:", None)):
                name = words(f"step.{key}")
                options = {"icon": icon, "help": name, "key": key, "disabled": empty}
                st.button(name, on_click=answered(_restart), args=(drop, on_stroke), **options)
        hint = words("step.hint") if empty else ""
        told = {"canvas": "canvas", "nonce": board["nonce"], "label": words("step.canvas"), "hint": hint}
        _companion(data=told, key="canvas_companion")
    board["drawing"] = result.json_data
    return strokes(result.json_data)


def _restart(drop: int | None, on_stroke) -> None:
    """Put a new canvas in the place of the old one, without its last `drop` strokes; None drops all."""
    board = st.session_state["canvas"]
    drawing = board["drawing"] or {"objects": []}
    kept = drawing["objects"][:-drop] if drop else []
    board["nonce"] += 1
    board["initial"] = board["drawing"] = {**drawing, "objects": kept} if kept else None
    on_stroke()


def strokes(drawing: dict | None) -> list[np.ndarray]:
    """Return the strokes of a Fabric.js drawing, each (N, 2) in canvas pixels.

    A freehand path is a list of commands such as ["M", x, y] and ["Q", control x, control y, x, y]; Fabric puts the
    pointer's own positions at the control points and the middles between them at the ends, so all are kept.
    """
    paths = [item["path"] for item in (drawing or {}).get("objects", []) if item.get("path")]
    return [np.concatenate([np.reshape(command[1:], (-1, 2)) for command in path]).astype(np.float64) for path in paths]
