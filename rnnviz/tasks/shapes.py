"""The five shapes of input and output, an example of each that is learnt in seconds, and its training.

How many steps have an input and how many an output is all that differs; the recurrence is the same in all.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

from .. import initial, learn
from ..network import Network
from ..trace import record_many
from . import parity, pictures, reversal
from .small_digits import CLASSES, SIDE

TESTED = 5
"""After so many updates networks are tested, and kept."""
CLIP = 1.0
"""The longest gradient that an update follows."""

Networks = tuple[Network, ...]


class Settings(NamedTuple):
    """What a reader may change."""

    cell: str
    units: int
    rate: float
    """Of Adam."""


@dataclass(frozen=True)
class Shape:
    """One shape with its example."""

    settings: Settings
    """Chosen on the validation part."""
    cells: tuple[str, ...]
    """What may be chosen instead, `settings.cell` among them."""
    batch: int
    updates: int
    reaches: float
    """An accuracy on the test part, in [0, 1], that it reaches with its own settings."""
    begin: Callable[[str, int, int], Networks]
    """Cell, units and seed -> the networks before training."""
    steps: Callable[[Networks, float, int, int], Iterator]
    """Networks, rate, batch and seed -> steps with a `loss` and the networks before the update."""
    accuracy: Callable[[Networks, str], float]
    """Networks, part -> the share that is right."""


class Progress(NamedTuple):
    """What stands after some updates."""

    loss: float
    """Of the next batch."""
    accuracy: float | None
    """On the test part; None between two tests."""
    networks: Networks | None
    """Kept with every test."""


def training(shape: str, settings: Settings, seed: int = 0) -> Iterator[Progress]:
    """Yield how a shape's example stands before every update and after the last one.

    It ends early where the numbers leave what float64 holds.
    """
    told = SHAPES[shape]
    steps = told.steps(told.begin(settings.cell, settings.units, seed), settings.rate, told.batch, seed)
    for k, (loss, networks) in enumerate(islice(steps, told.updates + 1)):
        if k % TESTED or not np.isfinite(loss):
            yield Progress(loss, None, None)
        else:
            yield Progress(loss, told.accuracy(networks, "test"), networks)


def _one(cell: str, units: int, seed: int, reads: int, says: int) -> Networks:
    return (initial.network(cell, reads, units, num_classes=says, seed=seed),)


def _alone(networks: Networks, rate: float, size: int, seed: int, batches, loss: str) -> Iterator:
    for step in learn.train(networks[0], batches(size, seed), learn.Adam(rate), loss, CLIP):
        yield step.loss, (step.network,)


def _together(networks: Networks, rate: float, size: int, seed: int) -> Iterator:
    yield from reversal.train(reversal.Pair(*networks), reversal.batches(size, seed), rate, CLIP)


def _parity_right(networks: Networks, part: str) -> float:
    """Return the share of the test's strings at which the network is right after every bit."""
    bits = parity.strings(part)
    said = record_many(networks[0], parity.sequence(bits), ("logits",))["logits"].argmax(axis=2)
    return float((said == parity.parities(bits)).all(axis=1).mean())


SHAPES: dict[str, Shape] = {
    "one_to_one": Shape(
        Settings("rnn_tanh", 16, 0.01),
        ("rnn_tanh",),
        32,
        300,
        0.93,
        partial(_one, reads=SIDE * SIDE, says=CLASSES),
        partial(_alone, batches=partial(pictures.to_read, view=pictures.at_once), loss="last"),
        lambda networks, part: pictures.read_right(networks[0], pictures.at_once, part),
    ),
    "one_to_many": Shape(
        Settings("rnn_tanh", 32, 0.01),
        ("rnn_tanh", "lstm", "gru"),
        32,
        300,
        1.0,
        partial(_one, reads=CLASSES, says=SIDE),
        partial(_alone, batches=pictures.to_draw, loss="mse"),
        lambda networks, part: pictures.drawn_right(networks[0], part),
    ),
    "many_to_one": Shape(
        Settings("rnn_tanh", 32, 0.01),
        ("rnn_tanh", "lstm", "gru"),
        32,
        300,
        0.9,
        partial(_one, reads=SIDE, says=CLASSES),
        partial(_alone, batches=partial(pictures.to_read, view=pictures.by_rows), loss="last"),
        lambda networks, part: pictures.read_right(networks[0], pictures.by_rows, part),
    ),
    "aligned": Shape(
        Settings("rnn_tanh", 16, 0.01),
        ("rnn_tanh", "lstm", "gru"),
        32,
        400,
        0.99,
        partial(_one, reads=1, says=2),
        partial(_alone, batches=parity.batches, loss="every"),
        _parity_right,
    ),
    "encoder_decoder": Shape(
        Settings("gru", 32, 0.01),
        reversal.CELLS,
        32,
        320,
        0.9,
        reversal.begin,
        _together,
        lambda networks, part: reversal.accuracy(reversal.Pair(*networks), part),
    ),
}
