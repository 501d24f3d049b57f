"""The training loop on the bundled digits, which need no download."""

import numpy as np
import pytest
import torch

from rnnviz.digits import uci
from rnnviz.trace import record_many
from rnnviz.training.config import Config
from rnnviz.training.loop import Diverged, train

TINY = Config(cell="gru", hidden_size=32, epochs=10, batch_size=64, validation=297)


@pytest.fixture(scope="module")
def digits():
    return uci.uci()


@pytest.fixture(scope="module")
def trained(digits):
    seen = []
    network, history = train(TINY, digits.images, digits.labels, seen.append)
    return network, history, seen


def test_a_tiny_network_learns(trained):
    network, history, _ = trained
    assert history[-1].accuracy > 0.8
    assert history[-1].loss < 0.6 * history[0].loss
    assert network.cell == "gru"
    assert network.hidden_size == 32


def test_the_accuracy_is_that_of_the_network_in_numpy(trained, digits):
    network, history, _ = trained
    answers = record_many(network, digits.images[-297:], ("logits",))["logits"][:, -1].argmax(axis=1)
    assert (answers == digits.labels[-297:]).mean() == history[-1].accuracy


def test_every_update_is_reported(trained):
    _, history, seen = trained
    steps = 10 * 24  # 1,500 digits in batches of 64
    assert [p.step for p in seen] == list(range(1, steps + 1))
    assert {p.steps for p in seen} == {steps}
    assert seen[0].accuracy is None
    assert seen[24].accuracy == history[0].accuracy
    assert [e.epoch for e in history] == list(range(1, 11))
    assert history[0].loss == pytest.approx(np.mean([p.loss for p in seen[:24]]))


@pytest.mark.parametrize("changes", [{}, {"augment": True, "thickness": 0.5, "precision": "bfloat16", "cell": "lstm"}])
def test_the_same_seed_gives_the_same_bits(digits, changes):
    config = Config(**{**TINY.to_dict(), "epochs": 1, **changes})
    (one, _), (two, _) = (train(config, digits.images, digits.labels) for _ in range(2))
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(two.arrays[name], array)


def test_another_seed_gives_another_network(digits):
    one, two = (
        train(Config(cell="rnn_tanh", hidden_size=8, epochs=1, validation=0, seed=s), digits.images, digits.labels)[0]
        for s in (0, 1)
    )
    assert not np.array_equal(one.arrays["head.weight"], two.arrays["head.weight"])


def test_what_is_held_back_is_not_trained_on(digits):
    spoiled = digits.labels.copy()
    spoiled[-1000:] = 0
    config = Config(cell="rnn_tanh", hidden_size=8, epochs=1, validation=1000)
    (one, _), (two, _) = (train(config, digits.images, labels) for labels in (digits.labels, spoiled))
    np.testing.assert_array_equal(one.arrays["rnn.weight_hh_l0"], two.arrays["rnn.weight_hh_l0"])


def test_torchs_random_numbers_and_threads_are_left_as_they_were(digits):
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    threads = torch.get_num_threads()
    train(Config(cell="rnn_tanh", hidden_size=4, epochs=1, validation=0), digits.images[:64], digits.labels[:64])
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("count", range(1, 9))
def test_any_number_of_updates_has_a_schedule(digits, count):
    config = Config(cell="rnn_tanh", hidden_size=2, epochs=1, batch_size=1, validation=0)
    _, history = train(config, digits.images[:count], digits.labels[:count])
    assert history[-1].accuracy is None


def test_a_loss_that_is_no_number_ends_the_training(digits, monkeypatch):
    from rnnviz.training import loop

    monkeypatch.setattr(loop.F, "cross_entropy", lambda logits, labels: logits.sum() * float("nan"))
    with pytest.raises(Diverged, match=r"loss must stay finite\. Got nan\. Choose a max_learning_rate below 0\.01"):
        train(TINY, digits.images, digits.labels)


@pytest.mark.parametrize(
    ("images", "labels", "words"),
    [
        (np.zeros((400, 28, 28)), np.zeros(400, int), "images must be uint8 of shape"),
        (np.zeros((400, 784), np.uint8), np.zeros(400, int), "images must be uint8 of shape"),
        (np.zeros((400, 28, 28), np.uint8), np.zeros(399, int), "labels must be 400 integers"),
        (np.zeros((400, 28, 28), np.uint8), np.zeros(400), "labels must be 400 integers"),
        (np.zeros((400, 28, 28), np.uint8), np.full(400, 10), "labels must be 0 to 9. Got 10 to 10"),
        (np.zeros((297, 28, 28), np.uint8), np.zeros(297, int), "images must be more than the 297 held back. Got 297"),
    ],
)
def test_digits_that_do_not_fit_are_refused_in_words(images, labels, words):
    with pytest.raises(ValueError, match=words):
        train(TINY, images, labels)
