"""Delayed recall: small networks that read a digit, then blank rows, and have to answer at the end. No torch.

They are ordinary runs of one group. What came of a group can be written into one small file, a recording, which shows
the same where nothing was trained.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .. import checkpoints
from ..cells import CELLS
from . import film as films
from . import runs
from .config import Config
from .runs import Run

LEARNERS: dict[str, Mapping[str, object]] = {
    "rnn": {"cell": "rnn_tanh"},
    "rnn-orthogonal": {"cell": "rnn_tanh", "recurrent": "orthogonal"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
    "lstm-1": {"cell": "lstm", "forget_bias": 1.0},
    "lstm-5": {"cell": "lstm", "forget_bias": 5.0},
}
"""The networks that learn beside each other, by the settings in which they differ."""

SEEDS, BLANK, UPDATES = 3, 28, 500
RATE_RNN, RATE_GATED = 1e-3, 1e-2
"""What suits plain RNNs, and what suits GRU and LSTM."""
MAX_SEED = 2**32 - 1
HELD_BACK = {"mnist": 1000, "uci": 240}
"""Of the digits to train on, so many are kept to measure the accuracy on while the networks learn."""
WATCH_EVERY, FILM_EVERY = 25, 10
"""Updates between two measurements, and between two frames of the films: the same for all, so that they compare."""
MAX_FILMED = 50
"""Longer trainings are filmed less often, in about so many frames."""
CHANCE, LEARNED = 0.1, 0.5
"""The accuracy of guessing, and one that counts as success: whoever reads half of the digits does not guess."""

RECORDING = checkpoints.SHIPPED / "recordings" / "delayed-recall.safetensors"
FORMAT = "rnnviz-recall-1"
MAX_BYTES = 2**20
MAX_FRAMES = 60
"""A recording keeps at most so many frames of a film."""
_NUMBERS = {"step": int, "seconds": float}
_TEXTS = ("state", "reason", "device")
_ABOUT = ("command", "made", "device", "torch")


class RecordingError(ValueError):
    """A file that is no sound recording; a page shows it as such and goes on."""


@dataclass(frozen=True, eq=False)
class Result:
    """What came of one network so far. N frames were filmed, M accuracies measured."""

    learner: str
    """A name in LEARNERS."""
    config: Config
    state: str
    """One of `runs.STATES`, or "lost"."""
    reason: str = ""
    """Of a failure: one of `runs.REASONS`."""
    step: int = 0
    """Updates done."""
    seconds: float = 0.0
    """Of training."""
    device: str = ""
    measured: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """(M,) the updates after which the accuracy was measured, on what is held back."""
    accuracy: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    """(M,) in [0, 1]."""
    test: float | None = None
    """The share of all test digits that is read right at the end; None before it."""
    steps: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    """(N,) the updates after which a frame was taken."""
    norms: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By state, "h" and "c" where there is one: log10 of the gradient's norm (N, R) relative to the last step's.

    It is the median over a few digits; -inf where it is exactly zero, nan where nobody knows.
    """

    @property
    def rows(self) -> np.ndarray:
        """The time steps (R,), from 0, that the norms are of."""
        return shape(self.config).at

    @property
    def reached(self) -> float | None:
        """The accuracy at the end, on the test digits; before it the last one measured; None for none yet."""
        return self.test if self.test is not None else float(self.accuracy[-1]) if len(self.accuracy) else None

    @property
    def learned(self) -> bool:
        """Whether it reads so many digits right that it does not guess; one that has failed has not learned."""
        return self.state != "failed" and self.reached is not None and self.reached >= LEARNED


@dataclass(frozen=True, eq=False)
class Recording:
    """What came of a group, and how it was made: the command, the day, the device, torch's version."""

    results: tuple[Result, ...]
    command: str
    made: str
    """The day, as 2026-11-21."""
    device: str
    torch: str


# ---- What is trained


def configs(
    learners: Sequence[str] = tuple(LEARNERS),
    first_seed: int = 0,
    seeds: int = SEEDS,
    blank: int = BLANK,
    rate_rnn: float = RATE_RNN,
    rate_gated: float = RATE_GATED,
    updates: int = UPDATES,
    dataset: str = "mnist",
) -> list[Config]:
    """Return the settings of every learner with every seed, the first seed of all learners first.

    The same seed gives the same first weights and the same batches each time. Adam at a constant rate, batches of 64,
    64 units, the gradient cut to norm 1. Raises Refused for settings that cannot be, KeyError for an unknown learner.
    """
    found = []
    for seed in range(first_seed, first_seed + seeds):
        for learner in learners:
            if learner not in LEARNERS:
                raise KeyError(f"learner must be one of {', '.join(LEARNERS)}. Got {learner!r}.")
            gated = bool(CELLS[LEARNERS[learner]["cell"]].gates)
            settings = {
                **LEARNERS[learner],
                "hidden_size": 64,
                "dataset": dataset,
                "delay": blank,
                "batch_size": 64,
                "max_updates": updates,
                "learning_rate": rate_gated if gated else rate_rnn,
                "schedule": "constant",
                "clip": 1.0,
                "validation": HELD_BACK[dataset],
                "watch_every": WATCH_EVERY,
                "film_every": max(FILM_EVERY, math.ceil(updates / MAX_FILMED)),
                "seed": seed,
            }
            once = Config(**settings)
            epochs = math.ceil(updates / once.updates_per_epoch)
            found.append(Config(**settings | {"epochs": max(1, epochs)}))
    return found


def learner_of(config: Config) -> str | None:
    """Return which of the learners has these settings; None for none of them."""
    differ = ("cell", "recurrent", "forget_bias")
    default = Config()
    for name, settings in LEARNERS.items():
        if all(getattr(config, key) == settings.get(key, getattr(default, key)) for key in differ):
            return name
    return None


def command(
    learners: Sequence[str] = tuple(LEARNERS),
    first_seed: int = 0,
    seeds: int = SEEDS,
    blank: int = BLANK,
    rate_rnn: float = RATE_RNN,
    rate_gated: float = RATE_GATED,
    updates: int = UPDATES,
) -> str:
    """Return the command that trains them; what is as usual is left out."""
    told = [] if set(learners) == set(LEARNERS) else [f"--learner {name}" for name in learners]
    usual = {
        "seeds": (seeds, SEEDS), "seed": (first_seed, 0), "blank": (blank, BLANK), "rate-rnn": (rate_rnn, RATE_RNN),
        "rate-gated": (rate_gated, RATE_GATED), "updates": (updates, UPDATES),
    }  # fmt: skip
    told += [f"--{name} {value}" for name, (value, default) in usual.items() if value != default]
    return " ".join(["python -m rnnviz recall", *told])


def shape(config: Config) -> films.Shape:
    """Return the shape of the film of a run."""
    return films.Shape.of(config.steps, config.hidden_size, config.data.classes, "c" in CELLS[config.cell].states, 0)


# ---- What came of it


def result(run: Run) -> Result | None:
    """Return what came of a run so far; None for one that is gone, cannot be read, or is no such network."""
    try:
        plan, state = run.plan, run.state
        stands = "lost" if run.lost else state.state
    except (runs.NoSuchRun, runs.RunError):
        return None
    learner = learner_of(plan.config)
    if learner is None:
        return None
    rows = run.metrics
    measured = [(row["step"], row["accuracy"]) for row in rows if row.get("accuracy") is not None]
    film, norms = run.film, {}
    at = shape(plan.config)
    fits = film is not None and (film.shape.steps, film.shape.stride) == (at.steps, at.stride)
    if fits:
        kept = ("h", "c") if film.shape.cell_state else ("h",)
        norms = {name: film.frames[f"grad_{name}"] for name in kept}
    return Result(
        learner,
        plan.config,
        stands,
        state.reason,
        max(rows[-1]["step"] if rows else 0, state.step),
        max(rows[-1]["seconds"] if rows else 0.0, state.seconds),
        state.device,
        np.array([step for step, _ in measured], np.int32),
        np.array([share for _, share in measured], np.float32),
        _tested(run, plan.config) if stands == "finished" else None,
        film.frames["step"] if fits else np.zeros(0, np.int32),
        norms,
    )


def members(group: str) -> list[Run]:
    """Return the runs of a group that are there, in their order."""
    return [run for index in range(1, runs.MAX_SWEEP + 1) if (run := Run(f"{group}-{index:02}")).exists]


def _tested(run: Run, config: Config) -> float | None:
    try:
        accuracy = checkpoints.card(f"run:{run.id}").accuracy
    except (checkpoints.CheckpointError, KeyError, OSError):
        return None
    return accuracy.get(config.data.tested)


# ---- The recording


def write_recording(results: Sequence[Result], path: Path, **about: str) -> None:
    """Write results as one file. about: its command, the day it was made, the device and torch's version."""
    from safetensors.numpy import save_file

    tensors, told = {}, []
    for index, each in enumerate(results):
        kept = _spread(each.steps)
        arrays = {"measured": each.measured.astype(np.int32), "accuracy": each.accuracy.astype(np.float32)}
        arrays["steps"] = each.steps[kept].astype(np.int32)
        arrays |= {name: norms[kept].astype(np.float16) for name, norms in each.norms.items()}
        tensors |= {f"{index}.{name}": np.ascontiguousarray(array) for name, array in arrays.items()}
        values = {"config": each.config.to_dict(), "test": each.test, "seconds": round(each.seconds, 1)}
        told.append(values | {name: getattr(each, name) for name in ("learner", "step", *_TEXTS)})
    values = {name: about.get(name, "") for name in _ABOUT}
    metadata = {"format": FORMAT, "about": json.dumps(values), "runs": json.dumps(told)}
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial, metadata)
        partial.chmod(0o644)
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def _spread(steps: np.ndarray) -> np.ndarray:
    """Return the indices of at most MAX_FRAMES of the ascending steps (N,), evenly spaced, both ends among them."""
    if len(steps) <= MAX_FRAMES:
        return np.arange(len(steps))
    return np.unique(np.searchsorted(steps, np.linspace(steps[0], steps[-1], MAX_FRAMES)))


def recorded(path: Path = RECORDING) -> Recording:
    """Return what a recording holds. FileNotFoundError where there is none, RecordingError where it is not sound."""
    from safetensors import SafetensorError, safe_open

    size = path.stat().st_size
    if size > MAX_BYTES:
        raise RecordingError(f"a recording must have at most {MAX_BYTES:,} bytes. {path.name} has {size:,}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                got = metadata.get("format")
                raise RecordingError(f"{path.name} must be a recording of format {FORMAT}. Got {got!r}. Make it anew.")
            about, told = _json(metadata, "about", dict), _json(metadata, "runs", list)
            if not all(isinstance(about.get(name), str) for name in _ABOUT):
                raise RecordingError(f"{path.name} must tell its {', '.join(_ABOUT)} as text. It does not.")
            if not 1 <= len(told) <= runs.MAX_SWEEP:
                raise RecordingError(f"{path.name} must hold 1 to {runs.MAX_SWEEP} runs. Got {len(told)}.")
            results = tuple(_result(file, index, values) for index, values in enumerate(told))
    except SafetensorError as error:
        raise RecordingError(f"{path.name} must be a whole .safetensors file. It cannot be read: {error}.") from error
    except RecordingError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RecordingError(f"{path.name} must hold runs that can be. In it {error}") from error
    return Recording(results, *(about[name] for name in _ABOUT))


def _json(metadata: Mapping[str, str], name: str, kind: type):
    values = json.loads(metadata[name])
    if not isinstance(values, kind):
        raise RecordingError(f"a recording's {name} must be a {kind.__name__}. Got {type(values).__name__}.")
    return values


def _result(file, index: int, values: Mapping[str, object]) -> Result:
    """Return one run of a recording, its numbers checked before memory is taken; ValueError where it is none."""
    config = Config.from_dict(values["config"])
    learner, test = learner_of(config), values["test"]
    if learner is None or learner != values["learner"]:
        raise ValueError(f"run {index}'s learner must be that of its settings, {learner}. Got {values['learner']!r}.")
    for name, kind in _NUMBERS.items():
        if isinstance(values[name], bool) or not isinstance(values[name], kind | int) or not 0 <= values[name] < 1e9:
            raise ValueError(f"run {index}'s {name} must be a number from 0. Got {values[name]!r}.")
    if not all(isinstance(values[name], str) for name in _TEXTS) or values["state"] not in (*runs.STATES, "lost"):
        raise ValueError(f"run {index}'s state must be one of {', '.join(runs.STATES)}. Got {values['state']!r}.")
    if test is not None and (type(test) not in (int, float) or not 0 <= test <= 1):
        raise ValueError(f"run {index}'s test accuracy must lie from 0 to 1. Got {test!r}.")
    names = {name.partition(".")[2] for name in file.keys() if name.partition(".")[0] == str(index)}  # noqa: SIM118
    at = shape(config)
    states = [name for name in ("h", "c") if name in names]
    count = {name: file.get_slice(f"{index}.{name}").get_shape()[:1] for name in ("measured", "steps")}
    wanted = {"measured": ("I32", count["measured"]), "accuracy": ("F32", count["measured"])}
    wanted |= {"steps": ("I32", count["steps"])}
    wanted |= {name: ("F16", [*count["steps"], at.rows]) for name in states}
    arrays = {}
    for name, (dtype, size) in wanted.items():
        piece = file.get_slice(f"{index}.{name}")
        if (piece.get_dtype(), list(piece.get_shape())) != (dtype, size):
            got = f"{piece.get_dtype()} {piece.get_shape()}"
            raise ValueError(f"run {index}'s {name} must be {dtype} {size}. Got {got}.")
        arrays[name] = file.get_tensor(f"{index}.{name}")
    if names != set(wanted):
        raise ValueError(f"run {index} must have {', '.join(sorted(wanted))}. Got {', '.join(sorted(names))}.")
    for name in ("measured", "steps"):
        if (np.diff(arrays[name]) <= 0).any() or (len(arrays[name]) and arrays[name][0] < 0):
            raise ValueError(f"run {index}'s {name} must be updates that ascend from 0. They do not.")
    if not ((arrays["accuracy"] >= 0) & (arrays["accuracy"] <= 1)).all():
        raise ValueError(f"run {index}'s accuracy must lie from 0 to 1. It does not.")
    if ("c" in states) > at.cell_state or any(np.isposinf(arrays[name]).any() for name in states):
        raise ValueError(f"run {index}'s norms must be finite, zero or unknown, of a state that it has. They are not.")
    return Result(
        learner,
        config,
        **{name: values[name] for name in ("state", "reason", "step", "seconds", "device")},
        measured=arrays["measured"],
        accuracy=arrays["accuracy"],
        test=test,
        steps=arrays["steps"],
        norms={name: arrays[name].astype(np.float32) for name in states},
    )
