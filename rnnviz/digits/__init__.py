"""Handwritten digits, each a (28, 28) image in [0, 1]: MNIST, the bundled UCI digits, drawings and photos.

from rnnviz import digits

image, label = digits.sample(7)              # one of the bundled digits
image, label = digits.open_set("mnist")[7]   # one of MNIST's 10,000 test digits
image = digits.from_drawing(pixels)          # what a hand drew, in MNIST's geometry
"""

import operator
from dataclasses import dataclass

import numpy as np

from .drawing import DrawingProblem, from_drawing, pack, quantise, to_mnist_geometry, unpack
from .order import ORDERS, as_sequences
from .photo import from_photo

__all__ = [
    "ORDERS",
    "SETS",
    "DigitSet",
    "DrawingProblem",
    "as_sequences",
    "from_drawing",
    "from_photo",
    "open_set",
    "pack",
    "quantise",
    "sample",
    "to_mnist_geometry",
    "unpack",
]

SETS = ("mnist", "uci")


@dataclass(frozen=True, eq=False)
class DigitSet:
    """Labelled digits: `images` uint8 (N, 28, 28), bright ink on dark, and `labels` uint8 (N,), 0 to 9.

    `digits[i]` is one of them as (image float64 (28, 28) in [0, 1], label int). The arrays are read-only, because
    everyone shares them, and stay uint8, because 10,000 digits in float64 take 60 MB.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self):
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (28, 28):
            raise ValueError(
                f"images must be uint8 of shape (N, 28, 28). Got {self.images.dtype} {self.images.shape}. "
                "Pass one image per digit."
            )
        if self.labels.dtype != np.uint8 or self.labels.shape != self.images.shape[:1]:
            raise ValueError(
                f"labels must be uint8 of shape ({len(self.images)},), one per image. "
                f"Got {self.labels.dtype} {self.labels.shape}."
            )
        self.images.setflags(write=False)
        self.labels.setflags(write=False)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        index = operator.index(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index must be 0 to {len(self) - 1} in the set {self.name!r}. Got {index}.")
        return self.images[index] / 255, int(self.labels[index])


def open_set(name: str) -> DigitSet:
    """Return a set by its name: "mnist" (the 10,000 test digits) or "uci" (1,797 digits that need no download).

    Raises ValueError for another name, `mnist.MnistMissing` while MNIST is not on this machine.
    """
    from . import mnist, uci

    if name == "mnist":
        return mnist.test()
    if name == "uci":
        return uci.uci()
    raise ValueError(f"set must be one of {', '.join(SETS)}. Got {name!r}.")


def sample(index: int, set: str = "uci") -> tuple[np.ndarray, int]:
    """Return digit `index` of a set as (image float64 (28, 28) in [0, 1], label int)."""
    return open_set(set)[index]
