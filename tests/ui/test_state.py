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


UNCHANGED = """
import streamlit as st
from rnnviz.ui import state

def widget(label, *, key, on_change):  # told under the name that it had before the page was built anew
    on_change()

st.session_state["digit"] = 6
st.session_state["link_ignored"] = ["step"]  # until the reader does something
state.remember(widget, "digit", key="digit", on_change=lambda: st.session_state.update(digit=0))
"""


def test_a_widget_that_says_what_is_known_changes_nothing():
    app = AppTest.from_string(UNCHANGED).run()
    assert (app.session_state["digit"], app.session_state["link_ignored"]) == (6, ["step"])


LINKED = """
import streamlit as st
from rnnviz.ui import state
from rnnviz.ui.callbacks import answered

state.open_link()
st.session_state.setdefault("digit", 6)

def forward():
    st.session_state["digit"] += 1

state.remember(st.number_input, "digit", 0, 9, key="digit")
st.button("forward", on_click=answered(forward))
if not st.session_state.get("interrupted"):
    state.write_link(digit=st.session_state["digit"])
"""


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_a_browser_tells_that_has_not_yet_heard_of_a_new_value_does_not_undo_it(interrupted):
    app = AppTest.from_string(LINKED).run()
    app.query_params["digit"] = "6"
    app.session_state["interrupted"] = interrupted  # by what the browser tells, before the address is written
    app.button[0].click().run()
    app.number_input[0].set_value(6).run()
    assert app.session_state["digit"] == 7


def test_what_a_browser_tells_that_has_heard_of_a_new_value_counts():
    app = AppTest.from_string(LINKED).run()
    app.query_params["digit"] = "6"
    app.button[0].click().run()
    app.query_params["digit"] = "7"
    app.number_input[0].set_value(6).run()
    assert app.session_state["digit"] == 6
