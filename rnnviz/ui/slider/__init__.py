"""A slider that Python hears of while it moves; Streamlit's own tells where it was let go (see `slider.js`)."""

from pathlib import Path

import streamlit as st

from .. import state
from ..callbacks import answered

_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "rnnviz_slider",
    html=(_HERE / "slider.html").read_text("utf-8"),
    css=(_HERE / "slider.css").read_text("utf-8"),
    js=(_HERE / "slider.js").read_text("utf-8"),
)


def slider(
    label: str, low: float, high: float, step: float, key: str, help: str = "", width: int | str = "stretch"
) -> float:
    """Show a slider whose value is `st.session_state[key]`, which must be set, and return that value.

    The value is whole where `step` is. help: a sentence that explains it.
    """
    own = f"slider_{key}"
    value = st.session_state[key] = _on(st.session_state[key], low, high, step)

    def moved() -> None:
        if told := state.told(own, "moved"):
            st.session_state[key], st.session_state[f"{own}_heard"] = _on(told[0], low, high, step), told[1]
            state.heard()

    data = {"label": label, "low": low, "high": high, "step": step, "value": value, "help": help}
    data["heard"] = st.session_state.get(f"{own}_heard")
    with st.container(key=f"live_{key}", width=width):
        _component(data=data, key=own, default={"moved": None}, on_moved_change=answered(moved), height="content")
    return value


def _on(value: float, low: float, high: float, step: float) -> float:
    """Return the nearest value that the slider has."""
    count = round((min(max(float(value), low), high) - low) / step)
    return min(low + count * step, high) if isinstance(step, int) else round(min(low + count * step, high), 9)
