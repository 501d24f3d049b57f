"""Real dispatchers and workers for tests, in a folder of runs of the test's own. None of them outlives the test."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rnnviz.training import dispatch, runs
from rnnviz.training.config import Config

PATIENCE = 120.0
"""Seconds that something may take which takes one or two on an idle machine."""
QUICK = Config(dataset="uci", cell="gru", hidden_size=8, epochs=2, batch_size=64, validation=237)
"""A fraction of a second of training."""
LONG = Config(dataset="halves", cell="lstm", hidden_size=20, epochs=1000, batch_size=64, validation=1000)
"""Minutes: it is still at work whenever a test looks."""


def until(condition: Callable[[], object], told: Callable[[], object] = lambda: "") -> None:
    """Wait for what another process does; fail with what `told` returns where it does not."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"it did not happen. {told()}")
        time.sleep(0.02)


@pytest.fixture
def home(tmp_path, monkeypatch) -> Iterator[Path]:
    """An empty folder of runs, with one slot. At the end every process that works for it is killed."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("RNNVIZ_RUNS", str(folder))
    monkeypatch.setenv("RNNVIZ_SLOTS", "1")
    for name in ("RNNVIZ_ENGINE", "RNNVIZ_RUN_MINUTES", "RNNVIZ_RUN_MB", "RNNVIZ_TENSORBOARD"):
        monkeypatch.delenv(name, raising=False)
    yield folder
    until(lambda: not end_all(folder))


def end_all(home: Path) -> list[psutil.Process]:
    """Kill all that works for a folder of runs and return what was alive: a dispatcher may have launched one more."""
    alive = [*dispatchers(home), *workers(home)]
    for process in alive:
        kill(process)
    if called := dispatch._called.pop(home, None):
        called.wait()
    return alive


def kill(process: psutil.Process) -> None:
    """Kill a process as `kill -9` does, and wait until it is gone."""
    try:
        process.kill()
        until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        pass


def dispatchers(home: Path) -> list[psutil.Process]:
    return _processes(home, "dispatch")


def workers(home: Path) -> list[psutil.Process]:
    return _processes(home, "rnnviz.training.worker")


def _processes(home: Path, word: str) -> list[psutil.Process]:
    """Return the living processes that work for a folder of runs, with that word in their command."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = word in process.cmdline() and process.environ().get("RNNVIZ_RUNS") == str(home)
            if ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def story(run: runs.Run) -> str:
    """Return all that is known of a run, for a test that waited in vain."""
    log = run.folder.parent / ".dispatcher.log"
    said = log.read_text() if log.exists() else ""
    processes = subprocess.run(["ps", "-ef"], capture_output=True, text=True).stdout
    lines = [line for line in processes.splitlines() if "rnnviz" in line]
    return "\n".join([str(run.state), run.log(), said, *lines])


def has(run: runs.Run, state: str, phase: str = "") -> bool:
    """Return whether a run is in that state, and phase."""
    now = run.state
    return now.state == state and phase in ("", now.phase)


def wait_for(run: runs.Run, state: str, phase: str = "") -> None:
    """Wait until a run is in that state; an end that is another one fails at once."""

    def there() -> bool:
        now = run.state
        if now.state in ("finished", "failed", "stopped") and now.state != state:
            pytest.fail(f"it is {now.state}, not {state}.\n{story(run)}")
        return has(run, state, phase)

    until(there, lambda: story(run))


def wait_for_rows(run: runs.Run, count: int = 1) -> None:
    """Wait until a run that trains has written so many rows."""
    until(lambda: len(run.metrics) >= count, lambda: story(run))
