"""The worker: the life of a run, from "queued" to its end, on data that needs no download."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from rnnviz import checkpoints, initial, measures, upscaling
from rnnviz.digits import DigitSet, as_sequences, mnist, uci
from rnnviz.trace import record, record_many
from rnnviz.training import film as films
from rnnviz.training import generations, loop, objectives, runs, worker
from rnnviz.training.config import Config
from rnnviz.training.data import open_data
from rnnviz.training.engines import local
from rnnviz.training.worker import main

SMALL = Config(dataset="uci", cell="gru", hidden_size=8, epochs=2, batch_size=64, validation=237)
"""2 x 19 updates."""
STEPS = 38


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder of runs, and torch's threads as they were; returns the folder."""
    monkeypatch.setenv("RNNVIZ_RUNS", str(tmp_path / "runs"))
    for name in ("RNNVIZ_TENSORBOARD", "RNNVIZ_RUN_MB", "RNNVIZ_RUN_MINUTES"):
        monkeypatch.delenv(name, raising=False)
    with loop.one_thread():
        yield tmp_path / "runs"


def work(run: runs.Run) -> int:
    """Work on a run in this process."""
    return main(run.folder, own_process=False)


@pytest.fixture
def started():
    """Give a function that works on a run as the engine does; whatever it started is ended with the test."""
    processes = []

    def start(run: runs.Run) -> subprocess.Popen:
        command = [sys.executable, "-m", "rnnviz.training.worker", str(run.folder)]
        processes.append(local.spawn(command, run.folder / "log.txt", **local.WORKER))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def until(condition, seconds: float = 60.0) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def at_row(monkeypatch, number: int, act) -> None:
    """Do something when the worker writes its row of that number."""
    add, count = worker.Metrics.add, []

    def wrapped(self, row):
        add(self, row)
        count.append(1)
        if len(count) == number:
            act()

    monkeypatch.setattr(worker.Metrics, "add", wrapped)


def weights(run: runs.Run) -> dict[str, np.ndarray]:
    return dict(checkpoints.load(f"run:{run.id}").arrays)


def left_by(run: runs.Run) -> set[str]:
    return {path.name for path in run.folder.iterdir()}


# ---- To the end


def test_a_run_ends_with_a_network_its_answers_its_metrics_and_its_film(started):
    run = runs.create(SMALL, name="a small one")
    process = started(run)
    assert process.wait(120) == 0, run.log()
    state = run.state
    assert (state.state, state.reason, state.phase) == ("finished", "", "")
    assert (state.step, state.steps, state.device, state.precision) == (STEPS, STEPS, "cpu", "float32")
    assert (state.resumed_from, state.repaired) == (None, False)
    assert 0 < state.started <= state.ended
    assert state.seconds > 0
    files = (
        "config.json state.json metrics.jsonl film last.safetensors model.safetensors answers.npz log.txt place lock"
    )
    assert left_by(run) - {"previous.safetensors"} == set(files.split())

    rows = run.metrics
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    keys = {"step", "epoch", "seconds", "loss", "learning_rate", "gradient_norm", "speed"}
    assert set(rows[0]) == keys
    assert set(rows[18]) == keys | {"accuracy", "best"}
    assert [row["step"] for row in rows if "accuracy" in row] == [19, 38]

    card = checkpoints.card(f"run:{run.id}")
    assert (card.name, card.cell) == ("a small one", "gru")
    assert card.command == "python -m rnnviz train " + (
        "--set cell=gru --set hidden_size=8 --set dataset=uci --set epochs=2 --set batch_size=64 --set validation=237"
    )
    assert card.dataset == "Bundled digits (UCI): 1,200 of the first 1,437; the other 237 were held back."
    assert SMALL.to_dict().items() <= card.training.items()
    assert card.training["validation_accuracy"] == rows[-1]["accuracy"]
    assert card.training["parameters"] == checkpoints.load(f"run:{run.id}").num_parameters
    assert {"seconds", "torch", "updates", "computed_on", "computed_in"} <= set(card.training)
    assert Config.from_dict({name: card.training[name] for name in SMALL.to_dict()}) == SMALL

    test, answers = uci.uci().images[-360:], run.answers
    labels = uci.uci().labels[-360:]
    probs = record_many(checkpoints.load(f"run:{run.id}"), test, ("probs",))["probs"][:, -1]
    np.testing.assert_array_equal(answers["predicted"], probs.argmax(axis=1))
    np.testing.assert_allclose(answers["confidence"], probs.max(axis=1), atol=1e-3)
    wrong = np.flatnonzero(answers["predicted"] != labels)
    assert card.accuracy == {"uci_test": (answers["predicted"] == labels).mean()}
    assert card.misread == {"uci": (1437 + wrong).tolist()}


def test_a_network_trained_on_mnist_is_scored_on_both_sets_as_it_reads_them(monkeypatch):
    digits = uci.uci()
    parts = {
        "train": DigitSet("mnist-train", digits.images[:500].copy(), digits.labels[:500].copy()),
        "test": DigitSet("mnist", digits.images[500:700].copy(), digits.labels[500:700].copy()),
    }
    for name, part in parts.items():
        monkeypatch.setattr(mnist, name, lambda part=part: part)
    config = Config(cell="rnn_tanh", hidden_size=8, epochs=1, validation=100, seed=4, delay=3, watch="test")
    run = runs.create(config, preset="rnn-64")
    assert work(run) == 0
    card, network = checkpoints.card(f"run:{run.id}"), checkpoints.load(f"run:{run.id}")
    assert card.name == run.id
    assert card.dataset == "MNIST: 400 of its 500 training digits; the other 100 were held back."
    assert "one row of pixels per time step, from the top, and 3 blank ones" in card.preprocessing
    assert card.training["validation_accuracy"] is None
    for part in (parts["test"], digits):
        read = record_many(network, as_sequences(part.images, "rows", 3), ("logits",))["logits"][:, -1].argmax(axis=1)
        assert card.misread[part.name] == np.flatnonzero(read != part.labels).tolist()
        assert card.accuracy[part.name] == (read == part.labels).mean()
    assert len(run.answers["predicted"]) == 200
    assert run.metrics[-1]["accuracy"] == pytest.approx(card.accuracy["mnist"], abs=0.02)  # but for half precision


def test_random_sequences_are_told_as_what_they_are():
    run = runs.create(Config(dataset="halves", cell="lstm", hidden_size=4, epochs=1, batch_size=500, validation=0))
    assert work(run) == 0
    card = checkpoints.card(f"run:{run.id}")
    assert card.preprocessing == "10 steps of 10 numbers from 0 to 255, divided by 255."
    assert card.dataset.endswith("6,000 of 6,000; none was held back.")
    assert set(card.accuracy) == set(card.misread) == {"halves"}
    assert len(run.answers["predicted"]) == 2000


UPSCALING = Config(
    dataset="mnist_2x", cell="rnn_tanh", hidden_size=8, num_layers=2, delay=1, epochs=2, validation=100, seed=4
)


@pytest.fixture
def few_digits(monkeypatch):
    """Some bundled digits in MNIST's place; returns those to train on and those to be scored on."""
    digits = uci.uci()
    parts = {
        "train": DigitSet("mnist-train", digits.images[:500].copy(), digits.labels[:500].copy()),
        "test": DigitSet("mnist", digits.images[500:700].copy(), digits.labels[500:700].copy()),
    }
    for name, part in parts.items():
        monkeypatch.setattr(mnist, name, lambda part=part: part)
    return parts


def test_super_resolution_is_judged_by_the_psnr_of_every_test_digit(few_digits):
    run = runs.create(UPSCALING, preset="super-3x128")
    assert work(run) == 0
    assert run.state.state == "finished"
    card, network = checkpoints.card(f"run:{run.id}"), checkpoints.load(f"run:{run.id}")
    assert (card.task, card.accuracy, card.misread) == ("upscale", {}, {})
    for name, part in (("mnist", few_digits["test"]), ("uci", uci.uci())):
        images = part.images / 255
        written = upscaling.upscale(network, upscaling.halve(images), delay=1)
        psnr = upscaling.psnr(written, images)
        assert card.psnr[name] == card.scores[name] == pytest.approx(psnr.mean(), abs=1e-4)
        assert card.error[name] == pytest.approx(upscaling.mean_squared_error(written, images).mean(), rel=1e-4)
        if name == "mnist":
            np.testing.assert_allclose(run.answers["psnr"], psnr, atol=1e-3)
    measured = [row for row in run.metrics if "psnr" in row]
    assert [row["step"] for row in measured] == [4, 8]
    assert card.validation == measured[-1]["psnr"] == measured[-1]["best"]
    assert not any("accuracy" in row or "score" in row for row in run.metrics)
    assert "validation_accuracy" not in card.training
    assert "Two rows of 28 are written for each of 14 that is read, 1 step later." in card.preprocessing
    assert card.dataset.startswith("MNIST at half the size, to be written at its own: 400 of its 500")


def test_the_film_of_super_resolution_is_of_its_own_loss_and_keeps_what_is_written(few_digits):
    run = runs.create(UPSCALING)
    assert work(run) == 0
    film, image = run.film, few_digits["train"].images[400]
    np.testing.assert_array_equal(film.image, image)
    assert film.shape.readout == "outputs"
    assert set(film.frames.dtype.names) == {"step", "grad_h", "h", "outputs"}
    first = upscaling.record(loop.untrained(UPSCALING, 14, 56), image / 255, delay=1)
    np.testing.assert_allclose(film.frames["outputs"][0], first["logits"], atol=2e-3)
    np.testing.assert_allclose(film.frames["h"][0], first["h"][-1], atol=2e-3)
    norms = []
    for each in few_digits["train"].images[400:408]:
        trace = upscaling.record(loop.untrained(UPSCALING, 14, 56), each / 255, delay=1)
        norms.append(measures.gradient_norms(trace, "h", relative=True))
    np.testing.assert_allclose(film.frames["grad_h"][0], np.median(norms, axis=0), atol=1e-3)


def test_folds_of_super_resolution_are_judged_by_psnr_and_leave_the_test_digits_alone(few_digits):
    first, _ = runs.create_folds(replace(UPSCALING, epochs=1), 2)
    assert work(first) == 0
    card = checkpoints.card(f"run:{first.id}")
    assert card.validation == first.metrics[-1]["psnr"]
    assert card.psnr == card.error == {}
    assert first.answers is None


def test_super_resolution_stopped_and_resumed_ends_with_the_same_bits(few_digits, monkeypatch):
    config = replace(UPSCALING, epochs=4, keep="best")
    whole, other = runs.create(config), runs.create(config)
    assert work(whole) == 0
    with monkeypatch.context() as patch:
        at_row(patch, 5, lambda: (other.folder / "stop").touch())
        patch.setattr(worker, "LOOK_EVERY", 0.0)
        patch.setattr(worker.Watch, "check", lambda self: _raise_where((other.folder / "stop").exists()))
        work(other)
    assert other.state.state == "stopped"
    assert checkpoints.card(f"run:{other.id}").task == "upscale"
    runs.resume(other)
    assert work(other) == 0
    for name, array in checkpoints.load(f"run:{whole.id}").arrays.items():
        np.testing.assert_array_equal(checkpoints.load(f"run:{other.id}").arrays[name], array)


def _raise_where(asked: bool) -> None:
    if asked:
        raise worker._Stop


def test_a_fold_leaves_the_test_digits_alone():
    first, second = runs.create_folds(replace(SMALL, epochs=1), 2)
    assert work(second) == work(first) == 0
    assert second.state.state == "finished"
    assert second.answers is None
    card = checkpoints.card(f"run:{second.id}")
    assert card.accuracy == card.misread == {}
    assert card.dataset.endswith("; fold 2 of 2 was held back.")
    assert second.state.steps == 12  # 719 or 718 digits in batches of 64
    assert run_probe(first) != run_probe(second)


def run_probe(run: runs.Run) -> bytes:
    """Return the picture that was filmed."""
    return run.film.image.tobytes()


@pytest.mark.parametrize("cell", ["peephole_lstm", "layernorm_lstm"])
def test_other_cells_and_shared_layers_go_the_same_way(cell):
    config = replace(SMALL, cell=cell, num_layers=2, shared=True, start="one_hot", epochs=1, keep="best")
    run = runs.create(config)
    assert work(run) == 0
    assert run.state.state == "finished"
    network = checkpoints.load(f"run:{run.id}")
    assert network.shared
    assert network.h0.any()
    assert set(run.film.frames.dtype.names) == {"step", "grad_h", "grad_c", "h", "probs"}


def test_a_run_that_is_not_queued_is_left_alone(capsys):
    run = runs.create(SMALL)
    with run.hold():
        run.write_state(replace(run.state, state="failed", reason="lost"))
    assert work(run) == 1
    assert "is failed" in capsys.readouterr().err
    assert run.state.reason == "lost"


def test_a_run_that_someone_is_at_work_on_is_left_alone(monkeypatch, capsys):
    monkeypatch.setattr(worker, "WAIT_FOR_LOCK", 0.05)
    run = runs.create(SMALL)
    with run.hold():
        assert work(run) == 1
    assert "must not be at work" in capsys.readouterr().err
    assert run.state.state == "queued"


# ---- Stopping and going on


def test_a_stop_while_torch_loads_ends_it_at_once(started):
    run = runs.create(SMALL)
    process = started(run)
    until(lambda: run.state.state == "running")
    assert run.state.phase == "loading"
    runs.request_stop(run)
    assert process.wait(30) == 0
    assert run.state.state == "stopped"
    assert not {"metrics.jsonl", "model.safetensors", ".ballast"} & left_by(run)
    runs.resume(run)
    assert work(run) == 0
    assert (run.state.state, run.state.resumed_from) == ("finished", None)


@pytest.mark.parametrize("way", ["stop file", "SIGTERM"])
def test_a_stop_while_it_trains_keeps_what_was_learnt(started, way):
    run = runs.create(replace(SMALL, epochs=1000))
    process = started(run)
    until(lambda: len(run.metrics) > 2)
    if way == "SIGTERM":
        os.kill(process.pid, signal.SIGTERM)
    else:
        runs.request_stop(run)
    assert process.wait(30) == 0
    state = run.state
    assert (state.state, state.reason) == ("stopped", "")
    assert 0 < state.step < state.steps == 19_000
    card = checkpoints.card(f"run:{run.id}")
    assert card.training["updates"] == state.step
    assert card.accuracy == {}  # the test digits are for the end
    assert run.answers is None
    ((_, saved), *_), damaged = generations.read(run.folder)
    assert saved["step"] == state.step
    assert not damaged

    runs.resume(run)
    process = started(run)
    until(lambda: run.state.state == "running")
    runs.request_stop(run)
    assert process.wait(30) == 0
    assert (run.state.state, run.state.step, run.state.seconds) == ("stopped", state.step, state.seconds)


def test_a_run_that_was_stopped_goes_on_to_the_same_end(monkeypatch):
    config = replace(SMALL, augment=True, thickness=0.5, keep="best", watch_every=5)
    whole, broken = runs.create(config), runs.create(config)
    work(whole)
    for row in (7, 12):
        with monkeypatch.context() as patch:
            at_row(patch, row, lambda: stop_now(broken))
            work(broken)
        assert broken.state.state == "stopped"
        runs.resume(broken)
    work(broken)
    state = broken.state
    assert (state.state, state.resumed_from, state.repaired) == ("finished", 19, False)
    for name, array in weights(whole).items():
        np.testing.assert_array_equal(weights(broken)[name], array)
    told = ("step", "loss", "gradient_norm", "learning_rate", "accuracy", "best")
    assert [[row.get(name) for name in told] for row in broken.metrics] == [
        [row.get(name) for name in told] for row in whole.metrics
    ]
    events = [json.loads(line) for line in (broken.folder / "metrics.jsonl").read_text().splitlines()]
    assert [event for event in events if "event" in event] == [{"event": "resumed", "step": s} for s in (7, 19)]
    steps = broken.film.frames["step"].tolist()
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, STEPS)


def stop_now(run: runs.Run) -> None:
    """Ask for a stop, and wait until the thread that looks has seen it."""
    runs.request_stop(run)
    time.sleep(3 * worker.LOOK_EVERY)


def test_a_stop_while_the_test_digits_are_read_leaves_only_those_to_do(monkeypatch):
    run = runs.create(SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(loop.Trainer, "answers", lambda *_: (_ for _ in ()).throw(worker._Stop))
        work(run)
    assert run.state.state == "stopped"
    assert checkpoints.card(f"run:{run.id}").accuracy == {}
    runs.resume(run)
    work(run)
    assert (run.state.state, run.state.resumed_from) == ("finished", STEPS)
    assert checkpoints.card(f"run:{run.id}").accuracy
    assert [row["step"] for row in run.metrics] == list(range(1, STEPS + 1))


@pytest.fixture
def two_generations(monkeypatch):
    """A run, killed as it were at row 25, that has saved itself at every row; its last checkpoint is at 25."""
    run = runs.create(SMALL)
    with monkeypatch.context() as patch:
        patch.setattr(worker, "SAVE_EVERY", 0.0)
        at_row(patch, 26, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            work(run)
    assert run.lost
    with run.hold():
        run.write_state(replace(run.state, state="queued"))
    return run


def whole_weights() -> dict[str, np.ndarray]:
    run = runs.create(SMALL)
    work(run)
    return weights(run)


def truncate(path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path) -> None:
    """Change one byte of the numbers, as a bad disk does."""
    data = bytearray(path.read_bytes())
    data[-10] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "resumed_from", "repaired"),
    [
        ({}, 25, False),
        ({"last": truncate}, 24, True),
        ({"last": flip}, 24, True),
        ({"last": lambda path: path.write_bytes(b"")}, 24, True),
        ({"last": truncate, "previous": truncate}, 0, True),
        ({"last": lambda path: path.unlink()}, 24, False),
    ],
)
def test_a_killed_run_goes_on_from_its_last_sound_checkpoint(two_generations, damage, resumed_from, repaired):
    run = two_generations
    for name, harm in damage.items():
        harm(run.folder / f"{name}.safetensors")
    work(run)
    state = run.state
    assert (state.state, state.resumed_from, state.repaired) == ("finished", resumed_from, repaired)
    assert [row["step"] for row in run.metrics] == list(range(1, STEPS + 1))
    for name, array in whole_weights().items():
        np.testing.assert_array_equal(weights(run)[name], array)


def test_a_checkpoint_of_another_version_is_passed_over(two_generations):
    arrays, values = generations.read(two_generations.folder)[0][0]
    generations.write(two_generations.folder, arrays, values | {"colour": "blue"})
    work(two_generations)
    state = two_generations.state
    assert (state.state, state.resumed_from, state.repaired) == ("finished", 25, True)


def test_a_torn_line_is_closed_and_passed_over(two_generations):
    run = two_generations
    with open(run.folder / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": 27, "lo')
    with open(run.folder / "film" / "film.bin", "ab") as file:
        file.write(b"half a frame")
    work(run)
    assert [row["step"] for row in run.metrics] == list(range(1, STEPS + 1))
    lines = (run.folder / "metrics.jsonl").read_text().splitlines()
    assert lines[26:28] == ['{"step": 27, "lo', '{"event": "resumed", "step": 25}']
    assert run.film.frames["step"][-1] == STEPS


def test_rows_of_a_run_that_begins_again_do_not_count_twice(two_generations):
    for path in two_generations.folder.glob("*.safetensors"):
        path.unlink()
    work(two_generations)
    assert two_generations.state.resumed_from is None
    assert [row["step"] for row in two_generations.metrics] == list(range(1, STEPS + 1))
    assert two_generations.film.frames["step"].tolist().count(0) == 1


# ---- Failing


def failed(run: runs.Run) -> tuple[str, str]:
    state = run.state
    assert state.state == "failed", run.log()
    assert state.ended >= state.started > 0
    assert ".ballast" not in left_by(run)
    return state.reason, state.detail


def test_a_run_that_diverges_keeps_its_last_good_weights(monkeypatch):
    run = runs.create(SMALL)
    cross_entropy, kept = objectives.F.cross_entropy, []

    def broken(logits, y):
        kept.append(1)
        return cross_entropy(logits, y) * (float("nan") if len(kept) > 10 else 1.0)

    with monkeypatch.context() as patch:
        patch.setattr(objectives.F, "cross_entropy", broken)
        work(run)
    reason, detail = failed(run)
    assert reason == "diverged"
    assert detail == "the loss must stay finite. Got nan. Choose a learning_rate below 0.01."
    assert [row["step"] for row in run.metrics] == list(range(1, 11))
    assert run.state.step == 10
    training = checkpoints.card(f"run:{run.id}").training
    assert (training["updates"], training["validation_accuracy"]) == (10, None)
    good = runs.create(SMALL)
    with monkeypatch.context() as patch:
        at_row(patch, 10, lambda: stop_now(good))
        work(good)
    for name, array in weights(good).items():
        np.testing.assert_array_equal(weights(run)[name], array)


def test_weights_beyond_half_precision_are_told(monkeypatch):
    run = runs.create(SMALL)
    large = initial.network("gru", hidden_size=8)
    arrays = {name: array * 1e6 for name, array in large.arrays.items()}
    monkeypatch.setattr(loop.Trainer, "network", lambda self: type(large)("gru", arrays))
    work(run)
    reason, detail = failed(run)
    assert reason == "diverged"
    assert "must lie within ±65504" in detail


def test_a_run_ends_when_its_time_is_over_and_keeps_what_was_learnt(monkeypatch):
    run = runs.create(SMALL)
    clock = time.monotonic
    ahead = [0.0]
    monkeypatch.setattr(worker.time, "monotonic", lambda: clock() + ahead[0])
    at_row(monkeypatch, 5, lambda: ahead.__setitem__(0, 240 * 60 + 1))
    work(run)
    assert failed(run) == (
        "time_limit",
        "a run may take 240 minutes. It has. Set RNNVIZ_RUN_MINUTES for longer ones.",
    )
    assert checkpoints.card(f"run:{run.id}").training["updates"] == 5
    assert generations.read(run.folder)[0][0][1]["step"] == 5


@pytest.mark.parametrize("jump", [-1e7, 1e7])
def test_setting_the_clock_does_not_matter(monkeypatch, jump):
    run = runs.create(SMALL)
    clock, ahead = time.time, [0.0]
    monkeypatch.setattr(worker.time, "time", lambda: clock() + ahead[0])
    at_row(monkeypatch, 5, lambda: ahead.__setitem__(0, jump))
    work(run)
    assert run.state.state == "finished"
    assert 0 < run.state.seconds < 1000
    seconds = [row["seconds"] for row in run.metrics]
    assert seconds == sorted(seconds)


def test_a_run_ends_when_its_folder_is_too_large(monkeypatch):
    monkeypatch.setenv("RNNVIZ_RUN_MB", "0.06")
    monkeypatch.setattr(worker, "SAVE_EVERY", 0.0)
    run = runs.create(SMALL)
    work(run)
    reason, detail = failed(run)
    assert reason == "disk_limit"
    assert detail == "a run's folder may take 0.06 MB. It takes more. Set RNNVIZ_RUN_MB for larger ones."
    assert run.model


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_the_ballast_makes_room_for_the_last_words(monkeypatch, number):
    run = runs.create(SMALL)
    at_row(monkeypatch, 8, lambda: (_ for _ in ()).throw(OSError(number, "full")))
    work(run)
    assert failed(run)[0] == "disk_full"
    assert len(run.metrics) == 8
    assert run.film.frames["step"][0] == 0


def test_a_row_that_is_only_half_written_is_a_full_disk(monkeypatch):
    run, write = runs.create(SMALL), os.write
    at_row(monkeypatch, 8, lambda: monkeypatch.setattr(worker.os, "write", lambda file, data: write(file, data[:9])))
    work(run)
    assert failed(run)[0] == "disk_full"
    assert len(run.metrics) == 8


def test_a_folder_that_is_deleted_is_not_made_anew(monkeypatch):
    for row in (1, 8):
        run = runs.create(SMALL)
        with monkeypatch.context() as patch:
            at_row(patch, row, lambda run=run: shutil.rmtree(run.folder))
            assert work(run) == 0
        assert not run.folder.exists()
    assert work(run) == 0
    assert not run.folder.exists()


def test_deleting_the_folder_of_a_process_ends_it_quietly(started):
    run = runs.create(replace(SMALL, epochs=1000))
    process = started(run)
    until(lambda: len(run.metrics) > 2)
    shutil.rmtree(run.folder)
    assert process.wait(30) == 0
    assert not run.folder.exists()


def test_missing_mnist_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(mnist, "_sets", {})
    run = runs.create(Config())
    work(run)
    reason, detail = failed(run)
    assert reason == "no_data"
    assert detail.startswith("MNIST must lie in")


def test_settings_that_cannot_be_are_told():
    run = runs.create(SMALL)
    path = run.folder / "config.json"
    path.write_text(path.read_text().replace('"gru"', '"transformer"'))
    work(run)
    reason, detail = failed(run)
    assert reason == "bad_config"
    assert "cell must be one of" in detail


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."), "memory"),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), "memory"),
        (RuntimeError("I/O error: No space left on device (os error 28)"), "disk_full"),
        (RuntimeError("what nobody thought of\nsecond line"), "error"),
        (PermissionError(errno.EACCES, "denied"), "error"),
    ],
)
def test_every_other_error_has_a_reason_and_one_line(monkeypatch, capsys, error, reason):
    run = runs.create(SMALL)
    at_row(monkeypatch, 3, lambda: (_ for _ in ()).throw(error))
    work(run)
    found, detail = failed(run)
    assert found == reason
    assert detail == (str(error).splitlines() or ["MemoryError"])[0]
    printed = capsys.readouterr()
    assert detail in printed.out
    assert ("Traceback" in printed.err) == (reason in ("error", "memory"))


# ---- The film


def test_frames_are_what_the_network_is_at_that_moment():
    run = runs.create(SMALL)
    work(run)
    film = run.film
    known = open_data(SMALL).training
    x, label = known.images[1200] / 255, int(known.labels[1200])  # the first one that is held back
    assert film.shape.label == label
    np.testing.assert_array_equal(film.image, known.images[1200])
    first = loop.Trainer(SMALL, known.at(slice(1200))).network()
    for network, frame, most in (
        (first, film.frames[0], 1e-3),
        (checkpoints.load(f"run:{run.id}"), film.frames[-1], 0.01),
    ):
        trace = record(network, x, label)
        np.testing.assert_allclose(frame["h"], trace["h"][-1], atol=most)
        np.testing.assert_allclose(frame["probs"], trace["probs"], atol=most)
    probes = known.at(slice(1200, 1208))
    norms = [
        measures.gradient_norms(record(first, image / 255, int(k)), "h", relative=True)
        for image, k in zip(probes.images, probes.labels, strict=True)
    ]
    np.testing.assert_allclose(film.frames[0]["grad_h"], np.median(norms, axis=0), rtol=1e-5)
    assert (film.frames["grad_h"][:, -1] == 0).all()  # relative to the last step
    assert film.frames["step"][[0, -1]].tolist() == [0, STEPS]


def test_of_long_sequences_some_rows_are_filmed():
    settings = {"cell": "rnn_relu", "recurrent": "identity", "hidden_size": 4, "reading": "permuted", "epochs": 1}
    run = runs.create(replace(SMALL, **settings, batch_size=700))
    work(run)
    assert run.state.state == "finished", run.log()
    assert run.film.frames["h"].shape[1:] == (56, 4)
    assert run.film.shape.at[-1] == 783


class Slow:
    """A trainer whose updates take a second of training each, and a camera's clock that stands beside it."""

    def __init__(self, monkeypatch, cost: float, steps: int):
        self.step, self.steps, self.seconds, self.now = 0, steps, 0.0, 0.0
        self._network, self._cost = initial.network("gru", hidden_size=4), cost
        monkeypatch.setattr(worker.time, "perf_counter", lambda: self.now)

    def current(self):
        self.now += self._cost
        return self._network

    def film(self, path, film_every: int = 0) -> list[int]:
        probes = SimpleNamespace(images=np.zeros((2, 28, 28), np.uint8), labels=np.array([1, 2]))
        camera = worker.Camera(path, Config(cell="gru", hidden_size=4, film_every=film_every), self, probes)
        camera.begin()
        for _ in range(self.steps):
            self.step += 1
            self.seconds += 1.0
            camera.take_if_due()
        camera.take()
        return films.read(path).frames["step"].tolist()


def test_a_film_takes_at_most_its_share_of_the_time(monkeypatch, tmp_path):
    steps = Slow(monkeypatch, cost=1.0, steps=100).film(tmp_path / "film" / "film.bin")
    assert steps == [0, 34, 67, 100]


def test_a_cheap_film_has_at_most_its_number_of_frames(monkeypatch, tmp_path):
    steps = Slow(monkeypatch, cost=1e-6, steps=1500).film(tmp_path / "film" / "film.bin")
    assert steps == list(range(0, 1501, 5))


def test_frames_are_taken_where_the_settings_ask_for_them_whatever_they_cost(monkeypatch, tmp_path):
    slow = Slow(monkeypatch, cost=100.0, steps=25)
    assert slow.film(tmp_path / "film" / "film.bin", film_every=10) == [0, 10, 20, 25]


def test_norms_that_nobody_knows_are_left_out_of_the_median():
    inf, nan = float("inf"), float("nan")
    norms = np.array([[-1.0, -inf, nan, -2.0], [-3.0, -inf, nan, nan], [-2.0, -4.0, nan, nan]])
    np.testing.assert_array_equal(worker._median(norms), [-2.0, -inf, nan, -2.0])


def test_states_beyond_half_precision_are_filmed_at_its_border(tmp_path):
    network = initial.network("rnn_relu", hidden_size=4)
    arrays = dict(network.arrays) | {"rnn.bias_ih_l0": np.full(4, 1e6), "rnn.weight_hh_l0": np.zeros((4, 4))}
    trainer = SimpleNamespace(step=0, steps=9, seconds=0.0, current=lambda: type(network)("rnn_relu", arrays))
    probes = SimpleNamespace(images=np.zeros((1, 28, 28), np.uint8), labels=np.array([1]))
    camera = worker.Camera(tmp_path / "film" / "film.bin", Config(cell="rnn_relu", hidden_size=4), trainer, probes)
    camera.take()
    assert (films.read(tmp_path / "film" / "film.bin").frames["h"] == np.finfo(np.float16).max).all()


def test_states_that_leave_every_range_are_not_filmed(tmp_path):
    network = initial.network("rnn_relu", hidden_size=4, recurrent="identity", gain=10.0)
    arrays = dict(network.arrays) | {"rnn.weight_hh_l0": 1e30 * np.ones((4, 4)), "rnn.bias_ih_l0": np.ones(4)}
    trainer = SimpleNamespace(step=0, steps=9, seconds=0.0, current=lambda: type(network)("rnn_relu", arrays))
    probes = SimpleNamespace(images=np.zeros((1, 28, 28), np.uint8), labels=np.array([1]))
    camera = worker.Camera(tmp_path / "film" / "film.bin", Config(cell="rnn_relu", hidden_size=4), trainer, probes)
    camera.begin()
    assert len(films.read(tmp_path / "film" / "film.bin")) == 0


# ---- TensorBoard


def test_rows_are_mirrored_for_tensorboard(monkeypatch):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setenv("RNNVIZ_TENSORBOARD", "1")
    run = runs.create(SMALL)
    work(run)
    events = accumulator.EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    assert [(e.step, pytest.approx(e.value)) for e in events.Scalars("loss")] == [
        (row["step"], row["loss"]) for row in run.metrics
    ]
    assert len(events.Scalars("accuracy")) == 2


def test_without_tensorboard_the_log_says_so_and_the_run_goes_on(monkeypatch, capsys):
    monkeypatch.setenv("RNNVIZ_TENSORBOARD", "1")
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run = runs.create(SMALL)
    work(run)
    assert run.state.state == "finished"
    assert capsys.readouterr().out.count("No mirror for TensorBoard") == 1
    assert "tensorboard" not in left_by(run)
