"""The GRU of Cho et al. (2014) in PyTorch's form: the reset gate acts after the matrix product.

r_t = σ(a_r)   z_t = σ(a_z)     a_r, a_z = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
n_t = tanh(a_n)                 a_n = W_in x_t + b_in + r_t (W_hn h_{t-1} + b_hn)
h_t = (1 - z_t) n_t + z_t h_{t-1}          z = 1 keeps the old state
"""

import numpy as np

from .activations import sigmoid
from .cell import Array, Weights
from .scan import Gradients, reverse_scan


class GRU:
    """A GRU cell."""

    blocks = ("r", "z", "n")
    gates = ("r", "z")
    states = ("h",)

    def extras(self, H: int) -> dict[str, tuple[int, ...]]:
        return {}

    def forward(self, weights: Weights, x: Array, h0: Array) -> dict[str, Array]:
        W_ih, W_hh, b_ih, b_hh, _ = weights
        H = W_hh.shape[1]
        a = x @ W_ih.T  # (T, ..., 3H), the inputs of all steps at once
        a += b_ih  # b_hn may not join b_in: r multiplies it
        rz, a_rz, a_n = np.empty_like(a[..., : 2 * H]), a[..., : 2 * H], a[..., 2 * H :]
        r, z = rz[..., :H], rz[..., H:]
        n, h = np.empty_like(r), np.empty_like(r)
        h_prev, W, from_state = h0, W_hh.T, np.empty_like(a[0])
        rz_from_state, n_from_state = from_state[..., : 2 * H], from_state[..., 2 * H :]
        with np.errstate(over="ignore"):
            for a_rzt, a_nt, rz_t, r_t, z_t, n_t, h_t in zip(a_rz, a_n, rz, r, z, n, h, strict=True):
                h_prev.dot(W, from_state)
                from_state += b_hh
                a_rzt += rz_from_state
                sigmoid(a_rzt, rz_t)
                a_nt += r_t * n_from_state
                np.tanh(a_nt, n_t)
                np.subtract(h_prev, n_t, h_t)  # (1 - z) n + z h = n + z (h - n)
                h_t *= z_t
                h_t += n_t
                h_prev = h_t
        return {"a": a, "h": h, "r": r, "z": z, "n": n, "h0": h0}

    def backward(self, weights: Weights, values: dict[str, Array], direct: Array, exponent: Array) -> Gradients:
        W_hh, r, z = weights.W_hh, values["r"], values["z"]
        h_to_a = _slopes(weights, values)  # (T, 3, H)
        h_to_product = h_to_a.copy()
        h_to_product[:, 2] *= r
        T, H = z.shape
        dh, da_product = np.empty((T + 1, H)), np.empty((T, 3, H))
        da_flat = da_product.reshape(T, 3 * H)

        def step(t: int) -> None:
            dh_t, dh_prev = dh[t + 1], dh[t]
            np.multiply(h_to_product[t], dh_t, da_product[t])
            da_flat[t].dot(W_hh, dh_prev)
            dh_prev += dh_t * z[t]

        exponent = reverse_scan(step, (dh,), direct, exponent)
        return Gradients({"h": dh[1:], "a": (h_to_a * dh[1:, None]).reshape(T, 3 * H)}, exponent)

    def feedforward(self, weights: Weights, x: Array, da: Array) -> Array:
        return da

    def recurrent(self, weights: Weights, values: dict[str, Array], da: Array) -> Array:
        H = values["r"].shape[-1]
        return np.concatenate([da[:, : 2 * H], values["r"] * da[:, 2 * H :]], axis=1)

    def extra_gradients(self, weights: Weights, x: Array, values: dict[str, Array], grad: dict[str, Array]):
        return {}

    def jacobians(self, weights: Weights, values: dict[str, Array]) -> Array:
        h_to_a = _slopes(weights, values)
        h_to_a[:, 2] *= values["r"]
        T, _, H = h_to_a.shape
        J = np.einsum("tbk,bkj->tkj", h_to_a, weights.W_hh.reshape(3, H, H))
        unit = np.arange(H)
        J[:, unit, unit] += values["z"]
        return J


def _slopes(weights: Weights, values: dict[str, Array]) -> Array:
    """Return ∂h_t/∂a for r, z, n, (T, 3, H): one step's local derivatives at fixed h_{t-1}."""
    r, z, n, h = (values[k] for k in "rznh")
    H = h.shape[1]
    h_prev = np.concatenate([values["h0"][None], h[:-1]])
    m = h_prev @ weights.W_hh[2 * H :].T + weights.b_hh[2 * H :]  # what the reset gate lets through
    through_n = (1.0 - z) * (1.0 - n * n)
    return np.stack([through_n * m * r * (1.0 - r), (h_prev - n) * z * (1.0 - z), through_n], axis=1)
