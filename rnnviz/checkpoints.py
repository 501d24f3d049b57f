"""Checkpoints: networks as `.safetensors` files that describe themselves.

The tensors carry torch's own names and are stored in half precision. The file's metadata holds, as JSON values,
the architecture, what it was trained on and how, the command that repeats it, and how well it reads.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from pathlib import Path

import numpy as np

from .cells import CELLS
from .network import Network, shapes

SHIPPED = Path(__file__).resolve().parents[1] / "checkpoints"
FORMAT = "rnnviz-1"
MAX_BYTES = 64 * 2**20
"""No network that this package is for comes near it; a larger file is refused before anything is read."""
RUN_ID = re.compile(r"\d{8}-\d{6}-[a-z0-9]{4}(-\d{2})?")
"""What a training run is called: when it was made, four letters, and its number within a group."""
MEASURES = {"classify": "accuracy", "upscale": "psnr"}
"""The tasks of networks, and what those of each are judged by; of both, more is better."""
MOST_DECIBELS = 1000
"""No picture comes near it; one that is met exactly would be infinitely near."""
_DTYPES = ("F16", "F32", "F64")
_KINDS = {"name": str, "cell": str, "dataset": str, "preprocessing": str, "command": str,
          "training": dict, "accuracy": dict, "misread": dict, "task": str, "psnr": dict, "error": dict}  # fmt: skip


class CheckpointError(ValueError):
    """A file that is no usable checkpoint; a page shows it as such and goes on."""


@dataclass(frozen=True)
class Card:
    """What a checkpoint says about itself: accuracies in [0, 1] where it classifies, PSNR in dB where it upscales."""

    name: str
    cell: str
    dataset: str = ""
    """What it was trained on, in words."""
    preprocessing: str = ""
    """What turns an image into the network's input, in words."""
    training: Mapping[str, object] = field(default_factory=dict)
    """Every setting of the training run, the seed among them."""
    command: str = ""
    """The command that trains it again."""
    accuracy: Mapping[str, float] = field(default_factory=dict)
    """By digit set: the share of all its digits that the file's own (rounded) weights read right."""
    misread: Mapping[str, list[int]] = field(default_factory=dict)
    """By digit set: the indices of the digits that it reads wrong."""
    task: str = "classify"
    """One of MEASURES: it says which digit it reads, or it writes it at twice the size, see `upscaling`."""
    psnr: Mapping[str, float] = field(default_factory=dict)
    """By digit set: the mean over all its digits of the PSNR of each."""
    error: Mapping[str, float] = field(default_factory=dict)
    """By digit set: the mean squared error over all pixels of all its digits."""

    @property
    def scores(self) -> Mapping[str, float]:
        """By digit set: what a network of this task is judged by."""
        return getattr(self, MEASURES[self.task])

    @property
    def validation(self) -> float | None:
        """Its score on digits that were held back; None where there were none."""
        return self.training.get(f"validation_{MEASURES[self.task]}")


def runs_home() -> Path:
    """Return the folder of the training runs: $RNNVIZ_RUNS, else "runs" beside the package."""
    return _resolved(os.environ.get("RNNVIZ_RUNS") or str(SHIPPED.parent / "runs"))


@cache
def _resolved(path: str) -> Path:  # asked for at every look at a run; links are followed once
    return Path(path).resolve()


def names(task: str | None = "classify") -> list[str]:
    """Return the names of the shipped networks for a task, or of all for None, in alphabetical order."""
    files = sorted(SHIPPED.glob("*.safetensors"))
    return [file.stem for file in files if task in (None, _task(file, file.stat().st_mtime_ns))]


@cache
def _task(path: Path, written: int) -> str:
    """Return what a network is for; where its file is damaged the usual, so that whoever opens it is told."""
    try:
        return _open(path, tensors=False)[1].task
    except (CheckpointError, OSError):
        return "classify"


def load(source: str | Path) -> Network:
    """Return a shipped network by its name, a training run's as "run:<id>" (str), or any checkpoint by its file (Path).

    The type decides, so that no name from a page or a link is ever taken for a path. Raises KeyError for an unknown
    name, FileNotFoundError for a file that is not there, CheckpointError for one that is no sound checkpoint.
    """
    return _open(path(source))[0]


def card(source: str | Path) -> Card:
    """Return what the checkpoint says about itself; errors as for `load`."""
    return _open(path(source), tensors=False)[1]


def save(network: Network, path: Path, card: Card) -> None:
    """Write the network, its weights rounded to half precision, and its card to `path`.

    Raises OverflowError where a weight is too large for half precision (65,504).
    """
    from safetensors.numpy import save_file

    tensors = rounded(network).arrays
    metadata = {"format": FORMAT, **{key: json.dumps(value) for key, value in asdict(card).items()}}
    save_file({name: np.asarray(array, dtype=np.float16) for name, array in tensors.items()}, path, metadata)


def rounded(network: Network) -> Network:
    """Return the network as its file will hold it: weights rounded to half precision."""
    with np.errstate(over="ignore"):
        arrays = {name: array.astype(np.float16) for name, array in network.arrays.items()}
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            raise OverflowError(f"{name} must lie within ±65504 to be stored in half precision. It does not.")
    return Network(network.cell, arrays)


def path(source: str | Path) -> Path:
    """Return the file of a network; KeyError for a name that there is none of."""
    if isinstance(source, Path):
        return source
    if source.startswith("run:"):
        if not RUN_ID.fullmatch(source[4:]) or not (file := runs_home() / source[4:] / "model.safetensors").is_file():
            raise KeyError(f"network must be a run that has one, as run:<id>. Got {source!r}.")
        return file
    if source not in names(None):
        raise KeyError(f"network must be one of {', '.join(names(None))}, or a pathlib.Path to a file. Got {source!r}.")
    return SHIPPED / f"{source}.safetensors"


def _open(path: Path, tensors: bool = True) -> tuple[Network | None, Card]:
    """Return the network (None where only the card is asked for) and the card, checked before memory is taken."""
    from safetensors import SafetensorError, safe_open

    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CheckpointError(f"a checkpoint must have at most {MAX_BYTES:,} bytes. {path.name} has {size:,}.")
    try:
        with safe_open(path, framework="numpy") as file:
            described = _card(file.metadata(), path.name)
            headers = {name: _Header(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118
            for name, header in headers.items():
                if header.dtype not in _DTYPES:
                    raise CheckpointError(f"{name} must be floating point ({', '.join(_DTYPES)}). Got {header.dtype}.")
            shapes(described.cell, headers)
            if not tensors:
                return None, described
            return Network(described.cell, {name: file.get_tensor(name) for name in headers}), described
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} must be a whole .safetensors file. It cannot be read: {error}.") from error
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{path.name}: {error}") from error


class _Header:
    """The shape and type of a tensor, read without the tensor."""

    def __init__(self, piece):
        self.shape, self.dtype = tuple(piece.get_shape()), piece.get_dtype()


def _card(metadata: Mapping[str, str] | None, name: str) -> Card:
    if not metadata or metadata.get("format") != FORMAT:
        raise CheckpointError(f"{name} must be a checkpoint of format {FORMAT}. Its metadata does not say so.")
    known = {f.name for f in fields(Card)}
    try:
        values = {key: json.loads(value) for key, value in metadata.items() if key in known}
        json.dumps(values, ensure_ascii=False).encode()  # half a surrogate pair is taken by no page
        described = Card(**values)
    except (json.JSONDecodeError, TypeError, UnicodeEncodeError, RecursionError) as error:
        raise CheckpointError(f"{name} must describe itself in JSON. Its metadata does not: {error}.") from error
    for field_name, kind in _KINDS.items():
        if not isinstance(getattr(described, field_name), kind):
            got = type(getattr(described, field_name)).__name__
            raise CheckpointError(f"{name} must give its {field_name} as {kind.__name__}. Its metadata gives {got}.")
    if described.task not in MEASURES:
        raise CheckpointError(f"{name} must have one of the tasks {', '.join(MEASURES)}. Got {described.task!r}.")
    for words, given, (measure, most) in (
        ("accuracies", described.accuracy, ("accuracy", 1)),
        ("mean squared errors", described.error, ("error", 1)),
        ("a PSNR", described.psnr, ("psnr", MOST_DECIBELS)),
    ):
        values = list(given.values())
        if (value := described.training.get(f"validation_{measure}")) is not None:
            values.append(value)
        if not all(type(value) in (int, float) and 0 <= value <= most for value in values):
            raise CheckpointError(f"{name} must give {words} from 0 to {most}. Its metadata does not.")
    for indices in described.misread.values():
        if not isinstance(indices, list) or not all(type(index) is int and index >= 0 for index in indices):
            raise CheckpointError(f"{name} must list the digits that it misreads by their indices. It does not.")
    if described.cell not in CELLS:
        raise CheckpointError(f"{name} must hold one of the cells {', '.join(CELLS)}. Got {described.cell!r}.")
    return described
