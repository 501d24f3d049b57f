"""Numbers far outside float64's range, and exact zeros: what the log axis of a gradient shows must be true."""

import math
from fractions import Fraction
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnviz.cells import CELLS as KINDS
from rnnviz.cells import scan
from rnnviz.measures import gradient_norms, jacobian_norms, log10_norm, weight_contributions
from rnnviz.network import Network
from rnnviz.trace import record
from tests.cells import exact
from tests.cells.examples import BLOCKS, CELLS, LSTMS, arrays, case, deterministic, extras

T = 784

# log10 of a norm of 10^±470 has a spacing of 6e-14, and each of 784 steps adds a rounding or two to the norm itself.
LOG_TOLERANCE = 2e-12


def orthogonal(H: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((H, H)))[0]


def resting(cell: str, block: int, W: np.ndarray) -> Network:
    """Return a network without biases whose W_hh is W in one block and 0 elsewhere: fed zeros it rests at h = 0."""
    H, G = len(W), BLOCKS[cell]
    W_hh = np.zeros((G, H, H))
    W_hh[block] = W
    head = np.random.default_rng(1).standard_normal((3, H))
    names = {"rnn.weight_ih_l0": np.ones((G * H, 1)), "rnn.weight_hh_l0": W_hh.reshape(G * H, H), "head.weight": head}
    return Network(cell, names | extras(cell, H))


def readout_norm(network: Network, trace) -> float:
    """Return log10 ‖∂L/∂h_T‖ = log10 ‖Wᵀ(p - y)‖."""
    error = trace["probs"][-1] - np.eye(network.num_classes)[trace.label]
    return np.log10(np.linalg.norm(error @ network.head[0]))


@pytest.mark.parametrize("gain", [0.25, 0.3, 4.0, 3.7])
def test_a_tanh_network_at_rest_scales_the_gradient_by_its_gain_at_every_step(gain):
    network = resting("rnn_tanh", 0, gain * orthogonal(6))
    trace = record(network, np.zeros((T, 1)), 1)
    expected = readout_norm(network, trace) + np.arange(T - 1, -1, -1) * np.log10(gain)
    assert abs(expected[0]) > 400
    np.testing.assert_allclose(gradient_norms(trace), expected, rtol=0, atol=LOG_TOLERANCE)
    np.testing.assert_allclose(gradient_norms(trace, "a"), expected, rtol=0, atol=LOG_TOLERANCE)
    np.testing.assert_allclose(jacobian_norms(network, trace), expected - expected[-1], rtol=0, atol=LOG_TOLERANCE)


def test_a_relu_network_that_is_never_silent_is_linear_down_to_its_last_step():
    s, H = 0.3, 4
    tensors = arrays("rnn_relu", D=2, H=H)
    tensors |= {"rnn.weight_hh_l0": s * np.eye(H), "rnn.weight_ih_l0": np.abs(tensors["rnn.weight_ih_l0"])}
    tensors |= {"rnn.bias_ih_l0": np.full(H, 0.1), "rnn.bias_hh_l0": np.zeros(H)}
    network, x = Network("rnn_relu", tensors), np.random.default_rng(0).random((T, 2))
    trace = record(network, x, 1)
    assert (trace["a"] > 0).all()
    carried = np.arange(T - 1, -1, -1) * np.log10(s)
    np.testing.assert_allclose(
        gradient_norms(trace), readout_norm(network, trace) + carried, rtol=0, atol=LOG_TOLERANCE
    )
    to_x = np.log10(np.linalg.norm(trace.grad["h"][0, -1] @ network.layers[0].W_ih))
    np.testing.assert_allclose(gradient_norms(trace, "x"), to_x + carried, rtol=0, atol=LOG_TOLERANCE)
    h_prev = np.concatenate([np.zeros((1, H)), trace["h"][0, :-1]])
    with np.errstate(divide="ignore"):
        from_h = np.log10(np.linalg.norm(h_prev, axis=1))
    expected = readout_norm(network, trace) + carried + from_h
    np.testing.assert_allclose(weight_contributions(network, trace), expected, rtol=0, atol=LOG_TOLERANCE)
    assert np.isneginf(weight_contributions(network, trace)[0])  # h_0 is 0
    assert np.isfinite(weight_contributions(network, trace)[1:]).all()


@pytest.mark.parametrize("w", [-1.3, 14.7])
def test_a_gru_at_rest_scales_the_gradient_by_what_its_gates_let_through(w):
    network = resting("gru", 2, w * np.eye(3))  # r = z = 1/2, so dh_{t-1} = (z + (1 - z) r w) dh_t
    trace = record(network, np.zeros((T, 1)), 1)
    expected = readout_norm(network, trace) + np.arange(T - 1, -1, -1) * np.log10(0.5 + 0.25 * w)
    assert abs(expected[0]) > 450
    np.testing.assert_allclose(gradient_norms(trace), expected, rtol=0, atol=LOG_TOLERANCE)


@pytest.mark.parametrize("w", [-0.75, 30.0])
@pytest.mark.parametrize(
    "cell", ["lstm", "peephole_lstm", "peephole_lstm_full"]
)  # peepholes have nothing to see at c = 0
def test_an_lstm_at_rest_carries_both_gradients_as_exact_fractions_do(cell, w):
    network = resting(cell, 2, w * np.eye(1))  # i = f = o = 1/2 and g = c = h = 0
    trace = record(network, np.zeros((T, 1)), 1)
    dh, dc, half = Fraction(float(trace.grad["h"][0, -1, 0])), Fraction(0), Fraction(1, 2)
    of_h, of_c = np.empty(T), np.empty(T)
    for t in range(T - 1, -1, -1):
        dc = half * dh + dc  # through h_t = o tanh(c_t), and what came from c_{t+1}
        of_h[t], of_c[t] = log10_of(dh), log10_of(dc)
        dh, dc = Fraction(w) * half * dc, half * dc
    assert abs(of_c[0]) > 100
    np.testing.assert_allclose(gradient_norms(trace, "h"), of_h, rtol=0, atol=LOG_TOLERANCE)
    np.testing.assert_allclose(gradient_norms(trace, "c"), of_c, rtol=0, atol=LOG_TOLERANCE)


@pytest.mark.parametrize("w", [-0.003, 0.3])
def test_a_layernorm_lstm_at_rest_carries_both_gradients_as_many_digits_do(w):
    H = 3
    rest = resting("layernorm_lstm", 2, w * orthogonal(H))
    network = Network(rest.cell, {**rest.arrays, "rnn.bias_c_l0": np.zeros(H)})  # i = f = o = 1/2 and g = c = h = 0
    trace = record(network, np.zeros((T, 1)), 1)
    W = network.layers[0].W_hh[2 * H : 3 * H]
    gain_hh, gain_c = (network.layers[0].extras[name] for name in ("gain_hh", "gain_c"))
    with mpmath.workdps(30):
        steep = 1 / mpmath.sqrt(mpmath.mpf("1e-5"))  # normalisation's slope at 0, but for the mean
        dh, dc = mpmath.matrix(trace.grad["h"][0, -1]), mpmath.zeros(H, 1)
        of_h, of_c = np.empty(T), np.empty(T)
        to_c = mpmath.matrix((np.eye(H) - 1 / H) * gain_c) * steep / 2
        to_h = mpmath.matrix(W.T @ ((np.eye(H) - 1 / (4 * H)) * gain_hh[2 * H : 3 * H])) * steep / 2
        for t in range(T - 1, -1, -1):
            dc = to_c * dh + dc
            of_h[t], of_c[t] = (float(mpmath.log10(mpmath.norm(gradient))) for gradient in (dh, dc))
            dh, dc = to_h * dc, dc / 2
    assert abs(of_h[0]) > 150
    np.testing.assert_allclose(gradient_norms(trace, "h"), of_h, rtol=0, atol=LOG_TOLERANCE)
    np.testing.assert_allclose(gradient_norms(trace, "c"), of_c, rtol=0, atol=LOG_TOLERANCE)


def log10_of(fraction: Fraction) -> float:
    # The integers have thousands of digits, of which math.log10 sees the leading ones exactly enough.
    return math.log10(abs(fraction.numerator)) - math.log10(fraction.denominator)


class Rate(NamedTuple):
    """How fast a layer forgets: the spectral norm of its W_hh and what is added to the bias of its keeping gate."""

    gain: float
    keep: float


FAST, SLOW = Rate(0.01, -5.0), Rate(0.04, -3.8)


def shrinking(cell: str, H: int, rates: tuple[Rate, ...]) -> Network:
    """Return a random network, one layer for each rate."""
    tensors = arrays(cell, D=1, H=H, L=len(rates), K=2, seed=5)
    for k, rate in enumerate(rates):
        matrix_or_gain = "gain" if cell == "layernorm_lstm" else "weight"  # the norm of the matrix is normalised away
        tensors[f"rnn.{matrix_or_gain}_hh_l{k}"] *= rate.gain / 0.9
        if "peephole" in cell:
            tensors[f"rnn.weight_ch_l{k}"] *= rate.gain / 0.9
        if cell != "rnn_tanh":  # the second block keeps the old state: f of an LSTM, z of a GRU
            tensors[f"rnn.bias_ih_l{k}"][H : 2 * H] += rate.keep
    return Network(cell, tensors)


@pytest.mark.parametrize(
    ("cell", "H", "T", "rate"),
    [
        ("rnn_tanh", 1, 784, Rate(0.4, 0.0)),
        ("lstm", 1, 784, Rate(0.3, -1.65)),
        ("gru", 1, 784, Rate(0.3, -0.6)),
        ("peephole_lstm", 1, 784, Rate(0.3, -1.8)),
        ("peephole_lstm_full", 2, 400, Rate(0.3, -2.35)),
        ("layernorm_lstm", 3, 275, Rate(0.3, -5.0)),  # of two cells, normalisation would leave mostly cancellation
    ],
)
def test_gradients_below_1e_400_equal_difference_quotients_of_many_digits(cell, H, T, rate):
    network, x = shrinking(cell, H=H, rates=(rate,)), np.random.default_rng(2).standard_normal((T, 1))
    trace = record(network, x, 0)
    signals = ("h", "x", *network.kind.states[1:])
    places = [(signal, 0, 0) for signal in signals]
    for signal, expected in zip(signals, exact.log10_norms(network, x, 0, places, digits=490), strict=True):
        assert -445 < expected < -400
        assert abs(gradient_norms(trace, signal)[0] - expected) <= LOG_TOLERANCE, signal
        assert not trace.grad[signal][..., 0, :].any()  # which float64 itself cannot hold


@pytest.mark.parametrize("rates", [(FAST, SLOW), (SLOW, FAST)], ids=["lower forgets faster", "upper forgets faster"])
@pytest.mark.parametrize("cell", ["rnn_tanh", "gru", *LSTMS])
def test_layers_that_forget_at_different_rates_equal_difference_quotients(cell, rates):
    H = 3 if cell == "layernorm_lstm" else 2
    network, x = shrinking(cell, H=H, rates=rates), np.random.default_rng(2).standard_normal((110, 1))
    trace = record(network, x, 0)
    assert trace.exponent[:, 0].all()
    assert rates == (FAST, SLOW) or (trace.exponent[1] < trace.exponent[0]).any()
    expectations = exact.log10_norms(network, x, 0, [("h", 0, 0), ("h", 1, 0)], digits=320)
    for layer, expected in enumerate(expectations):
        assert -275 < expected < -140
        assert abs(gradient_norms(trace, "h", layer)[0] - expected) <= LOG_TOLERANCE


@pytest.mark.parametrize("cell", CELLS)
def test_carrying_exponents_changes_no_bit_of_a_gradient(cell, monkeypatch):
    network, x, h0 = case(cell, T=40, L=2, seed=4)
    plain = record(network, x, 1, h0=h0)
    monkeypatch.setattr(scan, "SMALL", np.inf)  # now no number is comfortable, so that every step is rescaled
    carried = record(network, x, 1, h0=h0)
    assert not plain.exponent.any()
    assert (carried.exponent[0] != carried.exponent[1]).any()
    for name in plain.grad:
        np.testing.assert_array_equal(plain.grad[name], carried.grad[name])
    for layer in (0, 1):
        pairs = [(gradient_norms(trace, name, layer) for trace in (plain, carried)) for name in plain.grad]
        for ours, theirs in [*pairs, (weight_contributions(network, trace, layer) for trace in (plain, carried))]:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "layernorm_lstm"])  # which takes no size from W_ih
def test_a_projection_by_two_equals_doubled_matrices_down_to_1e_400(cell):
    tensors, x = shrinking(cell, H=5, rates=(Rate(0.2, -2.0),)).arrays, np.random.default_rng(2).random((T, 1))
    half = {"rnn.weight_ih_l0": tensors["rnn.weight_ih_l0"] / 2, "project.weight": np.full((1, 1), 2.0)}
    plain, through = record(Network(cell, tensors), x, 0), record(Network(cell, {**tensors, **half}), x, 0)
    np.testing.assert_array_equal(through.mantissa["x"], plain.mantissa["x"])
    np.testing.assert_array_equal(gradient_norms(through, "x"), gradient_norms(plain, "x"))
    assert gradient_norms(through, "x")[0] < -400 or cell == "rnn_relu"


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_does_not_depend_on_the_exponents_it_is_handed_over_with(cell):
    (weights,), x, kind = case(cell, T=60, seed=6)[0].layers, np.random.default_rng(0).random((60, 3)), KINDS[cell]
    values = kind.forward(weights, x, np.zeros(5))

    @settings(deterministic, max_examples=30)
    @given(seed=st.integers(0, 1000), spread=st.sampled_from([1, 30, 460, 900]), shift=st.integers(-4000, 4000))
    def holds(seed, spread, shift):
        random = np.random.default_rng(seed)
        direct = random.standard_normal((60, 5)) * (random.random((60, 1)) < 0.3)  # most steps get nothing
        plain, no_exponent = kind.backward(weights, values, direct, np.zeros(60, dtype=np.int64))
        shifts = random.integers(-spread, spread + 1, 60)
        mantissa, exponent = kind.backward(weights, values, np.ldexp(direct, shifts[:, None]), shift - shifts)
        assert not no_exponent.any()
        for name, array in plain.items():
            np.testing.assert_array_equal(
                np.ldexp(mantissa[name], (exponent - shift)[:, None]), np.ldexp(array, no_exponent[:, None])
            )

    holds()


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_near_the_smallest_number_lose_no_digits(cell):
    (weights,), kind = case(cell, T=20, seed=6)[0].layers, KINDS[cell]
    values = kind.forward(weights, np.random.default_rng(0).random((20, 3)), np.zeros(5))
    direct = np.random.default_rng(1).uniform(0.5, 1.0, (20, 5))  # times 2^-1021: normal numbers, their products not
    plain, _ = kind.backward(weights, values, direct, np.zeros(20, dtype=np.int64))
    mantissa, exponent = kind.backward(weights, values, np.ldexp(direct, -1021), np.zeros(20, dtype=np.int64))
    for name, array in plain.items():
        np.testing.assert_array_equal(np.ldexp(mantissa[name], (exponent + 1021)[:, None]), array)


@pytest.mark.parametrize("cell", CELLS)
def test_a_readout_of_1e_250_shifts_every_norm_by_250_decades(cell):
    tensors = arrays(cell, D=3, H=5, L=2)
    x = np.random.default_rng(0).standard_normal((50, 3))
    tensors["head.bias"] = np.array([0.3, 0.1, -0.2])
    norms = {}
    for scale in (1e-10, 1e-250):  # at 1e-10 already the scores are the bias, so that both have the same error p - y
        network = Network(cell, {**tensors, "head.weight": tensors["head.weight"] * scale})
        trace = record(network, x, 1)
        norms[scale] = [gradient_norms(trace, name, layer) for name in ("h", "a", "x") for layer in (0, 1)]
    # The two biases differ from the scores by 1e-10, and so do the errors.
    np.testing.assert_allclose(np.array(norms[1e-250]) + 240, norms[1e-10], rtol=0, atol=1e-9)


def test_a_gradient_beyond_float64_is_infinite_in_grad_and_finite_in_its_norm():
    trace = record(resting("rnn_tanh", 0, 4.0 * np.eye(3)), np.zeros((T, 1)), 1)
    assert np.isinf(trace.grad["h"][0, 0]).all()
    assert np.isinf(trace.grad["x"][0]).all()
    assert np.isfinite(trace.mantissa["h"]).all()
    assert gradient_norms(trace)[0] > 400


def test_a_dead_relu_network_has_gradients_of_exactly_zero_and_only_behind_its_death():
    tensors = arrays("rnn_relu", D=1, H=4)
    network, x = Network("rnn_relu", tensors), np.ones((30, 1))
    tensors |= {"rnn.weight_ih_l0": np.ones((4, 1)), "rnn.weight_hh_l0": 0.5 * np.eye(4)}
    network = Network("rnn_relu", tensors | {f"rnn.bias_{side}_l0": np.zeros(4) for side in ("ih", "hh")})
    x[11] = -100.0  # at which every unit falls silent
    trace = record(network, x, 1)
    silent = np.arange(30) < 11
    np.testing.assert_array_equal(np.isneginf(gradient_norms(trace)), silent)
    np.testing.assert_array_equal(np.isneginf(jacobian_norms(network, trace)), silent)
    for name in ("a", "x"):  # those of step 11 itself are zero as well, h_11 is beyond them
        np.testing.assert_array_equal(np.isneginf(gradient_norms(trace, name)), np.arange(30) <= 11)
    assert jacobian_norms(network, trace)[-1] == 0.0


def test_zeros_behind_gradients_of_1e_470_are_told_apart_from_them():
    network = resting("rnn_relu", 0, 0.25 * np.eye(3))
    x = np.ones((T, 1))
    x[:5] = -1.0
    trace = record(network, x, 1)
    norms = gradient_norms(trace)
    assert np.isneginf(norms[:4]).all()
    assert np.isfinite(norms[4:]).all()
    assert norms[4] < -465
    assert np.isneginf(jacobian_norms(network, trace)[:4]).all()
    assert np.isfinite(jacobian_norms(network, trace)[4:]).all()


@pytest.mark.parametrize("cell", CELLS)
def test_only_the_hidden_state_of_the_last_step_has_a_gradient_where_nothing_recurs(cell):
    tensors = arrays(cell, D=3, H=5)
    tensors["rnn.weight_hh_l0"] = np.zeros_like(tensors["rnn.weight_hh_l0"])
    norms = gradient_norms(record(Network(cell, tensors), np.random.default_rng(0).random((9, 3)), 1))
    assert np.isfinite(norms[-1])
    if cell == "gru":  # whose z keeps the old state without any weight
        assert np.isfinite(norms).all()
    else:
        assert np.isneginf(norms[:-1]).all()


@pytest.mark.parametrize("gap", [45.0, 300.0, 690.0])
def test_a_network_that_is_sure_still_has_the_gradient_that_many_digits_give(gap):
    tensors = arrays("lstm", D=3, H=5)
    tensors["head.bias"] = np.array([0.0, gap, 1.0])
    network, x = Network("lstm", tensors), np.random.default_rng(0).random((8, 3))
    trace = record(network, x, 1)
    assert trace["probs"][-1, 1] == 1.0
    assert trace["logits"][-1, 1] - trace["logits"][-1, 2] > 40
    with mpmath.workdps(400):
        scores = [mpmath.exp(mpmath.mpf(float(score))) for score in trace["logits"][-1]]
        error = [score / sum(scores) - (k == 1) for k, score in enumerate(scores)]
        rows = [[mpmath.mpf(float(weight)) for weight in row] for row in network.head[0].T]
        expected = mpmath.log10(mpmath.norm([mpmath.fdot(row, error) for row in rows]))
    # exp(-690) is known to 690 roundings of its argument, 1e-13.
    assert abs(gradient_norms(trace)[-1] - float(expected)) <= 1e-12
    assert np.isfinite(gradient_norms(trace)).all()


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e-300, 1e300])
def test_log10_norm_is_right_for_rows_of_any_size(scale):
    rows = np.array([[3.0, -4.0, 0.0], [0.0, 0.0, 1.0]]) * scale
    np.testing.assert_allclose(log10_norm(rows), np.log10([5.0, 1.0]) + np.log10(scale), rtol=1e-15, atol=1e-15)


def test_log10_norm_is_right_for_denormal_numbers():
    tiny = 5e-324  # the smallest number there is; a multiple of it by an integer is exact
    expected = [float(mpmath.log10(mpmath.mpf(tiny) * 5)), float(mpmath.log10(mpmath.mpf(tiny)))]
    np.testing.assert_allclose(log10_norm(np.array([[3 * tiny, 4 * tiny], [0, tiny]])), expected, rtol=1e-15)


def test_log10_norm_of_a_row_of_zeros_is_minus_infinity_and_of_no_other():
    rows = np.array([[0.0, 0.0], [0.0, 5e-324], [-0.0, 0.0], [1e308, 1e308]])
    np.testing.assert_array_equal(np.isneginf(log10_norm(rows)), [True, False, True, False])
    np.testing.assert_array_equal(np.isneginf(log10_norm(rows, np.array([5, -5000, -3, 4000]))), [True, False] * 2)


def test_log10_norm_counts_the_exponent():
    rows, exponent = np.array([[3.0, 4.0], [0.6, 0.8]]), np.array([-2000, 3000])
    expected = np.log10([5.0, 1.0]) + exponent * math.log10(2)
    np.testing.assert_allclose(log10_norm(rows, exponent), expected, rtol=1e-15)


@settings(deterministic, max_examples=100)
@given(
    row=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6),
    exponent=st.integers(-5000, 5000),
)
def test_log10_norm_of_any_row_equals_that_of_many_digits(row, exponent):
    if not any(row):
        assert np.isneginf(log10_norm(np.array(row), exponent))
        return
    with mpmath.workdps(700):
        expected = mpmath.log10(mpmath.norm([mpmath.mpf(v) for v in row]) * mpmath.mpf(2) ** exponent)
    # log10 of a norm near 1 is near 0, and there an absolute error counts: that of the largest term.
    np.testing.assert_allclose(log10_norm(np.array(row), exponent), float(expected), rtol=1e-14, atol=1e-12)
