"""Callbacks of controls are done to their end."""

import ast
from pathlib import Path

from streamlit.testing.v1 import AppTest

import rnnviz.ui

UI = Path(rnnviz.ui.__file__).parent

INTERRUPTED = """
import streamlit as st
from streamlit.runtime.scriptrunner import RerunData, get_script_run_ctx
from rnnviz.ui.callbacks import answered

st.session_state.setdefault("done", [])

def act(name):
    get_script_run_ctx().script_requests.request_rerun(RerunData())  # as when the browser tells something more
    st.session_state["done"] = [*st.session_state["done"], name]

st.button("act", on_click=answered(act), args=("once",))
"""


def test_a_callback_is_done_to_its_end_also_where_something_more_is_told_meanwhile():
    app = AppTest.from_string(INTERRUPTED).run()
    app.button[0].click().run()
    assert app.session_state["done"] == ["once"]


def test_every_callback_is_one_that_is_done_to_its_end():
    """What Streamlit calls is `answered(...)`, or nothing at all; `remember` and `canvas` see to that by themselves."""
    found = {}
    for file in UI.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func).startswith(("st.", "_")):
                told = {each.arg: each.value for each in call.keywords if (each.arg or "").startswith("on_")}
                found |= {(file.name, each.lineno): ast.unparse(each) for each in told.values()}
    allowed = ("answered(", "'ignore'", "lambda: None")
    assert len(found) > 30
    assert [place for place in found.items() if not place[1].startswith(allowed)] == []
