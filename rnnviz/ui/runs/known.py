"""What is known of runs, read from their folders, and read again only where a file has changed.

A page may list thousands of runs, every two seconds, for thirty readers: each file's content is kept under the stamp
of the file it was read from.
"""

import math
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ... import checkpoints, digits
from ...digits.mnist import MnistMissing
from ...training import data, runs
from ...training.config import DATASETS, Config
from ...training.runs import Group, Plan, Run, State

STANDINGS = ("queued", "running", "stopping", "lost", "finished", "stopped", "failed", "unreadable")
"""Where a run can stand, for people: the states of its file, and what is found beside it."""
ACTIVE = ("queued", "running", "stopping", "lost")
"""Where a run may move on by itself."""
RESUMABLE = ("stopped", "failed", "lost")
KEPT = ("finished", "stopped")
"""Where a run has written its result, the weights of its last update or the best ones."""

Stamp = tuple[int, int, int]


@dataclass(frozen=True)
class Entry:
    """What the list tells of a run without opening its results."""

    run: Run
    name: str
    plan: Plan | None
    """None where config.json cannot be read."""
    state: State
    standing: str
    """One of STANDINGS."""
    note: str = ""

    @property
    def id(self) -> str:
        return self.run.id

    @property
    def group(self) -> Group | None:
        return self.plan.group if self.plan else None

    @property
    def active(self) -> bool:
        return self.standing in ACTIVE

    @property
    def when(self) -> float:
        """When it was asked for, in seconds since 1970; 0 where nobody knows."""
        return self.plan.created if self.plan else self.state.queued

    @property
    def measure(self) -> str:
        """What its score is, see `Dataset.measure`; an accuracy where its settings cannot be read."""
        return self.plan.config.data.measure if self.plan else "accuracy"


@dataclass(frozen=True)
class Row:
    """A line of the list: one run, or all of a group."""

    id: str
    entries: tuple[Entry, ...]
    group: Group | None = None

    @property
    def name(self) -> str:
        return self.group.name if self.group else self.entries[0].name

    @property
    def active(self) -> bool:
        return any(entry.active for entry in self.entries)

    @property
    def measure(self) -> str:
        """What the scores of its runs are, which all have the same task."""
        return next((entry.measure for entry in self.entries if entry.plan), "accuracy")


@dataclass(frozen=True)
class Result:
    """The numbers of a run so far. Scores are accuracies in [0, 1] or PSNR in dB; None where there is none."""

    validation: float | None = None
    """Of the weights that are the result, on what is held back from training; None where theirs was not measured."""
    test: float | None = None
    """Of the weights that are the result, on all test sequences; None before the run is scored."""
    watched: float | None = None
    """The last one measured while it trains: on what is held back, or on the first `Config.watched` test sequences."""
    best: float | None = None
    """The best one measured while it trains."""
    measured_at: int = 0
    """The update after which `watched` was measured."""
    measurements: int = 0
    loss: float | None = None
    step: int = 0
    seconds: float = 0.0


# ---- Entries and rows


def entries() -> list[Entry]:
    """Return all runs, the newest first, as they stood less than a second ago."""
    home, now = str(checkpoints.runs_home()), time.monotonic()
    with _lock:
        at, of, found = _last
        if of != home or now - at > FRESH:
            found = _read_all(home)
            _last[:] = [time.monotonic(), home, found]
        return found


def refresh() -> None:
    """Read all runs anew when they are next asked for: one of them was just changed."""
    with _lock:
        _last[:] = [-math.inf, "", []]


FRESH = 1.0
"""Seconds for which all runs count as looked through: readers share a look, and a page that asks twice waits once."""
_last: list = [-math.inf, "", []]  # when, in which folder, what was found
_lock = threading.Lock()


def _read_all(home: str) -> list[Entry]:
    try:
        names = [each.name for each in os.scandir(home) if checkpoints.RUN_ID.fullmatch(each.name)]
    except FileNotFoundError:
        return []
    found = [each for name in names if (each := _read(Run(name), f"{home}/{name}"))]
    return sorted(found, key=lambda each: (each.id[:15], each.when, each.id), reverse=True)  # an id tells the second


def entry(run: Run) -> Entry | None:
    """Return what is known of a run now; None where it is gone."""
    return _read(run, str(run.folder))


def _read(run: Run, folder: str) -> Entry | None:
    config = stamp(f"{folder}/config.json")
    if config is None:
        return None
    try:
        plan = _plan(run, folder, config)
        note = _note(run, folder, stamp(f"{folder}/note.json"))
        state = _state(run, folder, stamp(f"{folder}/state.json"))
        standing = _standing(run, state) if plan else "unreadable"
    except runs.NoSuchRun:
        return None
    name = note.get("name") or (plan.name if plan else "") or run.id
    return Entry(run, name, plan, state, standing, note.get("note", ""))


def rows(found: Sequence[Entry]) -> list[Row]:
    """Return the lines of the list, in the order of `found`: a group stands where its newest run stands."""
    groups: dict[str, list[Entry]] = {}
    for each in found:
        groups.setdefault(each.group.id if each.group else each.id, []).append(each)
    return [_row(id, members) for id, members in groups.items()]


def members(group: str) -> Row | None:
    """Return a group by its id; None where there is none."""
    found = [each for each in entries() if each.group and each.group.id == group]
    return _row(group, found) if found else None


def _row(id: str, found: list[Entry]) -> Row:
    group = found[0].group
    if group is None:
        return Row(id, tuple(found))
    found = sorted(found, key=lambda each: each.group.index)
    return Row(id, tuple(found), replace(group, name=group.name or found[0].plan.name or id))


def _standing(run: Run, state: State) -> str:
    if state.state != "running":
        return state.state
    if run.lost:
        return "lost"
    return "stopping" if run.stopping else "running"


# ---- Results


def result(entry: Entry) -> Result:
    """Return the numbers of a run so far; none for one that cannot be read."""
    if entry.plan is None:
        return Result()
    folder = str(entry.run.folder)
    files = ("metrics.jsonl", "answers.npz", "model.safetensors")
    found = _result(entry.run, folder, entry.plan.config, *(stamp(f"{folder}/{name}") for name in files))
    changes = {}
    if entry.standing not in ACTIVE and entry.state.seconds:
        changes["seconds"] = entry.state.seconds
    if entry.standing in KEPT and entry.plan.config.watch == "validation":
        at_end = found.measured_at == max(found.step, entry.state.step)
        last = found.watched if at_end else None  # the last weights may be a few updates younger
        changes["validation"] = found.best if entry.plan.config.keep == "best" else last
    return replace(found, **changes)


def finished(row: Row) -> list[Result]:
    """Return the numbers of those of a group that came to their end: only they compare."""
    return [result(entry) for entry in row.entries if entry.standing == "finished"]


def judged_by(entries: Sequence[Entry]) -> str:
    """Return what runs are ranked by: "validation"; "test" only where none of them holds anything back to judge by."""
    configs = [entry.plan.config for entry in entries if entry.plan]
    held_back = any(config.watch == "validation" and config.held_back for config in configs)
    return "test" if configs and not held_back else "validation"


def progress(entry: Entry) -> float:
    """Return the share of its updates that a run has done, in [0, 1]."""
    if entry.standing == "finished":
        return 1.0
    steps = entry.state.steps or (entry.plan.config.updates if entry.plan else 0)
    done = max(result(entry).step, entry.state.step)
    return min(1.0, done / steps) if steps else 0.0


def metrics(run: Run) -> list[dict]:
    """Return the run's rows so far; see `Run.metrics`."""
    folder = str(run.folder)
    return _metrics(run, folder, stamp(f"{folder}/metrics.jsonl"))


def answers(run: Run) -> dict[str, np.ndarray] | None:
    """Return what the network answers on every test sequence; see `Run.answers`."""
    folder = str(run.folder)
    return _answers(run, folder, stamp(f"{folder}/answers.npz"))


def answers_fit(config: Config, given: dict[str, np.ndarray]) -> bool:
    """Return whether what `answers` gives is a class of the data set, or a PSNR, for every test sequence."""
    if config.data.measure == "psnr":
        return len(given.get("psnr", ())) == config.data.test
    predicted = given.get("predicted", np.zeros(0, np.uint8))
    return len(predicted) == config.data.test and bool((predicted < config.data.classes).all())


def card(run: Run) -> checkpoints.Card | None:
    """Return what the run's network says about itself; None where there is none, or a damaged one."""
    folder = str(run.folder)
    return _card(run, folder, stamp(f"{folder}/model.safetensors"))


def size(entry: Entry) -> int:
    """Return what a run takes on the disk, in bytes."""
    try:
        folder = str(entry.run.folder)
        return _size(entry.run, folder, stamp(f"{folder}/state.json"), stamp(f"{folder}/metrics.jsonl"))
    except OSError:  # deleted meanwhile
        return 0


def spread(values: Sequence[float | None]) -> tuple[float, float] | None:
    """Return mean and sample standard deviation (0 of a single one) of those that are known; None for none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return float(np.mean(known)), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0


# ---- Test sequences


def digit_set_of(dataset: str) -> str:
    """Return the set of digits that a data set's test digits lie in; its own name where these are no digits."""
    return DATASETS[dataset].tested.removesuffix("_test")


def first_test(dataset: str) -> int:
    """Return which digit of its set is a data set's first test digit."""
    return len(digits.open_set("uci")) - DATASETS["uci"].test if dataset == "uci" else 0


def test_digits(dataset: str) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the test digits' images (N, 28, 28) and classes (N,); None for no digits, or while MNIST is missing."""
    name = digit_set_of(dataset)
    if name not in digits.SETS:
        return None
    try:
        digit_set = digits.open_set(name)
    except (MnistMissing, OSError):
        return None
    first = first_test(dataset)
    return digit_set.images[first:], digit_set.labels[first:]


def true_classes(dataset: str, predicted: np.ndarray) -> np.ndarray | None:
    """Return the classes (N,) of the test sequences that were answered; None where nobody knows them (any more)."""
    if dataset in digits.SETS:
        known = test_digits(dataset)
        labels = known[1] if known else None
    else:
        labels = _halves()
    return labels if labels is not None and len(labels) == len(predicted) else None


@lru_cache(1)
def _halves() -> np.ndarray:
    """Return the classes of the random test sequences, which are the same everywhere."""
    return data.halves().labels[DATASETS["halves"].training :]


# ---- Reading, once per file as it is


def stamp(path: str) -> Stamp | None:
    """Return what changes when a file does; None where there is none. A file that was replaced has another inode."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


# The folder is among the arguments because the same id may stand for another run once $RNNVIZ_RUNS has changed.


@lru_cache(8192)
def _plan(run: Run, folder: str, config: Stamp | None) -> Plan | None:
    try:
        return run.plan
    except runs.RunError:
        return None


@lru_cache(8192)
def _note(run: Run, folder: str, note: Stamp | None) -> dict[str, str]:
    return run.note if note else {}


@lru_cache(8192)
def _state(run: Run, folder: str, state: Stamp | None) -> State:
    return run.state


@lru_cache(8192)
def _result(
    run: Run, folder: str, config: Config, log: Stamp | None, answers: Stamp | None, model: Stamp | None
) -> Result:
    rows = run.metrics if log else []
    measure = config.data.measure
    measured = [row for row in rows if row.get(measure) is not None]
    return Result(
        test=_scored(run, config) if answers and model else None,
        watched=measured[-1][measure] if measured else None,
        best=max(row[measure] for row in measured) if measured else None,
        measured_at=measured[-1]["step"] if measured else 0,
        measurements=len(measured),
        loss=rows[-1].get("loss") if rows else None,
        step=rows[-1]["step"] if rows else 0,
        seconds=rows[-1].get("seconds", 0.0) if rows else 0.0,
    )


def _scored(run: Run, config: Config) -> float | None:
    given = answers(run)
    if given is not None and answers_fit(config, given):
        if "psnr" in given:
            return float(given["psnr"].mean())
        labels = true_classes(config.dataset, given["predicted"])
        if labels is not None:
            return float((given["predicted"] == labels).mean())
    described = card(run)
    fits = described is not None and described.task == config.data.task
    return described.scores.get(config.data.tested) if fits else None


@lru_cache(32)
def _metrics(run: Run, folder: str, log: Stamp | None) -> list[dict]:
    return run.metrics if log else []


@lru_cache(32)
def _answers(run: Run, folder: str, answers: Stamp | None) -> dict[str, np.ndarray] | None:
    return run.answers if answers else None


@lru_cache(512)
def _card(run: Run, folder: str, model: Stamp | None) -> checkpoints.Card | None:
    try:
        return checkpoints.card(f"run:{run.id}") if model else None
    except (checkpoints.CheckpointError, OSError, KeyError):
        return None


@lru_cache(8192)
def _size(run: Run, folder: str, state: Stamp | None, log: Stamp | None) -> int:
    return run.bytes
