"""One recurrent neuron, h_t = tanh(w_x x_t + w_h h_{t-1} + b) with h_0 = 0: the smallest network that has a memory.

Its loss is ½ (h_T - y_T)², or ½ Σ_t (h_t - y_t)².
"""

from typing import NamedTuple

import numpy as np


class Weights(NamedTuple):
    """The neuron's three numbers, or a gradient in them."""

    w_x: float
    w_h: float
    b: float


class Pass(NamedTuple):
    """What happened while the neuron read its inputs, forward and backward; arrays are (T,)."""

    a: np.ndarray
    """The pre-activations."""
    h: np.ndarray
    loss: float
    direct: np.ndarray
    """What the loss says to h_t without the steps after it: h_t - y_t where there is a target, else 0."""
    factor: np.ndarray
    """∂h_t/∂h_{t-1} = (1 - h_t²) w_h."""
    delta: np.ndarray
    """The error ∂L/∂h_t, over all paths."""
    gradient: Weights


def read(weights: Weights, x: np.ndarray, y: np.ndarray, every: bool) -> Pass:
    """Return what happens with inputs x (T,) and targets y (T,); every: at all steps, else at the last one only."""
    a, h, previous = np.empty(len(x)), np.empty(len(x)), 0.0
    for t in range(len(x)):
        a[t] = weights.w_x * x[t] + weights.w_h * previous + weights.b
        previous = h[t] = np.tanh(a[t])
    direct = _direct(h, y, every)
    slope = 1.0 - h**2
    factor = slope * weights.w_h
    delta = direct.copy()
    for t in range(len(x) - 1, 0, -1):
        delta[t - 1] += factor[t] * delta[t]
    da, before = delta * slope, np.concatenate([[0.0], h[:-1]])
    gradient = Weights(float(da @ x), float(da @ before), float(da.sum()))
    return Pass(a, h, 0.5 * float(direct @ direct), direct, factor, delta, gradient)


def counted_twice(found: Pass) -> np.ndarray:
    """Return the errors (T,) as a known slip has them: δ_{t-1} = direct term + factor · (δ_t + direct term of t).

    The path through the loss of step t is in δ_t already, and is added once more.
    """
    delta = found.direct.copy()
    for t in range(len(delta) - 1, 0, -1):
        delta[t - 1] += found.factor[t] * (delta[t] + found.direct[t])
    return delta


def differences(weights: Weights, x: np.ndarray, y: np.ndarray, every: bool, step: float) -> np.ndarray:
    """Return ∂L/∂h_t (T,) by finite differences: h_t is moved, and the steps after it are read again.

    With D(ε) = (L(h_t + ε) - L(h_t - ε)) / 2ε it is (4 D(step) - D(2 step)) / 3, Richardson's extrapolation, in which
    the error of ε² is gone. What it changes by when the step is doubled is more than its own error.
    """
    found = np.empty(len(x))
    for t in range(len(x)):
        ends = []
        for by in (step, -step, 2 * step, -2 * step):
            h, previous = np.empty(len(x)), 0.0
            for s in range(len(x)):
                h[s] = np.tanh(weights.w_x * x[s] + weights.w_h * previous + weights.b) + (by if s == t else 0.0)
                previous = h[s]
            ends.append(0.5 * float((_direct(h, y, every) ** 2).sum()))
        near, far = (ends[0] - ends[1]) / (2 * step), (ends[2] - ends[3]) / (4 * step)
        found[t] = (4 * near - far) / 3
    return found


def updated(weights: Weights, gradient: Weights, rate: float) -> Weights:
    """Return the weights after one step of gradient descent."""
    return Weights(*(w - rate * g for w, g in zip(weights, gradient, strict=True)))


def _direct(h: np.ndarray, y: np.ndarray, every: bool) -> np.ndarray:
    direct = h - y
    if not every:
        direct[:-1] = 0.0
    return direct
