import subprocess
import sys

import numpy as np
import pytest

from rnnviz import digits
from rnnviz.digits import DigitSet, mnist, open_set, sample, uci


def test_importing_the_digits_loads_no_heavy_library():
    code = (
        "import sys, importlib.util as u; "
        "package = u.module_from_spec(u.spec_from_file_location('digits', sys.argv[1], "
        "submodule_search_locations=[sys.argv[1].removesuffix('__init__.py')])); "
        "sys.modules['digits'] = package; package.__spec__.loader.exec_module(package); "
        "print(sorted({'scipy', 'sklearn', 'PIL', 'pooch', 'torch', 'streamlit', 'requests'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code, digits.__file__], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_the_bundled_digits_are_all_there_in_mnists_geometry():
    bundled = open_set("uci")
    assert bundled is open_set("uci")
    assert (bundled.name, len(bundled)) == ("uci", 1797)
    assert bundled.images.shape == (1797, 28, 28)
    assert np.bincount(bundled.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    inked = bundled.images > 0
    heights, widths = (
        np.ptp([np.flatnonzero(rows)[[0, -1]] for rows in inked.any(axis=k)], axis=1) + 1 for k in (2, 1)
    )
    assert (np.maximum(heights, widths) == 20).mean() > 0.99
    assert np.maximum(heights, widths).max() == 20


def test_the_bundled_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    images, labels = uci.eight_by_eight()
    expected = load_digits()
    np.testing.assert_array_equal(images, expected.images / 16)
    np.testing.assert_array_equal(labels, expected.target)
    assert labels.dtype == np.uint8


def test_the_bundled_digits_are_found_when_scikit_learn_keeps_its_file_elsewhere(monkeypatch):
    images, labels = uci.eight_by_eight()
    monkeypatch.setattr(uci.importlib.util, "find_spec", lambda name: None)
    for found, expected in zip(uci.eight_by_eight(), (images, labels), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_sample_is_an_image_in_range_and_a_label():
    image, label = sample(7)
    assert (image.shape, image.dtype, type(label)) == ((28, 28), np.float64, int)
    assert image.min() == 0
    assert 0.5 < image.max() <= 1
    np.testing.assert_array_equal(image, open_set("uci").images[7] / 255)
    assert label == open_set("uci").labels[7]


def test_a_set_can_be_walked_through_and_counted_from_its_end():
    few = DigitSet("few", np.zeros((3, 28, 28), np.uint8), np.array([4, 5, 6], np.uint8))
    assert [label for _, label in few] == [4, 5, 6]
    assert few[-1][1] == 6
    assert few[np.int64(1)][1] == 5


@pytest.mark.parametrize("index", [3, -4, 10**9])
def test_a_digit_that_is_not_there_is_an_index_error(index):
    few = DigitSet("few", np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.uint8))
    with pytest.raises(IndexError, match="must be 0 to 2 in the set 'few'. Got"):
        few[index]


def test_the_arrays_of_a_set_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        open_set("uci").images[0, 0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        open_set("uci").labels[0] = 1


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((2, 28, 28)), np.zeros(2, np.uint8), "images must be uint8"),
        (np.zeros((2, 784), np.uint8), np.zeros(2, np.uint8), "images must be uint8"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(3, np.uint8), "labels must be uint8"),
        (np.zeros((2, 28, 28), np.uint8), np.zeros(2), "labels must be uint8"),
    ],
)
def test_a_set_of_another_shape_is_refused(images, labels, words):
    with pytest.raises(ValueError, match=words):
        DigitSet("wrong", images, labels)


@pytest.mark.parametrize("name", ["", "MNIST", "../mnist", None])
def test_an_unknown_set_lists_the_known_ones(name):
    with pytest.raises(ValueError, match="set must be one of mnist, uci. Got"):
        open_set(name)


@pytest.mark.mnist
def test_mnist_is_complete(mnist_images):
    assert mnist.status().state == "ready"
    assert mnist.status().progress == 1
    test, train = open_set("mnist"), mnist.train()
    assert (test.name, train.name) == ("mnist", "mnist-train")
    assert test is mnist.test()
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert train.images.shape == (60000, 28, 28)
    assert train.images.dtype == np.uint8
