"""Delayed recall in the lab: the recording, groups of runs in every state, what is asked for, and what is missing."""

import base64
import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import text
from rnnviz.digits import mnist
from rnnviz.figures import recall as drawn
from rnnviz.figures.reading import power
from rnnviz.training import dispatch, estimate, recall, runs
from rnnviz.ui import live
from rnnviz.ui.lab.recall import asking, found, verdict
from rnnviz.ui.markdown import escaped
from rnnviz.ui.parts import stories
from rnnviz.ui.runs import known
from tests.made_runs import at_work, made, runs_here  # noqa: F401
from tests.what_a_page_says import charts, told

PAGE = Path(__file__).resolve().parents[2] / "pages" / "gradients.py"


@pytest.fixture(autouse=True)
def quiet(monkeypatch, runs_here):  # noqa: F811
    """No run is dispatched, MNIST is there, and every test begins with no runs."""
    st.cache_resource.clear()
    st.cache_data.clear()
    known.refresh()
    monkeypatch.setattr(dispatch, "ensure", lambda: None)
    say_mnist(monkeypatch, "ready")


def say_mnist(monkeypatch, state: str) -> None:
    status = mnist.Status(state=state, folder=Path(), bad=(), progress=0.25, error="")
    monkeypatch.setattr(mnist, "status", lambda *_: status)
    monkeypatch.setattr(mnist, "fetch_in_background", lambda: None)


def open_part(**link: str) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in {"part": "recall", **link}.items():
        app.query_params[key] = value
    return look(app)


def look(app: AppTest) -> AppTest:
    live.refresh()
    known.refresh()
    app.run()
    assert not app.exception
    return app


def change(app: AppTest, **values: object) -> AppTest:
    for name, value in values.items():
        kinds = (app.number_input, app.selectbox, app.slider, app.segmented_control, app.pills)
        (widget,) = [each for kind in kinds for each in kind if each.key == f"widget_{name}"]
        widget.set_value(value)
        app.run()
        assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def verdicts(app: AppTest) -> list[str]:
    """Return what the page says of every kind of network, its tags taken off."""
    (html,) = [each.proto.body for each in app.get("html") if each.proto.body.startswith('<div class="learners"')]
    sections = re.findall(r"<section.*?</section>", html)
    return [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in sections]


def link(app: AppTest) -> dict[str, str]:
    return app.session_state["link"]


def started() -> list[runs.Run]:
    return sorted(runs.listed(), key=lambda run: run.plan.created)


def members(app: AppTest) -> list[runs.Run]:
    """Return the runs of the group that is shown; ids of one second are in no order."""
    return [run for run in started() if run.id.startswith(app.session_state["recall"])]


def group(state: str = "finished", learners=("rnn", "lstm-5"), seeds: int = 2, **changes) -> list[runs.Run]:
    configs = recall.configs(learners, 3, seeds, blank=5, updates=60, dataset="uci", rate_rnn=0.002)
    id, runs_made = runs.new_id(), []
    for index, config in enumerate(configs):
        values = {"cell": config.cell, "seed": config.seed}
        member = runs.Group(id, "recall", index, len(configs), "a <b>group</b>", values)
        runs_made.append(made(state, config, group=member, preset=None, id=f"{id}-{index + 1:02}", **changes))
    return runs_made


def id_of(members: list[runs.Run]) -> str:
    return members[0].plan.group.id


def unpacked(chart: dict) -> list[tuple[list[int], np.ndarray]]:
    """Return the frames of a chart's lines: updates, and norms (N, R) with zeros and what is unknown as they were."""
    frames = []
    for each in chart["follow"]["frames"]:
        coded = np.frombuffer(base64.b64decode(each["norms"]), "<i2").reshape(len(each["steps"]), -1)
        norms = np.where(coded == drawn.ZERO, -np.inf, np.where(coded == drawn.UNKNOWN, np.nan, coded / 100))
        frames.append((each["steps"], norms))
    return frames


# ---- The recording


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_page_is_full_before_anyone_trains(language):
    app = open_part(lang=language)
    words = text.Words(language)
    assert not app.error
    assert not app.warning
    kept = recall.recorded()
    learned = sum(each.learned for each in kept.results)
    assert words("recall.outcome", learned=learned, count=18, blank=28) in told(app)
    assert words("recall.recorded_by", made=kept.made, device=kept.device, torch=kept.torch) in told(app)
    assert f"`{kept.command}`" in told(app)
    rates = [words("recall.used_rnn", rate=0.001), words("recall.used_gated", rate=0.01)]
    assert words("runs.comma").join(rates) in told(app)
    assert len(verdicts(app)) == 6
    assert "recall" not in link(app)


def test_which_networks_learned_and_which_did_not_is_said_with_every_seeds_accuracy():
    kept = recall.recorded()
    for name, said in zip(recall.LEARNERS, verdicts(open_part()), strict=True):
        own = [each for each in kept.results if each.learner == name]
        learned = sum(each.learned for each in own)
        mark = "✓" if learned else "✗"
        shares = " ".join("50.1%" if 0.49 < each.test < 0.51 else f"{each.test:.0%}" for each in own)
        assert said == f"{text.Words('en')(f'learner.{name}')} {mark} {learned} of 3 learned {shares}"


def test_the_curves_and_the_frames_are_those_of_the_recording():
    shown, results = charts(open_part()), recall.recorded().results
    assert len(shown["recall_accuracy"]["figure"]["data"]) == 18
    frames = unpacked(shown["fan_h"])
    for (steps, norms), each in zip(frames, results, strict=True):
        assert steps == each.steps.tolist()
        np.testing.assert_allclose(norms, each.norms["h"], atol=0.0051)
    cells = [each for each in results if "c" in each.norms]
    for (_, norms), each in zip(unpacked(shown["fan_c"]), cells, strict=True):
        np.testing.assert_allclose(norms, each.norms["c"], atol=0.0051)
    names = [line["name"] for line in shown["fan_h"]["figure"]["data"][:-1]]
    assert names[0] == "RNN, seed 0"
    assert len(names) == 18


def test_a_link_brings_back_the_moment_and_the_road():
    app = open_part(update="100", road="c", blank="14", learners="rnn,lstm-1", seed="7", updates="300")
    told_by = recall.recorded().results
    asked = {"update": "100", "road": "c", "blank": "14", "learners": "rnn,lstm-1", "seed": "7", "updates": "300"}
    assert asked.items() <= link(app).items()
    assert {name for name in charts(app) if name.startswith("film")} == {"film_lstm", "film_lstm-1", "film_lstm-5"}
    (said,) = [each.proto.body for each in app.get("html") if "learners reach" in each.proto.body]
    assert text.Words("en")("recall.reaches", step=100).replace("'", "&#x27;") in said
    rnn = [each.norms["h"][10, 0] for each in told_by if each.learner == "rnn"]
    assert f"RNN</small><b>{power(float(np.median(rnn)))}</b>" in said
    assert f"RNN {power(float(np.median(rnn)))}; RNN, orthogonal" in charts(app)["fan_h"]["alt"]
    assert told(app).count("**28 blank rows**") == 1  # what is shown, not what is asked for


def test_an_accuracy_near_the_limit_is_told_with_a_decimal():
    assert [verdict.percent(share) for share in (0.5007, 0.496, 0.511, 0.113)] == ["50.1%", "49.6%", "51%", "11%"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_below_the_figures_a_piece_of_its_line_stands_before_every_networks_name(theme):
    app = open_part()
    (said,) = [each.proto.body for each in app.get("html") if "learners reach" in each.proto.body]
    for config in {each.learner: each.config for each in recall.recorded().results}.values():
        assert verdict.sample(config, "light") in said
    assert len({verdict.sample(each.config, theme) for each in recall.recorded().results}) == 6


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_page_names_what_is_shown_where_other_settings_are_asked_for(language):
    words = text.Words(language)
    app = open_part(lang=language, blank="56", rate_rnn="0.01")
    assert words("recall.intro", blank=28) in told(app)
    assert words("recall.untrained", blank=28) in told(app)
    assert words("recall.same_rate") in told(app)
    assert words("recall.rates") not in told(app)
    fewer = open_part(lang=language, learners="gru,lstm", seeds="2")  # all of them are in the recording
    assert words("recall.untrained", blank=28) not in told(fewer)
    assert words("recall.rates") in told(fewer)


def test_what_was_trained_already_is_named_where_something_else_is_shown():
    words = text.Words("en")
    members = group(learners=["lstm-5"])
    recorded = words("recall.recording", made=recall.recorded().made)
    app = open_part(recall=id_of(members))
    assert words("recall.intro", blank=5) in told(app)
    assert words("recall.elsewhere", name=recorded, blank=5) in told(app)
    app = open_part(recall=id_of(members), learners="lstm-5", seed="3", seeds="2", blank="5", updates="60")
    assert "**Trained already" not in told(app)
    app = open_part(learners="lstm-5", seed="3", seeds="2", blank="5", updates="60")
    (row,) = found.groups()
    assert words("recall.elsewhere", name=escaped(found.called(words, row)), blank=28) in told(app)


def test_one_seed_is_no_range():
    app = open_part(seeds="1")
    assert "batches: seed 0." in app.button(key="recall_rewind").help
    assert "batches: seed 1." in app.button(key="recall_new").help
    assert "batches: seeds 3 to 5." in open_part().button(key="recall_new").help


def test_of_a_link_what_cannot_be_is_said():
    app = open_part(learners="cnn", seeds="9", recall="nonsense", road="x")
    assert app.warning[0].value == text.Words("en")("link.ignored", keys="learners, seeds, recall, road")


@pytest.mark.parametrize("damage", ["missing", "damaged", "of another version"])
@pytest.mark.parametrize("language", text.LANGUAGES)
def test_without_its_recording_the_page_says_so_and_trains_all_the_same(monkeypatch, tmp_path, damage, language):
    path = tmp_path / "delayed-recall.safetensors"
    if damage == "damaged":
        path.write_bytes(b"nonsense")
    elif damage == "of another version":
        path.write_bytes(recall.RECORDING.read_bytes().replace(b"rnnviz-recall-1", b"rnnviz-recall-9"))
    monkeypatch.setattr(recall, "RECORDING", path)
    app = open_part(lang=language)
    words = text.Words(language)
    assert words("recall.no_recording") in told(app)
    assert words("recall.empty") in told(app)
    press(app, "recall_rewind")
    assert len(started()) == 18


# ---- Groups


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("state", ["queued", "running", "finished", "stopped", "failed"])
def test_a_group_is_shown_whatever_its_networks_state(state, language):
    members = group(state)
    app = open_part(recall=id_of(members), lang=language)
    assert not app.error
    said = verdicts(app)
    assert len(said) == 2
    name = "lost" if state == "running" else state
    if state != "finished":
        assert all(said_of.count(text.Words(language)(f"run.state.{name}")) == 2 for said_of in said)
    assert link(app)["recall"] == id_of(members)


def test_a_network_at_work_says_how_far_it_is_and_one_that_diverged_that_it_did():
    members = group("running", ["lstm-5"], 1)
    with at_work(members[0]):
        app = open_part(recall=id_of(members))
    assert "update 30 of 60" in verdicts(app)[0]
    assert text.Words("en")("recall.so_far", learned=1, count=1, waiting=1) in told(app)
    members = group("failed", ["gru"], 1, reason="diverged")
    said = verdicts(open_part(recall=id_of(members)))[0]
    assert said.endswith("diverged")
    assert "0 of 1 learned" in said


def test_the_frames_of_a_group_are_those_of_its_films():
    members = group()
    shown = charts(open_part(recall=id_of(members)))
    for (steps, norms), run in zip(unpacked(shown["fan_h"]), members, strict=True):
        film = run.film.frames
        assert steps == film["step"].tolist()
        np.testing.assert_allclose(norms, film["grad_h"], atol=0.0051)
    assert {"film_rnn", "film_lstm-5"} <= set(shown)
    assert shown["fan_c"]["follow"]["rows"] == list(range(1, 34))


def test_the_newest_groups_can_be_chosen_and_what_they_were_asked_is_asked_again():
    group()
    members = group(learners=["lstm-1"], seeds=1)
    app = open_part()
    assert "recall" not in link(app)
    change(app, recall_shown=id_of(members))
    app.run()
    assert link(app)["recall"] == id_of(members)
    asked = [app.session_state[key] for key in ("learners", "seeds", "seed", "blank", "updates")]
    assert asked == [["lstm-1"], 1, 3, 5, 60]
    change(app, recall_shown="")
    app.run()
    assert "recall" not in link(app)
    assert app.session_state["blank"] == 28


def test_a_group_that_is_gone_is_told_and_the_recording_shown():
    app = open_part(recall=runs.new_id())
    assert text.Words("en")("recall.gone") in told(app)
    assert len(verdicts(app)) == 6


def test_a_run_of_a_group_that_cannot_be_read_hides_no_other():
    members = group()
    id = id_of(members)
    (members[0].folder / "config.json").write_text("{")
    runs.delete(members[1])
    said = verdicts(open_part(recall=id))
    assert ["of 1 learned" in each for each in said] == [True, True]
    assert not any("of 2 learned" in each for each in said)


def test_a_group_of_other_networks_is_none_of_ours():
    members = [made("finished", group=runs.Group(id := runs.new_id(), "sweep", 0, 1), id=f"{id}-01")]
    assert found.group(id_of(members)) is None
    assert found.groups() == []


def test_a_group_at_work_can_be_stopped():
    members = group("queued")
    app = press(open_part(recall=id_of(members)), "recall_stop")
    look(app)
    assert {run.state.state for run in members} == {"stopped"}
    assert not [each for each in app.button if each.key == "recall_stop"]


# ---- Starting


def test_rewind_trains_from_the_same_weights_and_new_seeds_from_the_next():
    app = open_part()
    press(app, "recall_rewind")
    assert [run.config for run in started()] == recall.configs()
    assert link(app)["recall"] == id_of(started())
    app.session_state["started_at"] = -1e9
    press(app, "recall_new")
    assert [run.config for run in members(app)] == recall.configs(first_seed=3)
    assert link(app)["seed"] == "3"
    app.session_state["started_at"] = -1e9
    press(app, "recall_rewind")
    assert {run.config.seed for run in members(app)} == {3, 4, 5}
    assert len(started()) == 3 * 18


def test_what_is_asked_for_is_what_is_started():
    app = open_part()
    change(app, learners=["lstm", "rnn"], seeds=1, blank=14, rate_rnn=0.01, rate_gated=0.002, updates=200)
    press(app, "recall_rewind")
    expected = recall.configs(["rnn", "lstm"], 0, 1, 14, 0.01, 0.002, 200)
    assert [run.config for run in started()] == expected
    assert {run.plan.group.kind for run in started()} == {"recall"}


def test_a_double_click_starts_one_group():
    press(press(open_part(learners="gru", seeds="1"), "recall_rewind"), "recall_rewind")
    assert len(started()) == 1


def test_after_the_last_seed_comes_the_first():
    app = press(open_part(learners="gru", seed="9997"), "recall_new")
    assert [run.config.seed for run in started()] == [0, 1, 2]
    assert not app.exception


def test_without_any_network_nothing_can_be_started():
    app = change(open_part(), learners=[])
    assert text.Words("en")("recall.none") in told(app)
    assert app.button(key="recall_rewind").disabled


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_without_mnist_the_bundled_digits_are_read_and_that_is_said(monkeypatch, language):
    say_mnist(monkeypatch, "missing")
    app = open_part(lang=language, learners="gru", seeds="1")
    assert text.Words(language)("recall.no_mnist") in told(app)
    press(app, "recall_rewind")
    (run,) = started()
    assert (run.config.dataset, run.config.updates) == ("uci", 500)


def test_without_torch_the_page_says_how_to_get_it(monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find_spec(name))
    app = open_part()
    assert text.Words("en")("train.no_torch") in told(app)
    assert app.button(key="recall_rewind").disabled


def test_a_full_queue_and_a_full_disk_are_told_in_words(monkeypatch):
    monkeypatch.setattr(runs, "MAX_WAITING", 3)
    app = press(open_part(), "recall_rewind")
    assert "3 runs are waiting already" in app.error[0].value
    assert started() == []
    monkeypatch.setattr(runs, "MAX_WAITING", 500)

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(runs, "create_group", full)
    assert "Is the disk full?" in press(app, "recall_rewind").error[0].value


def test_the_time_is_told_by_what_earlier_runs_took():
    assert "(estimate)" in told(open_part())
    group(learners=["gru"], seeds=1)
    st.cache_data.clear()
    assert "by earlier runs here" in told(open_part())


@pytest.mark.parametrize(("slots", "rounds"), [(1, 6), (2, 3), (4, 2), (6, 1), (400, 1)])
def test_however_many_train_at_a_time_one_takes_its_time(monkeypatch, slots, rounds):
    monkeypatch.setattr(dispatch, "slots", lambda: slots)
    monkeypatch.setattr(live, "expected", lambda config: estimate.Estimate(100.0, "measured"))
    monkeypatch.setattr(asking, "LOADING", 20.0)
    shown = told(open_part(learners="gru,lstm", seeds="3"))
    assert f"about {2 * rounds} min" in shown


# ---- Elsewhere


def test_the_runs_page_leads_to_the_lab():
    members = group()
    app = AppTest.from_file(str(PAGE.with_name("runs.py")), default_timeout=60)
    app.query_params["runs"] = id_of(members)
    look(app)
    assert not app.error
    assert text.Words("en")("groups.recall_about", count=4) in told(app)
    app.button(key="to_lab").click().run()
    assert (app.session_state["part"], app.session_state["recall"]) == ("recall", id_of(members))
    assert (app.session_state["blank"], app.session_state["seed"]) == (5, 3)


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_train_page_calls_the_networks_by_their_kind_and_seed(language):
    members = group("running")
    words = text.Words(language)
    name = live.label(words, members[1])
    learner = words("learner.lstm-5")
    assert name == words("live.recall_point", name="a <b>group</b>", learner=learner, seed=3)


def test_what_was_asked_for_is_kept_while_another_part_is_shown():
    app = open_part()
    change(app, blank=42)
    change(app, part="fan")
    change(app, part="recall")
    assert app.session_state["blank"] == 42


def test_a_story_moves_the_slider_that_had_been_moved():
    app = open_part(update="300")
    before = moment_of(app)
    for name, update in (("recall-start", 0), ("recall-end", None)):
        for key, value in (stories.PARTS["recall"].defaults | stories.STORIES[name][1]).items():
            app.session_state[key] = value
        look(app)
        now = moment_of(app)
        assert (now["at"], now["key"] != before["key"]) == (update, True)
        assert link(app).get("update") == (None if update is None else str(update))
        before = now


def test_links_in_the_lesson_name_stories_of_this_part_in_both_languages():
    named = [re.findall(r"\(#story-([^)]+)\)", text.Words(each).lesson("gradients_recall")) for each in text.LANGUAGES]
    own = {name for name, (part, _) in stories.STORIES.items() if part == "recall"}
    assert set(named[0]) == set(named[1]) == own


def moment_of(app: AppTest) -> dict:
    (found_slider,) = [each for each in app.get("bidi_component") if each.proto.component_name == "rnnviz_moment"]
    return json.loads(found_slider.proto.json)


def test_results_of_unlike_length_do_not_stand_on_one_axis():
    members = group(learners=["rnn"], seeds=2)
    values = json.loads((members[1].folder / "config.json").read_text())
    values["config"]["delay"] = 9
    (members[1].folder / "config.json").write_text(json.dumps(values))
    shown = charts(open_part(recall=id_of(members)))
    assert len(shown["fan_h"]["follow"]["frames"]) == 1
    assert replace(members[0].config, delay=9, seed=4) == members[1].config
