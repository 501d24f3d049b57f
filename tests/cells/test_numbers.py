"""Numbers read off a trace: contributions to ∂L/∂W_hh, norms, decisions, saturation."""

from dataclasses import replace

import numpy as np
import pytest

from rnnviz.measures import decision_step, gate_saturation, gradient_norms, weight_contributions
from rnnviz.network import Network
from rnnviz.trace import LOSSES, Signals, record
from rnnviz.training import unrolled
from tests.cells.examples import CELLS, LSTMS, arrays, case, label_for


def with_signals(trace, **signals):
    """Return the trace with signals written by hand."""
    return replace(trace, signals=Signals({**trace.signals, **signals}))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layer", [0, 1, -1])
@pytest.mark.parametrize("cell", CELLS)
def test_weight_contributions_equal_autograds_gradient_in_a_copy_of_w_hh_per_step(cell, layer, loss):
    network, x, h0 = case(cell, T=20, H=6, L=2, seed=10)
    label = label_for(loss, 20, 3)
    judge = unrolled.unroll(network, x, h0, separate=True)
    unrolled.backward(judge, loss, label)
    expected = np.array([np.linalg.norm(W.grad.numpy()) for W in judge.W_hh[layer]])
    with np.errstate(divide="ignore"):  # where all of a layer's ReLUs are silent both must be exactly zero
        expected = np.log10(expected)
    ours = weight_contributions(network, record(network, x, label, h0=h0, loss=loss), layer)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-12)
    assert np.isfinite(ours).sum() >= 10


@pytest.mark.parametrize("cell", CELLS)
def test_the_first_step_contributes_exactly_nothing_where_the_start_is_zero(cell):
    network, x, _ = case(cell, T=5)
    contributions = weight_contributions(network, record(network, x, 1))
    assert np.isneginf(contributions[0])
    assert np.isfinite(contributions[1:]).all()


@pytest.mark.parametrize("of", ["h", "a", "x"])
@pytest.mark.parametrize("cell", CELLS)
def test_gradient_norms_are_decimal_logarithms_of_euclidean_norms(cell, of):
    network, x, h0 = case(cell, T=8, L=2)
    trace = record(network, x, 1, h0=h0)
    for layer in (0, 1):
        rows = trace.grad["x"] if of == "x" else trace.grad[of][layer]
        expected = np.log10(np.linalg.norm(rows, axis=1))
        np.testing.assert_allclose(gradient_norms(trace, of, layer), expected, rtol=0, atol=1e-14)
    if of == "h":  # the defaults: the hidden state of the top layer
        np.testing.assert_array_equal(gradient_norms(trace), gradient_norms(trace, "h", 1))


@pytest.mark.parametrize("cell", CELLS)
def test_relative_norms_are_ratios_to_the_last_step(cell):
    network, x, h0 = case(cell, T=8)
    trace = record(network, x, 1, h0=h0)
    norms, relative = gradient_norms(trace), gradient_norms(trace, relative=True)
    np.testing.assert_array_equal(relative, norms - norms[-1])
    assert relative[-1] == 0.0


def test_relative_norms_keep_exact_zeros_and_are_nan_where_the_last_is_zero():
    tensors = arrays("rnn_relu", D=1, H=3)
    silent = Network("rnn_relu", {**tensors, "rnn.bias_ih_l0": np.full(3, -50.0)})
    trace = record(silent, np.ones((4, 1)), 1)
    np.testing.assert_array_equal(gradient_norms(trace, "h", relative=True), [-np.inf] * 3 + [0.0])
    assert np.isneginf(gradient_norms(trace, "x")).all()
    assert np.isnan(gradient_norms(trace, "x", relative=True)).all()


def test_a_network_with_one_class_cannot_err_and_has_no_gradient():
    network, x, _ = case("gru", T=4, K=1)
    trace = record(network, x, 0)
    assert trace.loss == 0.0
    assert np.isneginf(gradient_norms(trace)).all()


def test_gradient_norms_of_what_has_no_gradient_name_what_has():
    network, x, _ = case("lstm", T=4)
    with pytest.raises(KeyError, match="signal must be one of a, h, c, x, logits. Got 'f'"):
        gradient_norms(record(network, x, 1), "f")


def test_the_logits_have_a_gradient_at_the_last_step_only():
    network, x, _ = case("lstm", T=4)
    norms = gradient_norms(record(network, x, 1), "logits")
    assert np.isneginf(norms[:-1]).all()
    assert np.isfinite(norms[-1])


@pytest.mark.parametrize(
    ("answers", "step"),
    [([2], 0), ([1, 1, 1], 0), ([0, 1, 1], 1), ([1, 0, 1, 2, 1, 1], 4), ([0, 0, 0, 1], 3), ([1, 0, 1], 2)],
)
def test_a_network_has_decided_from_the_step_on_after_which_its_answer_stays(answers, step):
    network, x, _ = case("rnn_tanh", T=len(answers))
    trace = with_signals(record(network, x, 0), logits=np.eye(3)[answers])
    assert decision_step(trace) == step
    assert trace.prediction == answers[-1]


def test_gate_saturation_counts_units_below_and_above_the_thresholds():
    network, x, _ = case("lstm", T=2, H=4)
    f = np.array([[[0.05, 0.95, 0.99, 0.5], [0.1, 0.9, 0.02, 0.01]]])  # a gate on the threshold is not beyond it
    trace = with_signals(record(network, x, 0), f=f)
    np.testing.assert_array_equal(gate_saturation(trace, "f"), [[[0.25, 0.5], [0.5, 0.0]]])
    np.testing.assert_array_equal(gate_saturation(trace, "f", low=0.5, high=0.5), [[[0.25, 0.5], [0.75, 0.25]]])


@pytest.mark.parametrize(
    ("cell", "gates"), [("lstm", "i, f, o"), ("layernorm_lstm", "i, f, o"), ("gru", "r, z"), ("rnn_tanh", "none")]
)
def test_saturation_of_what_is_no_gate_names_the_gates(cell, gates):
    network, x, _ = case(cell, T=2)
    with pytest.raises(ValueError, match=f"gate must be one of {gates}.*Got 'h'"):
        gate_saturation(record(network, x, 0), "h")


def test_every_gate_has_a_saturation_of_its_own_shape():
    for cell, gates in (*((cell, "ifo") for cell in LSTMS), ("gru", "rz")):
        network, x, _ = case(cell, T=6, L=2)
        trace = record(network, x, 0)
        for gate in gates:
            shares = gate_saturation(trace, gate)
            assert shares.shape == (2, 6, 2)
            assert (shares >= 0).all()
            assert (shares.sum(axis=-1) <= 1).all()
