"""The reading figure as data: what is drawn is what was given."""

import numpy as np
import plotly.graph_objects as go
import pytest

from rnnviz import figures
from rnnviz.figures import style
from rnnviz.figures.reading import Norm, exact_zeros, hundredths, log_axis, power, reading

T, H = 28, 5
HOVER = dict.fromkeys(["x", "h", "f", "probs", "norm_h", "norm_c", "zero"], "%{y}")


def example(log10=None) -> tuple[dict[str, np.ndarray], list[Norm], go.Figure]:
    random = np.random.default_rng(0)
    columns = {
        "x": random.uniform(0, 1, (T, 28)),
        "h": random.uniform(-1, 1, (T, H)),
        "f": random.uniform(0, 1, (T, H)),
        "probs": random.dirichlet(np.ones(10), T),
    }
    norms = [Norm("h", np.linspace(-3, 0, T) if log10 is None else log10), Norm("c", np.linspace(-1, 0, T))]
    return columns, norms, reading(columns, norms, log_axis(norms), HOVER)


def test_every_column_is_a_heatmap_of_its_values_on_its_fixed_range():
    columns, _, figure = example()
    for trace, (name, values) in zip(figure.data, columns.items(), strict=False):
        kind = style.KINDS[name]
        assert (trace.name, trace.zmin, trace.zmax) == (name, kind.low, kind.high)
        np.testing.assert_allclose(np.asarray(trace.z), values, atol=1e-6)
        assert list(trace.y) == list(range(1, T + 1))


def test_rows_run_down_and_all_columns_share_them():
    figure = example()[2]
    axes = [figure.layout[f"yaxis{k}" if k > 1 else "yaxis"] for k in range(1, 6)]
    assert all(tuple(axis.range) == (T + 0.5, 0.5) for axis in axes)


def test_lines_hold_the_norms_and_exact_zeros_are_marked_apart():
    log10 = np.linspace(-3, 0, T)
    log10[[0, 4]] = -np.inf
    _, norms, figure = example(log10)
    line, _, zeros = figure.data[-3:]
    assert np.isnan(line.x[[0, 4]]).all()
    np.testing.assert_allclose(line.x[5:], log10[5:])
    assert list(zeros.y) == exact_zeros(norms) == [1, 5]
    assert line.text[0] == "0"


def test_the_log_axis_holds_every_finite_norm():
    for low, high in ((-0.1, 0.2), (-3.0, 0.0), (-176.0, 0.0), (-2.0, 43.0), (0.0, 0.0)):
        axis = log_axis([Norm("h", np.array([low, high, -np.inf, 0.0]))])
        assert axis.range[0] <= min(low, -1.0)
        assert axis.range[1] >= max(high, 0.0)
        assert 2 <= len(axis.ticks) <= 6
        assert 0.0 in axis.ticks
        assert len(set(axis.labels)) == len(axis.labels)


@pytest.mark.parametrize(
    ("log10", "label"),
    [
        *[(0, "1"), (-1, "0.1"), (2, "100"), (-0.3, "0.5"), (np.log10(0.0325), "0.033"), (2.9999, "10³")],
        *[(-5, "10⁻⁵"), (-400, "10⁻⁴⁰⁰"), (-6.5, "3.2·10⁻⁷"), (-6.0013, "10⁻⁶"), (-3.0001, "0.001"), (43, "10⁴³")],
        *[(-np.inf, "0"), (np.nan, "")],
    ],
)
def test_powers_of_ten_are_labelled_as_people_write_them(log10, label):
    assert power(log10) == label


def test_hundredths_keep_values_to_half_a_hundredth():
    values = np.linspace(-1, 1, 401)
    assert hundredths(values).dtype == np.int8
    np.testing.assert_allclose(hundredths(values) / 100, values, atol=0.00501)


def test_both_themes_have_every_scale_and_line():
    assert style.SCALES["light"].keys() == style.SCALES["dark"].keys()
    assert style.LINES["light"].keys() == style.LINES["dark"].keys()
    for scale, stops in style.SCALES["light"].items():  # the legend blends them stop by stop
        assert [place for place, _ in stops] == [place for place, _ in style.SCALES["dark"][scale]]
    assert {kind.scale for kind in style.KINDS.values()} <= style.SCALES["light"].keys()


def test_one_signal_is_a_heatmap_with_the_range_of_its_kind():
    values = np.random.default_rng(0).uniform(0, 1, (T, H))
    gate, state = figures.signal(values), figures.signal(values - 0.5, theme="dark")
    assert (gate.data[0].zmin, state.data[0].zmin) == (0.0, -1.0)
    with pytest.raises(ValueError, match=r"values must have shape \(T, N\).*Pick one layer"):
        figures.signal(values[None])
