"""What is there to learn: sequences to train on, and others to be scored at the end. No torch."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .. import upscaling
from ..digits import as_sequences, mnist, uci
from .config import DATASETS, Config

FOLDS_SEED = 0
"""One partition for all: the folds of a group never overlap, whatever the seeds of its runs."""
_HALVES_SEED = 20_001


@dataclass(frozen=True, eq=False)
class Part:
    """Pictures uint8 (N, R, C) and their classes int64 (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def at(self, index) -> "Part":
        """Return the chosen ones: an index array or a slice."""
        return Part(self.images[index], self.labels[index])


class Data(NamedTuple):
    """A data set. `test` is what the finished network is scored on, by name; the first has the data set's own test."""

    training: Part
    test: dict[str, Part]


def open_data(config: Config) -> Data:
    """Return the data set of these settings. Raises mnist.MnistMissing while MNIST is not on this machine.

    A network trained on MNIST is scored on MNIST's test digits and on all bundled ones; one trained on the bundled ones
    on the last of these ("uci_test"), which other people wrote. Of pictures to be enlarged these are the large ones.
    """
    if config.data.needs_mnist:
        known, test, bundled = mnist.train(), mnist.test(), uci.uci()
        return Data(_part(known), {"mnist": _part(test), "uci": _part(bundled)})
    if config.dataset == "uci":
        everything = _part(uci.uci())
        count = DATASETS["uci"].training
        return Data(everything.at(slice(count)), {"uci_test": everything.at(slice(count, None))})
    everything = halves()
    count = DATASETS["halves"].training
    return Data(everything.at(slice(count)), {"halves": everything.at(slice(count, None))})


def as_read(config: Config, part: Part) -> tuple[np.ndarray, np.ndarray, str]:
    """Return what a network reads of a part (N, T, D) in [0, 1], what is asked of it, and by which loss of `record`.

    A class is asked for after the last step, integers (N,); a picture at every step, (N, T, K).
    """
    if config.data.task == "upscale":
        images = part.images / 255
        low = upscaling.as_sequence(upscaling.halve(images), config.delay)
        return low, upscaling.targets(images, config.delay), "mse"
    return as_sequences(part.images, config.reading, config.delay) / 255, part.labels, "last"


def halves() -> Part:
    """Return random sequences of 10 steps with 10 numbers; class 1 where the second half has the larger sum."""
    count = DATASETS["halves"].training + DATASETS["halves"].test
    images = np.random.default_rng(_HALVES_SEED).integers(0, 256, (count + 100, 10, 10), dtype=np.uint8)
    first, second = images[:, :5].sum(axis=(1, 2), dtype=int), images[:, 5:].sum(axis=(1, 2), dtype=int)
    decided = np.flatnonzero(first != second)[:count]
    return Part(images[decided], (second > first)[decided].astype(np.int64))


def split(config: Config, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices to train on and those held back: the last ones, or a fold with its share of every class."""
    count = len(labels)
    if not config.folds:
        if count <= config.validation:
            raise ValueError(f"images must be more than the {config.validation} held back. Got {count}.")
        return np.arange(count - config.validation), np.arange(count - config.validation, count)
    from sklearn.model_selection import StratifiedKFold

    folds = StratifiedKFold(config.folds, shuffle=True, random_state=FOLDS_SEED)
    return list(folds.split(np.zeros(count), labels))[config.fold]


def _part(digits) -> Part:
    return Part(digits.images, digits.labels.astype(np.int64))
