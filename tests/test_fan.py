"""The gradient fan: its curves are autograd's, at 28 steps and 784, and its bands are values that occur."""

import numpy as np
import pytest

from rnnviz import digits, fan, initial
from rnnviz.training import unrolled

BEGINNINGS = [
    fan.Beginning("rnn_tanh", hidden_size=12),
    fan.Beginning("rnn_relu", "orthogonal", 1.1, hidden_size=12),
    fan.Beginning("rnn_relu", "identity", hidden_size=12),
    fan.Beginning("rnn_sigmoid", "orthogonal", 3.0, hidden_size=12),
    fan.Beginning("rnn_tanh", "orthogonal", 1.0, num_layers=3, hidden_size=12),
    fan.Beginning("lstm", forget_bias=5.0, hidden_size=12),
    fan.Beginning("lstm", num_layers=3, hidden_size=12),
    fan.Beginning("gru", hidden_size=12),
    fan.Beginning("peephole_lstm", forget_bias=1.0, hidden_size=12),
    fan.Beginning("layernorm_lstm", hidden_size=12),
]
READINGS = [("rows", 0), ("rows", 28), ("pixels", 0), ("permuted", 0)]


def from_autograd(network, x: np.ndarray, label: int, state: str) -> np.ndarray:
    """Return log10 ‖∂L/∂s_t‖ of the first layer, as far as float64's squares hold it; else nan."""
    judge = unrolled.unroll(network, x)
    unrolled.backward(judge, "last", label)
    rows = unrolled.gradients(judge, state)[0]
    size = np.linalg.norm(rows, axis=1)
    return np.where((size > 1e-120) | ~rows.any(axis=1), np.log10(np.where(size, size, np.nan)), np.nan)


@pytest.mark.parametrize(("order", "delay"), READINGS)
@pytest.mark.parametrize("beginning", BEGINNINGS, ids=str)
def test_every_curve_is_autograds(beginning, order, delay):
    image, label = digits.sample(3)
    x = digits.as_sequences(image, order, delay)
    network = beginning.network(x.shape[1], 5)
    ours = fan.norms(network, x, label)
    assert set(ours) == set(beginning.states)
    for state, norms in ours.items():
        theirs = from_autograd(network, x, label, state)
        known = np.isfinite(theirs)
        assert known.sum() > 20
        # A step that expands a difference expands roundings too: the error is measured in the decades passed.
        np.testing.assert_allclose(norms[known], theirs[known], rtol=1e-10, atol=1e-7)
        assert np.isneginf(norms).sum() == 0 or beginning.recurrent in ("identity", "orthogonal")


def test_exact_zeros_of_the_identity_start_are_where_no_ink_has_been():
    image, label = digits.sample(3)
    ours = fan.norms(fan.Beginning("rnn_relu", "identity").network(28, 0), image, label)["h"]
    first = int(np.flatnonzero(image.any(axis=1))[0])
    # Up to the last blank row h is 0, and so is ReLU's slope there: nothing passes but from that row on.
    assert np.isneginf(ours[: first - 1]).all()
    assert np.isfinite(ours[first - 1 :]).all()


def test_an_untrained_lstm_vanishes_like_an_rnn_and_its_forget_bias_is_the_cure():
    def reach(beginning):
        network = beginning.network(28, 0)
        return fan.band(fan.relative(np.array([fan.norms(network, *digits.sample(k))["h"] for k in range(6)]))).median[
            0
        ]

    assert reach(fan.Beginning("rnn_tanh")) == pytest.approx(-6.8, abs=0.7)
    assert reach(fan.Beginning("lstm")) == pytest.approx(-6.4, abs=0.7)
    biases = [reach(fan.Beginning("lstm", forget_bias=b)) for b in (0.0, 1.0, 3.0, 5.0)]
    assert biases == sorted(biases)
    assert biases[-1] > -1.5


def test_the_network_is_the_one_that_a_training_run_starts_from():
    begun = fan.Beginning("lstm", forget_bias=1.0, hidden_size=8, num_layers=2).network(28, 7)
    same = initial.network("lstm", 28, 8, 2, seed=7, forget_bias=1.0)
    for name, array in begun.arrays.items():
        np.testing.assert_array_equal(array, same.arrays[name])


def test_norms_are_told_relative_to_the_last_step_where_there_is_one():
    norms = np.array([[-3.0, -1.0, -1.0], [-np.inf, -2.0, 0.0], [-1.0, -1.0, -np.inf]])
    np.testing.assert_array_equal(fan.relative(norms), [[-2.0, 0.0, 0.0], [-np.inf, -2.0, 0.0]])


def test_a_band_holds_values_that_occur_also_beside_exact_zeros():
    curves = np.array([[-np.inf, 0.0], [-np.inf, 1.0], [-4.0, 2.0], [-3.0, 3.0], [-2.0, 4.0]])
    band = fan.band(curves, 0.6)
    np.testing.assert_array_equal(band.median, [-4.0, 2.0])
    np.testing.assert_array_equal(band.low, [-np.inf, 0.0])
    np.testing.assert_array_equal(band.high, [-3.0, 3.0])
    assert np.isnan(fan.band(np.empty((0, 4)))).all()
