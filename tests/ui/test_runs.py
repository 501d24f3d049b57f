"""The Runs page: what it knows of runs, what it says of them, and what it does with them."""

import base64
import json
import os
import shutil
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, upscaling
from rnnviz.digits import mnist
from rnnviz.text import Words
from rnnviz.training import dispatch, runs
from rnnviz.training.presets import PRESETS
from rnnviz.ui.runs import acting, known, listing, one, several, spoken, written
from tests.made_runs import SMALL, UPSCALING, at_work, made, made_group, runs_here

ROOT = Path(__file__).resolve().parents[2]
__all__ = ["runs_here"]


@pytest.fixture(autouse=True)
def home(runs_here, monkeypatch):
    """An empty folder of runs, and nobody who would start them."""
    monkeypatch.setattr(dispatch, "ensure", lambda: None)
    known.refresh()
    st.cache_resource.clear()
    return runs_here


def open_page(*ids: str, **link: str) -> AppTest:
    known.refresh()
    app = AppTest.from_file(str(ROOT / "pages" / "runs.py"), default_timeout=60)
    for key, value in (link | ({"runs": ",".join(ids)} if ids else {})).items():
        app.query_params[key] = value
    return app.run()


def again(app: AppTest) -> AppTest:
    known.refresh()
    return app.run()


def said(app: AppTest) -> str:
    """Return all that the page says, in one text."""
    kinds = (app.header, app.subheader, app.markdown, app.caption, app.info, app.warning, app.error, app.code)
    return "\n".join(str(each.value) for kind in kinds for each in kind)


def entry(run: runs.Run) -> known.Entry:
    return known.entry(run)


def html(*entries: known.Entry) -> str:
    (row,) = known.rows(entries)
    return listing.row_html(Words("en"), row)


# ---- What is known


def test_runs_are_listed_newest_first_and_a_group_is_one_row():
    ids = [made(id=f"20261121-04150{k}-aaaa").id for k in range(3)]
    folds = made_group("kfold", 4)
    known.refresh()
    rows = known.rows(known.entries())
    alone = [row.id for row in rows if not row.group]
    assert alone == ids[::-1]
    (group,) = (row for row in rows if row.group)
    assert [each.run for each in group.entries] == folds


def test_there_are_no_runs_where_there_is_no_folder():
    assert known.entries() == []


def test_a_dead_workers_run_is_lost_and_a_living_ones_is_running():
    run = made("running")
    assert entry(run).standing == "lost"
    with at_work(run):
        assert entry(run).standing == "running"
        (run.folder / "stop").touch()
        assert entry(run).standing == "stopping"


def test_a_run_whose_settings_cannot_be_read_is_listed_as_such():
    run = made()
    (run.folder / "config.json").write_text("{")
    found = entry(run)
    assert (found.standing, found.plan, found.name) == ("unreadable", None, run.id)
    assert known.result(found) == known.Result()


def test_what_has_changed_on_the_disk_is_read_anew():
    run = made("stopped", share=0.5)
    before = known.result(entry(run))
    runs.annotate(run, name="another name")
    with run.hold():
        run.write_state(replace(run.state, state="queued"))
    with open(run.folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps({"step": 60, "epoch": 3.0, "seconds": 1.0, "loss": 0.01, "accuracy": 0.875}) + "\n")
    (run.folder / "answers.npz").unlink()
    after = known.result(entry(run))
    assert (entry(run).name, entry(run).standing) == ("another name", "queued")
    assert (after.step, after.watched, after.measured_at, after.test) == (60, 0.875, 60, None)
    assert before.test is not None
    assert before.step < 60


def rows_of(run: runs.Run, *accuracies: float) -> known.Result:
    """Write a row for each accuracy, after updates 1, 2, ..., and return the numbers of the run."""
    rows = ({"step": k + 1, "loss": 0.5, "seconds": k + 1.0, "accuracy": a} for k, a in enumerate(accuracies))
    (run.folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return known.result(entry(run))


BEST, LAST = replace(SMALL, keep="best"), replace(SMALL, keep="last")
WATCHES_TEST = replace(SMALL, watch="test", validation=0, keep="last")


def test_the_accuracy_is_that_of_the_weights_that_are_kept():
    assert rows_of(made("stopped", BEST, step=3), 0.5, 0.9, 0.8).validation == 0.9
    assert rows_of(made("stopped", LAST, step=3), 0.5, 0.9, 0.8).validation == 0.8


def test_the_last_weights_of_a_run_stopped_between_two_measurements_have_no_accuracy():
    run = made("stopped", LAST, step=4)
    result = rows_of(run, 0.5, 0.9, 0.8)
    assert (result.validation, result.watched, result.measured_at) == (None, 0.8, 3)
    assert "80.00%<small>at update 3</small>" in html(entry(run))
    shown = said(open_page(run.id))
    assert f"Last measured at update 3: right on **80.00%** of the {SMALL.validation:,} examples" in shown


@pytest.mark.parametrize("state", ["running", "failed", "queued"])
def test_what_is_measured_while_a_run_trains_is_not_its_result(state):
    run = made(state, LAST, step=3)
    result = rows_of(run, 0.5, 0.9, 0.8)
    assert (result.validation, result.watched) == (None, 0.8)


def test_the_best_of_several_measurements_is_called_so():
    run = made("stopped", BEST)
    rows_of(run, 0.5, 0.9, 0.8)
    assert "90.00%<small>best of 3</small>" in html(entry(run))
    assert "the best of 3 measurements" in said(open_page(run.id))
    rows_of(run, 0.9)
    assert "best of" not in html(entry(run))


@pytest.mark.parametrize("state", ["running", "stopped", "failed"])
def test_a_run_that_watches_the_test_digits_has_no_test_accuracy_before_it_is_scored(state):
    config = replace(PRESETS["fastest"].config, watch="test", validation=0, keep="last")
    run = made(state, config, rows=10, frames=3)
    (run.folder / "answers.npz").unlink(missing_ok=True)
    result = rows_of(run, 0.5, 0.75)
    assert (result.validation, result.test, result.watched) == (None, None, 0.75)
    assert "75.00%<small>at update 2, on the first 2,000</small>" in html(entry(run))
    assert "right on **75.00%** of the first 2,000 test examples" in said(open_page(run.id))


def test_a_scored_run_shows_its_test_accuracy_without_any_mark():
    run = made(config=WATCHES_TEST)
    result = rows_of(run, 0.5, 0.75)
    assert f"{result.test:.2%}</td>" in html(entry(run))
    assert "75.00%" not in html(entry(run))
    assert f"Right on **{result.test:.2%}** of all 360 test examples." in said(open_page(run.id))


def test_how_many_are_held_back_is_told_exactly_and_of_a_fold_about():
    words, folds = Words("en"), replace(SMALL, folds=5, keep="last")
    assert spoken.watched(words, SMALL) == f"the {SMALL.validation:,} examples held back for validation"
    assert spoken.watched(words, folds) == "the fold held back (about 287 examples)"
    assert spoken.watched(words, WATCHES_TEST) == "all 360 test examples"


def test_the_test_accuracy_is_counted_on_the_answers():
    run = made()
    labels = known.test_digits("uci")[1]
    answers = labels.copy()
    answers[:36] = (answers[:36] + 1) % 10
    np.savez(run.folder / "answers.npz", predicted=answers, confidence=np.ones(360, np.float16))
    assert known.result(entry(run)).test == 0.9


def test_answers_that_cannot_be_read_leave_what_the_worker_counted():
    run = made()
    counted = known.card(run).accuracy["uci_test"]
    np.savez(run.folder / "answers.npz", predicted=np.zeros(359, np.uint8), confidence=np.ones(359, np.float16))
    assert known.result(entry(run)).test == counted


@pytest.mark.parametrize(
    ("predicted", "confidence"),
    [
        (np.zeros(359, np.uint8), np.ones(359)),
        (np.full(360, 10, np.uint8), np.ones(360)),
        (np.full(360, -1), np.ones(360)),
        (np.zeros(360, np.uint8), np.ones(10)),
        (np.full(360, 0.5), np.ones(360)),
        (np.zeros((360, 2), np.uint8), np.ones((360, 2))),
    ],
)
def test_answers_that_do_not_fit_the_test_set_are_told_to_be_unreadable(predicted, confidence):
    run = made()
    np.savez(run.folder / "answers.npz", predicted=predicted, confidence=confidence)
    app = open_page(run.id)
    assert not app.exception
    told = "\n".join(each.value for each in [*app.warning, *app.info])
    assert "answers.npz" in told
    assert "Train it again" in told


def test_progress_is_that_of_the_last_row():
    run = made("running", share=0.5)
    assert known.progress(entry(run)) == pytest.approx(0.5, abs=0.05)
    assert known.progress(entry(made())) == 1.0
    assert known.progress(entry(made("queued"))) == 0.0


def test_the_spread_is_the_sample_standard_deviation_of_what_is_known():
    mean, deviation = known.spread([0.9, None, 0.8])
    assert mean == pytest.approx(0.85)
    assert deviation == pytest.approx(np.std([0.9, 0.8], ddof=1))
    assert known.spread([0.9]) == (0.9, 0.0)
    assert known.spread([None]) is None


def test_a_group_counts_only_the_runs_that_came_to_their_end():
    members = made_group("kfold", 3)
    with members[0].hold():
        members[0].write_state(replace(members[0].state, state="failed"))
    known.refresh()
    row = known.members(members[0].plan.group.id)
    assert len(known.finished(row)) == 2


# ---- The list


def test_a_row_tells_name_state_network_data_and_numbers():
    run = made(name="my run")
    told = html(entry(run))
    result = known.result(entry(run))
    scores = (f"{result.validation:.2%}", f"{result.test:.2%}")
    for text in ("my run", "finished", f"LSTM · {SMALL.hidden_size}", "Bundled digits", *scores):
        assert text in told


def test_names_that_people_give_are_text_and_never_code():
    run = made(name='<img src=x onerror="alert(1)">')
    assert "<img" not in html(entry(run))
    app = open_page(run.id)
    assert app.header[0].value == r"\<img src\=x onerror\=\"alert\(1\)\"\>"


def test_a_running_run_shows_its_progress():
    run = made("running", share=0.5)
    with at_work(run):
        told = html(entry(run))
    assert "training 5" in told
    assert "<progress" in told


def test_a_groups_row_tells_mean_and_spread_and_how_many_stand_where():
    members = made_group("kfold", 3, name="three folds")
    with members[2].hold():
        members[2].write_state(replace(members[2].state, state="failed", reason="memory"))
    told = html(*map(entry, members))
    scores = [known.result(entry(run)).validation for run in members[:2]]
    assert "three folds" in told
    assert "2 finished" in told
    assert "1 failed" in told
    assert spoken.plus_minus("accuracy", scores) in told
    assert "±" in told


def sweep_of(*configs) -> list[runs.Run]:
    """Make a finished run of each, as the points of a sweep over the seed."""
    id = runs.new_id()
    values = [{"seed": config.seed} for config in configs]
    return [
        made(config=config, group=runs.Group(id, "sweep", k, len(configs), "a sweep", values[k]), id=f"{id}-{k + 1:02}")
        for k, config in enumerate(configs)
    ]


def test_a_sweeps_row_tells_from_where_to_where_its_runs_reach_and_no_spread():
    members = sweep_of(*(replace(LAST, seed=seed) for seed in range(3)))
    for run, share in zip(members, (0.5, 0.9, 0.8), strict=True):
        with run.hold():
            run.write_state(replace(run.state, step=1))
        rows_of(run, share)
    told = html(*map(entry, members))
    assert "50.00% – 90.00%" in told
    assert "±" not in told


def test_a_sweep_is_ranked_by_validation_and_runs_without_come_last_with_a_dash():
    held, watching = sweep_of(replace(LAST, seed=1), replace(WATCHES_TEST, seed=2))
    for run, share in ((held, 0.5), (watching, 0.9)):
        with run.hold():
            run.write_state(replace(run.state, step=1))
        rows_of(run, share)
    row = known.members(held.plan.group.id)
    assert known.judged_by(row.entries) == "validation"
    assert listing._rank(row, "validation") == (True, True, 0.5)
    assert "Ranked by validation accuracy" in said(open_page(row.id))
    last = entry(watching)
    assert spoken.score(Words("en"), last, known.result(last), "validation") == ("–", "")


def test_only_where_no_run_holds_anything_back_the_test_accuracy_ranks_and_that_is_said():
    members = sweep_of(replace(WATCHES_TEST, seed=1), replace(WATCHES_TEST, seed=2))
    known.refresh()
    row = known.members(members[0].plan.group.id)
    assert known.judged_by(row.entries) == "test"
    assert listing._rank(row, "test")[-1] == max(known.result(each).test for each in row.entries)
    assert "Ranked by test accuracy" in said(open_page(row.id))


def test_the_most_accurate_come_first_by_one_kind_of_accuracy():
    for name, config, share in (("low", LAST, 0.5), ("test", WATCHES_TEST, 0.99), ("high", LAST, 0.6)):
        rows_of(made(config=config, name=name, step=1), share)
    app = open_page()
    app.selectbox(key="widget_runs_order").select("best").run()
    assert "Ranked by the validation accuracy" in said(app)
    rows = {row.name: listing._rank(row, "validation") for row in known.rows(known.entries())}
    assert rows == {"low": (True, True, 0.5), "test": (False, False, 0.0), "high": (True, True, 0.6)}


def test_curves_of_accuracies_of_different_kinds_are_told_apart():
    one, other = made(name="one"), made(config=WATCHES_TEST, name="other")
    app = open_page(one.id, other.id)
    assert "different examples" in said(app)
    assert f"**one**: on the {SMALL.validation:,} examples held back for validation." in said(app)
    assert "**other**: on all 360 test examples." in said(app)
    same = said(open_page(one.id, made(name="third").id))
    assert "different examples" not in same
    assert f"The accuracy is measured on the {SMALL.validation:,} examples" in same


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_row_that_cannot_be_shown_is_unreadable_and_can_be_ticked_and_deleted(language):
    run, other = made(), made(name="sound")
    settings = json.loads((run.folder / "config.json").read_text())
    (run.folder / "config.json").write_text(json.dumps(settings | {"created": 1e300}))
    told = html(entry(run))
    assert 'class="unreadable"' in told
    assert f'data-tick="{run.id}"' in told
    assert "sound" in html(entry(other))
    assert not open_page(lang=language).exception
    app = open_page(run.id, lang=language)
    assert not app.exception
    app.button(key="delete_yes").click().run()
    assert not run.exists


def test_a_row_that_fails_leaves_the_others_as_they_are(monkeypatch):
    run, other = made(), made(name="sound")
    size = known.size
    monkeypatch.setattr(known, "size", lambda each: broken() if each.id == run.id else size(each))
    told = html(entry(run))
    assert 'class="unreadable"' in told
    assert f'data-tick="{run.id}"' in told
    assert told.count("<td") == html(entry(other)).count("<td")
    assert "unreadable" not in html(entry(other))


def broken(*args, **kwargs):
    raise RuntimeError("made to fail")


@pytest.mark.parametrize(
    ("where", "name"),
    [(listing, "ticked_bar"), (spoken, "moment"), (one.live, "pictures"), (several, "curves"), (several, "differing")],
)
def test_an_error_in_a_part_that_looks_again_by_itself_is_told_in_words(where, name, monkeypatch):
    single, members = made(), made_group("kfold", 2)
    pages = {
        "ticked_bar": [],
        "moment": [single.id],
        "pictures": [single.id],
        "curves": [members[0].plan.group.id],
        "differing": [single.id, members[0].id],
    }
    monkeypatch.setattr(where, name, broken)
    app = open_page(*pages[name])
    assert not app.exception
    assert app.error[0].value == Words("en")("problem.unexpected")
    assert app.title


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({"runs_text": "ALPHA"}, ["alpha"]),
        ({"runs_text": "seen by many"}, ["beta"]),
        ({"runs_state": "failed"}, ["beta"]),
        ({"runs_cell": "gru"}, ["alpha"]),
        ({"runs_data": "mnist"}, ["gamma"]),
        ({"runs_text": "nothing like it"}, []),
        ({}, ["gamma", "beta", "alpha"]),
    ],
)
def test_filters_let_through_what_fits(chosen, names):
    made(name="alpha", config=replace(SMALL, cell="gru", forget_bias=None), id="20261121-041500-aaaa")
    made("failed", name="beta", note="Seen by many", id="20261121-041501-aaaa")
    made("stopped", PRESETS["fastest"].config, name="gamma", id="20261121-041502-aaaa")
    known.refresh()
    values = {key.removeprefix("runs_"): value for key, value in (listing.DEFAULTS | chosen).items()}
    rows = known.rows(known.entries())
    assert [row.name for row in rows if listing._lets_through(row, values)] == names


def test_the_list_is_cut_into_pages_and_keeps_within_them(home):
    first = made()
    for k in range(29):
        shutil.copytree(first.folder, home / f"20261120-0415{k:02}-aaaa")
    app = open_page()
    assert not app.exception
    assert "1 to 25 of 30" in said(app)
    app.session_state["runs_page"] = 9
    assert "26 to 30 of 30" in said(app.run())


def test_runs_that_fit_no_filter_are_told_apart_from_no_runs():
    made()
    app = open_page()
    app.text_input(key="widget_runs_text").input("nothing like it").run()
    assert "No run fits" in app.info[0].value


# ---- Every view in both languages


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    def missing():
        raise mnist.MnistMissing("not here")

    monkeypatch.setattr(mnist, "test", missing)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_runs_the_page_says_what_to_do(language):
    app = open_page(lang=language)
    assert not app.exception
    assert len(app.info) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("state", ["queued", "running", "finished", "stopped", "failed"])
def test_a_run_of_every_state_is_shown(state, language):
    run = made(state, note="a note")
    app = open_page(run.id, lang=language)
    assert not app.exception
    assert len(app.error) == (state == "failed")
    assert app.session_state["link"]["runs"] == run.id


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("preset", ["deep-lstm-toy-adam", "lstm-64-mnist", "rnn-3x64"])
def test_runs_on_every_data_set_are_shown_without_mnist(preset, language, no_mnist):
    run = made(config=PRESETS[preset].config, preset=preset, rows=10, frames=4)
    app = open_page(run.id, lang=language)
    assert not app.exception
    assert not app.error


def test_without_mnist_a_run_on_it_says_why_its_digits_are_not_shown(no_mnist):
    run = made(config=PRESETS["fastest"].config, preset="fastest", rows=10, frames=4)
    assert "MNIST is not on this machine" in open_page(run.id).info[0].value


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("state", ["finished", "running", "failed", "queued"])
@pytest.mark.parametrize("kind", ["kfold", "sweep"])
def test_groups_are_shown_whatever_their_runs_state(kind, state, language):
    members = made_group(kind, 3, state)
    app = open_page(members[0].plan.group.id, lang=language)
    assert not app.exception
    assert not app.error


def test_a_sweep_over_two_settings_or_over_names_is_shown():
    for values in (
        [{"learning_rate": rate, "hidden_size": size} for rate in (0.01, 0.02) for size in (8, 16)],
        [{"cell": cell} for cell in ("rnn_tanh", "gru")],
        [{"forget_bias": bias} for bias in (None, 1.0, 5.0)],
        [{"augment": flag, "optimiser": name, "seed": 1} for flag in (True, False) for name in ("adam", "sgd")],
    ):
        id = runs.new_id()
        for k, point in enumerate(values):
            bias = {} if "forget_bias" in point else {"forget_bias": None}
            member = runs.Group(id, "sweep", k, len(values), "a sweep", point)
            made(config=replace(SMALL, **(bias | point)), group=member, id=f"{id}-{k + 1:02}", rows=8, frames=3)
        app = open_page(id)
        assert not app.exception
        assert app.header[0].value == "a sweep"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_runs_are_compared_whatever_their_states(language):
    ids = [made("finished").id, made("queued").id, made("failed", replace(SMALL, learning_rate=0.5)).id]
    app = open_page(*ids, lang=language)
    assert not app.exception
    assert not app.error
    assert app.session_state["link"]["runs"] == ",".join(ids)


def test_an_unreadable_run_can_be_shown_compared_and_deleted():
    run, other = made(), made()
    (run.folder / "config.json").write_text("[]")
    app = open_page(run.id)
    assert not app.exception
    assert "config.json" in app.error[0].value
    assert not open_page(run.id, other.id).exception
    app.button(key="delete_yes").click().run()
    assert not run.folder.exists()


# ---- What is said


def test_a_fold_group_says_its_mean_and_what_the_spread_means():
    members = made_group("kfold", 3)
    scores = [known.result(entry(run)).validation for run in members]
    app = open_page(members[0].plan.group.id)
    assert f"**{np.mean(scores):.2%} ± {100 * np.std(scores, ddof=1):.2f}** percentage points" in said(app)
    assert "standard deviation from fold to fold" in said(app)


def test_a_failed_run_says_why_and_shows_what_its_worker_wrote():
    run = made("failed", reason="memory")
    app = open_page(run.id)
    assert "memory was not enough" in app.error[0].value
    assert run.log().strip() in "".join(code.value for code in app.code)


def test_the_command_and_the_differences_from_the_preset_are_shown():
    run = made(config=replace(SMALL, learning_rate=0.02), preset="bundled")
    app = open_page(run.id)
    assert "python -m rnnviz train --preset bundled --set epochs=4 --set learning_rate=0.02" in said(app)
    assert "preset **bundled**, except for these" in said(app)


def test_differing_settings_are_those_and_no_others():
    configs = [SMALL, replace(SMALL, seed=3), replace(SMALL, seed=3, hidden_size=8)]
    assert several.differing(configs) == ["hidden_size", "seed"]
    assert several.differing([SMALL, SMALL]) == []


def test_every_setting_and_choice_has_words():
    for language in ("en", "zh"):
        words = Words(language)
        for name, preset in PRESETS.items():
            for key, value in preset.config.to_dict().items():
                assert spoken.value(words, key, value), (name, key)
                assert words(f"field.{key}.label")


def test_curves_are_described_in_numbers():
    words = Words("en")
    rows = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 0.5, "accuracy": 0.75}]
    drawn = [several.curve("a", rows), several.curve("b", rows[:1]), several.curve("c", [])]
    assert several.describe(words, drawn) == (
        "a: loss 0.500 and accuracy 75.0% at its end. b: loss 2 at its end, no accuracy measured. "
        "c: nothing measured yet."
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "–"), (0.4, "under 1 s"), (14.2, "14 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")]
)
def test_durations_are_told_in_their_two_largest_units(seconds, text):
    assert spoken.duration(Words("en"), seconds) == text


def test_sizes_are_told_in_the_unit_that_suits_them():
    assert [spoken.megabytes(size) for size in (999, 1024, 87_300, 1_130_000, 2.5e9)] == [
        "999 B", "1.02 kB", "87.3 kB", "1.13 MB", "2.5 GB"
    ]  # fmt: skip


def test_a_run_of_a_group_is_called_by_its_place_there_unless_it_was_given_a_name():
    words, fold = Words("en"), made_group("kfold", 3, name="folds")[1]
    point = made_group("sweep", 3, name="rates")[0]
    assert spoken.title(words, entry(fold)) == "folds, fold 2 of 3"
    assert spoken.title(words, entry(point)) == "rates, Learning rate 0.002"
    runs.annotate(fold, name="the odd one")
    assert spoken.title(words, entry(fold)) == "the odd one"
    assert spoken.title(words, entry(made(name="alone"))) == "alone"


# ---- Links


def test_a_run_that_is_gone_is_said_and_the_list_is_shown():
    made(name="still here")
    app = open_page("20200101-000000-aaaa")
    assert not app.exception
    assert "20200101-000000-aaaa" in app.warning[0].value
    assert "runs" not in app.session_state["link"]
    assert "1 to 1 of 1" in said(app)


def test_of_several_runs_in_a_link_those_that_are_there_are_shown():
    run = made()
    app = open_page(run.id, "20200101-000000-aaaa")
    assert app.session_state["link"]["runs"] == run.id
    assert len(app.warning) == 1


def test_a_run_deleted_elsewhere_while_it_is_shown_is_said():
    run = made()
    app = open_page(run.id)
    runs.delete(run)
    app = again(app)
    assert not app.exception
    assert run.id in app.warning[0].value


def test_more_runs_than_can_be_told_apart_are_cut_and_that_is_said():
    members = made_group("sweep", 9)
    single = made()
    app = open_page(members[0].plan.group.id, single.id)
    assert not app.exception
    assert "The first 8 are compared" in said(app)


def test_the_way_back_leads_to_the_group_and_to_the_list():
    members = made_group("kfold", 2, name="two folds")
    app = open_page(members[1].id)
    app.button(key="runs_back_group").click().run()
    assert app.header[0].value == "two folds"
    app.button(key="runs_back").click().run()
    assert "1 to 1 of 1" in said(app)
    assert "runs" not in app.session_state["link"]


def test_runs_that_another_page_looks_at_are_not_opened_here():
    made()
    app = AppTest.from_file(str(ROOT / "pages" / "runs.py"), default_timeout=60)
    app.session_state["page"], app.session_state["runs"] = "train", [made().id]
    app.run()
    assert "of 2" in said(app)


# ---- What is done


def test_a_new_name_and_note_are_kept():
    run = made(name="old")
    app = open_page(run.id)
    app.text_input[0].input("new name")
    app.text_area[0].input("one\ntwo")
    next(button for button in app.button if button.label == "Save").click().run()
    assert not app.exception
    assert run.note == {"name": "new name", "note": "one\ntwo"}
    assert app.header[0].value == "new name"


def test_a_run_is_deleted_only_after_a_second_click():
    run, other = made(), made()
    app = open_page(run.id)
    assert run.exists
    app.button(key="delete_yes").click().run()
    assert not app.exception
    assert not run.exists
    assert other.exists
    assert "1 to 1 of 1" in said(app)


def test_a_run_at_work_is_not_deleted_and_that_is_said():
    run = made("running")
    app = open_page(run.id)  # lost: it may be deleted
    with at_work(run):  # in this moment someone has taken it up again
        app.button(key="delete_yes").click().run()
    assert run.exists
    assert not app.exception
    assert any("Not deleted, because at work" in toast.value for toast in app.toast)


@pytest.mark.parametrize("through", ["the folder", "the lock"])
def test_a_disk_that_does_not_delete_is_not_called_a_run_at_work(through, monkeypatch):
    def refuse(run):
        error = PermissionError("not yours")
        if through == "the lock":
            raise runs.RunError("the lock must be a file that can be written.") from error
        raise error

    run = made(name="mine_too")
    app = open_page(run.id)
    monkeypatch.setattr(runs, "delete", refuse)
    app.button(key="delete_yes").click().run()
    assert not app.exception
    (toast,) = (each.value for each in app.toast)
    assert "the disk refused" in toast
    assert "at work" not in toast


def test_a_waiting_run_is_cancelled():
    run = made("queued")
    app = open_page(run.id)
    app.button(key="run_stop").click().run()
    assert run.state.state == "stopped"
    assert not app.exception


def test_a_run_at_work_is_asked_to_stop():
    run = made("running")
    with at_work(run):
        app = open_page(run.id)
        app.button(key="run_stop").click().run()
        assert run.stopping
        assert "asked to stop" in said(again(app))


@pytest.mark.parametrize("state", ["stopped", "failed", "running"])
def test_a_run_that_ended_early_is_resumed_and_someone_is_called_to_start_it(state, monkeypatch):
    called = []
    monkeypatch.setattr(dispatch, "ensure", lambda: called.append(True))
    run = made(state)
    app = open_page(run.id)
    app.button(key="run_resume").click().run()
    assert not app.exception
    assert run.state.state == "queued"
    assert called


def test_a_finished_run_offers_neither_stop_nor_resume():
    keys = {button.key for button in open_page(made().id).button}
    assert not keys & {"run_stop", "run_resume"}


def test_where_nobody_can_start_runs_that_is_said(monkeypatch):
    def refuse():
        raise OSError("no process")

    monkeypatch.setattr(dispatch, "ensure", refuse)
    app = open_page(made("stopped").id)
    app.button(key="run_resume").click().run()
    assert not app.exception
    assert "could not be started" in app.warning[0].value


def test_the_rest_of_a_group_is_resumed_and_stopped_at_once():
    members = made_group("kfold", 3, "stopped")
    app = open_page(members[0].plan.group.id)
    app.button(key="group_resume").click().run()
    assert [run.state.state for run in members] == ["queued"] * 3
    again(app).button(key="group_stop").click().run()
    assert not app.exception
    assert [run.state.state for run in members] == ["stopped"] * 3


def test_the_ticked_runs_of_groups_and_others_are_counted_once():
    members = made_group("kfold", 2)
    single = made()
    group = members[0].plan.group.id
    known.refresh()
    assert {e.id for e in listing._members([group, members[0].id, single.id, "20200101-000000-aaaa"])} == {
        members[0].id, members[1].id, single.id
    }  # fmt: skip


def test_the_packed_run_holds_its_files_and_nothing_that_means_nothing_elsewhere():
    run = made()
    (run.folder / "place").write_text("1")
    names = zipfile.ZipFile(BytesIO(acting.packed(run.folder))).namelist()
    inside = {name.removeprefix(f"{run.id}/") for name in names}
    assert {"config.json", "metrics.jsonl", "model.safetensors", "film/film.bin"} <= inside
    assert not inside & {"lock", "place", "stop"}


def test_train_again_hands_the_settings_to_the_train_page():
    config = replace(SMALL, hidden_size=8)
    app = open_page(made(config=config, preset="bundled").id)
    app.button(key="run_again").click().run()
    assert app.session_state["again"] == ("bundled", config)


def test_opening_in_the_step_page_shows_this_network_from_its_last_row():
    app = open_page(made().id)
    app.session_state["layer"] = 2
    app.button(key="run_open").click().run()
    assert app.session_state["net"].startswith("run:")
    assert "layer" not in app.session_state or app.session_state["layer"] == 1


def test_the_folder_is_read_once_for_all_who_ask_within_a_second(monkeypatch):
    made()
    known.refresh()
    looks = []
    monkeypatch.setattr(os, "scandir", lambda path, real=os.scandir: looks.append(path) or real(path))
    known.entries()
    known.entries()
    assert len(looks) == 1


# ---- To the Compare page


def test_runs_that_read_digits_open_beside_each_other_on_the_compare_page(monkeypatch):
    members = [made(), made("stopped")]
    app = open_page(*(run.id for run in members))
    asked = app.button(key="open_in_compare")
    assert asked.label == Words("en")("compare.open")
    monkeypatch.setattr(st, "switch_page", lambda page: st.session_state.update(went=page.name))
    asked.click().run()
    assert app.session_state["went"] == "compare.py"
    assert app.session_state["nets"] == [f"run:{run.id}" for run in members]


@pytest.mark.parametrize("count", [1, 5])
def test_fewer_or_more_networks_than_can_be_compared_are_not_offered_to_be(count):
    ids = [made(id=f"20261121-04150{k}-aaaa").id for k in range(count)]
    waiting = made("queued").id
    app = open_page(*ids, waiting)
    assert not [button for button in app.button if button.key == "open_in_compare"]


# ---- Super-resolution


def test_super_resolution_stands_in_the_list_with_its_decibels():
    run = made(config=UPSCALING, name="large")
    result = known.result(entry(run))
    assert result.test == pytest.approx(run.answers["psnr"].mean())
    assert f"{result.test:.2f} dB" in html(entry(run))
    assert f"{result.validation:.2f} dB" in html(entry(run))
    assert "Super-resolution" in html(entry(run))
    np.savez(run.folder / "answers.npz", psnr=run.answers["psnr"][:-1])  # not one for every digit: the card tells
    assert known.result(entry(run)).test == pytest.approx(checkpoints.card(f"run:{run.id}").psnr["mnist"])


def test_accuracies_and_decibels_are_not_ranked_among_each_other():
    for name, config in (("large", UPSCALING), ("small", SMALL)):
        made(config=config, name=name)
    app = open_page()
    app.selectbox(key="widget_runs_order").select("best").run()
    assert "Ranked by the validation accuracy" in said(app)
    assert "another yardstick" in said(app)
    ranks = {row.name: listing._rank(row, "validation") for row in known.rows(known.entries())}
    assert ranks["small"] > ranks["large"] > (False, False, 0.0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_super_resolution_says_what_it_writes_and_opens_in_sequences(language):
    run = made(config=UPSCALING, name="large")
    app = open_page(run.id, lang=language)
    assert not app.exception
    assert not app.error
    psnr = run.answers["psnr"]
    assert f"{psnr.mean():.2f} dB" in said(app)
    assert f"{upscaling.BICUBIC['mnist'][0]:.2f} dB" in said(app)
    assert app.button(key="run_open").label == Words(language)("live.open_upscaler")
    app.button(key="run_open").click().run()
    assert app.session_state["upscaler"] == f"run:{run.id}"
    assert app.session_state["part"] == "upscaling"


@pytest.mark.mnist
def test_pictures_are_told_with_their_decibels_beside_bicubics():
    run, images = made(config=UPSCALING), digits.open_set("mnist").images[:2]
    network = checkpoints.load(f"run:{run.id}")
    (first, _) = written.items_html(Words("en"), network, 1, [0, 1], images, digits.open_set("mnist").labels[:2])
    low = upscaling.halve(images[0] / 255)
    ours, smooth = upscaling.upscale(network, low), upscaling.bicubic(low)
    assert f"<b>{upscaling.psnr(ours, images[0] / 255):.1f} dB</b>" in first
    assert f"bicubic {upscaling.psnr(smooth, images[0] / 255):.1f} dB" in first
    assert "Test digit 0, a “7”" in first
    encoded = first.partition("base64,")[2].partition('"')[0]
    shown = np.asarray(Image.open(BytesIO(base64.b64decode(encoded))))
    assert shown.shape == (28, 4 * 28 + 3 * written.GAP)
    np.testing.assert_array_equal(shown[:, -28:], images[0])


def test_without_mnist_super_resolution_still_tells_its_numbers(monkeypatch):
    run = made(config=UPSCALING)
    monkeypatch.setattr(known, "test_digits", lambda dataset: None)
    assert f"{run.answers['psnr'].mean():.2f} dB" in said(open_page(run.id))


def test_runs_of_two_tasks_are_compared_in_figures_of_their_own():
    large, small = made(config=UPSCALING, name="large"), made(config=SMALL, name="small")
    app = open_page(large.id, small.id)
    assert not app.exception
    assert "The PSNR is measured on" in said(app)
    assert "The accuracy is measured on" in said(app)
    pictures = [each for each in app.get("bidi_component") if each.proto.component_name == "rnnviz_charts"]
    figures = [json.loads(json.loads(each.proto.json)["charts"][0]["figure"]) for each in pictures]
    assert [figure["layout"]["yaxis2"]["tickformat"] for figure in figures] == [".1f", ".0%"]
    drawn = [[line["name"] for line in figure["data"] if len(line["y"])] for figure in figures]
    assert [set(names) for names in drawn] == [{"large"}, {"small"}]
    assert not any(button.key == "open_in_compare" for button in app.button)


def test_a_sweep_of_super_resolution_ranks_by_decibels():
    members = sweep_of(*(replace(UPSCALING, seed=seed) for seed in (1, 2)))
    app = open_page(members[0].plan.group.id)
    assert "Ranked by validation PSNR" in said(app)
