"""Super-resolution: a network reads a picture of half the size and writes the whole one, two rows at a time.

    low = upscaling.halve(image)                    # (28, 28) -> (14, 14)
    upscaling.psnr(upscaling.bicubic(low), image)   # what a formula makes of it, in dB
    upscaling.psnr(upscaling.upscale(load("super-3x128"), low), image)

At step t it reads row t of the small picture, and its readout gives 2 x 2C numbers: two rows of the large one. With a
delay of d rows, d blank rows follow the picture, and what it gives at step t are the rows of small row t - d: it has
seen d rows more. Before the delay is over it writes what lies above the picture, which is blank, so that every step has
a target and the loss is the plain mean over all steps. The picture, and its PSNR, are the steps after the delay alone.
"""

import numpy as np

from . import trace
from .network import Network
from .trace import Trace

FACTOR = 2
"""Rows and columns of the large picture for each of the small one."""
BICUBIC = {"mnist": (20.61, 20.40), "uci": (26.60, 26.24)}
"""What bicubic interpolation comes to, by digit set: the mean over all its digits of the PSNR of each, in dB, and the
PSNR of the mean squared error over all of them."""


def halve(images: np.ndarray) -> np.ndarray:
    """Return pictures (..., 2R, 2C) at half the size, (..., R, C): each pixel is the mean of 2 x 2."""
    *batch, rows, columns = np.shape(images)
    if rows % FACTOR or columns % FACTOR:
        raise ValueError(f"images must have an even number of rows and columns. Got {rows} x {columns}.")
    blocks = np.asarray(images, np.float64).reshape(*batch, rows // FACTOR, FACTOR, columns // FACTOR, FACTOR)
    return blocks.mean(axis=(-3, -1))


def bicubic(low: np.ndarray) -> np.ndarray:
    """Return small pictures (..., R, C) in [0, 1] at twice the size by bicubic interpolation, cut to [0, 1].

    Keys' cubic with a = -3/4, as PyTorch and OpenCV have it; a = -1/2, as in Pillow, comes half a decibel less close to
    the digits. Beyond its edge a picture goes on as at the edge.
    """
    low = np.asarray(low, np.float64)
    rows, columns = (_cubic(count) for count in low.shape[-2:])
    return (rows @ low @ columns.T).clip(0.0, 1.0)


def _cubic(count: int, a: float = -0.75) -> np.ndarray:
    """Return the weights (2N, N) of N pixels in each of the 2N that are interpolated between them."""
    weights = np.zeros((FACTOR * count, count))
    for k, at in enumerate((np.arange(FACTOR * count) + 0.5) / FACTOR - 0.5):
        for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            d = abs(at - tap)
            near, far = ((a + 2) * d - (a + 3)) * d * d + 1, a * (((d - 5) * d + 8) * d - 4)
            weights[k, min(max(tap, 0), count - 1)] += near if d <= 1 else far
    return weights


def as_sequence(low: np.ndarray, delay: int = 0) -> np.ndarray:
    """Return what a network reads of small pictures (..., R, C): their rows, then `delay` blank ones."""
    return _with_blank_rows(np.asarray(low), after=delay)


def targets(images: np.ndarray, delay: int = 0) -> np.ndarray:
    """Return what its readout should give for large pictures (..., 2R, 2C), (..., R + delay, 4C).

    Step t's are two rows beside each other; those of the first `delay` steps lie above the picture and are blank.
    """
    images = np.asarray(images)
    *batch, rows, columns = images.shape
    return _with_blank_rows(images.reshape(*batch, rows // FACTOR, FACTOR * columns), before=delay)


def picture(outputs: np.ndarray, delay: int = 0) -> np.ndarray:
    """Return as large pictures (..., 2R, 2C) what readouts (..., R + delay, 4C) are, cut to [0, 1] as a screen does."""
    *batch, steps, numbers = outputs.shape
    rows = outputs[..., delay:, :].reshape(*batch, FACTOR * (steps - delay), numbers // FACTOR)
    return rows.clip(0.0, 1.0)


def psnr(images: np.ndarray, true: np.ndarray) -> np.ndarray | float:
    """Return the peak signal-to-noise ratio (...) in dB of pictures (..., R, C) in [0, 1]; inf where nothing differs.

    -10 log10 of the mean squared difference over a picture's pixels, the largest value a pixel can have being 1: 20 dB
    are differences of 0.1, 40 dB of 0.01.
    """
    error = mean_squared_error(images, true)
    with np.errstate(divide="ignore"):
        return -10.0 * np.log10(error)


def mean_squared_error(images: np.ndarray, true: np.ndarray) -> np.ndarray | float:
    """Return the mean squared difference (...) over each picture's pixels."""
    if np.shape(images) != np.shape(true):
        raise ValueError(f"images must have the shape of the true ones, {np.shape(true)}. Got {np.shape(images)}.")
    return ((np.asarray(images, np.float64) - true) ** 2).mean(axis=(-2, -1))


def fits(network: Network) -> bool:
    """Return whether a network writes two rows of twice the width of what it reads."""
    return network.num_classes == FACTOR**2 * network.input_size


def upscale(network: Network, low: np.ndarray, delay: int = 1) -> np.ndarray:
    """Return what a network makes of small pictures (R, C) or (N, R, C) in [0, 1], at twice the size.

    delay: that of its training, which its card tells: 1 for the shipped network. Raises ValueError where it was not
    made for this.
    """
    low = np.asarray(low, np.float64)
    sequences = as_sequence(low if low.ndim == 3 else _picture("low", low)[None], delay)
    outputs = trace.record_many(_fitting(network), sequences, ("logits",))["logits"]
    large = picture(outputs, delay)
    return large if low.ndim == 3 else large[0]


def record(network: Network, image: np.ndarray, delay: int = 1) -> Trace:
    """Return the trace of a network that reads the half of a picture (2R, 2C) and should write the whole.

    Its `logits` (R + delay, 4C) are what it writes, see `picture`; the loss is the mean squared error at every step.
    """
    low = halve(_picture("image", image))
    return trace.record(_fitting(network), as_sequence(low, delay), targets(image, delay), loss="mse")


def _fitting(network: Network) -> Network:
    if not fits(network):
        wanted, got = FACTOR**2 * network.input_size, network.num_classes
        raise ValueError(f"network must give {wanted} numbers per step, four for each that it reads. It gives {got}.")
    return network


def _picture(name: str, image: np.ndarray) -> np.ndarray:
    image = np.asarray(image, np.float64)
    if image.ndim != 2 or not image.size or not np.isfinite(image).all():
        raise ValueError(f"{name} must be one picture of finite numbers, (R, C). Got the shape {image.shape}.")
    return image


def _with_blank_rows(rows: np.ndarray, before: int = 0, after: int = 0) -> np.ndarray:
    if before < 0 or after < 0:
        raise ValueError(f"delay must be 0 or more rows. Got {before or after}.")
    pad = [(0, 0)] * (rows.ndim - 2) + [(before, after), (0, 0)]
    return np.pad(rows, pad)
