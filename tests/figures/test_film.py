"""The film's figures as data."""

import numpy as np
import pytest

from rnnviz.figures import style
from rnnviz.figures.film import COLUMNS, gradient_film, picture

HOVERS = ("%{z}", "zero")


def example(frames: int = 6, rows: int = 28) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return np.arange(frames) * 10, random.uniform(-9, 1, (frames, rows)), np.arange(rows)


def test_the_film_holds_the_norms_with_steps_down_and_updates_across():
    steps, norms, rows = example()
    figure = gradient_film(steps, norms, rows, 100, *HOVERS)
    drawn = figure.data[0]
    assert list(drawn.x) == list(steps)
    assert list(drawn.y) == list(range(1, 29))
    np.testing.assert_allclose(np.asarray(drawn.z), norms.T, rtol=1e-6)
    assert tuple(figure.layout.xaxis.range) == (0, 100)
    assert tuple(figure.layout.yaxis.range) == (28.5, 0.5)


def test_the_range_is_the_same_for_every_film():
    steps, norms, rows = example()
    for scale in (1.0, 20.0):
        drawn = gradient_film(steps, norms * scale, rows, 100, *HOVERS).data[0]
        assert (drawn.zmin, drawn.zmax) == (style.GRADIENT.low, style.GRADIENT.high)


def test_exact_zeros_are_drawn_apart_and_what_is_unknown_is_blank():
    steps, norms, rows = example()
    norms[1, 0], norms[2, 5] = -np.inf, np.nan
    known, zeros = gradient_film(steps, norms, rows, 100, *HOVERS).data
    known, zeros = np.asarray(known.z), np.asarray(zeros.z)
    assert np.isnan(known[0, 1])
    assert zeros[0, 1] == 1
    assert np.isnan(known[5, 2])
    assert np.isnan(zeros[5, 2])
    assert np.nansum(zeros) == 1


def test_of_a_long_film_some_frames_are_drawn_the_newest_among_them():
    steps, norms, rows = example(frames=3000)
    drawn = gradient_film(steps, norms, rows, 30_000, *HOVERS).data[0]
    assert len(drawn.x) == COLUMNS
    assert drawn.x[-1] == steps[-1]
    np.testing.assert_allclose(np.asarray(drawn.z)[:, -1], norms[-1], rtol=1e-6)


def test_of_a_thinned_sequence_the_rows_carry_their_own_steps():
    at = np.arange(27, 784, 28)
    figure = gradient_film(np.array([0, 5]), np.zeros((2, 28)), at, 10, *HOVERS)
    assert list(figure.data[0].y) == list(at + 1)
    ticks = figure.layout.yaxis.tickvals
    assert (ticks[0], ticks[-1]) == (28, 784)
    assert len(ticks) <= 8


def test_a_moment_is_marked():
    steps, norms, rows = example()
    (mark,) = gradient_film(steps, norms, rows, 100, *HOVERS, moment=30).layout.shapes
    assert (mark.x0, mark.x1) == (30, 30)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("name", "high"), [("x", 1.0), ("h", 1.0), ("h", 20.0), ("probs", 1.0)])
def test_a_picture_holds_the_values_on_the_scale_of_their_kind(name, high, theme):
    values = np.random.default_rng(0).uniform(0, 1, (28, 10))
    figure = picture(values, np.arange(28), name, "%{z}", high, theme)
    drawn, kind = figure.data[0], style.KINDS[name]
    np.testing.assert_allclose(np.asarray(drawn.z), values, rtol=1e-6)
    assert (drawn.zmin, drawn.zmax) == (kind.low * high, kind.high * high)
    assert drawn.colorscale[0][1] == style.SCALES[theme][kind.scale][0][1]
    assert tuple(figure.layout.yaxis.range) == (28.5, 0.5)


def test_a_single_row_is_still_a_picture():
    figure = picture(np.zeros((1, 3)), np.array([4]), "h", "%{z}")
    assert tuple(figure.layout.yaxis.range) == (5.5, 4.5)
