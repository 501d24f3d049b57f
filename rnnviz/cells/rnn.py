"""The plain (Elman) RNN: h_t = φ(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), φ = tanh, ReLU or σ.

Equations and layout follow the documentation of torch.nn.RNN; Elman (1990), "Finding structure in time", has σ.
"""

import numpy as np

from .activations import sigmoid
from .cell import Array, Weights
from .scan import Gradients, reverse_scan


class RNN:
    """A plain RNN cell with the given nonlinearity, "tanh", "relu" or "sigmoid"."""

    blocks = ("a",)
    gates = ()
    states = ("h",)

    def __init__(self, nonlinearity: str):
        self.nonlinearity = nonlinearity
        self.activate = {"tanh": np.tanh, "relu": _relu, "sigmoid": sigmoid}[nonlinearity]
        """φ: (a, out) writes φ(a) into `out` and returns it."""

    def extras(self, H: int) -> dict[str, tuple[int, ...]]:
        return {}

    def forward(self, weights: Weights, x: Array, h0: Array) -> dict[str, Array]:
        W_ih, W_hh, b_ih, b_hh, _ = weights
        a = x @ W_ih.T + (b_ih + b_hh)  # (T, ..., H), the inputs of all steps at once
        h = np.empty_like(a)
        h_prev, W, product = h0, W_hh.T, np.empty_like(a[0])
        with np.errstate(over="ignore"):
            for a_t, h_t in zip(a, h, strict=True):
                a_t += h_prev.dot(W, product)
                self.activate(a_t, h_t)
                h_prev = h_t
        return {"a": a, "h": h, "h0": h0}

    def backward(self, weights: Weights, values: dict[str, Array], direct: Array, exponent: Array) -> Gradients:
        W_hh = weights.W_hh
        slope = self.slopes(values)
        T, H = slope.shape
        dh, da = np.empty((T + 1, H)), np.empty((T, H))

        def step(t: int) -> None:
            np.multiply(dh[t + 1], slope[t], da[t])
            da[t].dot(W_hh, dh[t])

        exponent = reverse_scan(step, (dh,), direct, exponent)
        return Gradients({"h": dh[1:], "a": da}, exponent)

    def feedforward(self, weights: Weights, x: Array, da: Array) -> Array:
        return da

    def recurrent(self, weights: Weights, values: dict[str, Array], da: Array) -> Array:
        return da

    def extra_gradients(self, weights: Weights, x: Array, values: dict[str, Array], grad: dict[str, Array]):
        return {}

    def jacobians(self, weights: Weights, values: dict[str, Array]) -> Array:
        return self.slopes(values)[:, :, None] * weights.W_hh

    def slopes(self, values: dict[str, Array]) -> Array:
        """Return φ'(a_t), (T, H). ReLU's slope at exactly 0 is 0, as in PyTorch."""
        if self.nonlinearity == "tanh":
            return 1.0 - values["h"] ** 2
        if self.nonlinearity == "sigmoid":
            return values["h"] * (1.0 - values["h"])
        return (values["a"] > 0.0).astype(float)


def _relu(a: Array, out: Array) -> Array:
    return np.maximum(a, 0.0, out=out)
