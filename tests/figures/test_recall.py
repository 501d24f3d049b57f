"""Figures of delayed recall as data."""

import base64

import numpy as np
import pytest

from rnnviz.figures import recall as drawn
from rnnviz.figures.style import CELLS, GRADIENT

THEMES = ("light", "dark")
WORDS = {"digit": "the digit", "blank_rows": "blank rows", "hover": "%{y}", "zero": "zero"}
INF, NAN = np.inf, np.nan


def line(y, name: str = "net") -> drawn.Line:
    return drawn.Line(name, np.arange(1, len(y) + 1), np.array(y), "#123456", "dash")


def norms() -> drawn.Film:
    return drawn.Film("net", np.array([0, 10, 25]), np.array([[-INF, -8.0, 0.0], [NAN, -3.456, 0.0], [-1.0, 0.5, 0.0]]))


# ---- Looks


@pytest.mark.parametrize("theme", THEMES)
def test_a_network_has_the_hue_of_its_cell_and_the_dash_of_its_start(theme):
    starts = [("default", None), ("orthogonal", None), ("default", 1.0), ("default", 5.0)]
    looks = [drawn.look("lstm", *start, theme) for start in starts]
    assert {colour for colour, _ in looks} == {CELLS[theme]["lstm"]}
    assert len({dash for _, dash in looks}) == 4


# ---- Accuracy


def test_every_network_has_its_accuracies_and_guessing_is_marked():
    figure = drawn.accuracy([line([0.1, 0.5], "a"), line([0.2, 0.9], "b")], 500, 0.1, "guessing", "%{y}")
    assert [trace.name for trace in figure.data] == ["a", "b"]
    np.testing.assert_allclose(figure.data[1].y, [0.2, 0.9])
    assert (figure.data[0].line.color, figure.data[0].line.dash) == ("#123456", "dash")
    assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 == 0.1
    assert figure.layout.annotations[0].text == "guessing"
    assert tuple(figure.layout.xaxis.range) == (0, 500)
    assert figure.layout.yaxis.range[0] == 0


def test_before_the_first_measurement_there_is_an_empty_figure():
    figure = drawn.accuracy([line([])], 500, 0.1, "guessing", "%{y}")
    assert len(figure.data[0].y) == 0


# ---- The fan


def test_the_fan_draws_norms_left_to_right_and_shades_the_blank_rows():
    figure = drawn.fan([line([-9.0, -4.0, -2.0, 0.0])], 4, 2, (-9.0, 0.5), WORDS)
    np.testing.assert_allclose(figure.data[0].y, [-9, -4, -2, 0])
    (shade,) = figure.layout.shapes
    assert (shade.x0, shade.x1) == (2.5, 4.5)
    assert [each.text for each in figure.layout.annotations] == ["the digit", "blank rows"]
    low, high = figure.layout.yaxis.range
    assert low < -9 < 0.5 < high


def test_exact_zeros_stand_at_the_bottom_and_what_is_unknown_is_left_out():
    figure = drawn.fan([line([-INF, NAN, -1.0, 0.0]), line([-INF, -INF, -1.0, 0.0])], 4, 4, (-1.0, 0.0), WORDS)
    zero = figure.data[-1]
    assert (zero.name, list(zero.x)) == ("zero", [1, 2])
    assert set(zero.y) == {figure.layout.yaxis.range[0]}
    assert np.isnan(figure.data[0].y[:2]).all()
    assert not figure.layout.shapes  # no blank rows


@pytest.mark.parametrize("reach", [(-0.2, 0.1), (-7.0, 0.5), (-14.0, 1.5), (-150.0, 2.0), (-3.0, 44.0)])
def test_the_axis_holds_every_norm_with_a_few_powers_of_ten(reach):
    axis = drawn.fan([line([0.0])], 1, 1, reach, WORDS).layout.yaxis
    assert axis.range[0] < reach[0] < reach[1] < axis.range[1] or reach == (-0.2, 0.1)
    assert 0.0 in axis.tickvals
    assert 2 <= len(axis.tickvals) <= 8
    assert list(axis.tickvals) == sorted(axis.tickvals)
    assert all(each == round(each) for each in axis.tickvals)


# ---- The film


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("theme", THEMES)
def test_films_stand_below_one_another_on_one_scale(theme, count):
    figure = drawn.film([norms()] * count, np.arange(3), 2, 25, "%{z}", "zero", theme)
    strips = [trace for trace in figure.data if trace.zmin == GRADIENT.low]
    assert len(strips) == count
    np.testing.assert_allclose(strips[0].z, [[NAN, NAN, -1], [-8, -3.456, 0.5], [0, 0, 0]], rtol=1e-6)
    zeros = [trace for trace in figure.data if trace.hovertemplate == "zero"]
    np.testing.assert_array_equal(np.isfinite(np.array(zeros[0].z, float)), [[True, False, False]] + [[False] * 3] * 2)
    axes = [figure.layout[f"yaxis{k + 1}" if k else "yaxis"] for k in range(count)]
    domains = [axis.domain for axis in axes]
    assert domains[0][1] == pytest.approx(1)
    assert domains[-1][0] == pytest.approx(0, abs=1e-9)
    assert all(upper[0] > lower[1] for upper, lower in zip(domains, domains[1:], strict=False))
    assert all(axis.range[0] > axis.range[1] for axis in axes)  # steps run down
    assert [shape.y0 for shape in figure.layout.shapes] == [2.5] * count


# ---- Frames for the browser


def test_frames_keep_hundredths_zeros_and_what_is_unknown():
    packed = drawn.frames(norms())
    assert packed["steps"] == [0, 10, 25]
    coded = np.frombuffer(base64.b64decode(packed["norms"]), "<i2").reshape(3, 3)
    np.testing.assert_array_equal(coded, [[drawn.ZERO, -800, 0], [drawn.UNKNOWN, -346, 0], [-100, 50, 0]])


def test_norms_of_all_of_float64_fit_into_frames():
    film = drawn.Film("net", np.array([0]), np.array([[-323.9, 308.2]]))
    coded = np.frombuffer(base64.b64decode(drawn.frames(film)["norms"]), "<i2")
    assert coded.tolist() == [-32390, 30820]
    assert drawn.ZERO not in coded


@pytest.mark.parametrize(("update", "frame"), [(None, 2), (0, 0), (9, 0), (10, 1), (24, 1), (25, 2), (999, 2)])
def test_the_frame_of_an_update_is_the_last_one_taken_by_then(update, frame):
    assert drawn.at_update(norms(), update) == frame


def test_before_the_first_frame_there_is_none():
    late = drawn.Film("net", np.array([5]), np.zeros((1, 3)))
    assert drawn.at_update(late, 4) is None
    assert drawn.at_update(drawn.Film("net", np.zeros(0, int), np.zeros((0, 3))), None) is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_two_learners_look_alike(theme):
    from rnnviz.training.config import Config
    from rnnviz.training.recall import LEARNERS

    looks = set()
    for settings in LEARNERS.values():
        config = Config(**settings)
        looks.add(drawn.look(config.cell, config.recurrent, config.forget_bias, theme))
    assert len(looks) == len(LEARNERS)
