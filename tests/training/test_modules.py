"""One network, in NumPy and in torch."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz import initial
from rnnviz.cells import CELLS
from rnnviz.network import Network
from rnnviz.trace import record, record_many
from rnnviz.training.config import Config
from rnnviz.training.loop import untrained
from rnnviz.training.modules import Classifier

SHAPES = {
    "one layer": {},
    "two layers": {"num_layers": 2},
    "one-hot start": {"num_layers": 2, "h0": "one_hot"},
    "shared layers": {"num_layers": 3, "shared": True},
    "shared, one-hot start": {"num_layers": 2, "shared": True, "h0": "one_hot"},
}


def made(cell: str, **options) -> Network:
    """Return an untrained network whose numbers are float32's, so that both sides hold the same."""
    network = initial.network(cell, input_size=5, hidden_size=6, num_classes=4, seed=3, **options)
    return Network(cell, {name: array.astype(np.float32) for name, array in network.arrays.items()})


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_torch_and_numpy_compute_the_same_scores_and_gradients(cell, shape):
    network = made(cell, **SHAPES[shape])
    model = Classifier(network).double()
    images, labels = np.random.default_rng(0).random((3, 9, 5)), [1, 0, 3]
    x = torch.tensor(images, requires_grad=True)
    logits = model(x)
    F.cross_entropy(logits, torch.tensor(labels), reduction="sum").backward()
    traces = [record(network, image, label) for image, label in zip(images, labels, strict=True)]
    expected = np.stack([trace["logits"][-1] for trace in traces])
    np.testing.assert_allclose(logits.detach().numpy(), expected, rtol=0, atol=1e-13)
    expected = np.stack([trace.grad["x"] for trace in traces])
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=0, atol=1e-13 * np.abs(expected).max())
    expected = recurrent_gradients(network, traces)
    if network.shared:
        expected = {"rnn.weight_hh_l0": sum(expected.values())}
    for name, gradient in expected.items():
        found = model.get_parameter(name).grad.numpy()
        np.testing.assert_allclose(found, gradient, rtol=0, atol=1e-13 * np.abs(gradient).max())


def recurrent_gradients(network, traces) -> dict[str, np.ndarray]:
    """Return the gradient of the summed loss in every layer's W_hh, from the traces' gradients in the products."""
    found = {}
    for k, weights in enumerate(network.layers):
        found[f"rnn.weight_hh_l{k}"] = total = np.zeros_like(weights.W_hh)
        for trace in traces:
            values = {name: trace[name][k] for name in network.signals} | {"h0": trace.h0[k]}
            product = network.kind.recurrent(weights, values, trace.grad["a"][k])
            total += product.T @ np.concatenate([trace.h0[k : k + 1], trace["h"][k, :-1]])
    return found


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_network_comes_back_as_it_went_in(cell, shape):
    network = made(cell, **SHAPES[shape])
    back = Classifier(network).to_network()
    assert list(back.arrays) == list(network.arrays)
    for name, array in network.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_training_adjusts_as_many_numbers_as_the_network_says(cell, shape):
    network = made(cell, **SHAPES[shape])
    model = Classifier(network)
    assert sum(p.numel() for p in model.parameters()) == network.num_parameters
    assert {name for name, _ in model.named_parameters()} <= set(network.arrays)


@pytest.mark.parametrize("cell", ["peephole_lstm", "peephole_lstm_full", "layernorm_lstm"])
def test_a_loop_over_the_steps_has_the_gradients_of_finite_differences(cell):
    model = Classifier(made(cell, num_layers=2)).double()
    x, y = torch.rand(2, 4, 5).double(), torch.tensor([1, 2])
    names, values = zip(*model.named_parameters(), strict=True)

    def loss(*weights):
        logits = torch.func.functional_call(model, dict(zip(names, weights, strict=True)), (x,))
        return F.cross_entropy(logits, y)

    assert torch.autograd.gradcheck(loss, values)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_bfloat16_gives_nearly_the_same_scores(cell, shape):
    model, x = (
        Classifier(made(cell, **SHAPES[shape])),
        torch.tensor(np.random.default_rng(1).random((4, 9, 5)), dtype=torch.float32),
    )
    with torch.no_grad():
        exact = model(x)
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(x).float()
    assert (exact - rough).abs().max() < 0.1 * exact.abs().max()
    assert not torch.equal(exact, rough)


def test_one_seed_is_one_network_here_and_in_torch():
    config = Config(forget_bias=1.0, hidden_size=16, seed=5)
    network = initial.network("lstm", hidden_size=16, seed=5, forget_bias=1.0)
    back = Classifier(untrained(config)).to_network()
    assert list(back.arrays) == list(network.arrays)
    for name, array in network.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], array.astype(np.float32))


def test_every_setting_of_the_start_reaches_the_network():
    config = Config(cell="rnn_relu", hidden_size=8, num_layers=2, recurrent="identity", gain=0.5, start="one_hot")
    network = untrained(config)
    np.testing.assert_array_equal(network.arrays["rnn.weight_hh_l1"], 0.5 * np.eye(8))
    np.testing.assert_array_equal(network.h0, np.eye(1, 8).repeat(2, axis=0))
    assert untrained(Config(num_layers=2, shared=True)).shared


def test_the_start_is_no_parameter():
    network = made("gru", h0="one_hot")
    model = Classifier(network)
    F.cross_entropy(model(torch.rand(2, 3, 5)), torch.tensor([0, 1])).backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    np.testing.assert_array_equal(model.to_network().h0, network.h0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_after_every_step_are_those_of_numpy_and_end_with_the_last(cell, shape):
    network, images = made(cell, **SHAPES[shape]), np.random.default_rng(1).random((7, 9, 5))
    model = Classifier(network)
    with torch.no_grad():
        x = torch.tensor(images, dtype=torch.float32)
        every, last = model(x, every=True).numpy(), model(x).numpy()
    np.testing.assert_allclose(every, record_many(network, images, ("logits",))["logits"], atol=1e-5)
    np.testing.assert_allclose(every[:, -1], last, atol=1e-6)


def test_a_trained_network_answers_in_numpy_as_in_torch():
    network, images = made("lstm", num_layers=2), np.random.default_rng(1).random((7, 9, 5))
    with torch.no_grad():
        theirs = Classifier(network)(torch.tensor(images, dtype=torch.float32)).numpy()
    ours = record_many(network, images, ("logits",))["logits"][:, -1]
    np.testing.assert_allclose(theirs, ours, atol=1e-6)
