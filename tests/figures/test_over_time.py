"""Figures over time steps carry the numbers they are given, with exact zeros and what is unknown told apart."""

import numpy as np
import pytest

from rnnviz.figures import over_time, style
from rnnviz.figures.over_time import Axis, Line

HOVER = {"line": "t = %{x}: %{text}", "mark": "%{text}"}


def figure(lines, **options):
    return over_time.over_time(lines, Axis("y", holds=(0.0, -1.0)), "t", HOVER, **options)


def test_a_line_runs_over_the_steps_from_one_and_leaves_out_what_is_no_number():
    y = np.array([-3.0, np.nan, -np.inf, 0.0])
    (line, zeros) = figure([Line("a", y, "#112233", "dash")]).data
    np.testing.assert_array_equal(line.x, [1, 2, 3, 4])
    np.testing.assert_array_equal(line.y, np.array([-3, np.nan, np.nan, 0], np.float32))
    assert list(line.text) == ["0.001", "", "0", "1"]
    assert line.line.dash == "dash"
    assert (zeros.name, list(zeros.x)) == ("zero", [3])
    assert zeros.marker.symbol == "x-thin-open"


def test_exact_zeros_stand_at_the_foot_of_the_axis_and_other_marks_on_the_line():
    line = Line("a", np.array([-np.inf, -8.0, 0.0]), "#112233", marks={"resolution": [2]})
    found = figure([line])
    marks = {trace.name: trace for trace in found.data if trace.mode == "markers"}
    assert marks["zero"].y[0] == found.layout.yaxis.range[0] < -8.0
    assert marks["resolution"].y[0] == -8.0
    assert len({marks[name].marker.symbol for name in marks}) == 2


def test_every_mark_looks_different():
    assert len({symbol for symbol, _ in over_time.MARKS.values()}) == len(over_time.MARKS)


def test_a_band_lies_around_its_line_but_where_one_of_its_ends_is_exactly_zero():
    low, high = np.array([-np.inf, -1.5, -0.5]), np.array([-1.0, -0.5, 0.5])
    band = figure([Line("a", np.array([-2.0, -1.0, 0.0]), "#112233", low=low, high=high)]).data[0]
    assert band.fill == "toself"
    np.testing.assert_array_equal(band.x, [2, 3, 3, 2])
    np.testing.assert_array_equal(band.y, [-0.5, 0.5, -0.5, -1.5])


def test_the_axis_holds_all_lines_and_what_it_must_hold_and_names_powers_of_ten():
    found = figure([Line("a", np.array([-170.0, 0.0]), "#112233")])
    low, high = found.layout.yaxis.range
    assert low < -170
    assert high > 0
    assert found.layout.yaxis.ticktext[-1] == "1"
    assert all(label.startswith("10") for label in found.layout.yaxis.ticktext[:-1])


@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.2), (-7.0, 0.0), (-45.0, 0.0), (-650.0, 12.0), (0.1, 0.4)])
def test_a_logarithmic_axis_has_a_few_round_labels(low, high):
    found = over_time.ticks(low, high)
    assert all(low <= tick <= high for tick in found)
    assert 2 <= len(found) <= 8
    assert all(float(f"{10**tick:.2g}") == pytest.approx(10**tick) for tick in found if tick > -300)


def test_a_logarithmic_axis_is_never_shorter_than_a_decade():
    found = over_time.over_time([Line("a", np.array([0.01, 0.02]), "#112233")], Axis("y"), "t", HOVER)
    low, high = found.layout.yaxis.range
    assert high - low >= 1.0


def test_steps_can_be_counted_from_zero_and_the_last_is_written():
    found = figure([Line("a", np.zeros(101), "#112233")], first=0)
    assert list(found.data[0].x[[0, -1]]) == [0, 100]
    assert found.layout.xaxis.tickvals[0] == 0
    assert found.layout.xaxis.tickvals[-1] == 100


def test_level_shade_and_moment_are_drawn_where_they_are_said():
    found = figure([Line("a", np.zeros(56), "#112233")], level=0.0, shade=(28.5, 56.5, "blank"), moment=5)
    shapes = {(shape.x0, shape.x1, shape.y0, shape.y1) for shape in found.layout.shapes}
    assert (28.5, 56.5, 0, 1) in shapes
    assert (5, 5, 0, 1) in shapes
    assert any(shape.y0 == shape.y1 == 0.0 for shape in found.layout.shapes)
    assert found.layout.annotations[0].text == "blank"


def test_bars_are_coloured_by_sign_and_pale_beyond_the_moment():
    values = np.array([-0.25, 0.5, 0.75])
    found = over_time.bars(values, Axis("share", False), "t", "%{y}", "dark", moment=1)
    (bars,) = found.data
    np.testing.assert_allclose(bars.y, values)
    scale = style.SCALES["dark"]["state"]
    assert list(bars.marker.color) == [scale[0][1], scale[-1][1], scale[-1][1]]
    assert list(bars.marker.opacity) == [0.25, 1.0, 1.0]


def test_a_histogram_has_its_counts_and_names_them():
    edges = [0.0, 1.0, 3.0, 5.0]
    found = over_time.histogram(edges, [4, 0, 2], ["a", "b", "c"], {"x": "", "y": ""}, "#112233", "%{y}")
    assert list(found.data[0].y) == [4, 0, 2]
    assert list(found.layout.xaxis.ticktext) == ["a", "b", "c"]


@pytest.mark.parametrize("spread", [0.0, 0.3, 4.0])
def test_a_histogram_of_logarithms_counts_all_and_stands_on_a_true_axis(spread):
    values = np.linspace(-spread / 2, spread / 2, 41) + 0.03  # beside the edges of the bins
    found = over_time.log_histogram(values, {"x": "", "y": ""}, "#112233", "%{y}", level=0.75)
    (bars,) = found.data
    assert sum(bars.y) == 41
    assert (np.diff(bars.x) > 0.0999).all()
    for middle, count in zip(bars.x, bars.y, strict=True):
        assert count == ((values >= middle - 0.05 - 1e-9) & (values < middle + 0.05 - 1e-9)).sum()
    low, high = found.layout.xaxis.range
    assert low < values.min()
    assert high > 0.75
    assert found.layout.shapes[0].x0 == 0.75
    assert len(set(found.layout.xaxis.ticktext)) == len(found.layout.xaxis.ticktext) >= 2


def test_a_figure_without_lines_is_an_empty_one():
    assert not figure([]).data


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_cell_has_a_hue_of_its_own_in_both_themes(theme):
    from rnnviz.cells import CELLS

    assert set(style.CELLS[theme]) == set(CELLS)
    assert len(set(style.CELLS[theme].values())) == len(CELLS)
