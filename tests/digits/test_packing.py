import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from rnnviz.digits import pack, quantise, unpack

deterministic = settings(derandomize=True, deadline=None, database=None)

URL_SAFE = set(string.ascii_letters + string.digits + "-_")
LEVELS = arrays.arrays(np.uint8, (28, 28), elements=st.integers(0, 15))
GOOD = pack(np.arange(784).reshape(28, 28) % 16 / 15)


@deterministic
@given(LEVELS)
def test_packing_loses_nothing_of_a_quantised_image(levels):
    image = levels / 15
    text = pack(image)
    assert len(text) == 523
    assert set(text) <= URL_SAFE
    assert unpack(text).tobytes() == image.tobytes()


@deterministic
@given(arrays.arrays(float, (28, 28), elements=st.floats(0, 1)))
def test_quantising_moves_a_pixel_by_half_a_level_at_most_and_only_once(image):
    levels = quantise(image)
    assert np.abs(levels - image).max() <= 0.5 / 15 + 1e-12
    np.testing.assert_array_equal(quantise(levels), levels)
    np.testing.assert_array_equal(unpack(pack(image)), levels)


@deterministic
@given(st.text() | st.text(alphabet=sorted(URL_SAFE), min_size=520, max_size=526) | st.binary() | st.none())
def test_unpacking_gives_what_pack_wrote_or_a_value_error(text):
    try:
        image = unpack(text)
    except ValueError:
        return
    assert pack(image) == text


@pytest.mark.parametrize(
    "text",
    ["", GOOD[:-1], GOOD + "A", GOOD + "=", GOOD[:-1] + "B", GOOD[:-1] + "é", GOOD.replace("F", "/"), "+" + GOOD[1:]],
)
def test_another_spelling_of_a_drawing_is_refused(text):
    with pytest.raises(ValueError, match="must be 523 characters"):
        unpack(text)


@pytest.mark.parametrize("wrong", [np.zeros((1, 28, 28)), np.zeros((27, 28)), 3])
def test_only_one_digit_can_be_packed(wrong):
    with pytest.raises(ValueError, match=r"image must have shape \(28, 28\)"):
        pack(wrong)


@pytest.mark.parametrize("wrong", [np.full((28, 28), 1.1), np.full((28, 28), np.nan), np.full((28, 28), -1)])
def test_values_outside_0_to_1_are_refused(wrong):
    with pytest.raises(ValueError, match=r"image must be in \[0, 1\]"):
        pack(wrong)
