"""The form of the Train page: what it asks for is what is started, and what cannot be is refused in words."""

import importlib.util
from dataclasses import fields, replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import text
from rnnviz.digits import mnist
from rnnviz.training import config as settings
from rnnviz.training import dispatch, runs
from rnnviz.training.config import Config, Refused
from rnnviz.training.presets import PRESETS
from rnnviz.ui import form
from tests.made_runs import runs_here  # noqa: F401

PAGE = Path(__file__).resolve().parents[2] / "pages" / "train.py"


@pytest.fixture(autouse=True)
def quiet(monkeypatch, runs_here):  # noqa: F811
    """No run is dispatched, MNIST is there, and every test begins with no runs."""
    st.cache_resource.clear()
    monkeypatch.setattr(dispatch, "ensure", lambda: None)
    say_mnist(monkeypatch, "ready")


def say_mnist(monkeypatch, state: str) -> None:
    status = mnist.Status(state=state, folder=Path(), bad=(), progress=0.25, error="")
    monkeypatch.setattr(mnist, "status", lambda *_: status)
    monkeypatch.setattr(mnist, "fetch_in_background", lambda: None)


def open_form(**link: str) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in link.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def change(app: AppTest, **values: object) -> AppTest:
    """Set widgets by the names of their settings and run the page."""
    for name, value in values.items():
        kinds = (app.number_input, app.selectbox, app.toggle, app.text_input, app.multiselect, app.segmented_control)
        (widget,) = [each for kind in kinds for each in kind if each.key == f"widget_{name}"]
        widget.set_value(value)
        app.run()
        assert not app.exception
    return app


def start(app: AppTest) -> list[runs.Run]:
    app.button(key="start").click().run()
    assert not app.exception
    return sorted(runs.listed(), key=lambda run: run.id)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_started_as_it_stands(name):
    app = open_form(preset=name)
    assert not app.error
    assert not app.button(key="start").disabled
    (run,) = start(app)
    assert run.config == PRESETS[name].config
    assert run.plan.preset == name
    assert run.name == name


def test_the_first_preset_is_a_quick_one_that_the_machine_has_the_data_for(monkeypatch):
    assert open_form().session_state["preset"] == "fastest"
    say_mnist(monkeypatch, "missing")
    assert open_form().session_state["preset"] == "bundled"


def test_what_is_changed_is_told_started_and_can_be_taken_back():
    app = change(open_form(preset="bundled"), set_hidden_size=48, set_optimiser="sgd")
    assert any("2 settings changed: Units, Optimiser" in caption.value for caption in app.caption)
    assert app.code[0].value == "python -m rnnviz train --preset bundled --set hidden_size=48 --set optimiser=sgd"
    (run,) = start(app)
    assert run.config == replace(PRESETS["bundled"].config, hidden_size=48, optimiser="sgd")
    assert run.name == "bundled, hidden_size=48, optimiser=sgd"
    app.button(key="reset").click().run()
    assert not any("changed" in caption.value for caption in app.caption)
    assert app.code[0].value == "python -m rnnviz train --preset bundled"


def test_a_name_that_is_given_is_the_name_of_the_run():
    (run,) = start(change(open_form(preset="bundled"), run_name="mine"))
    assert run.name == "mine"


def test_a_kind_brings_its_first_preset_and_a_sources_preset_offers_the_better_one():
    app = change(open_form(), kind="source")
    assert app.session_state["preset"] == "rnn-64-mnist"
    assert any("judged on the test digits" in caption.value for caption in app.caption)
    app.button(key="better").click().run()
    assert app.session_state["preset"] == "rnn-64"
    assert app.session_state["kind"] == "shipped"
    assert not any("judged on the test digits" in caption.value for caption in app.caption)


def test_a_double_click_starts_one_run_and_a_later_click_another(monkeypatch):
    app = open_form(preset="bundled")
    app.button(key="start").click().run()
    app.button(key="start").click().run()
    assert len(runs.listed()) == 1
    monkeypatch.setattr(form, "QUIET", 0.0)
    assert len(start(app)) == 2


def test_the_run_that_was_started_is_the_one_in_view_and_in_the_link():
    app = open_form(preset="bundled")
    (run,) = start(app)
    assert app.session_state["runs"] == [run.id]
    assert app.session_state["link"] == {"preset": "bundled", "runs": run.id}


def test_a_cross_validation_starts_its_folds_and_leaves_the_test_digits_alone():
    app = change(open_form(preset="rnn-64-mnist"), mode="kfold", k=3)
    assert not any("judged on the test digits" in caption.value for caption in app.caption)
    started = start(app)
    assert [(run.config.folds, run.config.fold, run.config.watch) for run in started] == [
        (3, fold, "validation") for fold in range(3)
    ]
    assert {run.plan.group.kind for run in started} == {"kfold"}


def test_a_sweep_starts_every_combination_of_the_values():
    app = change(open_form(preset="bundled"), mode="sweep", vary_1="hidden_size", vary_2="optimiser")
    change(app, values_hidden_size_vary_1="8, 16， 16 ,32", values_optimiser_vary_2=["adam", "sgd"])
    assert app.button(key="start").label == "Start 6 runs"
    assert app.code[0].value.endswith("--preset bundled --sweep hidden_size=8,16,32 --sweep optimiser=adam,sgd")
    started = {(run.config.hidden_size, run.config.optimiser) for run in start(app)}
    assert started == {(size, optimiser) for size in (8, 16, 32) for optimiser in ("adam", "sgd")}


@pytest.mark.parametrize("name", [name for group in form.GROUPS.values() for name in group])
def test_every_setting_can_be_swept_and_begins_with_values_of_its_own(name):
    app = change(open_form(preset="fastest"), mode="sweep", vary_1=name)
    assert app.session_state[f"values_{name}_vary_1"]
    assert len(app.error) == (name in ("shared", "dataset"))  # one layer has nothing to share; 5,000 are not held back


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"set_hidden_size": 5000}, "Units must lie between 1 and 1,024"),
        ({"set_epochs": 0}, "Epochs must lie between 1 and 1,000"),
        ({"set_learning_rate": 99.0}, "Learning rate must lie between 0.000001 and 10."),
        ({"set_clip": 0.0}, "Clip gradients at must lie between"),
        ({"set_validation": 60_000}, "Nothing would be left to train on: only 60,000 sequences"),
        ({"set_keep": "best", "set_watch": "test"}, "may not be chosen by the test digits"),
        ({"set_keep": "best", "set_validation": 0}, "some digits must be held back"),
        ({"set_reading": "pixels", "set_epochs": 1000, "set_batch_size": 1}, "These settings make 55,000,000 updates"),
        ({"set_ranks": 17}, "Processes must lie between 1 and 16."),
        ({"set_gpus": 9}, "GPUs of its own must lie between 0 and 8."),
        ({"set_gpus": -1}, "GPUs of its own must lie between 0 and 8."),
        ({"set_ranks": 16, "set_batch_size": 5000}, "would read 80,000 digits for one update, more than the 60,000"),
        (
            {"set_gpus": 2, "mode": "sweep", "vary_1": "ranks", "values_ranks_vary_1": "1, 2"},
            "ask for one or the other",
        ),
        (
            {"set_gpus": 2, "mode": "sweep", "vary_1": "device", "values_device_vary_1": ["auto", "cpu"]},
            "can have no GPUs of its own",
        ),
        ({"mode": "kfold", "k": 1}, "needs 2 to 20 parts"),
        ({"mode": "kfold", "k": 21}, "needs 2 to 20 parts"),
        ({"mode": "sweep", "values_learning_rate_vary_1": "0.1, much"}, "“much” is not a number"),
        ({"mode": "sweep", "values_learning_rate_vary_1": "0.1"}, "at least two different values"),
        ({"mode": "sweep", "values_learning_rate_vary_1": "0.1, 0.10"}, "at least two different values"),
        ({"mode": "sweep", "values_learning_rate_vary_1": "0.1, 20"}, "Learning rate must lie between"),
        ({"mode": "sweep", "vary_2": "learning_rate"}, "Both lists vary the same setting"),
        (
            {"mode": "sweep", "vary_1": "seed", "values_seed_vary_1": ",".join(map(str, range(37)))},
            "That would be 37 runs; at most 36",
        ),
        (
            {"mode": "sweep", "vary_1": "dataset", "values_dataset_vary_1": ["mnist", "mnist_2x"]},
            "super-resolution has a PSNR and the others an accuracy",
        ),
        ({"mode": "sweep", "vary_1": "cell", "values_cell_vary_1": ["lstm", "gru"]}, "needs a cell with a forget gate"),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_cannot_be_started(changes, says):
    app = change(open_form(preset="fastest"), **changes)
    assert says in app.error[0].value
    assert app.button(key="start").disabled


def test_every_refusal_has_words_in_both_languages():
    values = Config().to_dict()
    for language in text.LANGUAGES:
        for code in (*settings.TOGETHER, *(field.name for field in fields(Config))):
            assert form.refusal(text.Words(language), Refused(code, ""), values)


def test_settings_that_do_not_apply_are_hidden_and_count_as_their_defaults():
    app = change(open_form(preset="fastest"), set_cell="gru")
    assert not any(each.key == "widget_set_forget_bias" for each in app.number_input)
    (run,) = start(app)
    assert run.config.forget_bias is None
    change(app, set_cell="lstm")
    assert app.number_input(key="widget_set_forget_bias").value == 1.0


def test_processes_are_asked_for_on_the_processor_and_gpus_where_these_may_be_used():
    def asked(app: AppTest) -> set[str]:
        return {each.key.removeprefix("widget_set_") for each in app.number_input} & {"gpus", "ranks"}

    def shown(app: AppTest) -> str:
        return "".join(each.proto.body for each in app.get("html"))

    app = open_form(preset="fastest")
    assert asked(app) == {"gpus", "ranks"}
    assert asked(change(app, set_gpus=2)) == {"gpus"}
    assert "GPUs of its own: 2" in shown(app)
    (run,) = start(app)
    assert (run.config.gpus, run.config.ranks) == (2, 1)
    assert asked(change(app, set_device="cpu")) == {"ranks"}
    change(app, set_ranks=4)
    assert app.code[0].value.endswith("--set device=cpu --set ranks=4")
    assert "4 processes" in shown(app)


def test_super_resolution_is_read_row_by_row_and_needs_mnist(monkeypatch):
    app = open_form(preset="fastest")
    change(app, set_reading="pixels", set_dataset="mnist_2x")
    assert not any(each.key == "widget_set_reading" for each in app.segmented_control)
    assert "refused" not in {each.value for each in app.error}
    (run,) = start(app)
    assert (run.config.dataset, run.config.reading) == ("mnist_2x", "rows")
    say_mnist(monkeypatch, "missing")
    assert open_form(preset="super-3x128").button(key="start").disabled


def test_layers_can_share_their_weights_once_there_are_two():
    app = open_form(preset="fastest")
    assert not app.toggle or all(each.key != "widget_set_shared" for each in app.toggle)
    change(app, set_num_layers=2, set_shared=True)
    (run,) = start(app)
    assert run.config.shared


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_summary_tells_of_every_change_that_can_be_made(name, language):
    words, base = text.Words(language), PRESETS[name].config.to_dict()
    for group, names in form.GROUPS.items():
        told = form.summary(words, group, base)
        assert all(told)
        for each in set(names) - {"watch_every"}:
            value = base[each]
            others = {**settings.CHOICES, "shared": (False, True), "augment": (False, True)}.get(each)
            other = next(o for o in others if o != value) if others else (value or 0) + 7
            assert form.summary(words, group, base | {each: other}) != told, each


def test_without_mnist_the_page_says_so_and_offers_the_bundled_digits(monkeypatch):
    say_mnist(monkeypatch, "missing")
    app = open_form(preset="fastest")
    assert any("MNIST" in warning.value for warning in app.warning)
    assert app.button(key="start").disabled
    app.button(key="use_bundled").click().run()
    assert app.session_state["preset"] == "bundled"
    assert not app.warning
    assert not app.button(key="start").disabled


def test_a_download_and_its_failure_are_told(monkeypatch):
    say_mnist(monkeypatch, "failed")
    assert any("could not be fetched" in caption.value for caption in open_form(preset="fastest").caption)
    say_mnist(monkeypatch, "downloading")
    app = open_form(preset="fastest")
    assert app.button(key="fetch").disabled
    assert not app.exception


def test_without_torch_the_page_says_how_to_get_it(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "torch" else find(name, *rest))
    app = open_form(preset="bundled")
    assert "pip install -r requirements.txt" in app.warning[0].value
    assert app.button(key="start").disabled


def test_a_full_disk_is_told_in_words(monkeypatch):
    def full(*_, **__):
        raise OSError("No space left on device")

    app = open_form(preset="bundled")
    monkeypatch.setattr(runs, "create", full)
    app.button(key="start").click().run()
    assert not app.exception
    assert "Is the disk full?" in app.error[0].value


def test_too_many_waiting_runs_are_told_in_words(monkeypatch):
    app = open_form(preset="bundled")
    monkeypatch.setattr(runs, "MAX_WAITING", 0)
    app.button(key="start").click().run()
    assert not app.exception
    assert "waiting already" in app.error[0].value


def test_the_numbers_of_the_form_follow_the_settings():
    def facts() -> str:
        (told,) = [each.proto.body for each in app.get("html") if 'class="facts"' in each.proto.body]
        return told

    app = open_form(preset="bundled")
    config = PRESETS["bundled"].config
    assert f"{config.updates:,} updates" in facts()
    change(app, set_epochs=40)
    assert f"{replace(config, epochs=40).updates:,} updates" in facts()
    change(app, mode="kfold", k=3)
    assert f"3 × {replace(config, epochs=40, folds=3).updates:,} updates" in facts()


@pytest.mark.parametrize("folds", [0, 4])
def test_a_run_that_is_trained_again_brings_its_settings(folds):
    config = replace(PRESETS["bundled"].config, hidden_size=24, learning_rate=0.02, folds=folds, fold=folds // 2)
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state["again"] = ("bundled", config)
    app.run()
    assert not app.exception
    started = start(app)
    assert len(started) == max(1, folds)
    assert config in [run.config for run in started]
    assert started[0].plan.preset == "bundled"
