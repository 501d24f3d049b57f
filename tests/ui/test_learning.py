"""The controls of a training in the page: every update is reached once, going back costs nothing, a link says where."""

import json
import threading
import time
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from rnnviz.ui.parts import learning
from rnnviz.ui.parts.growing import Growing

ROOT = Path(__file__).resolve().parents[2]


def app_with(at: int = 0, **session: object) -> AppTest:
    """Return the controls over a training of 100 updates that doubles the seed and adds the update."""

    def script() -> None:
        import streamlit as st

        from rnnviz.text import Words
        from rnnviz.ui import frame, state
        from rnnviz.ui.parts.growing import Growing
        from rnnviz.ui.parts.learning import learning

        del frame  # imported for its components
        now = st.session_state
        state.open_link()
        for key, value in {"seed": 0, "at": 0, "ends": 101}.items():
            now.setdefault(key, value)
        works = now.setdefault("works", {})
        if now["seed"] not in works:
            works[now["seed"]] = Growing(lambda: iter([2 * now["seed"] + k for k in range(now["ends"])]), 101)
        work = works[now["seed"]]
        update = learning(Words("en"), work)
        now["shown"] = (update, work.found[update])

    app = AppTest.from_function(script, default_timeout=20)
    app.session_state["at"] = at
    for key, value in session.items():
        app.session_state[key] = value
    return app.run()


def press(app: AppTest, name: str) -> AppTest:
    return app.button(key=f"learning_{name}").click().run()


def test_it_begins_before_the_first_update_and_makes_one_at_a_time():
    app = app_with()
    assert app.session_state["shown"] == (0, 0)
    for update in (1, 2, 3):
        press(app, "step")
        assert app.session_state["shown"] == (update, update)
    assert len(app.session_state["works"][0].found) == 4


def test_it_goes_to_the_end_and_back_without_making_an_update_twice():
    app = press(app_with(), "end")
    assert app.session_state["shown"] == (100, 100)
    assert app.button(key="learning_end").disabled
    assert app.button(key="learning_step").disabled
    press(app, "restart")
    assert app.session_state["shown"] == (0, 0)
    assert app.button(key="learning_restart").disabled
    assert len(app.session_state["works"][0].found) == 101


def test_playing_goes_on_until_it_is_paused_and_ends_at_the_end():
    app = press(app_with(), "play")
    assert app.session_state["at"] == 1
    app.run()
    assert app.session_state["at"] == 2
    press(app, "pause")
    paused = app.session_state["at"]
    app.run()
    assert app.session_state["at"] == paused
    press(app, "play")
    strides = []
    while app.session_state["playing"]:
        before = app.session_state["at"]
        strides.append(app.run().session_state["at"] - before)
    assert strides[0] == 1
    assert strides[:-1] == sorted(strides[:-1])  # ever faster, up to the end
    assert app.session_state["shown"] == (100, 100)
    assert not app.session_state["playing"]


def test_another_seed_is_another_training_at_the_same_update():
    app = press(app_with(at=7), "seed")
    assert app.session_state["seed"] == 1
    assert app.session_state["shown"] == (7, 9)


def test_a_link_beyond_the_end_shows_the_end():
    assert app_with(at=5000).session_state["shown"] == (100, 100)


@pytest.mark.parametrize("at", [12, 13, 100])
def test_a_training_that_ends_early_is_shown_at_its_last_update(at):
    assert app_with(at=at, ends=13).session_state["shown"] == (12, 12)
    assert press(app_with(ends=13), "end").session_state["shown"] == (12, 12)


def test_while_updates_are_missing_the_newest_is_shown_and_how_far_it_is(monkeypatch):
    monkeypatch.setattr(learning, "PATIENCE", 0.0)
    app = app_with(at=50)
    assert app.session_state["shown"] == (0, 0)
    slider = next(each for each in app.get("bidi_component") if each.proto.component_name == "rnnviz_slider")
    assert json.loads(slider.proto.json)["label"] == "Updates made: 0 of 50 asked for"
    press(app, "pause")
    assert app.session_state["at"] == app.session_state["shown"][0] == 0


def test_two_sessions_that_want_updates_of_one_training_share_them_and_none_spins():
    made, asked = [], []

    def work():
        for k in range(4):
            time.sleep(0.05)
            made.append(k)
            yield k

    shared = Growing(work, 4)
    grow = shared.grow
    shared.grow = lambda patience=0.0: (asked.append(patience), grow(patience))
    sessions = [threading.Thread(target=learning._reach, args=(shared, 3)) for _ in range(2)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join(20)
    assert shared.found[: len(made)] == made == sorted(set(made))
    assert len(asked) < 20


def test_a_training_that_plays_stops_where_another_part_is_chosen():
    app = AppTest.from_file(str(ROOT / "pages" / "sequences.py"), default_timeout=60).run()
    press(app, "play")
    assert app.session_state["playing"]
    app.session_state["part"] = "embedding"
    app.run()
    assert app.session_state["at"] == 0
    assert not app.session_state["playing"]
