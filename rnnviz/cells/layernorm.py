"""The LSTM with layer normalisation, as Ba, Kiros & Hinton (2016) write it in their supplement.

a = LN(W_ih x_t; γ_ih) + b_ih + LN(W_hh h_{t-1}; γ_hh) + b_hh
i_t = σ(a_i)   f_t = σ(a_f)   g_t = tanh(a_g)   o_t = σ(a_o)
c_t = f_t c_{t-1} + i_t g_t
h_t = o_t tanh(LN(c_t; γ_c) + b_c)          c itself is carried as it is

LN(u; γ) = γ (u - mean(u)) / sqrt(var(u) + ε), over all four blocks of a product together; ε and the variance (biased)
are those of torch.nn.LayerNorm.
"""

import numpy as np

from .activations import sigmoid
from .cell import Array, Weights
from .lstm import slopes
from .scan import Gradients, reverse_scan

EPSILON = 1e-5


class LayerNormLSTM:
    """An LSTM cell with normalised pre-activations and output. The cell state starts at zero."""

    blocks = ("i", "f", "g", "o")
    gates = ("i", "f", "o")
    states = ("h", "c")

    def extras(self, H: int) -> dict[str, tuple[int, ...]]:
        return {"gain_ih": (4 * H,), "gain_hh": (4 * H,), "gain_c": (H,), "bias_c": (H,)}

    def forward(self, weights: Weights, x: Array, h0: Array) -> dict[str, Array]:
        W_ih, W_hh, b_ih, b_hh, extras = weights
        gain_ih, gain_hh, gain_c, bias_c = (extras[name] for name in ("gain_ih", "gain_hh", "gain_c", "bias_c"))
        H = W_hh.shape[1]
        a = _normalised(x @ W_ih.T)[0]  # (T, ..., 4H), the inputs of all steps at once
        a *= gain_ih
        a += b_ih + b_hh
        # As in the plain LSTM, g_t lies beside c_{t-1}, and one product gives both terms of c_t.
        gates, gc, h = np.empty_like(a), np.empty((len(a) + 1, *a.shape[1:-1], 2 * H)), np.empty_like(a[..., :H])
        gc[0, ..., H:] = 0.0
        i_f, o, g, c = gates[..., : 2 * H], gates[..., 3 * H :], gc[:-1, ..., :H], gc[1:, ..., H:]
        h_prev, W = h0, W_hh.T
        product, igfc = np.empty_like(a[0]), np.empty_like(gc[0])
        ig, fc = igfc[..., :H], igfc[..., H:]
        rows = zip(a, a[..., 2 * H : 3 * H], gates, i_f, o, gc[:-1], g, c, h, strict=True)
        with np.errstate(over="ignore"):
            for a_t, a_gt, gates_t, if_t, o_t, gc_t, g_t, c_t, h_t in rows:
                a_t += gain_hh * _normalised(h_prev.dot(W, product))[0]
                sigmoid(a_t, gates_t)
                np.tanh(a_gt, g_t)
                np.multiply(if_t, gc_t, igfc)
                np.add(ig, fc, c_t)
                np.tanh(gain_c * _normalised(c_t)[0] + bias_c, h_t)
                h_t *= o_t
                h_prev = h_t
        return {"a": a, "h": h, "c": c, "i": i_f[..., :H], "f": i_f[..., H:], "g": g, "o": o, "h0": h0}

    def backward(self, weights: Weights, values: dict[str, Array], direct: Array, exponent: Array) -> Gradients:
        W_hh, gain_hh = weights.W_hh, weights.extras["gain_hh"]
        unit_h, scale_h = _normalised(_products(weights, values))
        c_to_ca, h_to_oc, unit_c, scale_c = _slopes(weights, values)
        T, _, H = h_to_oc.shape
        dh = np.empty((T + 1, H))
        # Row t: the gradients in c_{t-1} and in a_i, a_f, a_g, which follow from that in c_t; then those in a_o and in
        # the normalised c_t, which follow from that in h_t.
        rows = np.empty((T + 1, 6, H))
        dc, from_c, from_h, dc_unit = rows[:, 0], rows[:, :4], rows[:, 4:], rows[:, 5]
        da = rows.reshape(T + 1, 6 * H)[:, H : 5 * H]

        def step(t: int) -> None:
            np.multiply(h_to_oc[t], dh[t + 1], from_h[t])
            dc_t = dc[t + 1]
            dc_t += _behind(dc_unit[t], unit_c[t], scale_c[t])
            np.multiply(c_to_ca[t], dc_t, from_c[t])
            _behind(gain_hh * da[t], unit_h[t], scale_h[t]).dot(W_hh, dh[t])

        exponent = reverse_scan(step, (dh, dc), direct, exponent)
        return Gradients({"h": dh[1:], "c": dc[1:], "a": da[:T]}, exponent)

    def feedforward(self, weights: Weights, x: Array, da: Array) -> Array:
        return _behind(weights.extras["gain_ih"] * da, *_normalised(x @ weights.W_ih.T))

    def recurrent(self, weights: Weights, values: dict[str, Array], da: Array) -> Array:
        return _behind(weights.extras["gain_hh"] * da, *_normalised(_products(weights, values)))

    def extra_gradients(self, weights: Weights, x: Array, values: dict[str, Array], grad: dict[str, Array]):
        da = grad["a"]
        unit_c, _ = _normalised(values["c"])
        through_tanh = values["o"] * (1.0 - np.tanh(weights.extras["gain_c"] * unit_c + weights.extras["bias_c"]) ** 2)
        dm = grad["h"] * through_tanh  # in what tanh is taken of
        return {
            "gain_ih": (da * _normalised(x @ weights.W_ih.T)[0]).sum(axis=0),
            "gain_hh": (da * _normalised(_products(weights, values))[0]).sum(axis=0),
            "gain_c": (dm * unit_c).sum(axis=0),
            "bias_c": dm.sum(axis=0),
        }

    def jacobians(self, weights: Weights, values: dict[str, Array]) -> Array:
        c_to_ca, h_to_oc, unit_c, scale_c = _slopes(weights, values)
        T, _, H = h_to_oc.shape
        # Normalisation's own Jacobian is symmetric, so that it is applied to columns as backwards to a gradient.
        unit_h, scale_h = (value[:, None] for value in _normalised(_products(weights, values)))
        da = _behind(weights.W_hh.T, unit_h, scale_h) * weights.extras["gain_hh"]  # (T, H, 4H), transposed
        da = da.reshape(T, H, 4, H)
        f, h_to_o, h_to_c = c_to_ca[:, 0], h_to_oc[:, 0, None], h_to_oc[:, 1, None]
        dc = np.empty((T, 2 * H, H))  # of c_t in h_{t-1} and c_{t-1}, transposed
        dc[:, :H] = np.einsum("tbk,tjbk->tjk", c_to_ca[:, 1:], da[:, :, :3])
        dc[:, H:] = f[:, None] * np.eye(H)
        dh = h_to_c * _behind(dc, unit_c[:, None], scale_c[:, None])
        dh[:, :H] += h_to_o * da[:, :, 3]
        return np.concatenate([dh, dc], axis=2).swapaxes(1, 2)


def _normalised(u: Array) -> tuple[Array, Array]:
    """Return (u - mean(u)) / sqrt(var(u) + ε) along the last axis, and the divisor's reciprocal, (..., 1)."""
    n = u.shape[-1]
    u = u - np.add.reduce(u, axis=-1, keepdims=True) / n
    scale = 1.0 / np.sqrt(np.vecdot(u, u, keepdims=True) / n + EPSILON)
    u *= scale
    return u, scale


def _behind(d: Array, unit: Array, scale: Array) -> Array:
    """Return the gradient in u, given d in the normalised u: the part that moves neither its mean nor its variance.

    unit and scale are what `_normalised(u)` returned; the last axes are those of u.
    """
    n = d.shape[-1]
    along = unit * (np.vecdot(d, unit, keepdims=True) / n)
    return scale * (d - np.add.reduce(d, axis=-1, keepdims=True) / n - along)


def _products(weights: Weights, values: dict[str, Array]) -> Array:
    """Return W_hh h_{t-1} of every step, (T, 4H)."""
    return np.concatenate([values["h0"][None], values["h"][:-1]]) @ weights.W_hh.T


def _slopes(weights: Weights, values: dict[str, Array]) -> tuple[Array, Array, Array, Array]:
    """Return an LSTM's `slopes` with h_t's in a_o and the normalised c_t; and the latter with its scale."""
    gain, bias = weights.extras["gain_c"], weights.extras["bias_c"]
    unit, scale = _normalised(values["c"])
    c_to_ca, h_to_oc = slopes(values, gain * unit + bias)
    h_to_oc[:, 1] *= gain
    return c_to_ca, h_to_oc, unit, scale
