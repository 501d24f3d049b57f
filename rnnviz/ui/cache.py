"""What all sessions of a server share: networks, their cards and the order of their units."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from .. import checkpoints, digits, measures
from ..network import Network
from ..text import Words
from ..trace import record_many
from ..training import runs
from ..training.config import Config

RUNS_OFFERED = 20
"""Of the training runs, the newest are offered among the networks; a link opens any."""
_REFERENCE_DIGITS = 150
"""Units are called similar by what they do over this many bundled digits, so that the order is the network's own."""


@dataclass(frozen=True)
class Reader:
    """A network, and how it reads an image."""

    name: str
    """What it is opened by: a shipped network's name, or run:<id>."""
    title: str
    """What people call it."""
    network: Network
    card: checkpoints.Card
    order: str
    """One of `digits.ORDERS`."""
    delay: int
    """Blank rows after the image."""

    @property
    def stride(self) -> int:
        """Time steps per row of the image."""
        return 1 if self.order == "rows" else 28

    @property
    def reads_digits(self) -> bool:
        return self.network.input_size == (28 if self.order == "rows" else 1) and self.network.num_classes == 10

    def sequence(self, image: np.ndarray) -> np.ndarray:
        """Return an image (28, 28) as the network reads it, (T, D)."""
        return digits.as_sequences(image, self.order, self.delay)


def reader(name: str) -> Reader:
    """Return a network by the name it is opened by. KeyError for none, OSError or CheckpointError for a bad file."""
    network, card = _opened(name, version(name))
    settings = card.training
    order, delay = settings.get("reading", "rows"), settings.get("delay", 0)
    try:
        Config(reading=order, delay=delay)
    except (ValueError, TypeError) as error:
        raise checkpoints.CheckpointError(f"{name}: {error}") from error
    title = _run_title(name) if name.startswith("run:") else name
    return Reader(name, title, network, card, order, delay)


def title(words: Words, name: str) -> str:
    """Return what people call a network."""
    return words("step.run", name=_run_title(name)) if name.startswith("run:") else name


def _run_title(name: str) -> str:
    try:
        return runs.Run(name[4:]).name
    except (runs.RunError, runs.NoSuchRun):  # its settings are damaged, or it has just been deleted
        return name[4:]


def opens(name: str) -> bool:
    """Return whether there is a network of that name; its file may still be damaged."""
    try:
        return checkpoints.path(name).is_file()
    except KeyError:
        return False


def run_names(task: str = "classify") -> list[str]:
    """Return the newest training runs that have a network for digits, as names to open them by.

    task: "classify" for those that say which digit they read, "upscale" for those that write it at twice the size.
    """
    return _run_names(str(checkpoints.runs_home()), task)


@st.cache_data(show_spinner=False, ttl=3)
def _run_names(home: str, task: str) -> list[str]:
    found = []
    for run in runs.listed():
        try:
            if run.model and (run.config.data.of_digits if task == "classify" else run.config.data.task == task):
                found.append(f"run:{run.id}")
        except (runs.RunError, runs.NoSuchRun):
            continue
        if len(found) == RUNS_OFFERED:
            break
    return found


@st.cache_resource(show_spinner=False, max_entries=64)
def _opened(name: str, version: int) -> tuple[Network, checkpoints.Card]:
    return checkpoints.load(name), checkpoints.card(name)


def version(name: str) -> int:
    """Return what changes when a run that went on writes another network under the same name."""
    return checkpoints.path(name).stat().st_mtime_ns


def misread(name: str, digit_set: str) -> list[int]:
    """Return the indices of the digits of a set that a network reads wrong; none where its file cannot be read."""
    try:
        return list(reader(name).card.misread.get(digit_set, []))
    except (checkpoints.CheckpointError, OSError, KeyError):
        return []


def similarity_order(name: str, layer: int) -> np.ndarray:
    """Return the units (H,) of a layer with those that move alike side by side."""
    return _similarity_order(name, version(name), layer)


@st.cache_resource(show_spinner=False, max_entries=256)
def _similarity_order(name: str, version: int, layer: int) -> np.ndarray:
    read = reader(name)
    images = digits.open_set("uci").images[: _REFERENCE_DIGITS if read.stride == 1 else _REFERENCE_DIGITS // 10]
    h = record_many(read.network, read.sequence(images), signals=("h",))["h"][:, layer, read.stride - 1 :: read.stride]
    return measures.similarity_order(h.reshape(-1, h.shape[-1]))
