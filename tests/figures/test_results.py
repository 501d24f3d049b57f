"""Figures of results, as data: what is right and wrong, whose curve is whose, which value gave what."""

import numpy as np
import pytest

from rnnviz.figures.results import POINTS, Curve, comparison, confusion, confusion_counts, sweep_line, sweep_map
from rnnviz.figures.style import RUNS

TITLES = {"x": "answer", "y": "true", "right": "right %{text}", "wrong": "wrong %{text}"}
CURVES = {"x": "updates", "loss": "loss", "score": "right", "loss_hover": "l", "score_hover": "a"}
SWEEP = {"x": "rate", "y": "right", "hover": "%{x}"}


def test_counts_stand_at_true_class_down_and_answer_across():
    counts = confusion_counts(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 2, 2, 0], np.uint8), 3)
    np.testing.assert_array_equal(counts, [[1, 1, 0], [0, 1, 0], [1, 0, 2]])


@pytest.mark.parametrize(
    ("labels", "predicted", "told"),
    [
        ([0, 1], [0], r"predicted must have shape \(2,\), as labels has. Got \(1,\)"),
        ([0, 1], [0, 3], "predicted must be 0 to 2. Got 0 to 3"),
        ([-1, 1], [0, 1], "labels must be 0 to 2. Got -1 to 1"),
    ],
)
def test_answers_that_are_no_classes_of_the_data_are_not_counted(labels, predicted, told):
    with pytest.raises(ValueError, match=told):
        confusion_counts(np.array(labels), np.array(predicted), 3)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_matrix_tells_counts_and_shares_and_only_mistakes_are_loud(theme):
    counts = np.array([[8, 2, 0], [0, 4, 0], [1, 0, 9]])
    wrong, right = confusion(counts, TITLES, ["a", "b", "c"], theme).data
    assert wrong.text.tolist() == [["", "2", ""], ["", "", ""], ["1", "", ""]]
    assert right.text.tolist() == [["8", "", ""], ["", "4", ""], ["", "", "9"]]
    np.testing.assert_allclose(wrong.customdata, [[0.8, 0.2, 0], [0, 1, 0], [0.1, 0, 0.9]])
    assert np.isnan(np.diag(wrong.z)).all()
    assert wrong.zmax == pytest.approx(np.sqrt(2))
    assert len({colour for _, colour in right.colorscale}) == 1
    assert wrong.hovertemplate == "wrong %{text}<extra></extra>"


def test_a_class_that_never_occurs_has_no_share_and_no_mistake_leaves_the_matrix_quiet():
    wrong, _ = confusion(np.diag([3, 0]), TITLES, ["a", "b"]).data
    assert np.isfinite(wrong.customdata).all()
    assert wrong.zmax == 1


def curve(name: str, rows: int = 5) -> Curve:
    steps = np.arange(1.0, rows + 1)
    accuracy = np.where(steps % 2 == 0, steps / 100, np.nan)
    return Curve(name, steps, 1 / steps, accuracy)


def test_every_run_has_a_look_of_its_own_in_both_panels():
    figure = comparison([curve(f"run {k}") for k in range(len(RUNS))], CURVES)
    losses, accuracies = figure.data[::2], figure.data[1::2]
    assert [line.name for line in losses] == [line.name for line in accuracies] == [f"run {k}" for k in range(8)]
    assert len({(line.line.color, line.line.dash) for line in losses}) == 8
    assert [line.line.dash for line in losses] == [line.line.dash for line in accuracies]
    assert {line.yaxis for line in accuracies} == {"y2"}


def test_runs_next_to_each_other_differ_in_dash_and_all_in_colour():
    dashes = [look.dash for look in RUNS]
    assert all(a != b for a, b in zip(dashes, dashes[1:], strict=False))
    for theme in ("light", "dark"):
        assert len({look.colours[theme] for look in RUNS}) == len(RUNS)


def test_curves_leave_out_what_cannot_be_drawn_and_keep_the_numbers():
    odd = Curve("odd", np.arange(4.0), np.array([2.0, 0.0, np.inf, 0.5]), np.array([np.nan, 0.5, np.nan, 0.75]))
    loss, accuracy = comparison([odd], CURVES).data
    assert loss.x.tolist() == [0, 3]
    assert loss.y.tolist() == [2.0, 0.5]
    assert accuracy.x.tolist() == [1, 3]
    assert accuracy.y.tolist() == [0.5, 0.75]


def test_a_long_curve_is_drawn_through_means_that_keep_its_mean_and_end_where_it_ends():
    random = np.random.default_rng(0).uniform(0.1, 3.0, 20_000)
    long = Curve("long", np.arange(1.0, 20_001), random, np.full(20_000, np.nan))
    loss, _ = comparison([long], CURVES).data
    assert len(loss.x) == POINTS
    assert loss.x[-1] == 20_000
    assert np.mean(loss.y) == pytest.approx(random.mean(), rel=1e-3)
    first = int(loss.x[0])
    assert loss.y[0] == pytest.approx(random[:first].mean())


def test_a_run_without_any_row_yet_is_drawn_as_nothing():
    figure = comparison([Curve("new", *(np.array([]) for _ in range(3)))], CURVES)
    assert [len(line.x) for line in figure.data] == [0, 0]


def test_numbers_of_a_sweep_are_joined_in_their_order_and_far_ones_stand_on_a_logarithmic_axis():
    (line,) = sweep_line([0.1, 0.001, 0.01], [0.5, 0.9, 0.8], SWEEP).data
    assert line.x == (0.001, 0.01, 0.1)
    assert line.y == (0.9, 0.8, 0.5)
    assert sweep_line([0.1, 0.001], [0.5, 0.9], SWEEP).layout.xaxis.type == "log"
    assert sweep_line([32, 64], [0.5, 0.9], SWEEP).layout.xaxis.type == "linear"
    assert sweep_line([0, 50], [0.5, 0.9], SWEEP).layout.xaxis.type == "linear"


def test_names_of_a_sweep_are_dots_that_nothing_joins():
    figure = sweep_line(["RNN", "LSTM"], [0.5, 0.9], SWEEP)
    assert figure.data[0].mode == "markers"
    assert figure.layout.xaxis.type == "category"


def test_a_map_of_a_sweep_leaves_blank_what_is_not_known():
    z = np.array([[0.9, np.nan], [0.8, 0.7]])
    (heatmap,) = sweep_map(["1", "2"], ["a", "b"], z, SWEEP).data
    np.testing.assert_array_equal(heatmap.z, z)
    assert not heatmap.hoverongaps
