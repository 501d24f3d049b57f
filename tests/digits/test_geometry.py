import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from rnnviz.digits.drawing import DrawingProblem, to_mnist_geometry, with_mnist_pen
from tests.digits.drawings import CONDITIONS, drawings, raster

deterministic = settings(derandomize=True, deadline=None, database=None)

INKS = arrays.arrays(
    float,
    arrays.array_shapes(min_dims=2, max_dims=2, max_side=40),
    elements=st.floats(0, 1, allow_subnormal=False) | st.just(0.0),
).filter(lambda ink: ink.max() > 0.01)


def box(image):
    """Return (height, width) of the smallest box around everything above 0."""
    return tuple(np.ptp(np.flatnonzero(image.any(axis=axis))) + 1 for axis in (1, 0))


def centre_of_mass(image):
    """Return the centre of mass, (row, column), in pixel indices."""
    return np.array([np.arange(28) @ image.sum(axis=1 - axis) for axis in (0, 1)]) / image.sum()


@deterministic
@given(INKS)
def test_any_ink_becomes_a_digit_20_pixels_long_in_range(ink):
    image = to_mnist_geometry(ink)
    assert image.shape == (28, 28)
    assert image.dtype == np.float64
    assert image.min() >= 0
    assert image.max() <= 1
    assert max(box(image)) <= 20


@deterministic
@given(INKS, st.tuples(*[st.integers(0, 30)] * 4))
def test_where_the_ink_lies_on_its_canvas_does_not_matter(ink, margins):
    top, bottom, left, right = margins
    moved = np.pad(ink, ((top, bottom), (left, right)))
    np.testing.assert_array_equal(to_mnist_geometry(moved), to_mnist_geometry(ink))


@deterministic
@given(st.sampled_from(CONDITIONS), st.integers(0, 499))
def test_the_geometry_of_a_finished_digit_stays_as_it_is(condition, index):
    strokes, pen, _ = drawings(condition)[index]
    once = to_mnist_geometry(raster(strokes, pen) / 255)
    assert max(box(once)) == 20
    np.testing.assert_allclose(to_mnist_geometry(once), once, atol=1e-6)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_centre_of_mass_lies_within_half_a_pixel_of_index_14(condition):
    for strokes, pen, _ in drawings(condition)[::10]:
        centre = centre_of_mass(to_mnist_geometry(raster(strokes, pen) / 255))
        assert np.abs(centre - 14).max() <= 0.5 + 1e-6


def test_both_directions_are_scaled_alike():
    tall = np.zeros((200, 200))
    tall[20:180, 90:130] = 1  # 160 x 40
    assert box(to_mnist_geometry(tall)) == (20, 5)
    odd = np.zeros((200, 200))
    odd[20:180, 90:127] = 1  # 160 x 37: 4.6 pixels wide, the outer columns are grey
    image = to_mnist_geometry(odd)
    assert box(image) == (20, 5)
    assert image.sum() == pytest.approx(20 * 20 * 37 / 160, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 4000)])
def test_ink_of_any_shape_becomes_a_digit(shape):
    image = to_mnist_geometry(np.ones(shape))
    assert image.max() > 0
    assert max(box(image)) == 20


def test_without_ink_there_is_no_digit():
    for nothing in (np.zeros((5, 5)), np.zeros((0, 0)), np.full((4, 4), 1e-300)):
        with pytest.raises(DrawingProblem, match="must have ink") as caught:
            to_mnist_geometry(nothing)
        assert caught.value.reason == "empty"


@pytest.mark.parametrize(
    "wrong", [np.ones((1, 28, 28)), np.full((4, 4), 2.0), np.full((4, 4), np.nan), -np.ones((4, 4))]
)
def test_ink_of_another_shape_or_range_is_refused(wrong):
    with pytest.raises(ValueError, match=r"ink must be \(H, W\) in \[0, 1\]"):
        to_mnist_geometry(wrong)


@pytest.mark.mnist
def test_mnist_itself_has_this_geometry(mnist_images):
    some = mnist_images[::20]
    assert np.mean([max(box(image)) == 20 for image in some]) > 0.99
    assert max(np.abs(centre_of_mass(image) - 14).max() for image in some) <= 0.51


@pytest.mark.mnist
def test_mnist_digits_stay_as_they_are(mnist_images):
    same = [np.allclose(to_mnist_geometry(image), image, atol=1e-6) for image in mnist_images[::10]]
    assert np.mean(same) > 0.99  # a few are 19 pixels long, or have their centre of mass just between two pixels


@pytest.mark.mnist
def test_enlarged_mnist_digits_come_back(mnist_images):
    differences = []
    for image in mnist_images[::100]:
        canvas = Image.new("F", (600, 500))
        canvas.paste(Image.fromarray(image.astype(np.float32)).resize((280, 280), Image.Resampling.BOX), (37, 151))
        differences.append(np.abs(to_mnist_geometry(np.asarray(canvas)) - image).mean())
    assert np.median(differences) < 0.015
    assert np.mean(np.array(differences) < 0.03) > 0.95  # the others lie one pixel further


@pytest.mark.parametrize("pen", [0.7, 1, 2, 8, 20, 40])
def test_a_raster_of_any_pen_gets_one_pen(pen):
    strokes, _, _ = drawings("normal")[100]
    fine, other = (with_mnist_pen(raster(strokes, width) / 255) for width in (12, pen))
    assert to_mnist_geometry(other).sum() == pytest.approx(to_mnist_geometry(fine).sum(), rel=0.12)


def test_a_line_that_is_thinner_in_places_does_not_break_when_the_pen_is_made_finer():
    canvas = np.zeros((200, 200))
    canvas[20:180, 80:120] = 1
    canvas[90:110, 80:97] = canvas[90:110, 103:120] = 0  # a neck of 6 pixels in a line of 40
    image = to_mnist_geometry(with_mnist_pen(canvas))
    assert (image.max(axis=1)[image.any(axis=1)] > 0.2).all()
