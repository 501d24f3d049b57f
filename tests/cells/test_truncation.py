"""Where a weight's gradient comes from: shares of the steps, and what truncated backpropagation keeps."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz import digits, initial
from rnnviz.measures import cancellation, contribution_shares, truncation
from rnnviz.network import Network
from rnnviz.trace import record
from rnnviz.training import unrolled
from tests.cells.examples import CELLS, STATES, arrays, case


def per_step(network, x, h0, label, layer) -> np.ndarray:
    """Return autograd's gradient in each step's own copy of W_hh, (T, G·H, H)."""
    judge = unrolled.unroll(network, x, h0, separate=True)
    unrolled.backward(judge, "last", label)
    return np.array([W.grad.numpy() for W in judge.W_hh[layer]])


def with_detach(network, x, h0, label: int, back: int) -> list[np.ndarray]:
    """Return autograd's gradient in every layer's W_hh where the states `back` steps before the end are detached."""
    stack = unrolled.layers(network)
    stack = [layer._replace(W_hh=layer.W_hh.clone().requires_grad_()) for layer in stack]
    inputs = list(torch.tensor(x))
    for layer, h in zip(stack, torch.tensor(h0), strict=True):
        state = dict(zip(STATES[network.cell], (h, torch.zeros_like(h)), strict=False))
        outputs = []
        for t, x_t in enumerate(inputs):
            if t == len(x) - back:
                state = {name: value.detach() for name, value in state.items()}
            values = unrolled.step(network.cell, layer, x_t, state)
            state = {name: values[name] for name in state}
            outputs.append(values["h"])
        inputs = outputs
    weight, bias = (torch.tensor(network.arrays[name]) for name in ("head.weight", "head.bias"))
    loss = F.cross_entropy((weight @ inputs[-1] + bias)[None], torch.tensor([label]))
    return [torch.autograd.grad(loss, layer.W_hh, retain_graph=True)[0].numpy() for layer in stack]


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("cell", CELLS)
def test_shares_and_cancellation_are_those_of_autograds_contributions(cell, layer):
    network, x, h0 = case(cell, T=15, H=6, L=2, seed=10)
    parts = per_step(network, x, h0, 1, layer).reshape(15, -1)
    total = parts.sum(axis=0)
    trace = record(network, x, 1, h0=h0)
    shares = contribution_shares(network, trace, layer)
    np.testing.assert_allclose(shares, parts @ total / (total @ total), rtol=0, atol=1e-10)
    assert shares.sum() == pytest.approx(1.0, abs=1e-10)
    expected = np.linalg.norm(total) / np.linalg.norm(parts, axis=1).sum()
    assert cancellation(network, trace, layer) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("back", [1, 4, 11, 12])
@pytest.mark.parametrize("cell", CELLS)
def test_truncated_backpropagation_is_autograds_with_detached_states(cell, back):
    T, L = 12, 3
    network, x, h0 = case(cell, T=T, H=5, L=L, seed=6)
    trace = record(network, x, 2, h0=h0)
    cut, full = with_detach(network, x, h0, 2, back), with_detach(network, x, h0, 2, T)
    for layer in range(L):
        length, cosine = truncation(network, trace, layer)
        ours = np.linalg.norm(cut[layer]) / np.linalg.norm(full[layer])
        assert length[back - 1] == pytest.approx(ours, rel=1e-9)
        angle = np.vdot(cut[layer], full[layer]) / np.linalg.norm(cut[layer]) / np.linalg.norm(full[layer])
        assert cosine[back - 1] == pytest.approx(angle, abs=1e-9)
    assert length[-1] == pytest.approx(1.0)
    assert cosine[-1] == pytest.approx(1.0)


@pytest.mark.parametrize("order", ["pixels", "permuted"])
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm"])
def test_784_steps_have_the_shares_and_truncations_of_autograd(cell, order):
    network = initial.network(cell, 1, 8, seed=3, recurrent="orthogonal")
    image, label = digits.sample(4)
    x, h0 = digits.as_sequences(image, order), np.zeros((1, 8))
    parts = per_step(network, x, h0, label, 0).reshape(784, -1)
    total = parts.sum(axis=0)
    trace = record(network, x, label)
    np.testing.assert_allclose(contribution_shares(network, trace), parts @ total / (total @ total), atol=1e-9)
    kept = np.cumsum(parts[::-1], axis=0)
    np.testing.assert_allclose(
        truncation(network, trace).length, np.linalg.norm(kept, axis=1) / np.linalg.norm(total), rtol=1e-6, atol=1e-9
    )


def test_shares_of_gradients_of_1e_400_still_sum_to_one():
    tensors = arrays("rnn_tanh", D=1, H=3, gain=0.2)
    tensors["head.weight"] = tensors["head.weight"] * 1e-300
    network = Network("rnn_tanh", tensors)
    trace = record(network, np.random.default_rng(0).random((500, 1)), 1)
    assert contribution_shares(network, trace).sum() == pytest.approx(1.0)


def test_where_nothing_reaches_the_weights_there_are_no_shares():
    network, x, _ = case("rnn_tanh", T=1)  # h_0 = 0 is all that W_hh ever sees
    trace = record(network, x, 1)
    assert np.isnan(contribution_shares(network, trace)).all()
    assert np.isnan(truncation(network, trace).length).all()
    assert np.isnan(cancellation(network, trace))


def test_truncation_is_for_a_loss_after_the_last_step():
    network, x, _ = case("rnn_tanh", T=4)
    with pytest.raises(ValueError, match='trace must be of the loss "last"'):
        truncation(network, record(network, x, np.zeros(4, int), loss="every"))
