"""What a run answers on the test digits: the right pictures, the right labels, each a way into the Step page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from rnnviz import digits
from rnnviz.digits import mnist
from rnnviz.figures.results import confusion_counts
from rnnviz.text import Words
from rnnviz.training import data
from rnnviz.training.config import DATASETS
from rnnviz.ui.runs import known, results, spoken


def item(answer: int, label: int, index: int = 1441) -> str:
    image = digits.open_set("uci").images[index]
    return results.item_html(Words("en"), "20261121-041500-k3f9", "uci", index, image, label, answer, 0.875)


def test_a_test_digit_of_the_bundled_ones_is_one_of_the_last_and_links_to_itself():
    images, labels = known.test_digits("uci")
    everything = digits.open_set("uci")
    assert len(labels) == DATASETS["uci"].test
    assert known.first_test("uci") == len(everything) - DATASETS["uci"].test
    for k in (0, 7, len(labels) - 1):
        image, label = everything[known.first_test("uci") + k]
        np.testing.assert_array_equal(images[k] / 255, image)
        assert labels[k] == label


def test_the_test_part_is_the_one_that_the_worker_scores():
    test = data.open_data(results_config("uci")).test["uci_test"]
    images, labels = known.test_digits("uci")
    np.testing.assert_array_equal(images, test.images)
    np.testing.assert_array_equal(labels, test.labels)
    halves = data.open_data(results_config("halves")).test["halves"]
    np.testing.assert_array_equal(known.true_classes("halves", np.zeros(2000)), halves.labels)


def results_config(dataset: str):
    from rnnviz.training.config import Config

    return Config(dataset=dataset, validation=100)


def test_a_picture_is_the_digit():
    image = digits.open_set("uci").images[5]
    encoded = spoken.picture(image).removeprefix("data:image/png;base64,")
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded)))), image)


def test_an_item_opens_the_step_page_at_its_digit_and_says_what_it_shows():
    html = item(answer=4, label=4)
    assert 'href="./?net=run:20261121-041500-k3f9&amp;set=uci&amp;digit=1441"' in html
    assert "Test digit 1441: answered “4”, right, 88% sure." in html


def test_a_wrong_answer_is_marked_by_frame_sign_and_words():
    right, wrong = item(4, 4), item(9, 4)
    assert 'class="right"' in right
    assert "✓" in right
    assert 'class="wrong"' in wrong
    assert "✗ is “4”" in wrong
    assert "wrong, it is a “4”" in wrong


def test_mistakes_are_told_the_most_frequent_first_in_both_languages():
    labels, answers = np.array([4, 4, 4, 7, 7, 1]), np.array([9, 9, 4, 2, 7, 1])
    counts = confusion_counts(labels, answers, 10)
    assert results.confused(counts) == [(4, 9), (7, 2)]
    names = [str(k) for k in range(10)]
    told = (
        "Confusion matrix of 6 answers, 3 of them wrong. Most frequent: “4” taken for “9” (2); “7” taken for “2” (1)."
    )
    assert results.describe(Words("en"), counts, names) == told
    assert "“4”误认为“9”（2）" in results.describe(Words("zh"), counts, names)


def test_answers_that_fit_no_test_set_have_no_true_classes():
    assert known.true_classes("uci", np.zeros(359)) is None
    assert known.true_classes("halves", np.zeros(10)) is None


def test_answers_fit_where_every_test_sequence_has_one_class_of_the_data():
    def fit(dataset: str, predicted: np.ndarray) -> bool:
        given = {"predicted": predicted, "confidence": np.ones(predicted.shape)}
        return known.answers_fit(results_config(dataset), given)

    assert fit("uci", np.full(360, 9, np.uint8))
    assert fit("halves", np.ones(2000, np.uint8))
    assert not fit("halves", np.full(2000, 2, np.uint8))
    assert not fit("mnist", np.zeros(9_999, np.uint8))


def test_without_mnist_nobody_knows_the_true_classes(monkeypatch):
    def missing():
        raise mnist.MnistMissing("not here")

    monkeypatch.setattr(mnist, "test", missing)
    assert known.test_digits("mnist") is None
    assert known.true_classes("mnist", np.zeros(10_000)) is None


@pytest.mark.mnist
def test_with_mnist_they_are_its_test_digits():
    images, labels = known.test_digits("mnist")
    np.testing.assert_array_equal(labels, digits.open_set("mnist").labels)
    assert len(images) == 10_000
