from pathlib import Path

import numpy as np
import pytest

from tests.digits import simulate
from tests.digits.drawings import CONDITIONS, drawings, raster


def extent(strokes):
    return np.ptp(np.vstack(strokes), axis=0).max() / simulate.CANVAS


def test_the_file_is_small():
    assert Path(simulate.__file__).with_name("drawings.npz").stat().st_size < 400_000


def test_the_conditions_are_those_of_the_simulation():
    assert list(CONDITIONS) == list(simulate.CONDITIONS)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_has_fifty_drawings_per_digit_as_large_as_it_says(condition):
    found = drawings(condition)
    assert np.bincount([label for _, _, label in found]).tolist() == [50] * 10
    sizes, pens, _ = simulate.CONDITIONS[condition]
    for strokes, pen, _ in found:
        assert sizes[0] - 0.03 < extent(strokes) < sizes[1] + 0.03
        assert pens[0] <= pen <= pens[1]
        points = np.vstack(strokes)
        assert points.min() >= 0
        assert points.max() <= simulate.CANVAS


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_frozen_drawings_are_what_the_simulation_makes(condition):
    for index in (0, 123, 499):
        expected, pen, label = simulate.drawing(condition, index)
        strokes, frozen_pen, frozen_label = drawings(condition)[index]
        assert (frozen_label, frozen_pen) == (label, pen)
        assert len(strokes) == len(expected)
        for stroke, remade in zip(strokes, expected, strict=True):
            np.testing.assert_allclose(stroke, remade, atol=1.001)  # another machine may round a pixel the other way


def test_a_raster_is_drawn_with_round_caps():
    image = raster([np.array([[100.0, 140], [180, 140]])], 20)
    assert (image.shape, image.dtype, image.max()) == ((280, 280), np.uint8, 255)
    assert image[140, 92] == 255  # the cap reaches half a pen beyond the end
    assert image[132, 92] == 0  # and is round
    area = 80 * 20 + np.pi * 10**2
    assert image.sum() / 255 == pytest.approx(area, rel=0.03)
