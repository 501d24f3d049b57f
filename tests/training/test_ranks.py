"""A run with several ranks: the same training as by one, and a group of processes of which nobody is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from rnnviz import checkpoints
from rnnviz.training import dispatch, group, loop, runs, worker
from rnnviz.training.config import Config, Refused
from rnnviz.training.engines import local
from rnnviz.training.loop import Diverged
from rnnviz.training.ranks import Ranks, gone
from tests.training.by_ranks import some, trained
from tests.training.processes import home, story, until  # noqa: F401

# ---- The same training

BATCH = 24
"""Of all ranks together."""
BASE = {"dataset": "uci", "hidden_size": 8, "validation": 0, "epochs": 2}
CELLS = ("rnn_tanh", "lstm", "gru")
CASES = {
    **{cell: {"cell": cell} for cell in CELLS},
    **{f"{cell} of two layers": {"cell": cell, "num_layers": 2} for cell in CELLS},
    **{f"{cell} with shared layers": {"cell": cell, "num_layers": 2, "shared": True} for cell in CELLS},
    "not clipped": {"cell": "lstm", "clip": None},
    "clipped at every update": {"cell": "gru", "clip": 0.05},
    "SGD": {"cell": "lstm", "optimiser": "sgd", "learning_rate": 0.5},
    "SGD, not clipped": {"cell": "gru", "optimiser": "sgd", "learning_rate": 0.1, "clip": None},
    "augmented": {"cell": "gru", "augment": True, "thickness": 0.5},
    "from one_hot": {"cell": "lstm", "num_layers": 2, "start": "one_hot"},
    "a looped cell": {"cell": "peephole_lstm"},
    "super-resolution": {"cell": "rnn_tanh", "dataset": "mnist_2x", "num_layers": 2, "delay": 1},
}
UNEVEN, SCARCE = 3 * BATCH + 11, 3 * BATCH + 1
"""Sequences that leave 11 for the last batch of an epoch, or a single one for all ranks."""
STOPPED = ("lstm of two layers", "augmented", "SGD")
STOP = 5
"""An update in the middle of the second epoch."""


def settings(name: str, batch_size: int) -> Config:
    return Config(**BASE | CASES[name], batch_size=batch_size)


def count(name: str) -> int:
    return (UNEVEN, SCARCE)[list(CASES).index(name) % 2]


def train_by(ranks: int, names: dict[str, tuple[int | None, ...]], folder: Path) -> None:
    """Let so many ranks train cases, by torchrun; each may be stopped after an update."""
    cases = {
        f"{name} {stop}": {"config": settings(name, BATCH // ranks).to_dict(), "count": count(name), "stop": stop}
        for name, stops in names.items()
        for stop in stops
    }
    (folder / "cases.json").write_text(json.dumps(cases))
    command = ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={ranks}", f"--log-dir={os.devnull}"]
    command += ["-m", "tests.training.by_ranks", str(folder / "cases.json"), str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *command],
        cwd=local.ROOT,
        env=os.environ | local.WORKER,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> Path:
    """What two ranks came to in every case."""
    folder = tmp_path_factory.mktemp("two")
    train_by(2, {name: (None, STOP) if name in STOPPED else (None,) for name in CASES}, folder)
    return folder


@pytest.fixture(scope="module")
def three(tmp_path_factory) -> Path:
    """What three ranks came to in some."""
    folder = tmp_path_factory.mktemp("three")
    train_by(3, dict.fromkeys(STOPPED, (None, STOP)), folder)
    return folder


def came_to(folder: Path, name: str, rank: int = 0, stop: int | None = None) -> dict[str, np.ndarray]:
    with np.load(folder / f"{name} {stop}.{rank}.npz") as arrays:
        return dict(arrays)


def differ_by_rounding(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Fail where two trainings differ by more than float32's rounding.

    Sums of a batch in two halves are rounded otherwise than in one, by some 1e-7 of their size, and these few updates
    do not make it grow: the largest difference that was measured is 5e-7 in a loss around 2, 2e-7 in a weight.
    """
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=3e-6, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_two_ranks_learn_what_one_learns_from_batches_twice_as_large(two, name):
    with loop.one_thread():
        one = trained(settings(name, BATCH), count(name))
    assert len(one["losses"]) == 8
    assert len(set(one["losses"])) == 8
    differ_by_rounding(came_to(two, name), one)


@pytest.mark.parametrize("name", STOPPED)
def test_three_ranks_learn_the_same(three, name):
    with loop.one_thread():
        one = trained(settings(name, BATCH), count(name))
    differ_by_rounding(came_to(three, name), one)


@pytest.mark.parametrize("name", CASES)
def test_all_ranks_end_with_the_same_bits(two, name):
    first, second = came_to(two, name), came_to(two, name, rank=1)
    for key in set(first) - {"scores"}:
        np.testing.assert_array_equal(first[key], second[key], err_msg=key)
    assert len(first["scores"]) == 2
    assert len(second["scores"]) == 0  # rank 0 alone measures


@pytest.mark.parametrize("ranks", ["two", "three"])
@pytest.mark.parametrize("name", STOPPED)
def test_ranks_that_go_on_end_with_the_bits_of_those_that_never_stopped(request, ranks, name):
    folder = request.getfixturevalue(ranks)
    for rank in (0, 1):
        whole, broken = came_to(folder, name, rank), came_to(folder, name, rank, STOP)
        for key, array in whole.items():
            np.testing.assert_array_equal(broken[key], array, err_msg=key)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_parts_of_a_batch_are_all_of_it_and_their_weights_make_the_mean_of_means_its_mean(count):
    for size in (1, 2, 3, 7, 12, 13):
        batch = torch.arange(1.0, size + 1)
        ranks = [Ranks(rank, count) for rank in range(count)]
        parts = [each.own(batch) for each in ranks]
        weighed = [each.weighed(part.mean(), size) for each, part in zip(ranks, parts, strict=True)]
        assert float(sum(weighed) / count) == pytest.approx(float(batch.mean()), rel=1e-6)
        counted = torch.cat([part for part, loss in zip(parts, weighed, strict=True) if loss])
        assert counted.tolist() == batch.tolist()
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_makes_the_updates_of_all_ranks():
    both = replace(settings("gru", 12), ranks=2)
    assert loop.Trainer(both, some(60))._sequences(4) == 60 + 24  # its speed is that of all ranks
    with loop.one_thread():
        one, alone = (trained(replace(settings("gru", 12), ranks=r, batch_size=24 // r), 60) for r in (1, 2))
    for name, array in one.items():
        np.testing.assert_array_equal(alone[name], array)


def test_ranks_train_on_the_processor_whatever_gpus_there_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert loop.device_of(Config(ranks=2)).type == "cpu"
    assert loop.device_of(Config()).type == "cuda"
    assert str(loop.device_of(Config(gpus=2), rank=1)) == "cuda:1"
    with pytest.raises(Refused, match="gpus must be at most 2, as many as there are. Got 3.") as refused:
        loop.device_of(Config(gpus=3))
    assert refused.value.code == "gpus"
    assert worker.reason_of(refused.value) == "bad_config"


# ---- A group of processes

RUN = Config(
    dataset="halves", cell="rnn_tanh", hidden_size=8, epochs=4, batch_size=16, validation=1000, ranks=2, keep="best"
)
STEPS = 4 * 157
SOON = 10.0
"""Seconds within which processes that see another's end in a tenth of one have to be gone, on a busy machine."""


class Started:
    """A group as the engine starts it."""

    def __init__(self, run: runs.Run, **environment: str):
        self.run = run
        command = [sys.executable, "-u", "-m", "rnnviz.training.worker", str(run.folder)]
        self.process = local.spawn(command, run.folder / "log.txt", **local.WORKER, **environment)
        self._known: dict[int, psutil.Process] = {}

    def ranks(self) -> dict[int, psutil.Process]:
        """Return the processes of the ranks that have been seen."""
        try:
            for each in psutil.Process(self.process.pid).children():
                self._known.setdefault(int(each.environ()["RANK"]), each)
        except (psutil.Error, KeyError):
            pass
        return self._known

    def until_rows(self, more: int = 3) -> None:
        """Wait until it has trained, since it was started."""

        def there() -> bool:
            state = self.run.state
            assert self.process.poll() is None, story(self.run)
            if state.state != "running" or state.phase != "training":
                return False
            rows = [row for row in self.run.metrics if row["step"] > (state.resumed_from or 0)]
            return len(rows) > more and len(self.ranks()) == RUN.ranks

        until(there, lambda: story(self.run))

    def ended(self) -> int:
        """Wait until all are gone and return the exit code."""
        code = self.process.wait(60)
        assert all_gone(self.ranks().values()), story(self.run)
        return code

    def kill(self) -> None:
        for each in [*self.ranks().values(), self.process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        self.process.wait()


@pytest.fixture
def started(home) -> Iterator:  # noqa: F811
    """Give a function that starts the group of a run; all are killed with the test."""
    groups = []

    def start(run: runs.Run, **environment: str) -> Started:
        groups.append(Started(run, **environment))
        return groups[-1]

    yield start
    for each in groups:
        each.kill()


def all_gone(processes: Iterable[psutil.Process]) -> bool:
    """Return whether processes end within SOON; one that only waits for its parent to take note has ended."""
    end = time.monotonic() + SOON
    while (alive := not all(map(gone, processes))) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive


def listening(ranks: Started) -> set[str]:
    """Return the addresses at which the processes of a group wait for others to connect."""
    found = set()
    for each in [psutil.Process(ranks.process.pid), *ranks.ranks().values()]:
        with suppress(psutil.AccessDenied):  # macOS tells that to root only
            found |= {each.laddr.ip for each in each.net_connections() if each.status == psutil.CONN_LISTEN}
    return found


def queue_again(run: runs.Run) -> None:
    """Do with a run whose worker died what the dispatcher does."""
    with run.hold(timeout=5.0):
        run.write_state(replace(run.state, state="queued", phase=""))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """The folder of a run that two ranks have begun, and that was asked to stop while it trained."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNVIZ_RUNS", str(folder))
        run = runs.create(RUN)
        started = Started(run)
        try:
            started.until_rows()
            runs.request_stop(run)
            (run.folder / "exit").write_text(str(started.ended()))
        finally:
            started.kill()
        return run.folder


@pytest.fixture
def begun(home, stopped) -> runs.Run:  # noqa: F811
    """A copy of that run, queued again."""
    run = runs.Run(stopped.name)
    shutil.copytree(stopped, run.folder)
    runs.resume(run)
    return run


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> dict[str, np.ndarray]:
    """The weights of that run where the dispatcher and the local engine train it without an interruption."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNVIZ_RUNS", str(tmp_path_factory.mktemp("whole")))
        patch.setenv("RNNVIZ_SLOTS", "2")
        patch.delenv("RNNVIZ_ENGINE", raising=False)
        run = runs.create(RUN, name="two ranks")
        dispatcher = dispatch.Dispatcher()
        until(lambda: not dispatcher.round(), lambda: story(run))
        until(lambda: all(child.poll() is not None for child in local._children.values()))
        state = run.state
        assert (state.state, state.step, state.device, state.attempt) == ("finished", STEPS, "2 x cpu", 1), story(run)
        rows, card = run.metrics, checkpoints.card(f"run:{run.id}")
        assert [row["step"] for row in rows][-1] == STEPS
        assert len({row["step"] for row in rows}) == len(rows)  # one of them writes
        assert [row["step"] for row in rows if "accuracy" in row] == [157, 314, 471, 628]
        assert rows[-1]["best"] > 0.8
        assert card.training["computed_on"] == "2 x cpu"
        assert card.training["ranks"] == 2
        assert "--set ranks=2" in card.command
        assert "Traceback" not in run.log()
        assert not [path for path in run.folder.iterdir() if path.name.startswith(".")]
        return dict(checkpoints.load(f"run:{run.id}").arrays)


def test_the_dispatcher_and_the_local_engine_train_a_run_with_two_ranks_as_one_process_would(whole, home):  # noqa: F811
    alone = runs.create(RUN)
    with loop.one_thread():
        assert worker.main(alone.folder, own_process=False) == 0
    assert alone.state.device == "cpu"
    for name, array in checkpoints.load(f"run:{alone.id}").arrays.items():
        # Hundreds of updates make rounding grow, and weights are stored in half precision.
        np.testing.assert_allclose(whole[name], array, rtol=0.05, atol=0.02)


def test_a_stop_while_ranks_train_ends_all_of_them_in_good_order(stopped, home):  # noqa: F811
    shutil.copytree(stopped, home / stopped.name)
    run = runs.Run(stopped.name)
    assert (stopped / "exit").read_text() == "0"
    assert (run.state.state, run.state.reason) == ("stopped", "")
    assert 0 < run.state.step < STEPS
    assert run.model
    assert "Traceback" not in run.log()
    assert "Error" not in run.log()


def test_a_run_that_loses_a_rank_twice_goes_on_from_its_last_checkpoint_to_the_same_end(begun, started, whole):
    step = begun.state.step
    for rank in (1, 0):
        ranks = started(begun)
        ranks.until_rows()
        ranks.ranks()[rank].kill()
        assert ranks.ended() > 0
        assert (begun.state.state, begun.state.resumed_from, begun.state.reason) == ("running", step, "")
        until(lambda: begun.lost)
        assert ".ballast" not in os.listdir(begun.folder) or rank == 0
        queue_again(begun)
    assert started(begun).ended() == 0
    assert (begun.state.state, begun.state.resumed_from) == ("finished", step), begun.log()
    for name, array in whole.items():
        np.testing.assert_array_equal(checkpoints.load(f"run:{begun.id}").arrays[name], array)


@pytest.mark.parametrize(
    ("whom", "number"), [("torchrun", signal.SIGKILL), ("torchrun", signal.SIGTERM), ("rank 0", signal.SIGTERM)]
)
def test_all_end_with_one_of_them_and_nobody_takes_it_for_a_stop(begun, started, whom, number):
    ranks = started(begun)
    ranks.until_rows()
    assert listening(ranks) <= {"127.0.0.1"}  # nobody else's machine can reach them
    os.kill(ranks.process.pid if whom == "torchrun" else ranks.ranks()[0].pid, number)
    begun_at = time.monotonic()
    assert ranks.ended() != 0
    assert time.monotonic() - begun_at < SOON
    assert begun.state.state == "running"
    until(lambda: begun.lost)  # its lock is free once the last of its threads is gone


def test_an_error_of_rank_0_itself_is_a_failure_with_its_reason(begun, started):
    (begun.folder / "metrics.jsonl").unlink()
    (begun.folder / "metrics.jsonl").mkdir()
    ranks = started(begun)
    assert ranks.ended() == 0
    assert (begun.state.state, begun.state.reason) == ("failed", "error")
    assert "metrics.jsonl" in begun.state.detail
    assert begun.log().count("Traceback") == 1


def test_a_run_that_cannot_have_its_gpus_says_so(home, started):  # noqa: F811
    run = runs.create(replace(RUN, ranks=1, gpus=8))
    assert started(run).ended() == 0
    assert (run.state.state, run.state.reason) == ("failed", "bad_config")
    assert run.state.detail.startswith(f"gpus must be at most {torch.cuda.device_count()}, as many as there are. Got 8")


def test_settings_that_cannot_be_read_need_no_ranks_to_be_told(home, started):  # noqa: F811
    run = runs.create(RUN)
    path = run.folder / "config.json"
    path.write_text(path.read_text().replace('"rnn_tanh"', '"transformer"'))
    assert group.wanted(run) == 1
    assert started(run).ended() == 0
    assert (run.state.state, run.state.reason) == ("failed", "bad_config")


def test_on_windows_several_ranks_are_refused(home, monkeypatch):  # noqa: F811
    run = runs.create(RUN)
    monkeypatch.setattr(group, "os", SimpleNamespace(name="nt"))
    assert group.wanted(run) == 1
    monkeypatch.setattr(worker, "os", SimpleNamespace(name="nt"))
    with pytest.raises(worker._Failed, match="ranks and gpus must be at most 1 on Windows"):
        worker.Worker(run, own_process=False)._plan()


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_worker_that_is_asked_to_ends_with_its_parent(home, ranks):  # noqa: F811
    run = runs.create(replace(RUN, ranks=ranks, epochs=1000, max_updates=100_000))
    code = (
        "import sys, time; from pathlib import Path; from rnnviz.training.engines import local;"
        "folder = Path(sys.argv[1]); command = [sys.executable, '-m', 'rnnviz.training.worker', str(folder)];"
        "local.spawn(command, folder / 'log.txt', **local.WORKER, RNNVIZ_WITH_PARENT='1'); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(run.folder)], cwd=local.ROOT)
    try:
        until(lambda: run.state.state == "running", lambda: story(run))
        family = psutil.Process(parent.pid).children(recursive=True)
        assert len(family) >= ranks  # and torchrun
        parent.kill()
        assert all_gone(family), story(run)
        assert run.state.state == "running"
        until(lambda: run.lost)
    finally:
        parent.kill()
        parent.wait()


def test_a_death_beside_it_is_no_failure_of_rank_0(home):  # noqa: F811
    found = worker.Worker(runs.create(RUN), own_process=False, is_rank=True)
    broken = RuntimeError("Connection closed by peer")
    assert not found._deserted(broken)  # nobody was met yet
    dead = subprocess.Popen([sys.executable, "-c", ""])
    found.ranks = Ranks(0, 2, (psutil.Process(dead.pid),))
    assert found._deserted(broken)  # it has ended, though nobody has taken note of it
    dead.wait()
    assert found._deserted(broken)
    for own in (OSError("disk"), MemoryError(), RuntimeError("can't allocate memory"), Diverged("the loss")):
        assert not found._deserted(own)
    found.trainer = SimpleNamespace(step=8, steps=9)
    assert found._deserted(broken)
    found.trainer.step = 9
    assert not found._deserted(broken)  # all updates are made, and the others may go
    found.trainer = None
    found.ranks = Ranks(0, 2, (psutil.Process(),))
    assert not found._deserted(broken)
