"""The LSTM with peepholes of Gers & Schmidhuber (2000), "Recurrent nets that time and count": its gates see the cell.

i_t = σ(a_i)   f_t = σ(a_f)     a_i, a_f = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh + P c_{t-1}
g_t = tanh(a_g)                      a_g = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
c_t = f_t c_{t-1} + i_t g_t
o_t = σ(a_o)                         a_o = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh + P c_t
h_t = o_t tanh(c_t)

Every gate has its own P. In the paper it is diagonal, so that a unit sees its own cell alone.
"""

import numpy as np

from .activations import sigmoid
from .cell import Array, Weights
from .lstm import slopes
from .scan import Gradients, reverse_scan


class PeepholeLSTM:
    """An LSTM cell with diagonal or full peephole matrices. The cell state starts at zero."""

    blocks = ("i", "f", "g", "o")
    gates = ("i", "f", "o")
    states = ("h", "c")

    def __init__(self, full: bool):
        self.full = full

    def extras(self, H: int) -> dict[str, tuple[int, ...]]:
        return {"weight_ch": (3 * H, H) if self.full else (3 * H,)}  # blocks i, f, o

    def forward(self, weights: Weights, x: Array, h0: Array) -> dict[str, Array]:
        W_ih, W_hh, b_ih, b_hh, extras = weights
        P_i, P_f, P_o = np.split(extras["weight_ch"], 3)
        H = W_hh.shape[1]
        a = x @ W_ih.T  # (T, ..., 4H), the inputs of all steps at once
        a += b_ih + b_hh
        # As in the plain LSTM, g_t lies beside c_{t-1}, and one product gives both terms of c_t.
        gates, gc, h = np.empty_like(a), np.empty((len(a) + 1, *a.shape[1:-1], 2 * H)), np.empty_like(a[..., :H])
        gc[0, ..., H:] = 0.0
        i_f, o, g, c = gates[..., : 2 * H], gates[..., 3 * H :], gc[:-1, ..., :H], gc[1:, ..., H:]
        a_i, a_f, a_g, a_o = (a[..., b * H : (b + 1) * H] for b in range(4))
        h_prev, W, product = h0, W_hh.T, np.empty_like(a[0])
        igfc = np.empty_like(gc[0])
        ig, fc = igfc[..., :H], igfc[..., H:]
        rows = zip(a, a[..., : 2 * H], a_i, a_f, a_g, a_o, i_f, o, gc[:-1], gc[:-1, ..., H:], g, c, h, strict=True)
        with np.errstate(over="ignore"):
            for a_t, a_ift, a_it, a_ft, a_gt, a_ot, if_t, o_t, gc_t, c_prev, g_t, c_t, h_t in rows:
                a_t += h_prev.dot(W, product)
                a_it += _seen(P_i, c_prev)
                a_ft += _seen(P_f, c_prev)
                sigmoid(a_ift, if_t)
                np.tanh(a_gt, g_t)
                np.multiply(if_t, gc_t, igfc)
                np.add(ig, fc, c_t)
                a_ot += _seen(P_o, c_t)
                sigmoid(a_ot, o_t)
                np.tanh(c_t, h_t)
                h_t *= o_t
                h_prev = h_t
        return {"a": a, "h": h, "c": c, "i": i_f[..., :H], "f": i_f[..., H:], "g": g, "o": o, "h0": h0}

    def backward(self, weights: Weights, values: dict[str, Array], direct: Array, exponent: Array) -> Gradients:
        to_i, to_f, to_o = (P.T for P in np.split(weights.extras["weight_ch"], 3))
        c_to_ca, h_to_oc = slopes(values, values["c"])
        T, _, H = h_to_oc.shape
        W_hh, dh = weights.W_hh, np.empty((T + 1, H))
        # Row t: the gradients in c_{t-1} and in a_i, a_f, a_g, which follow from that in c_t; then the one in a_o and
        # the share of the one in c_t that came through tanh(c_t), which follow from that in h_t.
        rows = np.empty((T + 1, 6, H))
        dc, da_i, da_f, da_o, through_h = (rows[:, k] for k in (0, 1, 2, 4, 5))
        from_c, from_h = rows[:, :4], rows[:, 4:]
        da = rows.reshape(T + 1, 6 * H)[:, H : 5 * H]

        def step(t: int) -> None:
            np.multiply(h_to_oc[t], dh[t + 1], from_h[t])
            dc_t, dc_prev = dc[t + 1], dc[t]
            dc_t += through_h[t]
            dc_t += _seen(to_o, da_o[t])
            np.multiply(c_to_ca[t], dc_t, from_c[t])
            dc_prev += _seen(to_i, da_i[t])
            dc_prev += _seen(to_f, da_f[t])
            da[t].dot(W_hh, dh[t])

        exponent = reverse_scan(step, (dh, dc), direct, exponent)
        return Gradients({"h": dh[1:], "c": dc[1:], "a": da[:T]}, exponent)

    def feedforward(self, weights: Weights, x: Array, da: Array) -> Array:
        return da

    def recurrent(self, weights: Weights, values: dict[str, Array], da: Array) -> Array:
        return da

    def extra_gradients(self, weights: Weights, x: Array, values: dict[str, Array], grad: dict[str, Array]):
        c = values["c"]
        c_prev = np.concatenate([np.zeros_like(c[:1]), c[:-1]])
        da_i, da_f, _, da_o = np.split(grad["a"], 4, axis=1)
        pairs = ((da_i, c_prev), (da_f, c_prev), (da_o, c))
        parts = [da.T @ seen if self.full else (da * seen).sum(axis=0) for da, seen in pairs]
        return {"weight_ch": np.concatenate(parts)}

    def jacobians(self, weights: Weights, values: dict[str, Array]) -> Array:
        c_to_ca, h_to_oc = slopes(values, values["c"])
        T, _, H = h_to_oc.shape
        W = weights.W_hh.reshape(4, H, H)
        P_i, P_f, P_o = (P if self.full else np.diag(P) for P in np.split(weights.extras["weight_ch"], 3))
        f, to_i, to_f, to_g = (c_to_ca[:, b, :, None] for b in range(4))  # (T, H, 1) each
        h_to_o, h_to_c = h_to_oc[:, 0, :, None], h_to_oc[:, 1, :, None]
        one = np.eye(H)
        dc = np.empty((T, H, 2 * H))  # of c_t in h_{t-1} and c_{t-1}
        dc[:, :, :H] = to_i * W[0] + to_f * W[1] + to_g * W[2]
        dc[:, :, H:] = f * one + to_i * P_i + to_f * P_f
        dh = (h_to_c * one + h_to_o * P_o) @ dc
        dh[:, :, :H] += h_to_o * W[3]
        return np.concatenate([dh, dc], axis=1)


def _seen(P: Array, c: Array) -> Array:
    """Return P c (..., H) for a diagonal (H,) or a matrix P (H, H)."""
    return P * c if P.ndim == 1 else c.dot(P.T)
