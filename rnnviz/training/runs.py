"""Runs: a folder each, and the folder is the whole interface between those who start, train, watch and keep. No torch.

    config.json    the settings, the name it was started with, its group      once, when it is queued
    state.json     queued, running, finished, stopped or failed, and why      atomically, by who holds the lock
    metrics.jsonl  a row every few updates                                    the worker, one appending write per row
    film/          gradients and a digit's hidden state over updates          the worker, see `film`
    last.safetensors, previous.safetensors   all that is needed to go on      the worker
    model.safetensors   the result, a checkpoint                              the worker, at the end and at a stop
    answers.npz    what it answers for every test digit, or how well          the worker, at the end
    log.txt        the worker's output
    stop           empty: please stop                                         a page, the command line
    place          its place in the queue                                     whoever queues or moves it
    note.json      name, note                                                 a page, the command line
    lock           held by the worker for life, and by whoever changes state.json while no worker lives

A run that says "running" while nobody holds its lock is lost: its worker was killed. That is found, never stored.
"""

import json
import os
import reprlib
import secrets
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from ..checkpoints import MEASURES, RUN_ID, runs_home
from . import film as films
from .config import Config
from .files import read_json, write_json

SETTINGS = tuple(f.name for f in fields(Config))
STATES = ("queued", "running", "finished", "stopped", "failed")
PHASES = ("starting", "loading", "training", "scoring")
REASONS = (
    "bad_config", "diverged", "disk_full", "disk_limit", "error", "lost", "memory", "no_data", "time_limit"
)  # fmt: skip
MAX_NAME, MAX_NOTE, MAX_WAITING = 80, 2000, 500
GROUPS = ("kfold", "sweep", "recall")
LEAVING = 1.0
"""Seconds that a worker may still hold its run after it has written how it ended."""
LEFT_OVER = 3600.0
"""Seconds after which nobody is at work any more on a folder that is half made or half deleted."""
LARGEST = 2**33
"""No time in seconds since 1970, no count of updates, and no other number of a state or a plan comes near it."""
NUMBERS = ("step", "epoch", "seconds", "loss", "learning_rate", "gradient_norm", "speed", *MEASURES.values(), "best")
"""What a row of the metrics holds."""
ANSWERS = ("predicted", "confidence", "psnr")
"""What may be known of every test sequence, by the task: a class and how sure it is, or how near a picture comes."""


class RunError(RuntimeError):
    """What was asked of a run cannot be done now; the message says why."""


class NoSuchRun(KeyError):
    """There is no run of that id, or no longer."""


@dataclass(frozen=True)
class Group:
    """Runs that belong together, of one of GROUPS: the folds of a cross-validation, the points of a grid, the networks
    of a delayed recall. ValueError for none that is."""

    id: str
    kind: str
    index: int
    count: int
    name: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    """The settings in which the runs of the group differ."""

    def __post_init__(self) -> None:
        for name, kind in {"id": str, "kind": str, "index": int, "count": int, "name": str, "values": Mapping}.items():
            _check(f"group's {name}", getattr(self, name), kind)
        if self.kind not in GROUPS or self.index >= self.count:
            raise ValueError(f"a group must be one of {', '.join(GROUPS)}, with index below count. Got {self}.")
        for name, value in self.values.items():
            if name not in SETTINGS or not isinstance(value, str | int | float | None):
                got = f"{reprlib.repr(name)}: {reprlib.repr(value)}"
                raise ValueError(f"a group's values must be settings. Got {got}.")


@dataclass(frozen=True)
class State:
    """Where a run stands. Times are seconds since 1970, for people to read; durations are measured on their own."""

    state: str = "queued"
    phase: str = ""
    """While running: one of PHASES."""
    reason: str = ""
    """Of a failure: one of REASONS."""
    detail: str = ""
    """The reason in the worker's English words."""
    attempt: int = 0
    """How often it was launched; deaths that the engine caused are not counted."""
    steps: int = 0
    """Updates in all, once they are known."""
    step: int = 0
    """Updates done when the state was written; while it trains, the last row of the metrics knows better."""
    seconds: float = 0.0
    """Of training, all attempts together."""
    device: str = ""
    """What it trains on, for instance "cuda (NVIDIA H200)" or "cpu"."""
    precision: str = ""
    """What is really used."""
    handle: str = ""
    """The engine's name for the process; "" where none was launched."""
    engine: str = ""
    resumed_from: int | None = None
    """The update from which the last attempt went on; None for a beginning."""
    repaired: bool = False
    """Whether a damaged checkpoint was passed over when it went on."""
    queued: float = 0.0
    started: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True)
class Run:
    """One run's folder; everything is read from it when asked for."""

    id: str

    def __post_init__(self) -> None:
        if not RUN_ID.fullmatch(self.id):
            raise NoSuchRun(f"a run's id must look like 20261121-041500-k3f9. Got {self.id!r}.")

    @property
    def folder(self) -> Path:
        return runs_home() / self.id

    @property
    def exists(self) -> bool:
        return (self.folder / "config.json").is_file()

    # ---- what was asked for

    @property
    def plan(self) -> "Plan":
        """What was asked for. Raises NoSuchRun where the folder is gone, RunError where it cannot be read."""
        return _plan(self.id, self.folder)

    @property
    def config(self) -> Config:
        return self.plan.config

    @property
    def name(self) -> str:
        """The name that people gave it: the last one."""
        return self.note.get("name") or self.plan.name

    @property
    def note(self) -> dict[str, str]:
        """{"name", "note"}, as far as they were given."""
        values = read_json(self.folder / "note.json") or {}
        return {key: values[key] for key in ("name", "note") if values.get(key) and isinstance(values[key], str)}

    # ---- where it stands

    @property
    def state(self) -> State:
        """Where it stands; failed, with a detail, where that cannot be read. NoSuchRun where the folder is gone."""
        if not self.folder.is_dir():
            raise NoSuchRun(f"run must be one that is there. {self.id} is not, or no longer.")
        return _state(self.folder / "state.json")

    @property
    def lost(self) -> bool:
        """Whether it was training and its worker is dead."""
        return self.state.state == "running" and not self._held() and self.state.state == "running"

    @property
    def stopping(self) -> bool:
        return (self.folder / "stop").exists()

    @property
    def place(self) -> float:
        """Its place in the queue; the smallest is next."""
        try:
            return float((self.folder / "place").read_text())
        except (OSError, ValueError):
            return float("inf")

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""
        total = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with suppress(FileNotFoundError):  # files are replaced meanwhile
                    total += os.lstat(os.path.join(folder, name)).st_size
        return total

    # ---- what came of it

    @property
    def metrics(self) -> list[dict]:
        """Return the rows so far: step, epoch, seconds, loss, learning_rate, gradient_norm, speed, maybe a score.

        loss is the mean since the row before; speed in sequences per second; the score is called "accuracy" or "psnr",
        see `Dataset.measure`. Rows that a killed worker had written beyond the point from which the run went on are
        left out. All numbers are finite; where a file was changed by hand, a row is sure of its step and seconds only.
        """
        return _metrics(self.folder / "metrics.jsonl")

    @property
    def film(self) -> films.Film | None:
        return films.read(self.folder / "film" / "film.bin")

    @property
    def model(self) -> Path | None:
        """The result's file, where there is one."""
        path = self.folder / "model.safetensors"
        return path if path.is_file() else None

    @property
    def answers(self) -> dict[str, np.ndarray] | None:
        """{"predicted" uint8 (N,), "confidence" float (N,)} for every test sequence, or {"psnr" float (N,)} in dB of
        every picture; None before the end.

        Classes may lie beyond those that there are, in a file that was changed by hand.
        """
        try:
            with open(self.folder / "answers.npz", "rb") as file:  # NumPy leaves a damaged one open
                arrays = np.load(file, allow_pickle=False)
                found = {name: arrays[name] for name in ANSWERS if name in arrays}
        except Exception:  # a damaged archive raises a dozen kinds of errors
            return None
        if list(found) not in (["predicted", "confidence"], ["psnr"]):
            return None
        for name, array in found.items():
            sound = array.dtype == np.uint8 if name == "predicted" else array.dtype.kind == "f"
            if not sound or array.ndim != 1 or len(array) != len(next(iter(found.values()))):
                return None
            if not np.isfinite(array).all():
                return None
        return {name: array if name == "predicted" else array.astype(float) for name, array in found.items()}

    def log(self, characters: int = 4000) -> str:
        """Return the end of the worker's output."""
        try:
            with open(self.folder / "log.txt", "rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - characters))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    # ---- changing it

    @contextmanager
    def hold(self, timeout: float = 0.0):
        """Hold the run's lock inside, as a worker does for life. RunError where someone else does, or nobody may."""
        if not self.folder.is_dir():  # filelock would make the folder anew
            raise NoSuchRun(f"run must be one that is there. {self.id} is not, or no longer.")
        lock = FileLock(self.folder / "lock", timeout=timeout)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(f"run must not be at work. {self.id} is. Stop it first.") from None
        except OSError as error:  # another user's folder, for instance
            raise RunError(f"run's lock must be a file that can be written. That of {self.id}: {error}") from error
        try:
            yield
        finally:
            lock.release()

    def write_state(self, state: State) -> None:
        """Replace state.json; only for who holds the lock."""
        write_json(self.folder / "state.json", asdict(state))

    def _held(self) -> bool:
        try:
            with self.hold():
                return False
        except (RunError, NoSuchRun):
            return True


@dataclass(frozen=True)
class Plan:
    """What was asked for when the run was started."""

    config: Config
    name: str
    preset: str | None
    group: Group | None
    created: float


# ---- Starting


def new_id() -> str:
    """Return a fresh run id: the time, for people, and four letters so that no two are alike."""
    letters = "".join(secrets.choice("abcdefghjkmnpqrstuvwxyz23456789") for _ in range(4))
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{letters}"


def create(
    config: Config, name: str = "", preset: str | None = None, group: Group | None = None, id: str | None = None
) -> Run:
    """Queue a run and return it.

    id: from `new_id`; where there is a run of that id already, it is returned as it is. Raises RunError where too many
    are waiting, OSError where the disk does not take it.
    """
    run = Run(id or new_id())
    return run if run.exists else _create(run, config, name, preset, group, _room_for(1))


def _room_for(count: int) -> float:
    """Return the first free place in the queue; RunError where so many more may not wait."""
    places = [run.place for run in waiting()]
    if len(places) + count > MAX_WAITING:
        raise RunError(f"at most {MAX_WAITING} runs may wait. {len(places)} do. Cancel some first.")
    return _next_place(places)


def _create(run: Run, config: Config, name: str, preset: str | None, group: Group | None, place: float) -> Run:
    home = runs_home()
    home.mkdir(parents=True, exist_ok=True)
    partial = home / f".new-{run.id}-{secrets.token_hex(4)}"
    partial.mkdir()
    try:
        plan = {"config": config.to_dict(), "name": name[:MAX_NAME], "preset": preset, "created": time.time()}
        write_json(partial / "config.json", plan | {"group": asdict(group) if group else None})
        write_json(partial / "state.json", asdict(State(queued=time.time())))
        (partial / "place").write_text(repr(place))
        os.rename(partial, run.folder)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        if not run.exists:  # someone else was faster with the same id: then it is there
            raise
    return run


def create_folds(config: Config, count: int, name: str = "", preset: str | None = None, id: str | None = None):
    """Queue the `count` runs of a cross-validation and return them.

    Each keeps its last weights: the best on the very fold that judges them would make the mean one of maxima.
    """
    configs = [replace(config, folds=count, fold=index, keep="last") for index in range(count)]
    return create_group(configs, "kfold", name, preset, id)


MAX_SWEEP = 36


def create_sweep(
    config: Config, grid: Mapping[str, list], name: str = "", preset: str | None = None, id: str | None = None
):
    """Queue a run for every combination of the values in `grid` and return them.

    ValueError for none or too many, and for data sets of different tasks.
    """
    points: list[dict[str, object]] = [{}]
    for key, values in grid.items():
        points = [point | {key: value} for point in points for value in values]
    if not 2 <= len(points) <= MAX_SWEEP:
        raise ValueError(f"a sweep must have 2 to {MAX_SWEEP} points. Got {len(points)}.")
    configs = [Config.from_dict(config.to_dict() | point) for point in points]
    if len({each.data.task for each in configs}) > 1:
        raise ValueError("a sweep must have one task: accuracies and PSNR do not rank together. Got both.")
    return create_group(configs, "sweep", name, preset, id, tuple(grid))


def create_group(
    configs: Sequence[Config],
    kind: str,
    name: str = "",
    preset: str | None = None,
    id: str | None = None,
    told: Sequence[str] = (),
) -> list[Run]:
    """Queue a run for each of the settings and return them, in their order, as one group.

    kind: one of GROUPS. told: the settings by which they are told apart; else all those in which they differ.
    """
    if not 1 <= len(configs) <= MAX_SWEEP:
        raise ValueError(f"a group must have 1 to {MAX_SWEEP} runs. Got {len(configs)}.")
    told = told or [key for key in SETTINGS if len({getattr(config, key) for config in configs}) > 1]
    group = id or new_id()
    runs = [Run(f"{group}-{index + 1:02}") for index in range(len(configs))]
    missing = [index for index, run in enumerate(runs) if not run.exists]
    place = _room_for(len(missing)) if missing else 0.0  # all of them or none
    for index in missing:
        values = {key: getattr(configs[index], key) for key in told}
        member = Group(group, kind, index, len(configs), name[:MAX_NAME], values)
        _create(runs[index], configs[index], name, preset, member, place + index)
    return runs


# ---- Finding


def find(id: str) -> Run:
    """Return the run of that id; NoSuchRun where there is none."""
    run = Run(id)
    if not run.exists:
        raise NoSuchRun(f"run must be one that is there. Got {id!r}.")
    return run


def listed() -> list[Run]:
    """Return all runs, the newest first."""
    try:
        names = [entry.name for entry in os.scandir(runs_home()) if RUN_ID.fullmatch(entry.name)]
    except FileNotFoundError:
        return []
    return [run for run in map(Run, sorted(names, reverse=True)) if run.exists]


def waiting() -> list[Run]:
    """Return the queued runs in the order in which they will start."""
    return sorted((run for run in listed() if _state_of(run) == "queued"), key=lambda run: (run.place, run.id))


# ---- Acting


def request_stop(run: Run) -> None:
    """Ask the run to stop; one that is still waiting is cancelled at once. NoSuchRun where it is gone."""
    if not run.exists:
        raise NoSuchRun(f"run must be one that is there. {run.id} is not, or no longer.")
    if run.state.state not in ("queued", "running"):
        return
    try:
        (run.folder / "stop").touch()
    except FileNotFoundError:
        raise NoSuchRun(f"run must be one that is there. {run.id} is not, or no longer.") from None
    try:
        with run.hold():
            state = run.state
            if state.state == "running" or (state.state == "queued" and not state.handle):
                # Nobody is at work on it: a waiting run, or one whose worker was killed.
                run.write_state(replace(state, state="stopped", phase="", ended=time.time()))
    except RunError:
        pass  # its worker lives and sees the request


def resume(run: Run) -> None:
    """Queue a stopped, failed or lost run again; it goes on from its last checkpoint. RunError where it cannot be."""
    with run.hold(timeout=LEAVING):
        state = run.state
        if state.state == "finished":
            raise RunError(f"run must have something left to do. {run.id} is finished.")
        if state.state == "queued":
            return
        (run.folder / "stop").unlink(missing_ok=True)
        places = [each.place for each in waiting()]
        (run.folder / "place").write_text(repr(_next_place(places)))
        fresh = replace(state, state="queued", phase="", reason="", detail="", attempt=0, handle="", queued=time.time())
        run.write_state(fresh)


def move(run: Run, places: int) -> None:
    """Move a waiting run forward (-1) or back (1) in the queue; nothing where it is not waiting or at the end."""
    queue = waiting()
    if run not in queue:
        return
    old = queue.index(run)
    new = min(max(old + places, 0), len(queue) - 1)
    queue.insert(new, queue.pop(old))
    for place, each in enumerate(queue):
        with suppress(FileNotFoundError):  # deleted just now
            (each.folder / "place").write_text(repr(float(place)))


def annotate(run: Run, name: str | None = None, note: str | None = None) -> None:
    """Write the name or the note that people give it; RunError where one is too long."""
    values = run.note
    for key, value, most in (("name", name, MAX_NAME), ("note", note, MAX_NOTE)):
        if value is None:
            continue
        if len(value) > most:
            raise RunError(f"{key} must have at most {most} characters. Got {len(value)}.")
        values[key] = value.strip()
    if not run.exists:
        raise NoSuchRun(f"run must be one that is there. {run.id} is not, or no longer.")
    write_json(run.folder / "note.json", values)


def delete(run: Run) -> None:
    """Delete a run that is not at work, with everything in it. RunError where it is at work."""
    with run.hold(timeout=LEAVING):
        if run.state.state == "queued" and run.state.handle:
            raise RunError(f"run must not be at work. {run.id} is about to start. Stop it first.")
        doomed = runs_home() / f".deleted-{run.id}-{secrets.token_hex(4)}"
        os.rename(run.folder, doomed)  # in one step: nobody meets half a run
    shutil.rmtree(doomed, ignore_errors=True)


def clear_leftovers() -> None:
    """Remove what those have left who were killed while they made or deleted a run."""
    for pattern in (".new-*", ".deleted-*"):
        for path in runs_home().glob(pattern):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > LEFT_OVER:
                    shutil.rmtree(path, ignore_errors=True)


# ---- Files


def _next_place(places: list[float]) -> float:
    return max((place for place in places if place < float("inf")), default=0.0) + 1.0


def _state_of(run: Run) -> str:
    try:
        return run.state.state
    except NoSuchRun:
        return ""


def _state(path: Path) -> State:
    values = read_json(path)
    if values is None:
        return State("failed", reason="error", detail="state.json must hold the state in JSON. It cannot be read.")
    values = {f.name: values[f.name] for f in fields(State) if f.name in values}
    try:
        for f in fields(State):
            _check(f.name, values.get(f.name, f.default), f.type)
        state = State(**values)
        for name, choices in (("state", STATES), ("phase", ("", *PHASES)), ("reason", ("", *REASONS))):
            if getattr(state, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}. Got {getattr(state, name)!r}.")
        return state
    except ValueError as error:
        return State("failed", reason="error", detail=f"state.json must hold a state that can be. In it {error}")


def _check(name: str, value: object, kind: type) -> None:
    """Raise ValueError unless a file's value is of that kind, and no number beyond all sense."""
    sound = isinstance(value, int | float if kind is float else kind)
    if isinstance(value, bool):
        sound = kind is bool
    if not sound:
        raise ValueError(f"{name} must be of type {getattr(kind, '__name__', kind)}. Got {reprlib.repr(value)}.")
    if isinstance(value, int | float) and not 0 <= value <= LARGEST:
        raise ValueError(f"{name} must lie between 0 and {LARGEST}. Got {reprlib.repr(value)}.")


def _plan(id: str, folder: Path) -> Plan:
    values = read_json(folder / "config.json")
    if values is None:
        if not folder.is_dir():
            raise NoSuchRun(f"run must be one that is there. {id} is not, or no longer.")
        raise RunError(f"config.json must hold the run's settings in JSON. That of {id} cannot be read.")
    try:
        group = Group(**values["group"]) if values.get("group") else None
        config = Config.from_dict(values["config"])
        name, preset, created = values["name"], values.get("preset"), values["created"]
        for key, value, kind in (("name", name, str), ("preset", preset, str | None), ("created", created, float)):
            _check(key, value, kind)
        if group and any(getattr(config, key) != value for key, value in group.values.items()):
            raise ValueError(f"a group's values must be those of the settings. Got {dict(group.values)}.")
        return Plan(config, name, preset, group, float(created))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise RunError(f"config.json must hold settings that can be. That of {id} does not: {error}") from error


def _metrics(path: Path) -> list[dict]:
    try:
        data = path.read_bytes()
    except OSError:
        return []
    rows: list[dict] = []
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue  # torn by a kill, and closed by the worker that went on
        if not isinstance(row, dict):
            continue
        row = {key: value for key, value in row.items() if key not in NUMBERS or _is_finite(value)}
        if not isinstance(row.get("step"), int) or not 0 <= row["step"] <= LARGEST:
            continue
        if row.get("event") == "resumed":
            rows = [each for each in rows if each["step"] <= row["step"]]
        elif "seconds" in row:
            rows.append(row)
    return rows


def _is_finite(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) <= sys.float_info.max
