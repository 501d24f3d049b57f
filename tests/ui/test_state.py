"""What widgets remember."""

import pytest
from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from rnnviz.ui import state

st.session_state.setdefault("label", "auto")
st.session_state.setdefault("norms", ["h"])
words = st.session_state.get("words", "its answer")
state.remember(st.selectbox, "label", ["auto", 1], format_func=lambda v: words if v == "auto" else str(v), key="label")
state.remember(st.pills, "norms", ["h", "c"], selection_mode="multi", key="norms")
"""


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_string(SCRIPT).run()


def test_a_choice_is_taken_over(app):
    app.selectbox[0].select("1").run()
    app.button_group[0].set_value(["h", "c"]).run()
    assert (app.session_state["label"], app.session_state["norms"]) == (1, ["h", "c"])


def test_words_that_are_no_choice_any_more_are_not_taken_for_one(app):
    app.selectbox[0].select("1").run()
    app.selectbox[0].options[:] = ["older words", "1"]  # of a browser that has not yet heard of the new ones
    app.selectbox[0].select_index(0).run()
    assert not app.exception
    assert app.session_state["label"] == 1
