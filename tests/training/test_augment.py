"""Augmentation: other versions of the same digits."""

import numpy as np
import pytest
import torch

from rnnviz.digits import uci
from rnnviz.training.augment import augmented, pen_changed


@pytest.fixture(scope="module")
def digits():
    return torch.tensor(uci.uci().images[:256])


def bars(width, count=400):
    """Return digits that are one upright bar, `width` pixels wide."""
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    images[:, 4:24, 14 - width // 2 : 14 - width // 2 + width] = 255
    return images


def widths(images):
    """Return the mean width of each bar in pixels."""
    return images[:, 6:22].float().sum(dim=(1, 2)).numpy() / (16 * 255)


@pytest.mark.parametrize(("affine", "thickness"), [(True, 0.0), (False, 0.7), (True, 0.7)])
def test_digits_keep_their_shape_and_type_and_change(digits, affine, thickness):
    torch.manual_seed(0)
    other = augmented(digits, affine, thickness)
    assert other.shape == digits.shape
    assert other.dtype == torch.uint8
    assert other.max() > 200  # ink stays ink
    assert (other != digits).any(dim=(1, 2)).float().mean() > 0.9  # a pen may stay as it is by chance


def test_nothing_asked_for_changes_nothing(digits):
    assert torch.equal(augmented(digits, affine=False, thickness=0.0), digits)


def test_a_seed_decides_everything(digits):
    versions = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        versions.append(augmented(digits, True, 0.7))
    assert torch.equal(versions[0], versions[1])
    assert not torch.equal(versions[0], versions[2])


def test_the_digits_given_are_left_alone(digits):
    before = digits.clone()
    augmented(digits, True, 0.7)
    assert torch.equal(digits, before)


def test_pens_get_thicker_and_thinner_by_up_to_twice_the_strength():
    torch.manual_seed(0)
    got = widths(pen_changed(bars(4), 0.7))
    assert 4 - 2 * 0.7 - 0.05 <= got.min() < 3.0
    assert 5.0 < got.max() <= 4 + 2 * 0.7 + 0.05
    assert abs(np.median(got) - 4) < 0.2


def test_a_line_too_thin_to_lose_its_edges_gets_fainter_and_does_not_vanish():
    torch.manual_seed(0)
    got = pen_changed(bars(1), 0.7)
    assert got.amax(dim=(1, 2)).min() >= 0.29 * 255


def test_the_border_is_no_ink():
    full = torch.full((50, 28, 28), 255, dtype=torch.uint8)
    torch.manual_seed(0)
    got = pen_changed(full, 0.7)
    assert (got[:, 1:-1, 1:-1] == 255).all()
    assert got[:, 0].min() < 255


def test_groups_get_different_transforms(digits):
    torch.manual_seed(0)
    same = digits[:1].repeat(64, 1, 1)
    other = augmented(same, True, 0.0)
    assert len(torch.unique(other, dim=0)) == 4  # 64 digits in groups of 16
