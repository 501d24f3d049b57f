"""The curves as data: what is drawn is what was given, as far as a screen can tell."""

import numpy as np
import pytest

from rnnviz.figures import style
from rnnviz.figures.curves import POINTS, curve, reach, round_numbers, spread

HOVER = "update %{x}: %{y}"


@pytest.mark.parametrize("total", [1, 7, 76, 1720, 999_999])
def test_the_axis_of_updates_holds_what_is_done_and_is_never_more_than_twice_as_long(total):
    for step in {0, 1, total // 9, total // 3, total // 2, total}:
        end = reach(step, total)
        assert step <= end <= total
        assert end <= max(8, 2 * step + 1)


def test_the_axis_of_updates_changes_a_few_times_only():
    assert len({reach(step, 10_000) for step in range(10_001)}) <= 12


def test_few_points_are_all_drawn_and_many_are_thinned_evenly_with_both_ends():
    assert list(spread(np.arange(5), 10)) == [0, 1, 2, 3, 4]
    steps = np.arange(0, 100_000, 7)
    kept = spread(steps, 50)
    assert len(kept) == 50
    assert (kept[0], kept[-1]) == (0, len(steps) - 1)
    assert np.ptp(np.diff(kept)) <= 1


def test_a_curve_holds_the_values_at_their_updates():
    steps, values = np.array([1, 5, 9]), np.array([2.0, 1.0, 0.5])
    figure = curve(steps, values, 20, HOVER, scale="log")
    assert list(figure.data[0].x) == [1, 5, 9]
    np.testing.assert_allclose(figure.data[0].y, values)
    assert figure.data[0].hovertemplate == HOVER
    assert tuple(figure.layout.xaxis.range) == (0, 20)
    low, high = figure.layout.yaxis.range
    assert low < np.log10(0.5)
    assert high > np.log10(2.0)


def test_a_long_curve_is_drawn_through_real_points_and_ends_with_the_newest():
    steps, values = np.arange(10_000), np.random.default_rng(0).random(10_000)
    drawn = curve(steps, values, 10_000, HOVER).data[0]
    assert len(drawn.x) == POINTS
    assert drawn.x[-1] == 9_999
    np.testing.assert_allclose(drawn.y, values[drawn.x], rtol=1e-6)


def test_what_is_not_finite_is_left_out_and_on_a_log_axis_what_is_not_above_zero_too():
    values = np.array([1.0, np.nan, np.inf, 0.0, -1.0, 2.0])
    assert list(curve(np.arange(6), values, 6, HOVER).data[0].x) == [0, 3, 4, 5]
    assert list(curve(np.arange(6), values, 6, HOVER, scale="log").data[0].x) == [0, 5]


@pytest.mark.parametrize("scale", ["linear", "log", "share"])
def test_a_curve_without_points_is_an_empty_figure_of_the_same_size(scale):
    figure = curve(np.array([]), np.array([]), 100, HOVER, scale=scale)
    assert len(figure.data[0].x) == 0
    assert figure.layout.height == curve(np.array([1]), np.array([0.5]), 100, HOVER).layout.height


@pytest.mark.parametrize(
    ("lowest", "floor"), [(0.05, 0.0), (0.2, 0.1), (0.4, 0.3), (0.62, 0.6), (0.97, 0.9), (1.0, 0.9)]
)
def test_shares_are_told_in_percent_on_an_axis_that_ends_at_all(lowest, floor):
    axis = curve(np.array([1, 2]), np.array([lowest, 1.0]), 9, HOVER, scale="share").layout.yaxis
    assert axis.tickformat == ".0%"
    assert axis.range == pytest.approx((floor, 1 + 0.05 * (1 - floor)))  # a line at 100 % is not on the edge
    assert axis.tickvals[-1] == 1
    assert 2 <= len(axis.tickvals) <= 6
    assert floor - 1e-9 <= axis.tickvals[0]


def test_a_level_and_a_moment_are_marked_and_the_level_is_in_view():
    figure = curve(np.array([1, 2]), np.array([0.01, 0.02]), 9, HOVER, scale="log", level=1.0, moment=2)
    upright, level = figure.layout.shapes
    assert (upright.x0, upright.x1) == (2, 2)
    assert (level.y0, level.y1) == (1.0, 1.0)
    assert level.line.color == style.LINES["light"]["text"]  # grey and dashed, as references are in every figure
    assert figure.layout.yaxis.range[0] < np.log10(0.01)
    assert figure.layout.yaxis.range[1] > 0.0


@pytest.mark.parametrize(("low", "high"), [(-0.25, 0.25), (-1.3, 0.4), (-4.0, 0.0), (2.0, 2.5), (-12.0, 3.0)])
def test_a_log_axis_is_marked_at_a_few_round_numbers_within_it(low, high):
    ticks = round_numbers(low, high)
    assert 2 <= len(ticks) <= 5
    assert all(10**low * 0.999 <= tick <= 10**high * 1.001 for tick in ticks)
    assert all(float(f"{tick:.1e}") == tick for tick in ticks)


def test_themes_differ_in_colour_only():
    light, dark = (curve(np.arange(3), np.arange(3), 3, HOVER, theme) for theme in ("light", "dark"))
    assert light.data[0].line.color != dark.data[0].line.color
    assert light.layout.xaxis.range == dark.layout.xaxis.range
