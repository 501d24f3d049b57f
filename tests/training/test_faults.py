"""What goes wrong on real machines, done to real dispatchers and workers: kills, full disks, damage, wild clocks.

No test asserts how long anything takes: the waits are generous, and only what comes of it counts.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from rnnviz import checkpoints
from rnnviz.training import dispatch, generations, runs
from rnnviz.training.config import Config
from rnnviz.training.engines import local
from tests.training.processes import (
    LONG,
    QUICK,
    dispatchers,
    end_all,
    has,
    home,
    kill,
    story,
    until,
    wait_for,
    wait_for_rows,
    workers,
)

__all__ = ["home"]  # a fixture
pytestmark = pytest.mark.slow
LONG_ENOUGH = Config(
    dataset="halves", cell="lstm", hidden_size=20, epochs=60, batch_size=64, validation=1000, device="cpu"
)
"""Some seconds of training, so that there is time to disturb it; on a processor, where it can be repeated exactly."""


def start(config: Config = QUICK, **changes) -> runs.Run:
    """Queue a run and call for the dispatcher."""
    run = runs.create(replace(config, **changes))
    dispatch.ensure()
    return run


def worker_of(home: Path) -> psutil.Process:
    """Return the only worker."""
    (worker,) = workers(home)
    return worker


def dispatcher_of(home: Path) -> psutil.Process:
    """Return the only dispatcher."""
    (dispatcher,) = dispatchers(home)
    return dispatcher


def stop(run: runs.Run) -> None:
    """Stop a run and wait for it, so that nothing goes on beside the next test."""
    runs.request_stop(run)
    wait_for(run, "stopped")


# ---- Kills


def test_a_worker_killed_while_it_trains_goes_on_to_the_same_result_bit_by_bit(home):
    undisturbed = start(LONG_ENOUGH)
    wait_for(undisturbed, "finished")

    run = start(LONG_ENOUGH)
    wait_for_rows(run, 20)
    stop(run)  # it has saved itself
    saved_at, rows = run.state.step, len(run.metrics)
    runs.resume(run)
    dispatch.ensure()
    wait_for_rows(run, rows + 20)
    kill(worker_of(home))
    wait_for(run, "finished")

    state = run.state
    assert state.attempt == 2
    assert saved_at <= state.resumed_from < state.steps
    rows, expected = ({row["step"]: row for row in each.metrics} for each in (run, undisturbed))
    assert max(rows) == max(expected) == state.steps
    accuracies = [
        {step: row["accuracy"] for step, row in each.items() if "accuracy" in row} for each in (rows, expected)
    ]
    assert accuracies[0] == accuracies[1]
    assert rows[state.steps]["loss"] == expected[state.steps]["loss"]
    for name, array in checkpoints.load(f"run:{undisturbed.id}").arrays.items():
        np.testing.assert_array_equal(checkpoints.load(f"run:{run.id}").arrays[name], array)
    saved, others = (generations.read(each.folder)[0][0][0] for each in (run, undisturbed))
    assert saved.keys() == others.keys()
    for name in saved:
        np.testing.assert_array_equal(saved[name], others[name])


def test_a_killed_worker_is_seen_at_once_and_sent_on_by_the_next_dispatcher(home):
    run = start(LONG)
    wait_for_rows(run)
    kill(dispatcher_of(home))
    assert not run.lost
    kill(worker_of(home))
    until(lambda: run.lost)  # as soon as the last of its threads is gone
    assert run.state.state == "running"
    assert run.metrics
    dispatch.ensure()
    until(lambda: run.state.attempt == 2 and has(run, "running", "training"), lambda: story(run))
    assert len(workers(home)) == 1
    stop(run)


def test_a_killed_dispatcher_leaves_its_worker_alone_and_the_next_one_adopts_it(home):
    run, second = start(LONG), start()
    wait_for_rows(run)
    worker, handle = worker_of(home), run.state.handle
    kill(dispatcher_of(home))
    count = len(run.metrics)
    wait_for_rows(run, count + 1)
    dispatch.ensure()
    until(lambda: dispatchers(home))
    wait_for_rows(run, count + 3)
    assert workers(home) == [worker]
    assert (run.state.handle, run.state.attempt) == (handle, 1)
    assert second.state.attempt == 0  # the slot is taken
    stop(run)
    wait_for(second, "finished")
    assert len(dispatchers(home)) == 1


def test_a_worker_killed_before_it_begins_is_launched_again(home):
    killed = []

    def kill_one() -> bool:
        killed.extend(workers(home))
        for each in killed:
            kill(each)
        return bool(killed)

    run = start()
    until(kill_one, lambda: story(run))
    wait_for(run, "finished")
    assert run.state.attempt == 2
    assert run.state.resumed_from is None


def test_a_server_killed_while_a_run_trains_takes_nothing_with_it(home):
    code = (
        "import time; from rnnviz.training import dispatch, runs; from tests.training.processes import LONG; "
        "print(runs.create(LONG).id, flush=True); dispatch.ensure(); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=local.ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        run = runs.find(server.stdout.readline().strip())
        wait_for_rows(run)
        os.killpg(server.pid, signal.SIGKILL)  # all that would go with its terminal
    count = len(run.metrics)
    wait_for_rows(run, count + 2)
    assert run.state.attempt == 1
    assert len(dispatchers(home)) == len(workers(home)) == 1
    dispatch.ensure()  # the server is back
    stop(run)
    assert len(dispatchers(home)) == 1


def test_a_worker_that_hangs_is_killed_when_it_is_asked_to_stop(home):
    run = start(LONG)
    wait_for_rows(run)
    worker = worker_of(home)
    worker.suspend()
    stop(run)
    assert not workers(home)


# ---- Two at once


def test_of_dispatchers_that_start_together_one_stays(home):
    run = runs.create(LONG)
    command = [sys.executable, "-m", "rnnviz", "dispatch"]
    several = [local.spawn(command, home / ".dispatcher.log", RNNVIZ_RUNS=str(home)) for _ in range(3)]
    wait_for(run, "running")
    until(lambda: sum(each.poll() is None for each in several) == 1)
    assert sorted((each.poll() for each in several), key=str) == [0, 0, None]  # quietly
    assert len(workers(home)) == 1
    assert run.state.attempt == 1
    stop(run)
    for each in several:
        each.kill()
        each.wait()


def test_a_double_click_is_one_run(home):
    id, made, barrier = runs.new_id(), [], threading.Barrier(8)

    def click() -> None:
        barrier.wait()
        made.append(runs.create(QUICK, "twice", id=id))
        dispatch.ensure()

    threads = [threading.Thread(target=click) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {run.id for run in made} == {id}
    assert len(made) == 8
    assert runs.listed() == [runs.Run(id)]
    wait_for(runs.Run(id), "finished")
    assert runs.Run(id).state.attempt == 1
    assert not [path for path in home.iterdir() if path.name.startswith(".new")]


def test_the_slots_are_all_used_and_no_more(home, monkeypatch):
    monkeypatch.setenv("RNNVIZ_SLOTS", "2")
    first, second, third = (start(LONG) for _ in range(3))
    wait_for(first, "running")
    wait_for(second, "running")
    wait_for_rows(first)
    assert third.state.attempt == 0
    stop(first)
    wait_for(third, "running")
    until(lambda: len(workers(home)) == 2)  # the first one may still be on its way out
    for run in (second, third):
        stop(run)


# ---- Stopping


def test_a_run_can_be_stopped_while_it_loads_and_while_it_trains_and_resumed(home):
    run = start(LONG)
    wait_for(run, "running", "loading")
    stop(run)
    assert run.state.step == 0
    runs.resume(run)
    dispatch.ensure()
    wait_for(run, "running", "training")
    wait_for_rows(run, 2)
    stop(run)
    done = run.state.step
    assert done > 0
    assert run.model
    runs.resume(run)
    dispatch.ensure()
    wait_for(run, "running", "training")
    assert run.state.resumed_from == done
    stop(run)


def test_a_waiting_run_is_cancelled_and_the_one_behind_it_has_its_turn(home):
    first, cancelled, last = start(LONG), start(), start()
    wait_for(first, "running")
    runs.request_stop(cancelled)
    assert cancelled.state.state == "stopped"
    stop(first)
    wait_for(last, "finished")
    assert cancelled.state.attempt == 0
    assert cancelled.log() == ""


# ---- Damaged files


def test_a_run_with_a_truncated_checkpoint_and_a_torn_row_is_mended_and_finished(home):
    run = start(LONG_ENOUGH)
    wait_for_rows(run, 2)
    stop(run)
    runs.resume(run)
    dispatch.ensure()
    wait_for_rows(run, len(run.metrics) + 2)
    stop(run)  # now it has saved itself twice
    last, rows = run.folder / generations.LAST, run.metrics
    os.truncate(last, last.stat().st_size // 2)
    with open(run.folder / "metrics.jsonl", "ab") as file:
        file.write(b'{"step": 999999, "epo')
    assert run.metrics == rows  # a torn row is not read
    runs.resume(run)
    dispatch.ensure()
    wait_for(run, "finished")
    assert run.state.repaired
    assert 0 < run.state.resumed_from < rows[-1]["step"]
    steps, frames = [row["step"] for row in run.metrics], run.film.frames["step"].tolist()
    for each in (steps, frames):
        assert each == sorted(set(each))
        assert each[-1] == run.state.steps


def test_a_run_whose_only_checkpoint_is_damaged_begins_again(home):
    run = start(LONG)
    wait_for_rows(run, 2)
    stop(run)
    done = run.state.step
    (run.folder / generations.LAST).write_bytes(b"damaged")
    runs.resume(run)
    dispatch.ensure()
    wait_for(run, "running", "training")
    assert (run.state.resumed_from, run.state.repaired) == (0, True)
    until(lambda: run.metrics and run.metrics[-1]["step"] > done, lambda: story(run))
    steps = [row["step"] for row in run.metrics]
    assert steps == sorted(set(steps))
    stop(run)


# ---- The disk


@pytest.fixture
def small_disk(home, monkeypatch):
    """A folder of runs on a disk of 400 kB, where one may be made; else a checkpoint that no disk takes.

    Gives a function that readies a run for it.
    """
    small = home.with_name("small")
    small.mkdir()
    mounted = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("mount")
    mounted = mounted and not subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", small]).returncode
    if mounted:
        monkeypatch.setenv("RNNVIZ_RUNS", str(small))
        yield lambda run: None
        until(lambda: not end_all(small))
        subprocess.run(["umount", "--lazy", small], check=True)  # threads of a killed process may still be leaving
    else:
        yield lambda run: (run.folder / ".last.partial").symlink_to("/dev/full")


def test_a_full_disk_ends_the_run_with_its_reason_and_leaves_what_was_there(small_disk):
    run = runs.create(replace(LONG, hidden_size=96))  # its checkpoint takes more than the disk has
    small_disk(run)
    dispatch.ensure()
    wait_for_rows(run)
    runs.request_stop(run)  # then it saves itself
    wait_for(run, "failed")
    assert run.state.reason == "disk_full"
    assert "No space left on device" in run.state.detail
    assert run.config == replace(LONG, hidden_size=96)
    steps = [row["step"] for row in run.metrics]
    assert steps
    assert steps == sorted(set(steps))
    assert len(run.film)


def test_a_folder_that_is_deleted_while_its_run_trains_is_not_made_anew_and_the_next_run_starts(home):
    run, second = start(LONG), start()
    wait_for_rows(run)
    until(
        lambda: shutil.rmtree(run.folder, ignore_errors=True) or not run.folder.exists()
    )  # its worker writes meanwhile
    wait_for(second, "finished")
    assert not run.folder.exists()
    assert runs.listed() == [second]
    until(lambda: not workers(home))


# ---- The clock


def test_clocks_that_jump_by_years_change_nothing(home, tmp_path, monkeypatch):
    wild = (
        "import itertools, time\n"
        "real, jumps = time.time, itertools.cycle([0.0, 3e8, -5e8, 7.0, 1e9])\n"
        "time.time = lambda: real() + next(jumps)\n"
    )
    (tmp_path / "clocks").mkdir()
    (tmp_path / "clocks" / "sitecustomize.py").write_text(wild)  # every Python that starts reads it
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "clocks"))
    told = subprocess.run(
        [sys.executable, "-c", "import time; print(time.time.__name__)"], capture_output=True, text=True
    )
    assert told.stdout.strip() == "<lambda>"
    first, second = start(epochs=20), start(LONG)
    wait_for(first, "finished")
    seconds = [row["seconds"] for row in first.metrics]
    assert seconds == sorted(seconds)
    assert 0 < first.state.seconds < 1e5
    wait_for_rows(second, 3)
    assert (first.state.attempt, second.state.attempt) == (1, 1)
    stop(second)
