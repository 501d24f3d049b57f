"""Functions with points on them, as data."""

import numpy as np
import pytest

from rnnviz.figures import style
from rnnviz.figures.functions import Curve, Points, function

X = np.linspace(-2.0, 2.0, 9)
CURVES = [
    Curve("square", X, X**2, "#123456", 3.0),
    Curve("jump", X, np.where(X == 0, np.nan, X), "#654321", dash="dot"),
]
POINTS = [
    Points(["one", "two"], [0.5, 1.0], [0.25, 1.0], "#00FF00", filled=False, size=9),
    Points(["slider"], [1.0], [1.0], "#FF0000"),
]


@pytest.mark.parametrize("theme", style.LINES)
def test_curves_and_points_are_drawn_as_given_and_told_by_name(theme):
    figure = function(CURVES, POINTS, "across", (-1.0, 4.0), "hover", theme)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    for trace, curve in zip(lines, CURVES, strict=True):
        np.testing.assert_array_equal(trace.x, curve.x)
        np.testing.assert_allclose(trace.y, curve.y, rtol=1e-6)  # nan where it is given as nan
        assert (trace.line.color, trace.line.width, trace.line.dash) == (curve.colour, curve.width, curve.dash)
        assert set(trace.text) == {curve.name}
    markers = [trace for trace in figure.data if trace.mode == "markers"]
    for trace, points in zip(markers, POINTS, strict=True):
        assert (list(trace.x), list(trace.y), list(trace.text)) == (points.x, points.y, points.names)
        assert trace.marker.line.color == points.colour
        assert (trace.marker.color == points.colour) == points.filled
        assert trace.marker.size == points.size
    assert figure.layout.xaxis.title.text == "across"
    assert figure.layout.xaxis.range == (-2.0, 2.0)
    assert figure.layout.yaxis.range == (-1.0, 4.0)
    assert figure.layout.xaxis.gridcolor == style.LINES[theme]["grid"]
    assert figure.layout.font.color == style.LINES[theme]["text"]
    assert not figure.layout.shapes


@pytest.mark.parametrize("theme", style.LINES)
@pytest.mark.parametrize(("x", "slope"), [(0.0, 0.0), (1.0, 2.0), (-1.5, -3.0)])
def test_the_tangent_goes_through_its_point_with_its_slope_and_is_as_long_whatever_that_is(x, slope, theme):
    figure = function(CURVES[:1], [], "", (0.0, 4.0), "", theme, tangent=(x, x**2, slope))
    (x0, x1), (y0, y1) = figure.data[-1].x, figure.data[-1].y
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((x, x**2))
    assert (y1 - y0) / (x1 - x0) == pytest.approx(slope)
    assert np.hypot(x1 - x0, y1 - y0) == pytest.approx(2.6)
    assert figure.data[-1].line.color == style.LINES[theme]["level"]


@pytest.mark.parametrize("theme", style.LINES)
def test_a_level_is_a_dashed_line_at_its_height(theme):
    (line,) = function(CURVES, POINTS, "", (0.0, 4.0), "", theme, level=0.25).layout.shapes
    assert (line.y0, line.y1) == (0.25, 0.25)
    assert (line.line.dash, line.line.color) == ("dash", style.LINES[theme]["level"])
