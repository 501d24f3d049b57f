"""The film of a run: how its gradients and one digit's hidden state change while it learns. No torch.

One file of records of equal size, only ever appended to, behind a header of one JSON line that says what a record
holds. What a killed worker left unfinished is less than a record, and is not read.
"""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

IMAGE = "image.npy"
"""Beside the film: the picture whose states are filmed."""
MAX_ROWS = 56
"""Of a longer sequence every k-th step is kept, the last one among them."""
MAX_HEADER = 4096
READOUTS = ("probs", "outputs")
MOST = {"steps": 100_000, "units": 1024, "classes": 1000}
"""What a header may say at most, so that a damaged one fills no memory."""


@dataclass(frozen=True)
class Shape:
    """What one record of a film holds. ValueError where that cannot be."""

    steps: int
    """T: time steps of a sequence."""
    units: int
    """H of the top layer."""
    classes: int
    cell_state: bool
    """Whether there is a gradient in c as well."""
    label: int
    """The class of the digit that is filmed."""
    stride: int = 1
    """Every stride-th step is kept, counted back from the last; see `at`."""
    readout: str = "probs"
    """What is kept of the readout: "probs", probabilities of classes, or "outputs", its numbers as they are."""

    def __post_init__(self) -> None:
        bounds = {name: (1, most) for name, most in MOST.items()}
        bounds |= {"label": (0, self.classes - 1), "stride": (1, self.steps)}
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise ValueError(f"{name} must be an integer from {low} to {high}. Got {value!r}.")
        if not isinstance(self.cell_state, bool):
            raise ValueError(f"cell_state must be True or False. Got {self.cell_state!r}.")
        if self.readout not in READOUTS:
            raise ValueError(f"readout must be one of {', '.join(READOUTS)}. Got {self.readout!r}.")

    @classmethod
    def of(cls, steps: int, units: int, classes: int, cell_state: bool, label: int, readout: str = "probs") -> "Shape":
        """Return the shape for a sequence of `steps`, thinned to at most `MAX_ROWS` rows."""
        return cls(steps, units, classes, cell_state, label, -(-steps // MAX_ROWS), readout)

    @property
    def rows(self) -> int:
        return self.steps // self.stride

    @property
    def at(self) -> np.ndarray:
        """The steps (rows,), from 0, that the rows of a record stand for."""
        return np.arange(self.steps - 1 - (self.rows - 1) * self.stride, self.steps, self.stride)

    @property
    def record(self) -> np.dtype:
        """The layout: update, log10 gradient norms in h (and c) relative to the last step, h, readout."""
        fields = [("step", "<i4"), ("grad_h", "<f4", (self.rows,))]
        if self.cell_state:
            fields.append(("grad_c", "<f4", (self.rows,)))
        fields += [("h", "<f2", (self.rows, self.units)), (self.readout, "<f2", (self.rows, self.classes))]
        return np.dtype(fields)


@dataclass(frozen=True)
class Film:
    """The frames so far, in the order of updates: `frames["grad_h"]` (N, rows) and so on, see `Shape.record`."""

    shape: Shape
    frames: np.ndarray
    image: np.ndarray | None = None
    """The picture whose states are filmed, uint8 (R, C); None where it was not kept."""

    def __len__(self) -> int:
        return len(self.frames)


class Projector:
    """Writes a film. `resume_at`: frames beyond that update are dropped; None starts anew. image: see `Film`."""

    def __init__(self, path: Path, shape: Shape, resume_at: int | None = None, image: np.ndarray | None = None):
        self.path, self.shape = path, shape
        film = read(path) if resume_at is not None else None
        path.parent.mkdir(exist_ok=True)
        if image is not None:
            np.save(path.with_name(IMAGE), image.astype(np.uint8), allow_pickle=False)
        kept = film.frames[film.frames["step"] <= resume_at] if film and film.shape == shape else None
        header = json.dumps(shape.__dict__).encode() + b"\n"
        partial = path.with_suffix(".partial")
        partial.write_bytes(header + (b"" if kept is None else kept.tobytes()))
        os.replace(partial, path)

    def add(self, step: int, **values: np.ndarray) -> None:
        """Append a frame, in one write."""
        frame = np.zeros((), self.shape.record)
        frame["step"] = step
        for name, value in values.items():
            frame[name] = value
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND)  # not made anew where its run was deleted
        try:
            if os.write(file, frame.tobytes()) < frame.nbytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        finally:
            os.close(file)


def read(path: Path) -> Film | None:
    """Return the film, or None where there is none (yet) or its header is damaged."""
    try:
        with open(path, "rb") as file:
            header = file.readline(MAX_HEADER)
            if not header.endswith(b"\n"):
                return None
            shape, body = Shape(**json.loads(header)), file.read()
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    record = shape.record
    return Film(shape, np.frombuffer(body[: len(body) // record.itemsize * record.itemsize], record), _image(path))


def _image(path: Path) -> np.ndarray | None:
    try:
        image = np.load(path.with_name(IMAGE), allow_pickle=False)
    except Exception:  # a damaged file raises half a dozen kinds of errors
        return None
    sound = isinstance(image, np.ndarray) and image.ndim == 2 and image.dtype == np.uint8 and image.size
    return image if sound else None
