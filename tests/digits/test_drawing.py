import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rnnviz.digits import DrawingProblem, from_drawing
from rnnviz.digits.drawing import MAX_POINTS, _depth, _pen_width
from tests.digits.drawings import CONDITIONS, drawings, raster

deterministic = settings(derandomize=True, deadline=None, database=None)

SIZE = (280, 280)


def reason(**arguments):
    """Return the reason why a drawing is refused."""
    with pytest.raises(DrawingProblem) as caught:
        from_drawing(**arguments)
    words = str(caught.value)
    assert " must " in words
    assert "Got " in words
    assert caught.value.reason in DrawingProblem.REASONS
    return caught.value.reason


def pen_width(image):
    """Return the width of the pen of a (28, 28) image in pixels, measured on its enlargement."""
    large = Image.fromarray(image.astype(np.float32)).resize((168, 168), Image.Resampling.BICUBIC)
    return _pen_width(_depth(np.asarray(large) > 0.5)) / 6


def moved(strokes, scale, dx, dy):
    return [stroke * scale + (dx, dy) for stroke in strokes]


@deterministic
@given(st.sampled_from(CONDITIONS), st.integers(0, 499))
def test_every_simulated_drawing_becomes_a_quantised_digit(condition, index):
    strokes, pen, _ = drawings(condition)[index]
    for image in (from_drawing(strokes=strokes, size=SIZE), from_drawing(raster(strokes, pen))):
        assert image.shape == (28, 28)
        assert image.dtype == np.float64
        assert np.isin(image, np.arange(16) / 15).all()
        assert 30 < image.sum() < 250


@deterministic
@given(
    st.sampled_from(CONDITIONS),
    st.integers(0, 499),
    st.floats(0.3, 8),
    st.floats(-500, 500),
    st.floats(-500, 500),
)
def test_the_same_strokes_at_another_size_and_place_give_the_same_image(condition, index, scale, dx, dy):
    strokes, _, _ = drawings(condition)[index]
    image = from_drawing(strokes=strokes)
    other = from_drawing(strokes=moved(strokes, scale * 280 / 84, dx, dy))
    if abs(other - image).max() > 0.2:  # a centre of mass between two pixels goes either way: whole images apart
        shifts = [np.roll(other, shift, (0, 1)) for shift in np.ndindex(3, 3)]
        other = min((np.roll(shift, (-1, -1), (0, 1)) for shift in shifts), key=lambda moved: abs(moved - image).max())
    assert abs(other - image).max() <= 0.2
    assert abs(other - image).mean() < 0.003


def test_a_small_drawing_keeps_its_precision():
    strokes, _, _ = drawings("normal")[0]
    tiny = moved(strokes, 0.08, 3.3, 7.7)  # about 15 pixels high
    assert abs(from_drawing(strokes=tiny) - from_drawing(strokes=strokes)).max() <= 1 / 15 + 1e-9


def test_strokes_decide_and_pixels_only_tell_the_size():
    strokes, _, _ = drawings("normal")[0]
    black = np.zeros((280, 280, 4), np.uint8)
    np.testing.assert_array_equal(from_drawing(black, strokes), from_drawing(strokes=strokes))
    assert reason(pixels=black[:100, :100], strokes=strokes) == "edge"


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_pixels_alone_give_nearly_what_the_strokes_give(condition):
    for strokes, pen, _ in drawings(condition)[::25]:
        exact, measured = from_drawing(strokes=strokes), from_drawing(raster(strokes, pen))
        shifted = [np.roll(measured, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        assert max(np.corrcoef(exact.ravel(), image.ravel())[0, 1] for image in shifted) > 0.9


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_pen_is_2_3_pixels_wide_whatever_it_was(condition):
    some = drawings(condition)[::10]
    for images in (
        [from_drawing(strokes=strokes) for strokes, _, _ in some],
        [from_drawing(raster(strokes, pen)) for strokes, pen, _ in some],
    ):
        widths = np.array([pen_width(image) for image in images])
        assert np.median(widths) == pytest.approx(2.3, abs=0.15)


@pytest.mark.mnist
def test_drawings_have_mnists_pen_ink_and_greys(mnist_images):
    real = mnist_images[::25]
    drawn = np.array([from_drawing(strokes=strokes) for strokes, _, _ in drawings("normal")[::2]])
    assert np.median([pen_width(image) for image in real]) == pytest.approx(
        np.median([pen_width(image) for image in drawn]), abs=0.25
    )
    assert drawn.sum(axis=(1, 2)).mean() == pytest.approx(real.sum(axis=(1, 2)).mean(), rel=0.1)
    greys = [np.sort(images[images > 0.02]) for images in (real, drawn)]
    shares = np.linspace(0, 1, 200)
    distance = np.abs(np.quantile(greys[0], shares) - np.quantile(greys[1], shares)).mean()
    assert distance < 0.03


def test_a_coloured_pen_is_as_good_as_a_white_one_and_alpha_is_ignored():
    strokes, pen, _ = drawings("normal")[50]
    white = raster(strokes, pen)
    blue = np.zeros((280, 280, 4), np.uint8)
    blue[..., 2] = white // 2
    np.testing.assert_array_equal(from_drawing(np.dstack([white] * 3)), from_drawing(white))
    assert np.abs(from_drawing(blue) - from_drawing(white)).mean() < 0.01


def test_without_normalising_the_whole_canvas_is_shrunk():
    strokes, pen, _ = drawings("small")[0]
    canvas = raster(strokes, pen)
    means = canvas.reshape(28, 10, 28, 10).mean(axis=(1, 3)) / 255
    np.testing.assert_allclose(from_drawing(canvas, normalise=False), means, atol=0.5 / 15 + 1e-6)
    assert np.isin(from_drawing(canvas, normalise=False), np.arange(16) / 15).all()


@pytest.mark.parametrize("canvas", [np.zeros((280, 280), np.uint8), np.zeros((280, 280, 4), np.uint8)])
@pytest.mark.parametrize("normalise", [True, False])
def test_an_empty_canvas_is_empty(canvas, normalise):
    assert reason(pixels=canvas, normalise=normalise) == "empty"


def test_no_strokes_are_empty():
    assert reason(strokes=[]) == "empty"
    assert reason(strokes=[np.zeros((0, 2))]) == "empty"
    assert reason(pixels=np.zeros((280, 280, 4), np.uint8), strokes=[]) == "empty"


@pytest.mark.parametrize("points", [[[140, 140]], [[140, 140], [143, 141]], [[140, 140], [146, 146], [141, 147]]])
def test_a_dot_is_no_digit(points):
    strokes = [np.array(points, float)]
    assert reason(strokes=strokes, size=SIZE) == "dot"
    assert reason(pixels=raster(strokes, 20)) == "dot"


def test_a_tiny_speck_is_no_digit():
    assert reason(pixels=raster([np.array([[140.0, 140], [144, 140]])], 2)) == "dot"


@pytest.mark.parametrize("length", [20, 40, 200])
def test_a_short_straight_1_is_a_digit(length):
    strokes = [np.array([[140.0, 40], [140, 40 + length]])]
    for image in (from_drawing(strokes=strokes, size=SIZE), from_drawing(raster(strokes, 12))):
        rows, columns = np.nonzero(image > 0.5)
        assert np.ptp(rows) >= 17
        assert np.ptp(columns) <= 3


def test_a_full_canvas_is_no_digit():
    assert reason(pixels=np.full((280, 280), 255, np.uint8)) == "full"
    inverted = 255 - raster(*drawings("normal")[0][:2])
    assert reason(pixels=inverted) == "full"
    filled = np.zeros((280, 280), np.uint8)
    filled[60:240, 60:240] = 255
    assert reason(pixels=filled) == "full"


def test_a_scribble_that_leaves_no_ground_is_no_digit():
    x = np.tile([30.0, 250.0], 40)
    assert reason(strokes=[np.stack([x, np.linspace(30, 250, 80)], axis=1)]) == "full"
    assert reason(strokes=[np.zeros((MAX_POINTS + 1, 2))]) == "full"


def test_a_line_may_touch_the_canvas_border_but_not_leave_it():
    across = np.array([[140.0, 0], [140, 280]])
    assert from_drawing(strokes=[across], size=SIZE).any()
    assert from_drawing(strokes=[across + (0, 10)], size=SIZE).any()
    assert reason(strokes=[across + (0, 40)], size=SIZE) == "edge"
    assert reason(strokes=[across - (165, 0), across], size=SIZE) == "edge"
    assert from_drawing(strokes=[across + (0, 40)]).any()  # nobody told the size


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "must have pixels or strokes"),
        ({"pixels": np.zeros((28, 28))}, "must be uint8"),
        ({"pixels": np.zeros((28, 28, 2), np.uint8)}, "must be uint8 of shape"),
        ({"pixels": np.zeros((0, 28), np.uint8)}, "must be uint8 of shape"),
        ({"strokes": [np.zeros((2, 3))]}, r"must be a list of \(N, 2\) arrays"),
        ({"strokes": [np.array([[0, np.nan]])]}, "finite x and y"),
        ({"strokes": [np.array([[0, 1e9]])]}, "finite x and y"),
        ({"strokes": [np.zeros((2, 2))], "normalise": False}, "must have pixels"),
    ],
)
def test_wrong_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words) as caught:
        from_drawing(**arguments)
    assert not isinstance(caught.value, DrawingProblem)


def test_a_problem_survives_pickling():
    problem = pickle.loads(pickle.dumps(DrawingProblem("dot", "words")))
    assert (problem.reason, str(problem)) == ("dot", "words")
