"""Why a gradient vanishes: spectra of the step Jacobians, the linear bound, the roads through an LSTM, half-lives."""

import numpy as np
import pytest
import torch

from rnnviz import initial, measures
from rnnviz.network import Network
from rnnviz.trace import record
from rnnviz.training import unrolled
from tests.cells.examples import CELLS, LSTMS, STATES, arrays, case

PLAIN = ("rnn_tanh", "rnn_relu", "rnn_sigmoid")


def step_jacobians(network, x, h0, layer) -> np.ndarray:
    """Return autograd's Jacobian of every single step, over all states together."""
    trace, states = record(network, x, 1, h0=h0), STATES[network.cell]
    weights = unrolled.layers(network)[layer]
    H = network.hidden_size
    state = torch.cat([torch.tensor(h0[layer]), torch.zeros(H, dtype=torch.float64)][: len(states)])
    found = []
    for t, x_t in enumerate(torch.tensor(x if layer == 0 else trace["h"][layer - 1])):

        def after(flat, x_t=x_t):
            values = unrolled.step(network.cell, weights, x_t, dict(zip(states, flat.split(H), strict=True)))
            return torch.cat([values[name] for name in states])

        found.append(torch.autograd.functional.jacobian(after, state).numpy())
        state = torch.cat([torch.tensor(trace[name][layer, t]) for name in states])
    return np.array(found)


@pytest.mark.parametrize("layer", [0, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_spectra_are_those_of_autograds_step_jacobians(cell, layer):
    network, x, h0 = case(cell, T=8, D=3, H=5, L=3, seed=4)
    spectra = measures.step_spectra(network, record(network, x, 1, h0=h0), layer)
    theirs = step_jacobians(network, x, h0, layer)
    sizes = np.linalg.svd(theirs, compute_uv=False)
    np.testing.assert_allclose(spectra.largest, sizes[:, 0], rtol=1e-12)
    np.testing.assert_allclose(spectra.smallest, sizes[:, -1], rtol=1e-9, atol=1e-14)
    radius = np.abs(np.linalg.eigvals(theirs)).max(axis=1)
    np.testing.assert_allclose(spectra.radius, radius, rtol=1e-6, atol=1e-7)  # eigenvalues of defective matrices move
    assert (spectra.radius <= spectra.largest * (1 + 1e-12)).all()
    assert (spectra.resolution < 1e-13 * spectra.largest.max()).all()


def test_a_silent_relu_makes_the_smallest_singular_value_exactly_zero():
    tensors = arrays("rnn_relu", D=2, H=4)
    tensors["rnn.bias_ih_l0"][2] = -50.0
    network = Network("rnn_relu", tensors)
    spectra = measures.step_spectra(network, record(network, np.ones((5, 2)), 0))
    assert (spectra.smallest == 0.0).all()
    assert (spectra.largest > 0.0).all()


@pytest.mark.parametrize("layer", [0, 1])
@pytest.mark.parametrize("cell", LSTMS)
def test_the_cells_road_is_a_block_of_the_product_of_autograds_step_jacobians(cell, layer):
    network, x, h0 = case(cell, T=14, D=3, H=4, L=2, seed=9)
    trace, steps = record(network, x, 1, h0=h0), step_jacobians(network, x, h0, layer)
    product, expected = np.eye(8), []
    for J in (*steps[:0:-1], None):
        expected.append([np.linalg.norm(block, ord=2) for block in (product[:4, :4], product[4:, 4:])])
        product = product if J is None else product @ J
    for of, norms in zip("hc", np.log10(expected[::-1]).T, strict=True):
        np.testing.assert_allclose(measures.jacobian_norms(network, trace, layer, of), norms, rtol=0, atol=1e-11)


def test_a_state_that_is_not_there_is_refused_by_name():
    network, x, _ = case("gru", T=3)
    with pytest.raises(ValueError, match="of must be one of h for this cell. Got 'c'"):
        measures.jacobian_norms(network, record(network, x, 0), of="c")


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("cell", PLAIN)
def test_no_jacobian_of_a_plain_rnn_exceeds_the_linear_bound(cell, gain):
    network = initial.network(cell, 4, 12, num_layers=2, seed=3, recurrent="orthogonal", gain=gain)
    trace = record(network, np.random.default_rng(1).random((30, 4)), 2)
    for layer in (0, 1):
        bound = measures.linear_bound(network, trace, layer)
        slope = 0.25 if cell == "rnn_sigmoid" else 1.0
        np.testing.assert_allclose(bound, np.arange(29, -1, -1) * np.log10(gain * slope), rtol=0, atol=1e-11)
        assert (measures.jacobian_norms(network, trace, layer) <= bound + 1e-11).all()


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_cell_with_gates_has_no_linear_bound(cell):
    network, x, _ = case(cell, T=3)
    for measure in (measures.linear_bound, measures.activation_slopes):
        with pytest.raises(ValueError, match=f"network must be a plain RNN. Got the cell '{cell}'"):
            measure(network, record(network, x, 0))


def test_without_recurrent_weights_the_bound_is_zero_but_at_the_last_step():
    network = Network("rnn_tanh", arrays("rnn_tanh", D=2, H=3) | {"rnn.weight_hh_l0": np.zeros((3, 3))})
    bound = measures.linear_bound(network, record(network, np.ones((4, 2)), 0))
    np.testing.assert_array_equal(bound, [-np.inf, -np.inf, -np.inf, 0.0])


@pytest.mark.parametrize("cell", PLAIN)
def test_activation_slopes_are_autograds(cell):
    network, x, h0 = case(cell, T=6, L=2)
    trace = record(network, x, 1, h0=h0)
    function = {"rnn_tanh": torch.tanh, "rnn_relu": torch.relu, "rnn_sigmoid": torch.sigmoid}[cell]
    for layer in (0, 1):
        a = torch.tensor(trace["a"][layer], requires_grad=True)
        function(a).sum().backward()
        np.testing.assert_allclose(measures.activation_slopes(network, trace, layer), a.grad, rtol=0, atol=1e-15)


@pytest.mark.parametrize("cell", ["lstm", "peephole_lstm", "gru"])
def test_the_direct_road_is_the_product_of_the_later_gates(cell):
    network, x, h0 = case(cell, T=9, L=2, seed=2)
    trace = record(network, x, 1, h0=h0)
    gate = trace["z" if cell == "gru" else "f"]
    for layer in (0, 1):
        road = measures.direct_road(trace, layer)
        for t in range(9):
            np.testing.assert_allclose(10 ** road[t], gate[layer, t + 1 :].prod(axis=0), rtol=1e-12)
        np.testing.assert_allclose(
            measures.half_lives(trace, layer), np.log(0.5) / np.log(gate[layer]).mean(axis=0), rtol=1e-12
        )


def test_with_gates_that_do_not_hear_the_state_the_direct_road_is_all_of_the_cells_jacobian():
    tensors = arrays("lstm", D=3, H=4) | {"rnn.weight_hh_l0": np.zeros((16, 4))}
    network = Network("lstm", tensors)
    trace = record(network, np.random.default_rng(0).random((12, 3)), 1)
    np.testing.assert_allclose(
        measures.jacobian_norms(network, trace, of="c"), measures.direct_road(trace).max(axis=1), rtol=0, atol=1e-12
    )


def test_half_lives_of_open_and_shut_gates():
    tensors = arrays("lstm", D=2, H=3) | {"rnn.weight_hh_l0": np.zeros((12, 3)), "rnn.weight_ih_l0": np.zeros((12, 2))}
    tensors["rnn.bias_ih_l0"] = np.zeros(12)
    tensors["rnn.bias_hh_l0"] = np.zeros(12)
    tensors["rnn.bias_ih_l0"][3:6] = [0.0, 800.0, -800.0]  # 1/2, 1 and exactly 0
    trace = record(Network("lstm", tensors), np.ones((5, 2)), 0)
    np.testing.assert_allclose(measures.half_lives(trace), [1.0, np.inf, 0.0])
    np.testing.assert_array_equal(measures.direct_road(trace)[0, 1:], [0.0, -np.inf])


def test_a_cell_without_such_a_gate_is_told_so():
    network, x, _ = case("rnn_tanh", T=3)
    with pytest.raises(ValueError, match="trace must be of a cell that has a gate to keep its state with"):
        measures.half_lives(record(network, x, 0))
