"""Answers to many sequences: every probability in its place, the first sequence on top, one scale from 0 to 1."""

import numpy as np
import pytest

from rnnviz.figures import style
from rnnviz.figures.answers import answers

RIGHT = np.array([[0.9, 0.2, 0.5], [0.1, 1.0, 0.0]])
TEXTS = [["0", "1", "1"], ["1", "0", "0"]]


@pytest.mark.parametrize("theme", style.LINES)
def test_a_row_per_sequence_and_a_column_per_step_with_the_answers_written_in(theme):
    heatmap = answers(RIGHT, TEXTS, ["011", "100"], "after bit", "told", theme).data[0]
    np.testing.assert_allclose(heatmap.z, RIGHT, rtol=1e-6)
    assert [list(row) for row in heatmap.text] == TEXTS
    assert list(heatmap.x) == [1, 2, 3]
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)  # the same colour is the same probability in every figure
    assert [list(stop) for stop in heatmap.colorscale] == style.SCALES[theme][style.PROBABILITY.scale]
    assert heatmap.hovertemplate == "told"


def test_the_first_sequence_stands_on_top_and_steps_count_from_one():
    layout = answers(RIGHT, TEXTS, ["011", "100"], "after bit", "").layout
    assert layout.yaxis.autorange == "reversed"
    assert (layout.yaxis.tickvals, layout.yaxis.ticktext) == ((0, 1), ("011", "100"))
    assert layout.xaxis.tickvals == (1, 2, 3)
    assert layout.xaxis.title.text == "after bit"


def test_the_figure_grows_by_the_same_for_every_sequence():
    tall = [answers(np.zeros((n, 2)), [["", ""]] * n, [""] * n, "", "").layout.height for n in (1, 2, 10)]
    assert tall[2] - tall[1] == 8 * (tall[1] - tall[0]) > 0
