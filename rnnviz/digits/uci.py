"""The digits that come with scikit-learn: 1,797 real ones, no download, put into MNIST's geometry.

They are the test part of the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak, 1998),
8 x 8 pixels of 17 levels.
"""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np

from . import DigitSet
from .drawing import to_mnist_geometry

FINER = 40  # pixels a side while the digit is cropped; 5 per pixel of the original


@cache
def uci() -> DigitSet:
    """Return the 1,797 digits as a DigitSet named "uci", enlarged bicubically and put through MNIST's geometry."""
    small, labels = eight_by_eight()
    images = np.stack([to_mnist_geometry(_enlarged(digit)) for digit in small])
    return DigitSet("uci", np.rint(images * 255).astype(np.uint8), labels)


def _enlarged(digit: np.ndarray) -> np.ndarray:
    """Return `digit` (8, 8), in [0, 1], as (40, 40)."""
    from PIL import Image

    large = Image.fromarray(digit.astype(np.float32)).resize((FINER, FINER), Image.Resampling.BICUBIC)
    return np.clip(np.asarray(large, float), 0, 1)


def eight_by_eight() -> tuple[np.ndarray, np.ndarray]:
    """Return the original images (1797, 8, 8), in [0, 1], and labels uint8 (1797,).

    Reading scikit-learn's own file takes 0.02 s; `load_digits` imports scikit-learn for it, 1 s and 150 MB of a
    server's memory. It stays the way when the file has moved.
    """
    package = importlib.util.find_spec("sklearn")
    path = Path(package.submodule_search_locations[0], "datasets", "data", "digits.csv.gz") if package else Path()
    if path.is_file():
        table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
        pixels, labels = table[:, :-1], table[:, -1].copy()
    else:
        from sklearn.datasets import load_digits

        pixels, labels = load_digits(return_X_y=True)
    return pixels.reshape(-1, 8, 8) / 16, labels.astype(np.uint8)
