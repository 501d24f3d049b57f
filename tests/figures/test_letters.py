"""Pictures of letters: frames and dots in their places, ways that end at the update shown, failed seeds above all."""

import numpy as np
import pytest

from rnnviz.figures import letters, style

PROBS = np.array([[0.2, 0.7, 0.1], [0.5, 0.3, 0.2]])


def test_a_column_per_step_with_a_frame_at_the_right_letter_and_a_dot_at_the_most_probable():
    figure = letters.answers(PROBS, np.array([2, 0]), "ab", "xyz", "")
    heatmap, dots = figure.data
    np.testing.assert_allclose(np.array(heatmap.z), PROBS.T, atol=1e-7)
    assert [(frame.x0 + frame.x1, frame.y0 + frame.y1) for frame in figure.layout.shapes] == [(0, 4), (2, 0)]
    assert np.rint(dots.x).tolist() == [0, 1]
    assert np.rint(dots.y).tolist() == [1, 0]
    assert figure.layout.xaxis.ticktext == ("a", "b")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]  # the first letter on top
    assert list(heatmap.text[1]) == ["70%", "30%"]
    ink, red = (style.LINES["light"][name] for name in ("curve", "level"))
    assert {frame.line.color for frame in figure.layout.shapes} == {ink}  # red is only for errors
    assert list(dots.marker.color) == [red, ink]


def test_what_plotly_would_take_for_markup_is_shown_as_it_is():
    figure = letters.answers(np.ones((1, 1)), np.array([0]), ["<b>"], ["&"], "")
    assert figure.layout.xaxis.ticktext == ("&lt;b&gt;",)
    assert figure.layout.yaxis.ticktext == ("&amp;",)
    still = letters.moving(np.zeros((1, 1, 2)), 0, ["<b>"], [("#000000", "circle")], {"x": "", "y": ""}, "")
    assert still.data[-1].text == (still.layout.annotations[0].text,) == ("&lt;b&gt;",)


def test_names_of_points_in_one_place_stand_below_one_another_with_a_line_to_each():
    paths = np.array([[[0.0, 0.0], [0.01, 0.02], [0.02, 0.01], [0.0, 3.0], [2.0, 0.0]]])
    looks = [("#111111", "circle")] * 5
    figure = letters.moving(paths, 0, "abcde", looks, {"x": "", "y": ""}, "")
    pixels = (390 - 10 - 46) / np.ptp(figure.layout.yaxis.range)
    lowered = {each.text: each.y * pixels - each.ay for each in figure.layout.annotations}
    close = sorted(lowered[name] for name in "abc")
    assert np.diff(close).min() > 20
    assert lowered["d"] == pytest.approx(3 * pixels)  # alone: not moved
    assert all(each.showarrow for each in figure.layout.annotations)


def test_many_cells_have_no_room_for_numbers():
    assert letters.memory(np.zeros((9, 4)), "abcdefghi", "").data[0].text is None
    assert letters.memory(np.zeros((3, 4)), "abc", "").data[0].text[0] == ["+0.00"] * 3


@pytest.mark.parametrize("theme", style.LINES)
def test_memory_has_a_column_per_step_and_a_row_per_unit_on_the_scale_of_states(theme):
    h = np.random.default_rng(0).uniform(-1, 1, (3, 5))
    (heatmap,) = letters.memory(h, "abc", "told", theme).data
    np.testing.assert_allclose(heatmap.z, h.T, rtol=1e-6)
    assert (heatmap.zmin, heatmap.zmax) == (style.STATE.low, style.STATE.high)
    assert [list(stop) for stop in heatmap.colorscale] == style.SCALES[theme][style.STATE.scale]
    assert np.array(heatmap.customdata)[4, 2].tolist() == ["c", "5"]  # what is read, and the unit
    assert heatmap.text[1][2] == f"{h[2, 1]:+.2f}"


def test_points_that_do_not_move_have_axes_that_hold_them():
    still = letters.moving(np.ones((3, 1, 2)), 2, "a", [("#000000", "circle")], {"x": "", "y": ""}, "")
    for axis in (still.layout.xaxis, still.layout.yaxis):
        assert axis.range[0] < 1 < axis.range[1]


@pytest.mark.parametrize("last", [8, 80])
def test_seeds_are_as_high_as_the_updates_that_they_needed_with_a_stem_from_the_foot(last):
    titles = {"x": "seed", "y": "updates", "failed": "not yet"}
    figure = letters.how_soon([3, 8], last, 2, titles, {"needed": "", "failed": ""})
    stems = figure.data[0]
    assert (stems.x, stems.y) == ((0, 0, None, 1, 1, None), (0, 3, None, 0, 8, None))
    assert figure.layout.yaxis.range[1] > figure.layout.yaxis.tickvals[-1] > 8


@pytest.mark.parametrize("theme", style.LINES)
def test_no_two_of_twelve_steps_have_one_look(theme):
    looks = [letters.look(step) for step in range(12)]
    assert len({(look.colours[theme], look.dash) for look in looks}) == 12


def test_points_have_their_ways_behind_them_on_axes_that_hold_the_whole():
    paths = np.random.default_rng(0).standard_normal((9, 3, 2)) * [3, 1]
    looks = [("#111111", "circle"), ("#222222", "square"), ("#333333", "diamond")]
    figure = letters.moving(paths, 4, "abc", looks, {"x": "one", "y": "two"}, "", chosen=1)
    *ways, begun, now = figure.data
    for k, way in enumerate(ways):
        np.testing.assert_allclose(np.stack([way.x, way.y], axis=1), paths[:5, k], atol=1e-6)
    np.testing.assert_allclose(begun.x, paths[0, :, 0], atol=1e-6)
    np.testing.assert_allclose(now.y, paths[4, :, 1], atol=1e-6)
    assert now.marker.line.width == (0, 3, 0)
    later = letters.moving(paths, 8, "abc", looks, {"x": "one", "y": "two"}, "")
    assert later.layout.xaxis.range == figure.layout.xaxis.range
    for axis, values in ((figure.layout.xaxis, paths[..., 0]), (figure.layout.yaxis, paths[..., 1])):
        assert axis.range[0] < values.min()
        assert values.max() < axis.range[1]
    assert np.ptp(figure.layout.xaxis.range) == pytest.approx(np.ptp(figure.layout.yaxis.range))


def test_seeds_that_failed_stand_above_all_others():
    titles = {"x": "seed", "y": "updates", "failed": "not yet"}
    figure = letters.how_soon([3, None, 12], 80, 20, titles, {"needed": "", "failed": ""}, current=2)
    _, good, bad = figure.data
    assert (good.x, good.y) == ((0, 2), (3, 12))
    assert bad.x == (1,)
    assert bad.y[0] > 12
    assert figure.layout.yaxis.ticktext[-1] == "not yet"
    assert figure.layout.yaxis.tickvals[-1] == bad.y[0]
    assert good.marker.line.color[1] != good.marker.line.color[0]


def test_when_no_seed_has_learnt_it_the_figure_still_stands():
    titles = {"x": "", "y": "", "failed": "not yet"}
    figure = letters.how_soon([None, None], 80, 20, titles, {"needed": "", "failed": ""})
    assert figure.data[2].x == (0, 1)
