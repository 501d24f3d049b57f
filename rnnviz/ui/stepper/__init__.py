"""The stepper: slider, buttons and keys that move the reading line in the browser (see `stepper.js`)."""

from pathlib import Path

import streamlit as st

_HERE = Path(__file__).parent

# Registered once, at import: a second registration under the same name would replace the first while it is in use.
_component = st.components.v2.component(
    "rnnviz_stepper",
    html=(_HERE / "stepper.html").read_text("utf-8"),
    css=(_HERE / "stepper.css").read_text("utf-8"),
    js="\n".join((_HERE / name).read_text("utf-8") for name in ("layout.js", "sheet.js", "stepper.js")),
)


def stepper(feed: dict, key: str) -> int:
    """Mount the stepper for the charts that `feed` names and return the row (from 1) at which the line rests."""
    result = _component(
        data=feed,
        key=key,
        default={"step": feed["step"]},
        on_step_change=lambda: None,
        width="stretch",
        height="content",
    )
    return min(int(result.step), feed["rows"])  # until the browser has heard that there are fewer
