"""Values and gradients of every cell equal those of float64 autograd over cells unrolled with plain operations."""

import hypothesis
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnviz import initial
from rnnviz.measures import gradient_norms
from rnnviz.network import Network
from rnnviz.trace import LOSSES, record
from rnnviz.training import unrolled
from tests.cells.examples import CELLS, SIGNALS, STATES, arrays, case, cases, deterministic, label_for, projected

TOLERANCE = 1e-12


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference over the largest value; zeros must be zeros."""
    assert ours.shape == theirs.shape
    largest = np.abs(theirs).max()
    assert largest > 0 or not ours.any()
    return np.abs(ours - theirs).max() / largest if largest else 0.0


def prove(network: Network, x: np.ndarray, h0: np.ndarray | None, loss: str, label) -> None:
    """Compare everything in the trace with autograd, each layer's signal by its own largest value."""
    trace = record(network, x, label, h0=h0, loss=loss)
    judge = unrolled.unroll(network, x, h0)
    value = unrolled.backward(judge, loss, label)
    assert abs(trace.loss - value) <= TOLERANCE * abs(value)
    assert difference(trace["logits"], judge.logits.detach().numpy()) <= TOLERANCE
    assert difference(trace["probs"], judge.logits.detach().softmax(-1).numpy()) <= TOLERANCE
    assert set(trace.signals) == {*SIGNALS[network.cell], "x", "logits", "probs"}
    for name in SIGNALS[network.cell]:
        for ours, theirs in zip(trace[name], unrolled.values(judge, name), strict=True):
            assert difference(ours, theirs) <= TOLERANCE, name
    assert set(trace.grad) == {"a", *STATES[network.cell], "x", "logits"}
    for name in ("a", *STATES[network.cell]):
        for ours, theirs in zip(trace.grad[name], unrolled.gradients(judge, name), strict=True):
            assert difference(ours, theirs) <= TOLERANCE, f"dL/d{name}"
    assert difference(trace.grad["x"], unrolled.gradients(judge, "x")) <= TOLERANCE, "dL/dx"
    assert difference(trace.grad["logits"], judge.logits.grad.numpy()) <= TOLERANCE, "dL/dlogits"


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_values_and_gradients_of_any_network_equal_autograd(cell, loss):
    @hypothesis.seed(10 * CELLS.index(cell) + LOSSES.index(loss))  # other examples for each cell and loss
    @settings(deterministic, max_examples=30)
    @given(case=cases(cell), number=st.integers(0, 10_000))
    def holds(case, number):
        label = label_for(loss, len(case.x), case.network.num_classes, number)
        prove(case.network, case.x, case.h0, loss, label)

    holds()


@pytest.mark.parametrize("cell", CELLS)
def test_three_layers_over_200_steps_equal_autograd(cell):
    network, x, h0 = case(cell, T=200, D=10, H=24, L=3, K=10, seed=7)
    prove(network, x, h0, "last", 4)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_one_step_of_one_number_by_one_unit_equals_autograd(cell, loss):
    network, x, h0 = case(cell, T=1, D=1, H=1, K=2, seed=3)
    prove(network, x, h0, loss, label_for(loss, 1, 2))


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_starts_from_zero_where_no_start_is_given(cell):
    network, x, _ = case(cell, T=6, L=2)
    prove(network, x, None, "last", 1)
    assert not record(network, x, 1).h0.any()


@pytest.mark.parametrize("cell", CELLS)
def test_a_sequence_starts_from_the_networks_own_h0_unless_another_is_given(cell):
    tensors, (_, x, h0) = arrays(cell, D=3, H=5, L=2), case(cell, T=6, L=2)
    network = Network(cell, {**tensors, "h0": h0})
    own = record(network, x, 1)
    given_start = record(Network(cell, tensors), x, 1, h0=h0)
    np.testing.assert_array_equal(own.h0, h0)
    np.testing.assert_array_equal(own["h"], given_start["h"])
    np.testing.assert_array_equal(own.grad["x"], given_start.grad["x"])
    other = record(network, x, 1, h0=-h0)
    np.testing.assert_array_equal(other.h0, -h0)
    assert np.abs(other["h"] - own["h"]).max() > 0.01


@pytest.mark.parametrize("cell", CELLS)
def test_the_norm_of_every_single_step_equals_autograd_where_gradients_vanish(cell):
    gain = 2.0 if cell == "rnn_sigmoid" else 0.5  # with slopes up to 1/4 it would leave what a float's square holds
    network, x, h0 = case(cell, T=200, H=8, L=2, seed=11, gain=gain)
    trace = record(network, x, 2, h0=h0)
    judge = unrolled.unroll(network, x, h0)
    unrolled.backward(judge, "last", 2)
    assert gradient_norms(trace)[0] < -20  # vanished by twenty decades, so the largest entry says nothing of it
    for name in ("a", *STATES[cell]):
        for layer, rows in enumerate(unrolled.gradients(judge, name)):
            with np.errstate(divide="ignore"):  # units of ReLU that are all dead give exact zeros, in both
                norms = np.log10(np.linalg.norm(rows, axis=1))
            # A few roundings for each of the 200 steps passed add up; as a share of the norm 2.3 times this.
            np.testing.assert_allclose(gradient_norms(trace, name, layer), norms, rtol=0, atol=1e-12)


@settings(deterministic, max_examples=40)
@given(
    T=st.integers(1, 200), L=st.integers(1, 3), D=st.integers(1, 4), H=st.integers(1, 4), seed=st.integers(0, 10_000)
)
def test_normalised_layers_of_any_size_equal_autograd_where_epsilon_counts(T, L, D, H, seed):
    # Without ε, LN(w x) is LN(w) sign(x), and LN of two cells the sign of their difference: the true gradient is what
    # ε leaves of terms that cancel, ε / var of them. Signals this small keep its digits.
    tensors = arrays("layernorm_lstm", D, H, L, seed=seed)
    for k in range(L):
        tensors[f"rnn.weight_ih_l{k}"] *= 0.01
        tensors[f"rnn.bias_ih_l{k}"][:H] -= 5.0  # the input gate hardly opens
    random = np.random.default_rng(seed + 1)
    x, h0 = random.standard_normal((T, D)), random.uniform(-1, 1, (L, H))
    prove(Network("layernorm_lstm", tensors), x, h0, "last", 1)


def test_normalisation_with_the_gains_that_training_starts_from_equals_autograd():
    # Gains of 1 expand a difference at every step, and with it each rounding: this holds for some steps only.
    network = initial.network("layernorm_lstm", input_size=10, hidden_size=16, num_layers=2, seed=3)
    prove(network, np.random.default_rng(0).random((10, 10)), None, "last", 4)


def test_rows_of_nothing_are_normalised_to_nothing():
    network, x, _ = case("layernorm_lstm", T=8, D=4, L=2)
    x[2:5] = 0.0
    prove(network, x, None, "last", 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_network_with_a_projection_equals_autograd(cell, loss):
    network = Network(cell, projected(cell, D=4, H=5, L=2, P=7, seed=1))
    x, h0 = np.random.default_rng(2).standard_normal((30, 4)), np.random.default_rng(3).uniform(-1, 1, (2, 5))
    assert (network.input_size, network.shared) == (4, False)
    prove(network, x, h0, loss, label_for(loss, 30, 3))


@pytest.mark.parametrize("cell", CELLS)
def test_layers_that_share_their_weights_equal_autograd(cell):
    network = Network(cell, projected(cell, D=4, H=6, L=3, seed=1))
    x, h0 = np.random.default_rng(2).standard_normal((60, 4)), np.random.default_rng(3).uniform(-1, 1, (3, 6))
    assert network.shared
    prove(network, x, h0, "last", 1)


def test_the_slope_of_relu_at_exactly_zero_is_zero_as_in_torch():
    tensors = arrays("rnn_relu", D=2, H=3)
    tensors |= {"rnn.bias_ih_l0": np.zeros(3), "rnn.bias_hh_l0": np.zeros(3)}
    x = np.array([[1.0, -1.0], [0.5, 1.0], [0.0, 0.0]])
    network = Network("rnn_relu", tensors)
    prove(network, x * 0.0, None, "last", 0)
    prove(network, x, None, "every", np.array([0, 1, 2]))
    assert not record(network, x * 0.0, 0).grad["a"].any()


def test_the_predicted_class_is_the_label_where_none_is_given():
    network, x, h0 = case("lstm", T=5)
    trace = record(network, x, h0=h0)
    assert trace.label == trace.prediction == trace["logits"][-1].argmax()
    np.testing.assert_array_equal(trace.grad["x"], record(network, x, trace.label, h0=h0).grad["x"])
