"""The live view: every state of a run in words, its numbers and pictures, and what can be done with it."""

import base64
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, text, upscaling
from rnnviz.training import dispatch, runs
from rnnviz.training.presets import PRESETS
from rnnviz.ui import live
from tests.made_runs import SMALL, UPSCALING, at_work, made, made_group, runs_here  # noqa: F401
from tests.what_a_page_says import charts, told

PAGE = Path(__file__).resolve().parents[2] / "pages" / "train.py"


@pytest.fixture(autouse=True)
def quiet(monkeypatch, runs_here):  # noqa: F811
    """No run is dispatched, and every test begins with no runs."""
    st.cache_resource.clear()
    monkeypatch.setattr(dispatch, "ensure", lambda: None)


def open_view(**link: str) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    for key, value in link.items():
        app.query_params[key] = value
    return look(app)


def look(app: AppTest) -> AppTest:
    live.refresh()
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def numbers(app: AppTest) -> str:
    """Return the large numbers, as the browser gets them."""
    (found,) = [each.proto.body for each in app.get("html") if each.proto.body.startswith("<dl")]
    return found


# ---- States


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("state", ["queued", "running", "finished", "stopped", "failed"])
def test_every_state_is_shown_in_words(state, language):
    run = made(state)
    app = open_view(runs=run.id, lang=language)
    name = "lost" if state == "running" else state
    assert text.Words(language)(f"run.state.{name}") in told(app)
    assert not app.error or state == "failed"


@pytest.mark.parametrize("phase", runs.PHASES)
def test_a_run_at_work_says_what_it_does_where_and_how_far_it_is(phase):
    run = made("running", phase=phase, device="cuda (NVIDIA H200)", precision="bfloat16")
    with at_work(run):
        app = open_view()
    assert text.Words("en")(f"run.phase.{phase}") in told(app)
    assert "50% · update 38 of 76" in told(app)
    assert (" left" in told(app)) == (phase == "training")
    assert r"cuda \(NVIDIA H200\), bfloat16" in told(app)
    assert "killed" not in told(app)


@pytest.mark.parametrize("reason", runs.REASONS)
def test_every_failure_says_what_happened_and_shows_the_log(reason):
    run = made("failed", reason=reason)
    app = open_view(runs=run.id)
    assert app.error[0].value == text.Words("en")(f"run.reason.{reason}")
    assert any("of 76 updates" in code.value for code in app.code)
    assert app.button(key=f"resume_{run.id}")


def test_a_lost_run_says_where_it_was_killed_and_one_that_went_on_says_from_where():
    run = made("running")
    assert "killed at update 38" in told(open_view(runs=run.id))
    with run.hold():
        run.write_state(replace(run.state, state="queued", handle=""))
    assert "Its process was killed; it goes on" in told(open_view(runs=run.id))
    with run.hold():
        run.write_state(replace(run.state, state="running", attempt=2, resumed_from=20))
        app = open_view(runs=run.id)
    assert "went on from update 20" in told(app)
    with run.hold():
        run.write_state(replace(run.state, attempt=1, resumed_from=20, repaired=True))
        app = open_view(runs=run.id)
    assert "Resumed from update 20. The newest checkpoint was damaged" in told(app)


def test_a_finished_run_says_how_well_it_reads_and_opens_in_the_explorer():
    run = made("finished")
    app = open_view(runs=run.id)
    assert "of 360 test samples right" in told(app)
    assert app.button(key=f"open_{run.id}")


def test_a_run_that_reads_no_digits_does_not_offer_the_explorer():
    run = made("finished", PRESETS["deep-lstm-toy-adam"].config)
    assert not any(each.key.startswith("open_") for each in open_view(runs=run.id).button if each.key)


# ---- Which run


def test_before_anyone_has_trained_the_page_says_what_to_do_first():
    app = open_view()
    assert "Nothing has been trained here yet" in told(app)
    assert app.session_state["link"] == {"preset": app.session_state["preset"]}


def test_the_newest_run_at_work_is_shown_unless_another_is_asked_for():
    old, new = made("finished"), made("running")
    made("queued")
    with at_work(new):
        app = open_view()
        assert app.session_state["runs"] == [new.id]
        assert app.session_state["link"]["runs"] == new.id
        app = open_view(runs=old.id)
        assert app.session_state["runs"] == [old.id]


def test_another_run_can_be_chosen():
    first, second = made("finished", name="first"), made("finished", name="second")
    app = open_view(runs=second.id)
    box = app.selectbox(key="widget_watched")
    assert any("first" in option for option in box.options)
    box.set_value(first.id).run()
    assert not app.exception
    assert app.session_state["link"]["runs"] == first.id


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_a_run_that_is_deleted_under_the_page_is_told_and_the_page_goes_on(language):
    other, third, run = made("finished"), made("finished"), made("finished")
    app = open_view(runs=run.id, lang=language)
    shutil.rmtree(run.folder)
    look(app)
    assert text.Words(language)("live.gone") in told(app)
    assert app.session_state["runs"] == [max(other.id, third.id)]
    assert text.Words(language)("live.gone") in told(look(app))  # until someone has read it and goes on
    app.selectbox(key="widget_watched").set_value(min(other.id, third.id)).run()
    assert text.Words(language)("live.gone") not in told(app)


def test_a_state_that_was_replaced_is_read_anew_however_fast():
    run = made("queued")
    for state in ("running", "stopped", "queued", "failed") * 5:
        with run.hold():
            run.write_state(replace(run.state, state=state))
        live.refresh()
        assert [each.state.state for each in live.overview()] == [state]


def test_a_link_to_a_run_that_never_was_is_told():
    assert "no longer there" in told(open_view(runs="20200101-000000-aaaa"))


@pytest.mark.parametrize("damage", ["not json", "{}", '{"config": {"cell": "transformer"}, "name": "", "created": 1}'])
def test_a_run_whose_settings_cannot_be_read_is_told(damage):
    run = made("finished")
    (run.folder / "config.json").write_text(damage)
    app = open_view(runs=run.id)
    assert "its folder is damaged" in told(app)
    assert not app.error


@pytest.mark.parametrize("file", ["metrics.jsonl", "film/film.bin", "model.safetensors", "state.json"])
def test_a_damaged_file_never_ends_in_a_traceback(file):
    run = made("finished")
    (run.folder / file).write_bytes(b"\x00{not what it was")
    app = open_view(runs=run.id)
    assert text.Words("en")("problem.unexpected") not in told(app)


def test_without_a_dispatcher_the_page_says_that_runs_wait(monkeypatch):
    def no_process():
        raise OSError("no process")

    monkeypatch.setattr(dispatch, "ensure", no_process)
    made("queued")
    assert "could not be started" in told(open_view())


# ---- Numbers and pictures


def test_curves_and_films_hold_what_the_run_wrote():
    run = made("running", PRESETS["fastest"].config, share=0.6, rows=90, frames=50, preset="fastest")
    with at_work(run):
        drawn = charts(open_view())
    assert set(drawn) == {
        "loss",
        "accuracy",
        "learning_rate",
        "gradient_norm",
        "film_h",
        "film_c",
        "digit",
        "probs",
        "state",
    }
    assert len(drawn["loss"]["figure"]["data"][0]["x"]["bdata"])
    newest = run.metrics[-1]
    assert f"to {newest['loss']:.3g}" in drawn["loss"]["alt"]
    assert "clipped to 1" in drawn["gradient_norm"]["title"]
    assert "first step" in drawn["film_h"]["alt"]
    assert all(chart["alt"] for chart in drawn.values())


def test_a_run_without_a_cell_state_has_one_film_and_one_that_holds_nothing_back_no_accuracy():
    config = replace(PRESETS["rnn-64"].config, validation=0, epochs=1)
    drawn = charts(open_view(runs=made("finished", config).id))
    assert "film_h" in drawn
    assert "film_c" not in drawn
    assert "accuracy" not in drawn


def test_the_large_numbers_are_those_of_the_last_row():
    run = made("stopped")
    shown = numbers(open_view(runs=run.id))
    newest, accuracy = run.metrics[-1], live.scores(run.metrics, "accuracy")[-1]
    for number in (f"{newest['loss']:#.3g}", f"{accuracy:.2%}", f"{newest['speed']:,.0f}", "on 240 held back"):
        assert f">{number}<" in shown


def test_a_row_without_sound_numbers_is_shown_with_dashes():
    run = made("failed", reason="diverged")
    with open(run.folder / "metrics.jsonl", "a") as file:
        file.write('{"step": 39, "epoch": 2, "seconds": 1, "loss": NaN, "gradient_norm": Infinity}\n')
    shown = numbers(open_view(runs=run.id))
    assert "<dt>Loss</dt><dd>–</dd>" in shown
    assert "<dt>Gradient norm</dt><dd>–</dd>" in shown


def test_blank_rows_after_the_digit_are_drawn_so_that_the_rows_stand_beside_each_other():
    run = made("finished", replace(SMALL, delay=14))
    drawn = charts(open_view(runs=run.id))
    heights = {name: drawn[name]["figure"]["layout"]["yaxis"]["range"] for name in ("digit", "probs", "state")}
    assert heights == dict.fromkeys(heights, [42.5, 0.5])


def test_time_left_follows_the_pace_of_the_last_rows():
    rows = [{"step": 0, "seconds": 100.0}, *({"step": k, "seconds": 100 + 0.5 * k} for k in range(10, 31))]
    assert live.seconds_left(rows, 30, 50) == pytest.approx(10.0)
    assert live.seconds_left(rows, 50, 50) == 0.0
    assert live.seconds_left(rows[:1], 0, 50) is None
    assert live.seconds_left([], 0, 50) is None


@pytest.mark.parametrize(("seconds", "says"), [(0.2, "1 s"), (59, "59 s"), (200, "3 min"), (7200, "2 h")])
def test_times_are_told_in_one_unit(seconds, says):
    assert live.duration(text.Words("en"), seconds) == says


# ---- Groups, and what can be done


def test_the_folds_of_a_cross_validation_stand_together_with_their_mean():
    folds = made_group(count=3)
    app = open_view(runs=folds[0].id)
    assert "3 of 3 folds done: accuracy" in told(app)
    members = app.segmented_control(key="widget_member")
    members.set_value(folds[2].id).run()
    assert not app.exception
    assert app.session_state["runs"] == [folds[2].id]


def test_a_group_that_was_just_started_is_followed_until_someone_picks():
    folds = made_group(count=3, state="queued")
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state["runs"], app.session_state["followed"] = [folds[0].id], folds[0].id[:-3]
    look(app)
    made("running", id=folds[1].id)
    with at_work(folds[1]):
        look(app)
        assert app.session_state["runs"] == [folds[1].id]
        press(app, f"show_{folds[0].id}_queue")
        look(app)
        assert app.session_state["runs"] == [folds[0].id]


def test_a_sweep_names_its_points():
    points = made_group("sweep", count=2, name="rates")
    options = open_view(runs=points[0].id).selectbox(key="widget_watched").options
    assert any("rates, Learning rate 0.002" in option for option in options)


def test_stop_asks_the_run_to_stop_and_says_that_its_weights_are_kept():
    run = made("running")
    with at_work(run):
        app = press(open_view(), f"stop_{run.id}")
        assert run.stopping
        assert "Its weights are kept" in told(app)
        assert f"stop_{run.id}" not in {each.key for each in app.button}


def test_stopped_and_failed_runs_can_be_resumed():
    for state in ("stopped", "failed"):
        run = made(state)
        press(open_view(runs=run.id), f"resume_{run.id}")
        assert run.state.state == "queued"


def test_a_waiting_run_says_what_is_before_it_and_can_be_cancelled():
    first, second = made("queued"), made("queued")
    app = open_view(runs=second.id)
    assert "1 before it" in told(app)
    press(app, f"stop_{second.id}")
    assert second.state.state == "stopped"
    assert "It is next" in told(open_view(runs=first.id))


def test_a_run_whose_process_is_starting_says_so():
    run = made("queued")
    with run.hold():
        run.write_state(replace(run.state, handle="4711:1"))
    app = open_view(runs=run.id)
    assert "starting" in told(app)
    assert "waits for a place" not in told(app)


def test_the_queue_stands_in_its_order_and_can_be_changed():
    queue = [made("queued", name=name) for name in "abc"]
    app = open_view()
    assert [run.name for run in runs.waiting()] == ["a", "b", "c"]
    press(app, f"up_{queue[2].id}_queue")
    assert [run.name for run in runs.waiting()] == ["a", "c", "b"]
    press(app, f"down_{queue[0].id}_queue")
    assert [run.name for run in runs.waiting()] == ["c", "a", "b"]
    press(app, f"cancel_{queue[1].id}_queue")
    assert [run.name for run in runs.waiting()] == ["c", "a"]


def test_a_run_that_is_gone_when_its_button_is_pressed_is_told():
    made("queued"), made("queued")
    run = made("stopped")
    app = open_view(runs=run.id)
    shutil.rmtree(run.folder)
    press(app, f"resume_{run.id}")
    assert "no longer there" in told(app)


def test_a_run_that_is_at_work_by_now_cannot_be_resumed_and_the_page_says_why():
    run = made("stopped")
    app = open_view(runs=run.id)
    with at_work(run):
        press(app, f"resume_{run.id}")
    assert "while the run is at work" in told(app)


def test_names_that_people_give_are_shown_as_they_are():
    made("queued", name="*a* [b](c) $x$"), made("queued")
    assert r"\*a\* \[b\]\(c\) \$x\$" in told(open_view())


def test_the_page_looks_again_every_second_only_while_something_runs_or_waits(monkeypatch):
    every = []
    fragment = st.fragment
    monkeypatch.setattr(st, "fragment", lambda f, run_every=None: every.append(run_every) or fragment(f))
    made("finished")
    open_view()
    assert set(every) == {None}
    made("queued", SMALL)
    every.clear()
    open_view()
    assert set(every) == {live.EVERY}


# ---- Super-resolution


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("state", ["queued", "running", "finished", "stopped", "failed"])
def test_super_resolution_is_told_in_decibels_in_every_state(state, language):
    run = made(state, UPSCALING)
    app = open_view(runs=run.id, lang=language)
    assert "accuracy" not in charts(app)
    if state != "queued":
        psnr = live.scores(run.metrics, "psnr")[-1]
        assert f"{psnr:.2f} dB" in numbers(app)
        assert "%" not in numbers(app)
        assert charts(app)["psnr"]["title"] == text.Words(language)("curve.psnr.title")
        assert charts(app)["loss"]["title"] == text.Words(language)("curve.loss.title_mse")


def test_a_finished_super_resolution_says_its_psnr_and_opens_in_sequences():
    run = made("finished", UPSCALING)
    app = open_view(runs=run.id)
    score = checkpoints.card(f"run:{run.id}").psnr["mnist"]
    assert f"mean PSNR {score:.2f} dB over 10,000 test digits" in told(app)
    assert app.button(key=f"open_{run.id}").label == "Open in Sequences"


def test_the_filmed_picture_is_shown_as_it_is_written_at_that_moment():
    run = made("finished", UPSCALING)
    shown = charts(open_view(runs=run.id))
    film, image = run.film, digits.open_set("uci").images[3] / 255
    assert {"digit", "written", "true", "state"} <= set(shown)
    assert "probs" not in shown
    psnr = upscaling.psnr(upscaling.picture(film.frames["outputs"][-1].astype(float), 1), image)
    assert f"{psnr:.1f} dB" in shown["written"]["alt"]
    ys = [shown[name]["figure"]["data"][0]["y"] for name in ("digit", "written", "true")]
    assert [len(np.frombuffer(base64.b64decode(y["bdata"]), y["dtype"])) for y in ys] == [15, 28, 28]


def test_folds_of_super_resolution_tell_mean_and_spread_in_decibels():
    group = runs.new_id()
    for index in range(3):
        config = replace(UPSCALING, folds=3, fold=index)
        member = runs.Group(group, "kfold", index, 3, "", {"fold": index})
        made("finished", config, group=member, id=f"{group}-{index + 1:02}")
    reached = [live.scores(each.metrics, "psnr")[-1] for each in runs.listed()]
    assert f"3 of 3 folds done: PSNR {sum(reached) / 3:.2f} dB ± " in told(open_view(runs=f"{group}-01"))
