"""Digits written anew: turned, scaled, moved and slanted, with a thicker or thinner pen.

Everything random is drawn from torch's global CPU generator, as torchvision does, so `torch.manual_seed` decides it
and every device gets the same digits.
"""

from collections.abc import Callable

import torch
from torchvision.transforms import v2

ROTATION = 10  # degrees, either way
SCALE = (0.85, 1.15)
SHIFT = 2 / 28  # a share of the side: 2 pixels, either way
SHEAR = 11.3  # degrees, either way: a slant of 0.2
GROUP = 16  # digits that share one transform
CHUNK = 4096  # digits that are floating point at the same time

_AFFINE = v2.RandomAffine(
    degrees=ROTATION,
    translate=(SHIFT, SHIFT),
    scale=SCALE,
    shear=(-SHEAR, SHEAR, 0, 0),
    interpolation=v2.InterpolationMode.BILINEAR,
)


def augmented(
    images: torch.Tensor, affine: bool = True, thickness: float = 0.0, between: Callable[[], None] = lambda: None
) -> torch.Tensor:
    """Return other versions of the digits, uint8 (N, 28, 28) as `images`, for one epoch.

    thickness: how far the pen's edge moves at most, see `pen_changed`. Shuffle before: neighbours share a transform.
    between: called every few milliseconds, so that who waits for 60,000 digits may give up by raising.
    """
    if thickness:
        images = torch.cat([_after(between, pen_changed(part, thickness)) for part in images.split(CHUNK)])
    if affine:
        # RandomAffine draws one set of numbers per call, and a call per digit would take longer than the training.
        # Groups of a shuffled epoch give every batch several transforms, and every digit a new one in new company
        # in each epoch, in less than half the time that a small LSTM needs to read them.
        images = torch.cat([_after(between, _AFFINE(group)) for group in images.split(GROUP)])
    return images


def _after(between: Callable[[], None], images: torch.Tensor) -> torch.Tensor:
    between()
    return images


def pen_changed(images: torch.Tensor, thickness: float) -> torch.Tensor:
    """Return the digits, uint8 (N, 28, 28), each with the edge of its lines moved by up to `thickness` pixels.

    Each digit is blended with its dilation (the brightest of every 3 x 3 pixels) or its erosion (the darkest), by a
    share that is uniform in ±thickness. A line too thin to lose a pixel on both sides gets fainter instead.
    """
    share = torch.empty(len(images), 1, 1).uniform_(-thickness, thickness).to(images.device)
    thick, thin = _extreme(images, torch.maximum), _extreme(images, torch.minimum)
    target = torch.where(share > 0, thick, thin)
    return torch.lerp(images.float(), target.float(), share.abs()).round().to(torch.uint8)


def _extreme(images: torch.Tensor, larger: Callable) -> torch.Tensor:
    """Return the largest (or smallest) of the 3 x 3 pixels around each pixel, (N, H, W), black beyond the border."""
    _, H, W = images.shape
    padded = torch.nn.functional.pad(images, (1, 1, 1, 1))
    rows = larger(larger(padded[:, :H], padded[:, 1:-1]), padded[:, 2:])  # (N, H, W + 2)
    return larger(larger(rows[:, :, :W], rows[:, :, 1:-1]), rows[:, :, 2:])
