"""Pictures of super-resolution: numbers kept, rows where their steps are."""

import numpy as np
import pytest

from rnnviz.figures import upscaling as drawn
from rnnviz.figures.style import SCALES

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_picture_keeps_its_numbers_on_the_scale_of_ink(theme):
    values = RANDOM.random((28, 28))
    figure = drawn.picture(values, "%{z}", theme)
    (heatmap,) = figure.data
    np.testing.assert_allclose(heatmap.z, values, atol=1e-7)
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)
    assert [list(stop) for stop in heatmap.colorscale] == SCALES[theme]["ink"]
    assert figure.layout.yaxis.range == (28.5, 0.5)
    assert (heatmap.y[0], heatmap.x[-1]) == (1, 28)


def test_differences_stand_on_a_scale_around_nothing():
    (heatmap,) = drawn.picture(RANDOM.normal(size=(4, 4)), "%{z}", kind="h").data
    assert (heatmap.zmin, heatmap.zmax) == (-1, 1)


@pytest.mark.parametrize(("steps", "per_step", "ticks"), [(15, 1, [1, 5, 10, 15]), (14, 2, [1, 5, 10]), (3, 2, [1])])
def test_the_rows_of_a_step_lie_within_it(steps, per_step, ticks):
    values = RANDOM.random((steps * per_step, 6))
    figure = drawn.over_steps(values, per_step, "%{z}")
    (heatmap,) = figure.data
    np.testing.assert_array_equal(np.round(heatmap.y), np.repeat(np.arange(1, steps + 1), per_step))
    np.testing.assert_allclose(np.diff(heatmap.y), 1 / per_step)
    np.testing.assert_allclose(heatmap.z, values, atol=1e-7)
    assert figure.layout.yaxis.range == (steps + 0.5, 0.5)
    assert list(figure.layout.yaxis.tickvals) == ticks


def test_states_beyond_one_have_a_scale_that_holds_them():
    (heatmap,) = drawn.over_steps(5 * RANDOM.normal(size=(15, 6)), 1, "%{z}", kind="h", high=20.0).data
    assert (heatmap.zmin, heatmap.zmax) == (-20, 20)
