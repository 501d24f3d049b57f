"""One network, in NumPy and in torch."""

import numpy as np
import pytest
import torch

from rnnviz import initial
from rnnviz.network import Network
from rnnviz.trace import record_many
from rnnviz.training.config import Config
from rnnviz.training.loop import untrained
from rnnviz.training.modules import Classifier


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "lstm", "gru"])
def test_torch_and_numpy_answer_alike(cell, num_layers):
    network = untrained(Config(cell=cell, hidden_size=20, num_layers=num_layers, seed=3))
    images = np.random.default_rng(0).random((5, 28, 28))
    ours = record_many(network, images, ("logits",))["logits"][:, -1]
    with torch.no_grad():
        theirs = Classifier(network).double()(torch.tensor(images)).numpy()
    np.testing.assert_allclose(ours, theirs, atol=1e-6)  # the module holds float32


def test_one_seed_is_one_network_here_and_in_torch():
    config = Config(forget_bias=1.0, hidden_size=16, seed=5)
    network = initial.network("lstm", hidden_size=16, seed=5, forget_bias=1.0)
    back = Classifier(untrained(config)).to_network()
    assert list(back.arrays) == list(network.arrays)
    for name, array in network.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array.astype(np.float32))


def test_a_network_that_starts_elsewhere_is_refused():
    arrays = dict(initial.network("gru", hidden_size=4).arrays)
    arrays["h0"] = np.ones((1, 4))
    with pytest.raises(ValueError, match="network must start from a hidden state of zeros"):
        Classifier(Network("gru", arrays))


def test_h0_of_zeros_is_no_other_network():
    arrays = dict(initial.network("gru", hidden_size=4).arrays)
    Classifier(Network("gru", {**arrays, "h0": np.zeros((1, 4))}))
