"""The Jacobian of every step, and the norms of their products, equal those of torch."""

import numpy as np
import pytest
import torch

from rnnviz.measures import jacobian_norms
from rnnviz.network import Network
from rnnviz.trace import record
from rnnviz.training import unrolled
from tests.cells.examples import CELLS, STATES, arrays, case


def values_of(trace, layer: int) -> dict[str, np.ndarray]:
    return {name: trace[name][layer] for name in trace.signals if name not in ("x", "logits", "probs")} | {
        "h0": trace.h0[layer]
    }


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("cell", CELLS)
def test_the_jacobian_of_every_step_equals_that_of_one_step_in_torch(cell, layer):
    network, x, h0 = case(cell, T=9, D=3, H=6, L=2, seed=8)
    trace = record(network, x, 1, h0=h0)
    ours = network.kind.jacobians(network.layers[layer], values_of(trace, layer))
    weights = unrolled.layers(network)[layer]
    inputs = torch.tensor(x if layer == 0 else trace["h"][layer - 1])
    h, c = torch.tensor(h0[layer]), torch.zeros(6, dtype=torch.float64)
    states = STATES[cell]
    assert ours.shape == (9, 6 * len(states), 6 * len(states))
    for t, x_t in enumerate(inputs):

        def after(flat, x_t=x_t):
            values = unrolled.step(cell, weights, x_t, dict(zip(states, flat.split(6), strict=True)))
            return torch.cat([values[name] for name in states])

        theirs = torch.func.jacrev(after)(torch.cat([h, c][: len(states)])).numpy()
        assert np.abs(ours[t] - theirs).max() <= 1e-12 * np.abs(theirs).max()
        h, c = (torch.tensor(trace[name][layer, t]) for name in (states * 2)[:2])


@pytest.mark.parametrize("layer", [0, 1, -1])
@pytest.mark.parametrize("cell", CELLS)
def test_jacobian_norms_equal_the_spectral_norms_of_autograds_jacobians(cell, layer):
    network, x, h0 = case(cell, T=14, D=3, H=4, L=2, seed=9)
    norms = jacobian_norms(network, record(network, x, 1, h0=h0), layer)
    h = [step["h"] for step in unrolled.unroll(network, x, h0).steps[layer]]
    rows = [torch.autograd.grad(h[-1][j], h, retain_graph=True, materialize_grads=True) for j in range(4)]
    jacobians = torch.stack([torch.stack(list(row)) for row in rows], dim=1)  # (T, H, H)
    expected = torch.linalg.matrix_norm(jacobians, ord=2).log10()
    np.testing.assert_allclose(norms, expected, rtol=0, atol=1e-12)
    assert norms[-1] == 0.0


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_has_the_identity_as_its_only_jacobian(cell):
    network, x, _ = case(cell, T=1)
    np.testing.assert_array_equal(jacobian_norms(network, record(network, x, 1)), [0.0])


@pytest.mark.parametrize("cell", CELLS)
def test_jacobian_norms_do_not_depend_on_the_label_or_the_readout(cell):
    tensors, x = arrays(cell, D=3, H=5), np.random.default_rng(0).random((7, 3))
    network = Network(cell, tensors)
    other = Network(cell, {**tensors, "head.weight": -3.0 * tensors["head.weight"]})
    norms = jacobian_norms(network, record(network, x, 0))
    np.testing.assert_array_equal(norms, jacobian_norms(network, record(network, x, 2)))
    np.testing.assert_array_equal(norms, jacobian_norms(other, record(other, x, 0)))
    assert (norms[:-1] < 0).all()


def test_a_dead_relu_network_has_jacobians_of_exactly_zero():
    tensors = arrays("rnn_relu", D=3, H=5)
    network = Network("rnn_relu", {**tensors, "rnn.bias_ih_l0": np.full(5, -100.0)})
    trace = record(network, np.random.default_rng(0).random((6, 3)), 1)
    assert not trace["h"].any()
    norms = jacobian_norms(network, trace)
    assert np.isneginf(norms[:-1]).all()
    assert norms[-1] == 0.0


@pytest.mark.parametrize("cell", CELLS)
def test_784_jacobians_of_a_vanishing_network_have_finite_norms_that_chain(cell):
    tensors = arrays(cell, D=1, H=3, seed=3, gain=0.2)
    tensors["rnn.bias_ih_l0"] = np.abs(tensors["rnn.bias_ih_l0"]) + 0.9  # so that no ReLU falls silent
    if cell not in ("rnn_tanh", "rnn_relu"):
        tensors["rnn.bias_ih_l0"][3:6] = -3.0
    network = Network(cell, tensors)
    norms = jacobian_norms(network, record(network, 0.1 * np.random.default_rng(0).random((784, 1)), 1))
    assert np.isfinite(norms).all()
    assert norms[0] < -400
    assert (np.diff(norms) > 0).all()  # every step contracts, so each is smaller than the next
