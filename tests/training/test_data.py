"""What there is to learn, and how it is split."""

import numpy as np
import pytest

from rnnviz.digits import mnist, uci
from rnnviz.training import data
from rnnviz.training.config import DATASETS, Config
from rnnviz.training.data import open_data, split

UCI = Config(dataset="uci", validation=237)


def as_told(dataset: str) -> Config:
    return Config(dataset=dataset, validation=100)


@pytest.mark.parametrize("dataset", ["uci", "halves", pytest.param("mnist", marks=pytest.mark.mnist)])
def test_a_data_set_is_as_its_description_says(dataset):
    told, found = DATASETS[dataset], open_data(as_told(dataset))
    for part, count in ((found.training, told.training), (next(iter(found.test.values())), told.test)):
        assert len(part) == count
        assert part.images.shape == (count, told.rows, told.columns)
        assert part.images.dtype == np.uint8
        assert part.labels.dtype == np.int64
        assert np.unique(part.labels).tolist() == list(range(told.classes))


@pytest.mark.mnist
def test_pictures_to_be_enlarged_are_mnists_own():
    told, found, mnists = DATASETS["mnist_2x"], open_data(as_told("mnist_2x")), open_data(as_told("mnist"))
    assert list(found.test) == ["mnist", "uci"]
    np.testing.assert_array_equal(found.training.images, mnists.training.images)
    assert (len(found.training), len(found.test["mnist"])) == (told.training, told.test)


def test_what_is_read_and_asked_of_pictures_are_their_halves_and_themselves():
    config = Config(dataset="mnist_2x", delay=1)
    part = open_data(UCI).training.at(slice(3))
    x, asked, loss = data.as_read(config, part)
    assert (x.shape, asked.shape, loss) == ((3, config.steps, config.input_size), (3, 15, config.data.classes), "mse")
    np.testing.assert_allclose(x[0, :14, 5], part.images[0].reshape(14, 2, 28)[:, :, 10:12].mean(axis=(1, 2)) / 255)
    np.testing.assert_array_equal(asked[:, 1:].reshape(3, 28, 28), part.images / 255)
    assert not x[:, 14].any()
    assert not asked[:, 0].any()


def test_of_a_digit_its_class_is_asked_after_the_last_row():
    part = open_data(UCI).training.at(slice(3))
    x, asked, loss = data.as_read(Config(delay=2), part)
    assert (x.shape, loss) == ((3, 30, 28), "last")
    np.testing.assert_array_equal(asked, part.labels)


@pytest.mark.mnist
def test_networks_trained_on_mnist_are_scored_on_its_test_digits_and_the_bundled_ones():
    test = open_data(as_told("mnist")).test
    assert list(test) == ["mnist", "uci"]
    np.testing.assert_array_equal(test["mnist"].images, mnist.test().images)
    assert len(test["uci"]) == 1797


def test_missing_mnist_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(mnist, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(mnist, "_sets", {})
    with pytest.raises(mnist.MnistMissing):
        open_data(as_told("mnist"))


def test_the_last_bundled_digits_are_the_test():
    found = open_data(UCI)
    assert list(found.test) == ["uci_test"]
    np.testing.assert_array_equal(
        np.concatenate([found.training.images, found.test["uci_test"].images]), uci.uci().images
    )


def test_the_class_of_a_random_sequence_is_the_half_with_the_larger_sum():
    part = data.halves()
    first, second = part.images[:, :5].astype(int).sum(axis=(1, 2)), part.images[:, 5:].astype(int).sum(axis=(1, 2))
    assert (first != second).all()
    np.testing.assert_array_equal(part.labels, second > first)
    assert 0.48 < part.labels.mean() < 0.52
    np.testing.assert_array_equal(part.images, data.halves().images)


@pytest.mark.parametrize("validation", [0, 1, 237])
def test_the_last_ones_are_held_back(validation):
    labels = open_data(UCI).training.labels
    train, held = split(Config(dataset="uci", validation=validation), labels)
    np.testing.assert_array_equal(np.concatenate([train, held]), np.arange(1437))
    assert len(held) == validation


def test_folds_are_a_partition_with_every_class_in_its_share():
    labels = open_data(UCI).training.labels
    folds = [split(Config(dataset="uci", validation=0, folds=5, fold=k), labels) for k in range(5)]
    np.testing.assert_array_equal(np.sort(np.concatenate([held for _, held in folds])), np.arange(1437))
    for train, held in folds:
        np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(1437))
        counts = np.bincount(labels[held], minlength=10)
        assert np.abs(counts - np.bincount(labels) / 5).max() < 1


def test_folds_are_the_same_whatever_the_seed_and_the_share_held_back():
    labels = open_data(UCI).training.labels
    one, two = (
        split(Config(dataset="uci", folds=3, fold=1, **more), labels) for more in ({"seed": 1}, {"validation": 9})
    )
    np.testing.assert_array_equal(one[1], two[1])


def test_more_than_there_is_cannot_be_held_back():
    with pytest.raises(ValueError, match=r"images must be more than the 100 held back\. Got 100\."):
        split(Config(validation=100), np.zeros(100, int))


def test_a_part_of_a_part():
    part = open_data(UCI).training
    few = part.at(np.array([3, 1]))
    np.testing.assert_array_equal(few.labels, part.labels[[3, 1]])
    np.testing.assert_array_equal(few.images[1], part.images[1])
