"""In which order a network reads an image: row by row, or pixel by pixel."""

import numpy as np

ORDERS = ("rows", "pixels", "permuted")
_SEED = 0


def as_sequences(images: np.ndarray, order: str = "rows", delay: int = 0) -> np.ndarray:
    """Return images (..., R, C) as sequences (..., T, D), of the same type.

    "rows": one row per step, then `delay` blank ones, T = R + delay and D = C. "pixels": one pixel per step in reading
    order, T = R·C and D = 1. "permuted": the same in a random order that is fixed, so that networks compare (Le,
    Jaitly & Hinton 2015). Raises ValueError for another order, a negative delay, or a delay of pixels.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}. Got {order!r}.")
    if delay < 0 or (delay and order != "rows"):
        raise ValueError(f"delay must be 0 or more rows, and 0 for pixels. Got {delay} with {order!r}.")
    *batch, R, C = images.shape
    if order == "rows":
        if not delay:
            return images
        return np.concatenate([images, np.zeros((*batch, delay, C), images.dtype)], axis=-2)
    pixels = images.reshape(*batch, R * C, 1)
    return pixels[..., permutation(R * C), :] if order == "permuted" else pixels


def permutation(count: int) -> np.ndarray:
    """Return the fixed random order (count,) of "permuted": step t reads pixel permutation[t]."""
    return np.random.default_rng(_SEED).permutation(count)
