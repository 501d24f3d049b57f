"""Making a checkpoint, on a pretended MNIST that is cut from the bundled digits."""

import pytest

from rnnviz import checkpoints
from rnnviz.digits import DigitSet, mnist, uci
from rnnviz.training.config import Config
from rnnviz.training.shipped import make, misread


@pytest.fixture
def small_mnist(monkeypatch):
    """Digits in MNIST's place: 500 to train on, 200 to test on."""
    digits = uci.uci()
    parts = {
        "train": DigitSet("mnist-train", digits.images[:500].copy(), digits.labels[:500].copy()),
        "test": DigitSet("mnist", digits.images[500:700].copy(), digits.labels[500:700].copy()),
    }
    monkeypatch.setattr(mnist, "train", lambda: parts["train"])
    monkeypatch.setattr(mnist, "test", lambda: parts["test"])
    return parts["test"]


def test_a_checkpoint_says_how_it_was_made_and_how_well_it_reads(tmp_path, small_mnist):
    config = Config(cell="rnn_tanh", hidden_size=8, epochs=1, validation=100, seed=4)
    card = make("rnn-8", config, tmp_path / "new", "python -m rnnviz train", lambda progress: None)
    path = tmp_path / "new" / "rnn-8.safetensors"
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # nothing half-written is left
    assert checkpoints.card(path) == card
    assert card.name == "rnn-8"
    assert card.command == "python -m rnnviz train"
    assert card.dataset == "MNIST: 400 of its 500 training digits; the other 100 chose the settings."
    assert config.to_dict().items() <= card.training.items()
    assert {"validation_accuracy", "seconds", "torch"} <= set(card.training)

    network = checkpoints.load(path)
    for digits in (small_mnist, uci.uci()):
        assert card.misread[digits.name] == misread(network, digits)
        assert card.accuracy[digits.name] == 1 - len(card.misread[digits.name]) / len(digits)


def test_without_mnist_nothing_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(mnist, "_sets", {})
    with pytest.raises(mnist.MnistMissing):
        make("rnn-8", Config(), tmp_path, "", lambda progress: None)
