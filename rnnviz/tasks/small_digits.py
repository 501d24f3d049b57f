"""The bundled digits as they were published, 8 x 8 pixels, in three parts: to learn from, to choose by, to test on."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from ..digits.uci import eight_by_eight

SIDE, CLASSES = 8, 10
LEVELS = "0123456789abcdefg"
"""The 17 levels of ink of a pixel, a letter each."""
PARTS = ("train", "validation", "test")


class Part(NamedTuple):
    """Some of the digits, read-only."""

    images: np.ndarray
    """(N, 8, 8) in [0, 1]."""
    labels: np.ndarray
    """(N,), 0 to 9."""


@cache
def part(name: str) -> Part:
    """Return one of PARTS: of every six digits four are learnt from, the fifth is for choosing settings, the last for
    testing. What was chosen by the fifth has never seen the last. Raises ValueError for another name.
    """
    if name not in PARTS:
        raise ValueError(f"name must be one of {', '.join(PARTS)}. Got {name!r}.")
    images, labels = eight_by_eight()
    place = np.arange(len(labels)) % 6
    chosen = {"train": place < 4, "validation": place == 4, "test": place == 5}[name]
    found = Part(images[chosen], labels[chosen].astype(np.int64))
    for array in found:
        array.setflags(write=False)
    return found


@cache
def class_means(name: str = "test") -> np.ndarray:
    """Return the mean picture of every class over one of PARTS, (10, 8, 8), read-only."""
    images, labels = part(name)
    means = np.stack([images[labels == k].mean(axis=0) for k in range(CLASSES)])
    means.setflags(write=False)
    return means


def nearest_class(pictures: np.ndarray, name: str = "test") -> np.ndarray:
    """Return which class mean of a part each picture (N, 8, 8) is nearest to, (N,): a reader that needs no training."""
    difference = np.asarray(pictures)[:, None] - class_means(name)
    return (difference**2).sum(axis=(2, 3)).argmin(axis=1)


def batches(size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield pictures (size, 8, 8) to learn from and their labels, without end, all digits in turn and in new orders."""
    images, labels = part("train")
    random, order = np.random.default_rng(seed), np.array([], dtype=np.int64)
    while True:
        if len(order) < size:
            order = np.concatenate([order, random.permutation(len(labels))])
        chosen, order = order[:size], order[size:]
        yield images[chosen], labels[chosen]


def pack(picture: np.ndarray) -> str:
    """Return a picture (8, 8) in [0, 1] as 64 letters, in the 17 levels of the digits."""
    return "".join(LEVELS[level] for level in np.rint(picture * (len(LEVELS) - 1)).astype(int).ravel())


def unpack(text: str) -> np.ndarray:
    """Return the picture (8, 8) that letters stand for. Raises ValueError for what `pack` does not give."""
    if len(text) != SIDE * SIDE or set(text) - set(LEVELS):
        raise ValueError(f"text must be {SIDE * SIDE} letters of {LEVELS}. Got {text!r}.")
    return np.array([LEVELS.index(letter) for letter in text]).reshape(SIDE, SIDE) / (len(LEVELS) - 1)
