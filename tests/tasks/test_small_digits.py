"""The small digits: parts without a digit in common, mean pictures, and what a network reads and draws of them."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from rnnviz import initial
from rnnviz.tasks import pictures, small_digits
from rnnviz.trace import record


def test_the_three_parts_together_are_scikit_learns_digits_each_once():
    known = load_digits()
    found = [small_digits.part(name) for name in small_digits.PARTS]
    images = np.concatenate([part.images.reshape(-1, 64) for part in found])
    labels = np.concatenate([part.labels for part in found])
    assert len(images) == len(known.target)
    rows = {(*row, label) for row, label in zip((images * 16).tolist(), labels.tolist(), strict=True)}
    assert rows == {(*row, label) for row, label in zip(known.data.tolist(), known.target.tolist(), strict=True)}
    assert [len(part.labels) for part in found] == [1199, 299, 299]  # the page says so


def test_every_class_is_in_every_part_and_the_mean_picture_is_its_mean():
    for name in small_digits.PARTS:
        images, labels = small_digits.part(name)
        assert set(labels.tolist()) == set(range(10))
        np.testing.assert_allclose(small_digits.class_means(name)[7], images[labels == 7].mean(axis=0))
    with pytest.raises(ValueError, match="name must be one of train, validation, test"):
        small_digits.part("all")


def test_the_nearest_class_mean_reads_most_digits_and_every_mean_itself():
    images, labels = small_digits.part("validation")
    assert (small_digits.nearest_class(images) == labels).mean() > 0.85
    assert small_digits.nearest_class(small_digits.class_means("test")).tolist() == list(range(10))


def test_all_digits_are_learnt_from_before_any_comes_again_and_a_seed_is_one_order():
    batches = small_digits.batches(100, seed=3)
    seen = np.concatenate([next(batches)[0] for _ in range(11)]).reshape(1100, 64)
    assert (
        len(np.unique(seen, axis=0)) == len(np.unique(small_digits.part("train").images.reshape(-1, 64), axis=0)) - 99
    )
    again = small_digits.batches(100, seed=3)
    np.testing.assert_array_equal(next(again)[0].reshape(-1, 64), seen[:100])


def test_a_picture_is_one_step_or_eight_rows_and_a_label_the_first_of_eight_steps():
    image = small_digits.part("test").images[0]
    np.testing.assert_array_equal(pictures.at_once(image), image.reshape(1, 64))
    np.testing.assert_array_equal(pictures.by_rows(image), image)
    x = pictures.label_first(3)
    assert x.shape == (8, 10)
    assert x[0].tolist() == np.eye(10)[3].tolist()
    assert not x[1:].any()


def test_answers_and_drawings_are_what_the_network_says_of_each():
    images, labels = small_digits.part("test")
    reader = initial.network("gru", 8, 6, seed=1)
    expected = [record(reader, image).prediction for image in images[:20]]
    assert pictures.answers(reader, pictures.by_rows, "test")[:20].tolist() == expected
    share = (pictures.answers(reader, pictures.by_rows, "test") == labels).mean()
    assert pictures.read_right(reader, pictures.by_rows) == pytest.approx(share)
    painter = initial.network("lstm", 10, 6, num_classes=8, seed=1)
    drawn = pictures.drawn(painter)
    expected = record(painter, pictures.label_first(4), np.zeros((8, 8)), loss="mse")["logits"]
    np.testing.assert_allclose(drawn[4], expected, rtol=1e-12)


def test_a_picture_is_64_letters_and_comes_back_from_them():
    for image in small_digits.part("test").images[:20]:
        np.testing.assert_array_equal(small_digits.unpack(small_digits.pack(image)), image)
    for text in ("", "0" * 63, "0" * 63 + "h", "0" * 65):
        with pytest.raises(ValueError, match="text must be 64 letters"):
            small_digits.unpack(text)
