"""Running parity: after every bit, whether the ones so far are odd in number. One bit has to be remembered."""

from collections.abc import Iterator

import numpy as np

SHORT, LONG = 2, 8
"""Bits of the strings that are learnt from."""
TESTED, STRINGS = 24, 200
"""Bits of the strings that a network is tested on, three times as many as it has learnt, and how many strings."""


def sequence(bits) -> np.ndarray:
    """Return bits (..., T) as a network reads them, (..., T, 1): -1 for 0 and 1 for 1, so that neither is silence."""
    return 2.0 * np.asarray(bits, dtype=np.float64)[..., None] - 1.0


def parities(bits) -> np.ndarray:
    """Return the running parity (..., T) of bits (..., T): 1 where the ones so far are odd in number."""
    return np.cumsum(bits, axis=-1) % 2


def batches(size: int, seed: int) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Yield batches of `size` random strings with the parity after every bit, without end."""
    random = np.random.default_rng(seed)
    while True:
        lengths = random.integers(SHORT, LONG + 1, size)
        drawn = [random.integers(0, 2, length) for length in lengths]
        yield [(sequence(bits), parities(bits)) for bits in drawn]


def strings(part: str) -> np.ndarray:
    """Return the bits of the part "validation" or "test", (STRINGS, TESTED): longer than any that is learnt from.

    Raises KeyError for another part.
    """
    seed = {"validation": 9_999, "test": 10_000}[part]
    return np.random.default_rng(seed).integers(0, 2, (STRINGS, TESTED))
