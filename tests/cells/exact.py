"""Gradients with as many digits as wanted: difference quotients of a loss computed by mpmath.

Nothing is differentiated here. The forward pass alone is written down, from PyTorch's documented equations (for
rnn_tanh, LSTM and GRU) and the papers (for peepholes and layer normalisation), so that no mistake in a backward pass
can hide, and no number is too small or too large.
"""

from functools import partial
from typing import NamedTuple

import mpmath
import numpy as np

from rnnviz.network import Network

STEP = mpmath.mpf(10) ** -25  # of the difference quotient, whose relative error is about as small


class Nudge(NamedTuple):
    """One number of one signal that is moved by STEP after it was computed."""

    signal: str  # "h", "c" (of a layer) or "x"
    layer: int
    t: int
    unit: int


def log10_norms(
    network: Network, x: np.ndarray, label: int, places: list[tuple[str, int, int]], digits: int
) -> list[float]:
    """Return log10 ‖∂L/∂s_t‖ for every (signal s, layer, t), L the cross-entropy after the last step.

    `digits` must exceed minus the smallest of them by 45.
    """
    with mpmath.workdps(digits):
        at_rest, norms = loss(network, x, label), []
        for signal, layer, t in places:
            width = network.input_size if signal == "x" else network.hidden_size
            moved = [loss(network, x, label, Nudge(signal, layer, t, unit)) for unit in range(width)]
            norms.append(float(mpmath.log10(mpmath.norm([(value - at_rest) / STEP for value in moved]))))
        return norms


def loss(network: Network, x: np.ndarray, label: int, nudge: Nudge | None = None) -> mpmath.mpf:
    """Return the cross-entropy after the last step at mpmath's working precision."""
    zeros = [mpmath.mpf(0)] * network.hidden_size
    states = [{"h": zeros, "c": zeros} for _ in network.layers]
    layers = [
        (*map(_numbers, weights[:4]), {name: _numbers(array) for name, array in weights.extras.items()})
        for weights in network.layers
    ]
    for t, row in enumerate(x):
        values = _moved(nudge, 0, t, "x", _numbers(row))
        for k, weights in enumerate(layers):
            states[k] = _step(network.cell, *weights, values, **states[k], move=partial(_moved, nudge, k, t))
            values = states[k]["h"]
    weight, bias = (_numbers(array) for array in network.head)
    return cross_entropy(_sums(_products(weight, values), bias), label)


def cross_entropy(logits: list, label: int) -> mpmath.mpf:
    """Return -log softmax(logits)[label]."""
    return mpmath.log(sum(mpmath.exp(score - logits[label]) for score in logits))


def _step(cell: str, W_ih, W_hh, b_ih, b_hh, extras, x, h, c, move) -> dict:
    """Return the states after one step; move(signal, values) is called on each as soon as it is known."""
    from_x, from_h = _products(W_ih, x), _products(W_hh, h)
    if cell == "layernorm_lstm":
        from_x, from_h = _normalised(from_x, extras["gain_ih"]), _normalised(from_h, extras["gain_hh"])
    from_x, from_h = _sums(from_x, b_ih), _sums(from_h, b_hh)
    H = len(h)
    a = _sums(from_x, from_h)
    if "peephole" in cell:
        a[: 2 * H] = _sums(a[: 2 * H], _seen(extras["weight_ch"][: 2 * H], c))
    if cell == "rnn_tanh":
        return {"h": move("h", [mpmath.tanh(v) for v in a]), "c": c}
    first, second = [_sigmoid(v) for v in a[:H]], [_sigmoid(v) for v in a[H : 2 * H]]
    if cell == "gru":
        n = [mpmath.tanh(u + r * v) for u, r, v in zip(from_x[2 * H :], first, from_h[2 * H :], strict=True)]
        return {"h": move("h", [(1 - z) * new + z * old for z, new, old in zip(second, n, h, strict=True)]), "c": c}
    g = [mpmath.tanh(v) for v in a[2 * H : 3 * H]]
    c = move("c", [f * old + i * new for f, old, i, new in zip(second, c, first, g, strict=True)])
    if "peephole" in cell:
        a[3 * H :] = _sums(a[3 * H :], _seen(extras["weight_ch"][2 * H :], c))
    o, out = [_sigmoid(v) for v in a[3 * H :]], c
    if cell == "layernorm_lstm":
        out = _sums(_normalised(c, extras["gain_c"]), extras["bias_c"])
    return {"h": move("h", [gate * mpmath.tanh(v) for gate, v in zip(o, out, strict=True)]), "c": c}


def _seen(peepholes: list, c: list) -> list:
    """Return what gates see of the cell states, through a matrix or the diagonals of several."""
    if isinstance(peepholes[0], list):
        return _products(peepholes, c)
    return [weight * c[k % len(c)] for k, weight in enumerate(peepholes)]


def _normalised(u: list, gain: list) -> list:
    mean = sum(u) / len(u)
    spread = mpmath.sqrt(sum((v - mean) ** 2 for v in u) / len(u) + mpmath.mpf("1e-5"))
    return [scale * (v - mean) / spread for scale, v in zip(gain, u, strict=True)]


def _moved(nudge: Nudge | None, layer: int, t: int, signal: str, values: list) -> list:
    if nudge is None or nudge[:3] != (signal, layer, t):
        return values
    return [value + STEP if unit == nudge.unit else value for unit, value in enumerate(values)]


def _numbers(array: np.ndarray) -> list:
    return [_numbers(row) for row in array] if array.ndim > 1 else [mpmath.mpf(float(value)) for value in array]


def _products(matrix: list, vector: list) -> list:
    return [mpmath.fdot(zip(row, vector, strict=True)) for row in matrix]


def _sums(first: list, second: list) -> list:
    return [a + b for a, b in zip(first, second, strict=True)]


def _sigmoid(a) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-a))
