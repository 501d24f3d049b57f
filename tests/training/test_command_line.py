"""The command line."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from zipfile import ZipFile

import numpy as np
import pytest
from click.testing import CliRunner

from rnnviz import __main__ as command_line
from rnnviz import checkpoints
from rnnviz.digits import mnist
from rnnviz.training import dispatch, runs
from rnnviz.training.config import Config
from rnnviz.training.presets import PRESETS
from tests import made_runs
from tests.made_runs import at_work, made, made_group
from tests.training.processes import home, workers

__all__ = ["home"]  # a fixture


@pytest.fixture
def run(monkeypatch):
    """Give a function that runs the command line with the given words."""
    monkeypatch.setattr(command_line, "LOOK", 0.01)
    return lambda *words, **more: CliRunner().invoke(command_line.main, [str(word) for word in words], **more)


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """An empty folder in the place of all folders where MNIST could be."""
    monkeypatch.setattr(mnist, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(mnist, "_sets", {})
    return tmp_path


@pytest.fixture
def dispatched(home, monkeypatch):
    """A folder of runs in which every call for the dispatcher ends what waits; MNIST is there.

    Gives a dictionary: what the next runs' states are to be, {"state": "finished"} at first.
    """
    end = {"state": "finished"}

    def ensure() -> None:
        for each in runs.waiting():
            config, done = each.config, end["state"] == "finished"
            made_runs.write_metrics(each, config, config.updates, 10)
            if done:
                made_runs.write_model(each, config, 1.0, each.plan.preset)
            with each.hold():
                values = {"steps": config.updates, "step": config.updates, "seconds": 130.0} | end
                each.write_state(replace(each.state, **values))

    monkeypatch.setattr(mnist, "train", lambda: None)
    monkeypatch.setattr(mnist, "test", lambda: None)
    monkeypatch.setattr(dispatch, "ensure", ensure)
    return end


def test_help_lists_the_commands(run):
    result = run("--help")
    assert result.exit_code == 0
    for name in ("train", "recall", "runs", "resume", "stop", "export", "delete", "dispatch", "networks", "serve"):
        assert f"\n  {name} " in result.output


def test_the_module_runs():
    done = subprocess.run([sys.executable, "-m", "rnnviz", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: python -m rnnviz [OPTIONS] COMMAND")


def test_help_needs_no_torch():
    code = "import sys; from rnnviz import __main__; __main__.main(['train', '--help'], standalone_mode=False); "
    code += "print('torch' in sys.modules, 'streamlit' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("False False\n")


def test_networks_shows_every_shipped_network(run):
    result = run("networks")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines()[1:]}
    assert sorted(rows) == checkpoints.names(None)
    for name, row in rows.items():
        card = checkpoints.card(name)
        form = "{:.2%}" if card.task == "classify" else "{:.2f} dB"
        scores = [form.format(card.scores[digits]) for digits in ("mnist", "uci")]
        assert row == [card.cell, f"{checkpoints.load(name).num_parameters:,}", *" ".join(scores).split()]


# ---- train: what is asked for


def test_the_help_of_train_lists_all_presets_and_settings(run):
    told = "".join(run("train", "--help").output.split())
    for name in PRESETS:
        assert name in told
    for name, value in Config().to_dict().items():
        assert name in told
        assert f"[default:{str(value).lower()}]" in told


def test_an_unknown_preset_is_answered_with_the_known_ones(run):
    result = run("train", "--preset", "lstm-7")
    assert result.exit_code == 2
    assert "must be one of lstm-128, lstm-64," in result.output.replace("\n", " ")
    assert "Got 'lstm-7'" in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--epochs", "0"], "epochs must be an integer from 1 to 1,000. Got 0."),
        (["--set", f"epochs=1{'0' * 400}"], "epochs must be an integer from 1 to 1,000. Got 1000"),
        (["--set", "epochs=many"], "epochs must be a number. Got 'many'."),
        (["--set", "epochs"], "must look like epochs=2. Got 'epochs'."),
        (["--set", "size=3"], "a setting must be one of cell, hidden_size,"),
        (["--preset", "rnn-64", "--set", "forget_bias=1"], "forget_bias must be None for a cell without a forget gate"),
        (["--folds", "1"], "1 is not in the range 2<=x<=20"),
        (["--folds", "3", "--set", "fold=4"], "fold must lie below folds"),
        (["--folds", "3", "--set", "watch=test"], "watch must be 'validation' in a cross-validation"),
        (["--folds", "3", "--sweep", "seed=1,2"], "--sweep must stand alone"),
        (["--preset", "rnn-64", "--preset", "gru-64", "--sweep", "seed=1,2"], "--sweep must stand alone"),
        (["--sweep", "seed=1"], "a sweep must have 2 to 36 points. Got 1."),
        (["--sweep", "seed=1,x"], "seed must be a number. Got 'x'."),
        (["--sweep", "epochs=1,0"], "epochs must be an integer from 1 to 1,000. Got 0."),
    ],
)
def test_settings_that_cannot_be_are_answered_in_words_and_nothing_is_queued(run, dispatched, words, told):
    result = run("train", *words)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not runs.listed()


def test_missing_mnist_is_answered_with_the_way_to_get_it(run, home, no_mnist):
    result = run("train", "--preset", "rnn-64")
    assert result.exit_code == 1
    assert "MNIST must lie in" in result.output
    assert "--download" in result.output
    assert "Traceback" not in result.output
    assert not runs.listed()


def test_download_fetches_mnist_first(run, home, no_mnist, monkeypatch):
    shares = []

    def fetch(progress):
        for share in (0.5, 1.0):
            shares.append(share)
            progress(share)

    monkeypatch.setattr(mnist, "fetch", fetch)
    result = run("train", "--preset", "rnn-64", "--download")
    assert shares == [0.5, 1.0]
    assert result.exit_code == 1  # what was fetched here is nothing
    assert "MNIST must lie in" in result.output


def test_missing_torch_is_answered_with_the_way_to_get_it(run, home, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = run("train", "--preset", "bundled")
    assert result.exit_code == 1
    assert "pip install -r requirements.txt" in result.output
    assert not runs.listed()


def test_an_unknown_engine_is_answered_in_words(run, home, monkeypatch):
    monkeypatch.setenv("RNNVIZ_ENGINE", "steam")
    result = run("train", "--preset", "bundled", "--detach")
    assert result.exit_code == 1
    assert "RNNVIZ_ENGINE must be one of local, ray. Got 'steam'." in result.output


# ---- train: what comes of it


def test_train_says_how_well_it_reads_and_where_the_model_lies(run, dispatched):
    result = run("train", "--preset", "bundled", "--name", "my first")
    assert result.exit_code == 0, result.output
    (trained,) = runs.listed()
    assert (trained.name, trained.plan.preset, trained.config) == ("my first", "bundled", PRESETS["bundled"].config)
    share = checkpoints.card(trained.model).accuracy["uci_test"]
    assert f"my first: bundled test digits {share:.2%} after 0:02:10" in result.output
    assert f"model: {trained.model}" in result.output
    assert f"/?net=run:{trained.id}" in result.output


def test_settings_are_the_presets_with_all_that_is_changed_and_so_is_the_name(run, dispatched):
    words = ["--preset", "rnn-64", "--preset", "gru-64", "--set", "hidden_size=8", "--set", "clip=none", "--seed", "3"]
    assert run("train", *words, "--epochs", "2").exit_code == 0
    found = {each.plan.preset: each for each in runs.listed()}
    changes = {"hidden_size": 8, "clip": None, "seed": 3, "epochs": 2}
    for name in ("rnn-64", "gru-64"):
        assert found[name].config == replace(PRESETS[name].config, **changes)
        assert found[name].name == f"{name}, hidden_size=8, epochs=2, clip=None, seed=3"


def test_without_a_preset_the_default_settings_are_trained(run, dispatched):
    assert run("train", "--set", "dataset=uci", "--set", "validation=240").exit_code == 0
    (trained,) = runs.listed()
    assert trained.config == Config(dataset="uci", validation=240)
    assert trained.plan.preset is None


def test_folds_are_a_group_and_end_in_their_mean(run, dispatched):
    result = run("train", "--preset", "bundled", "--folds", "3")
    assert result.exit_code == 0, result.output
    assert sorted((each.config.folds, each.config.fold) for each in runs.listed()) == [(3, 0), (3, 1), (3, 2)]
    assert "bundled (fold 3 of 3): " in result.output


@pytest.mark.parametrize("preset", ["lstm-64-mnist", "layernorm-64"])
def test_folds_leave_the_test_digits_alone_and_keep_their_last_weights_whatever_the_preset(run, dispatched, preset):
    assert "test" in PRESETS[preset].config.watch or PRESETS[preset].config.keep == "best"
    result = run("train", "--preset", preset, "--set", "dataset=uci", "--set", "validation=240", "--folds", "2")
    assert result.exit_code == 0, result.output
    config = replace(PRESETS[preset].config, dataset="uci", validation=240, watch="validation", keep="last", folds=2)
    assert {each.config for each in runs.listed()} == {config, replace(config, fold=1)}


def test_a_sweep_is_a_run_for_every_combination(run, dispatched):
    result = run("train", "--preset", "bundled", "--sweep", "learning_rate=0.01,0.02", "--sweep", "hidden_size=8,16")
    assert result.exit_code == 0, result.output
    points = {(each.config.learning_rate, each.config.hidden_size) for each in runs.listed()}
    assert points == {(0.01, 8), (0.01, 16), (0.02, 8), (0.02, 16)}
    assert "bundled (learning_rate=0.02, hidden_size=16): " in result.output


def test_the_mean_over_folds_is_that_of_their_validation_accuracy(run, home, monkeypatch):
    shares = {}

    def finish() -> None:
        for each in runs.waiting():
            made_runs.write_model(each, each.config, 1.0, "bundled")
            card = checkpoints.card(each.model)
            shares[each.id] = 0.5 + 0.1 * each.config.fold
            card = replace(card, training={**card.training, "validation_accuracy": shares[each.id]}, accuracy={})
            checkpoints.save(checkpoints.load(each.model), each.model, card)
            with each.hold():
                each.write_state(replace(each.state, state="finished"))

    monkeypatch.setattr(dispatch, "ensure", finish)
    result = run("train", "--preset", "bundled", "--folds", "3")
    assert "3 folds: validation 60.00%, standard deviation 10.00%" in result.output


def test_detached_it_queues_and_returns(run, home, monkeypatch):
    called = []
    monkeypatch.setattr(dispatch, "ensure", lambda: called.append(True))
    result = run("train", "--preset", "bundled", "--detach")
    assert result.exit_code == 0
    (queued,) = runs.listed()
    assert result.output == f"{queued.id}  bundled\n"
    assert queued.state.state == "queued"
    assert called


def test_a_run_that_fails_ends_in_a_sentence_and_with_1(run, dispatched):
    dispatched.update(state="failed", reason="diverged", detail="the loss must stay finite. Got nan.")
    result = run("train", "--preset", "bundled")
    assert result.exit_code == 1
    assert "bundled: failed (diverged). the loss must stay finite. Got nan." in result.output
    assert "log.txt" in result.output
    assert "Traceback" not in result.output


def test_a_run_that_someone_stops_ends_with_1_and_says_how_to_go_on(run, dispatched):
    dispatched.update(state="stopped")
    result = run("train", "--preset", "bundled")
    assert result.exit_code == 1
    assert f"python -m rnnviz resume {runs.listed()[0].id}" in result.output


def test_a_run_that_is_deleted_meanwhile_ends_in_a_sentence(run, home, monkeypatch):
    monkeypatch.setattr(dispatch, "ensure", lambda: [runs.delete(each) for each in runs.waiting()])
    result = run("train", "--preset", "bundled")
    assert result.exit_code == 1
    assert "is not, or no longer" in result.output
    assert "Traceback" not in result.output


def test_ctrl_c_leaves_the_training_alone_and_says_how_to_end_it(run, home, monkeypatch):
    calls = []

    def interrupted() -> None:
        calls.append(True)
        if len(calls) > 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(dispatch, "ensure", interrupted)
    result = run("train", "--preset", "bundled", "--folds", "2")
    assert result.exit_code == 130
    assert "Training goes on in the background" in result.output
    for each in runs.listed():
        assert each.id in result.output
        assert each.state.state == "queued"
    for command in ("runs", "stop ID", "resume ID"):
        assert f"python -m rnnviz {command}" in result.output


def test_progress_is_told_in_numbers(home):
    training = made("running")
    rows, config = training.metrics, training.config
    told = command_line._progress(training, replace(training.state, phase="training"), rows, config.updates)
    shown = next(row["accuracy"] for row in reversed(rows) if "accuracy" in row)
    pace = (rows[-1]["seconds"] - rows[-20]["seconds"]) / (rows[-1]["step"] - rows[-20]["step"])
    left = command_line._time(pace * (config.updates - rows[-1]["step"]))
    speed = f"{rows[-1]['speed']:,.0f} sequences/s"
    assert told == f"loss {rows[-1]['loss']:.3g}  validation {shown:.2%}  {speed}  {left} left"
    assert command_line._progress(training, runs.State("queued"), rows, 100) == "waits"
    assert command_line._progress(training, runs.State("running", phase="loading"), [], 100) == "loading"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (99.4, "99 s"), (99.6, "0:01:40"), (3725, "1:02:05")],
)
def test_times_are_told_in_a_way_that_is_easy_to_read(seconds, told):
    assert command_line._time(seconds) == told


@pytest.mark.slow
def test_a_network_is_really_trained(run, home):
    result = run("train", "--preset", "bundled", "--epochs", "2")
    assert result.exit_code == 0, result.output
    (trained,) = runs.listed()
    card = checkpoints.card(f"run:{trained.id}")
    assert card.command == "python -m rnnviz train --preset bundled --set epochs=2"
    assert f"validation {card.training['validation_accuracy']:.2%}" in result.output
    assert f"bundled test digits {card.accuracy['uci_test']:.2%}" in result.output
    end = time.monotonic() + 60
    while workers(home):
        assert time.monotonic() < end
        time.sleep(0.02)


# ---- runs


def table(output: str) -> dict[str, str]:
    """Return the lines of the table by id, their blanks made single."""
    lines = output.splitlines()
    assert lines[0].split() == ["id", "name", "state", "progress", "validation", "test", "time"]
    return {line.split()[0]: " ".join(line.split()[1:]) for line in lines[1:]}


def test_runs_shows_every_run_as_it_stands(run, home):
    finished, failed, lost = made(name="one"), made("failed", name="two"), made("running", name="three")
    queued, working = made("queued", name="four"), made("running", name="five")
    with at_work(working):
        rows = table(run("runs").output)
    share = checkpoints.card(finished.model).accuracy["uci_test"]
    last = next(row["accuracy"] for row in reversed(failed.metrics) if "accuracy" in row)
    seconds = command_line._time(failed.state.seconds)
    assert rows[finished.id] == f"one finished 100% - {share:.2%} {command_line._time(finished.state.seconds)}"
    assert rows[failed.id] == f"two failed: error 50% {last:.2%} - {seconds}"
    assert rows[lost.id].startswith("three lost 50%")
    assert rows[queued.id] == "four queued 0% - - 0.0 s"
    assert rows[working.id].startswith("five running 50%")


def test_super_resolution_is_told_in_decibels_and_where_to_see_it(run, dispatched):
    result = run("train", "--preset", "super-3x128", "--epochs", 2)
    assert result.exit_code == 0, result.output
    (trained,) = runs.listed()
    score = checkpoints.card(trained.model).psnr["mnist"]
    assert f"MNIST test {score:.2f} dB after" in result.output
    assert f"/sequences?part=upscaling&upscaler=run:{trained.id}" in result.output
    assert "%" not in result.output.splitlines()[-3]
    assert f"{score:.2f} dB" in table(run("runs").output)[trained.id]
    told = json.loads(run("runs", "--json").output)[0]
    assert (told["measure"], told["test"]) == ("psnr", {"mnist": score})


def test_folds_of_super_resolution_end_with_their_mean_in_decibels(run, dispatched, monkeypatch):
    monkeypatch.setattr(command_line, "_validation", lambda each: 28.0 + 0.5 * each.config.fold)
    result = run("train", "--preset", "super-3x128", "--epochs", 1, "--folds", 3)
    assert "3 folds: validation 28.50 dB, standard deviation 0.50 dB" in result.output


def test_pixels_are_refused_to_super_resolution_before_anything_is_queued(run, dispatched):
    result = run("train", "--preset", "super-3x128", "--set", "reading=pixels", "--set", "delay=0")
    assert result.exit_code == 2
    assert "reading must be 'rows' for 'mnist_2x'. Got 'pixels'" in result.output
    assert not runs.listed()


def test_a_sweep_over_data_of_two_tasks_is_refused(run, dispatched):
    result = run("train", "--sweep", "dataset=mnist,mnist_2x")
    assert result.exit_code == 2
    assert "accuracies and PSNR do not rank together" in result.output


def test_runs_tells_programs_everything(run, home):
    finished, stopped = made(), made("stopped")
    told = {each["id"]: each for each in json.loads(run("runs", "--json").output)}
    assert told[finished.id]["test"] == dict(checkpoints.card(finished.model).accuracy)
    assert told[finished.id]["config"] == finished.config.to_dict()
    assert told[finished.id]["folder"] == str(finished.folder)
    assert (told[stopped.id]["state"], told[stopped.id]["step"]) == ("stopped", stopped.state.step)


def test_runs_shows_runs_that_cannot_be_read_as_such(run, home):
    no_plan, no_state, no_model = made(), made(), made()
    (no_plan.folder / "config.json").write_text("{")
    (no_state.folder / "state.json").write_text("{")
    (no_model.folder / "model.safetensors").write_bytes(b"damaged")
    result = run("runs", "--json")
    told = {each["id"]: each for each in json.loads(result.output)}
    assert "config.json must hold the run's settings" in told[no_plan.id]["detail"]
    assert "state.json must hold the state" in told[no_state.id]["detail"]
    assert "must be a whole .safetensors file" in told[no_model.id]["detail"]
    assert run("runs").exit_code == 0


def test_runs_of_a_group_can_be_told_apart(run, home):
    made_group("kfold", 2, name="k")
    made_group("sweep", 2, name="s")
    lines = "\n".join(table(run("runs").output).values())
    for part in ("(fold 1 of 2)", "(fold 2 of 2)", "(learning_rate=0.002)", "(learning_rate=0.004)"):
        assert part in lines


def test_no_runs_is_an_empty_table(run, home):
    assert table(run("runs").output) == {}
    assert json.loads(run("runs", "--json").output) == []


# ---- Ids


def test_the_beginning_of_an_id_is_enough(run, home):
    made("queued", id="20261121-041500-aaaa")
    made("queued", id="20261121-041500-bbbb")
    assert run("delete", "20261121-041500-b", "--yes").exit_code == 0
    assert [each.id for each in runs.listed()] == ["20261121-041500-aaaa"]


@pytest.mark.parametrize("command", [["stop"], ["resume"], ["delete", "--yes"], ["export", "--out", "x.zip"]])
def test_an_id_that_tells_no_run_or_several_is_answered_in_words(run, home, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    made("stopped", id="20261121-041500-aaaa")
    made("stopped", id="20261121-041500-aaaa-01")
    unknown, several = run(*command, "2027"), run(*command, "2026")
    assert unknown.exit_code == several.exit_code == 2
    assert "None begins with '2027'" in unknown.output
    assert "20261121-041500-aaaa-01, 20261121-041500-aaaa" in several.output.replace("\n", " ")
    assert len(runs.listed()) == 2


def test_a_whole_id_is_that_run_also_where_others_begin_with_it(run, home):
    made("stopped", id="20261121-041500-aaaa")
    made("stopped", id="20261121-041500-aaaa-01")
    assert run("delete", "20261121-041500-aaaa", "--yes").exit_code == 0
    assert [each.id for each in runs.listed()] == ["20261121-041500-aaaa-01"]


# ---- stop, resume, delete


def test_stop_cancels_what_waits_and_asks_what_runs(run, home, monkeypatch):
    monkeypatch.setattr(dispatch, "ensure", lambda: None)
    waiting, working = made("queued"), made("running")
    assert run("stop", waiting.id).output == f"{waiting.id} is stopped.\n"
    with at_work(working):
        assert run("stop", working.id).output == f"{working.id} will stop within seconds.\n"
    assert working.stopping


def test_resume_queues_a_run_again(run, home, monkeypatch):
    called = []
    monkeypatch.setattr(dispatch, "ensure", lambda: called.append(True))
    stopped = made("stopped")
    assert run("resume", stopped.id, "--detach").output == f"{stopped.id} is queued.\n"
    assert stopped.state.state == "queued"
    assert called


def test_resume_follows_the_run_to_its_end(run, dispatched):
    stopped = made("stopped", name="again")
    result = run("resume", stopped.id)
    assert result.exit_code == 0, result.output
    assert "again: bundled test digits" in result.output


def test_a_finished_run_is_not_resumed(run, home):
    result = run("resume", made().id)
    assert result.exit_code == 1
    assert "run must have something left to do" in result.output
    assert "Traceback" not in result.output


def test_delete_asks_first(run, home):
    doomed = made()
    result = run("delete", doomed.id, input="n\n")
    assert result.exit_code == 1
    assert f"Delete {doomed.id}" in result.output
    assert doomed.exists
    assert run("delete", doomed.id, input="y\n").exit_code == 0
    assert not doomed.folder.exists()


def test_a_run_at_work_is_not_deleted(run, home):
    working = made("running")
    with at_work(working):
        result = run("delete", working.id, "--yes")
    assert result.exit_code == 1
    assert "Stop it first" in result.output
    assert working.exists


# ---- export


def test_export_writes_the_network_under_its_new_name_and_with_the_same_weights(run, home, tmp_path):
    finished, out = made(), tmp_path / "new" / "mine.safetensors"
    result = run("export", finished.id, "--out", out)
    assert result.exit_code == 0, result.output
    exported, original = checkpoints.load(out), checkpoints.load(finished.model)
    for name, array in original.arrays.items():
        np.testing.assert_array_equal(exported.arrays[name], array)
    assert checkpoints.card(out) == replace(checkpoints.card(finished.model), name="mine")
    assert out.stat().st_mode & 0o777 == 0o644 or os.name == "nt"
    assert [path.name for path in out.parent.iterdir()] == ["mine.safetensors"]


def test_export_packs_settings_measurements_note_and_weights(run, home, tmp_path):
    finished, out = made(note="a good one"), tmp_path / "mine.zip"
    assert run("export", finished.id, "--out", out).exit_code == 0
    with ZipFile(out) as file:
        for name in ("config.json", "metrics.jsonl", "note.json", "model.safetensors"):
            assert file.read(f"mine/{name}") == (finished.folder / name).read_bytes()


def test_export_replaces_nothing_unasked(run, home, tmp_path):
    finished, out = made(), tmp_path / "mine.safetensors"
    out.write_text("precious")
    result = run("export", finished.id, "--out", out)
    assert result.exit_code == 1
    assert "Pass --overwrite or another --out" in result.output.replace("\n", " ")
    assert out.read_text() == "precious"
    assert run("export", finished.id, "--out", out, "--overwrite").exit_code == 0
    assert checkpoints.card(out).name == "mine"


def test_export_answers_what_cannot_be_in_words(run, home, tmp_path):
    failed, damaged = made("failed"), made()
    (damaged.folder / "model.safetensors").write_bytes(b"damaged")
    result = run("export", failed.id, "--out", tmp_path / "x.safetensors")
    assert (result.exit_code, "run must have a result" in result.output) == (1, True)
    result = run("export", damaged.id, "--out", tmp_path / "x.safetensors")
    assert (result.exit_code, "must be a whole .safetensors file" in result.output) == (1, True)
    result = run("export", damaged.id, "--out", tmp_path / "x.pt")
    assert (result.exit_code, "--out must end in .safetensors or .zip" in result.output) == (2, True)
    (tmp_path / "file").touch()
    result = run("export", failed.id, "--out", tmp_path / "file" / "x.zip")
    assert (result.exit_code, "Traceback" in result.output) == (1, False)
    assert [path.name for path in tmp_path.iterdir() if path.name != "runs"] == ["file"]


# ---- serve


def test_serve_starts_streamlit_on_the_app(run, monkeypatch):
    calls = []
    monkeypatch.setattr(subprocess, "call", lambda words, cwd: calls.append((words, cwd)) or 3)
    result = run("serve", "--port", 8600)
    assert result.exit_code == 3
    ((words, folder),) = calls
    assert words[1:] == ["-m", "streamlit", "run", "app.py", "--server.port=8600", "--server.address=127.0.0.1"]
    assert (folder / ".streamlit" / "config.toml").is_file()


def test_serve_refuses_a_port_that_cannot_be(run):
    assert run("serve", "--port", "70000").exit_code == 2
