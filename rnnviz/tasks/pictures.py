"""Small digits as sequences: a whole picture at once, row by row, or drawn row by row from its label."""

from collections.abc import Iterator

import numpy as np

from ..network import Network
from ..trace import record_many
from . import small_digits
from .small_digits import CLASSES, SIDE


def at_once(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (..., 8, 8) as sequences of one step, (..., 1, 64)."""
    return pictures.reshape(*pictures.shape[:-2], 1, SIDE * SIDE)


def by_rows(pictures: np.ndarray) -> np.ndarray:
    """Return pictures (..., 8, 8) as sequences of eight rows: as they are."""
    return pictures


def label_first(label: int) -> np.ndarray:
    """Return a label as a sequence (8, 10): one-hot at the first step, and zeros, nothing, at the others."""
    x = np.zeros((SIDE, CLASSES))
    x[0, label] = 1.0
    return x


def to_read(size: int, seed: int, view) -> Iterator[list[tuple[np.ndarray, int]]]:
    """Yield batches of pictures, seen by `at_once` or `by_rows`, with their labels."""
    for images, labels in small_digits.batches(size, seed):
        yield list(zip(view(images), labels.tolist(), strict=True))


def to_draw(size: int, seed: int) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Yield batches of labels, each with a picture (8, 8) of it."""
    for images, labels in small_digits.batches(size, seed):
        yield [(label_first(label), image) for label, image in zip(labels.tolist(), images, strict=True)]


def answers(network: Network, view, part: str) -> np.ndarray:
    """Return what the network says after the last step for every digit of a part, (N,)."""
    return record_many(network, view(small_digits.part(part).images), ("logits",))["logits"][:, -1].argmax(axis=1)


def read_right(network: Network, view, part: str = "test") -> float:
    """Return the share of a part's digits that the network reads right, in [0, 1]."""
    return float((answers(network, view, part) == small_digits.part(part).labels).mean())


def drawn(network: Network) -> np.ndarray:
    """Return what the network draws for every label, (10, 8, 8)."""
    labels = np.stack([label_first(label) for label in range(CLASSES)])
    return record_many(network, labels, ("logits",))["logits"]


def drawn_right(network: Network, part: str = "test") -> float:
    """Return the share of the ten drawings whose nearest class mean, over a part's digits, is that of their label."""
    return float((small_digits.nearest_class(drawn(network), part) == np.arange(CLASSES)).mean())
