"""The bands of a deep network: aligned over the steps, the input at the bottom, each with the scale of its kind."""

from itertools import pairwise

import numpy as np
import pytest

from rnnviz.figures import style
from rnnviz.figures.layers import layers

HOVER = {"x": "x", "h": "h", "probs": "p"}


@pytest.mark.parametrize("theme", style.LINES)
def test_bands_stand_above_one_another_over_the_same_steps_with_the_input_at_the_bottom(theme):
    random = np.random.default_rng(0)
    x, states, probs = random.random((8, 5)), random.uniform(-1, 1, (3, 8, 16)), random.random((8, 10))
    figure = layers(x, states, probs, ["in", "one", "two", "three", "out"], "step", HOVER, theme)
    bands = list(figure.data)
    for band, values in zip(bands, [x, *states, probs], strict=True):
        np.testing.assert_allclose(band.z, values.T, rtol=1e-6)
        assert list(band.x) == list(range(1, 9))
        assert band.xaxis is None  # the one axis of steps
    domains = [axis.domain for axis in figure.select_yaxes()]
    assert [band.yaxis for band in bands] == ["y", "y2", "y3", "y4", "y5"]
    assert domains[0][0] == 0
    assert domains[-1][1] == 1
    assert all(below[1] < above[0] for below, above in pairwise(domains))
    assert [note.text for note in figure.layout.annotations] == ["in", "one", "two", "three", "out"]
    for band, kind in zip(bands, [style.INK, *[style.STATE] * 3, style.PROBABILITY], strict=True):
        assert (band.zmin, band.zmax) == (kind.low, kind.high)
        assert [list(stop) for stop in band.colorscale] == style.SCALES[theme][kind.scale]


def test_a_band_grows_with_its_units_and_the_figure_with_its_bands():
    def tall(L, H):
        return layers(np.zeros((4, 2)), np.zeros((L, 4, H)), np.zeros((4, 3)), [""] * (L + 2), "", HOVER).layout.height

    assert tall(1, 16) < tall(2, 16) < tall(2, 48)


def test_a_bands_title_stands_on_its_band_and_below_the_next_one():
    figure = layers(np.zeros((4, 2)), np.zeros((2, 4, 9)), np.zeros((4, 3)), list("abcd"), "step t", HOVER)
    domains = [axis.domain for axis in figure.select_yaxes()]
    for k, note in enumerate(figure.layout.annotations):
        assert note.y == pytest.approx(domains[k][1])
    assert all(axis.autorange == "reversed" for axis in figure.select_yaxes())  # unit 1 on top
    assert figure.layout.xaxis.title.text == "step t"
    assert figure.layout.xaxis.anchor == "y"
    assert [band.hovertemplate for band in figure.data] == ["x", "h", "h", "p"]
