"""The orders in which an image is read."""

import numpy as np
import pytest

from rnnviz.digits import as_sequences
from rnnviz.digits.order import permutation

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


def test_rows_are_steps():
    np.testing.assert_array_equal(as_sequences(IMAGES), IMAGES)


def test_a_delay_appends_blank_rows():
    got = as_sequences(IMAGES + 1, delay=2)
    assert got.shape == (2, 5, 4)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got[:, :3], IMAGES + 1)
    assert not got[:, 3:].any()


def test_pixels_come_in_reading_order():
    got = as_sequences(IMAGES, "pixels")
    assert got.shape == (2, 12, 1)
    np.testing.assert_array_equal(got[1, :, 0], np.arange(12, 24))


def test_permuted_pixels_come_in_one_fixed_order():
    got = as_sequences(IMAGES, "permuted")
    order = permutation(12)
    assert sorted(order) == list(range(12))
    assert not np.array_equal(order, np.arange(12))
    np.testing.assert_array_equal(got[0, :, 0], order)
    np.testing.assert_array_equal(permutation(784)[:5], [318, 2, 606, 446, 758])


@pytest.mark.parametrize(("order", "delay"), [("columns", 0), ("rows", -1), ("pixels", 3)])
def test_what_cannot_be_is_refused(order, delay):
    with pytest.raises(ValueError, match="must be"):
        as_sequences(IMAGES, order, delay)
