"""The LSTM, with the forget gate of Gers, Schmidhuber & Cummins (2000); layout of torch.nn.LSTM.

i_t = σ(a_i)   f_t = σ(a_f)   g_t = tanh(a_g)   o_t = σ(a_o)     a = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh
c_t = f_t c_{t-1} + i_t g_t                                      h_t = o_t tanh(c_t)
"""

import numpy as np

from .activations import sigmoid
from .cell import Array, Weights
from .scan import Gradients, reverse_scan


class LSTM:
    """An LSTM cell. The cell state starts at zero."""

    blocks = ("i", "f", "g", "o")
    gates = ("i", "f", "o")
    states = ("h", "c")

    def extras(self, H: int) -> dict[str, tuple[int, ...]]:
        return {}

    def forward(self, weights: Weights, x: Array, h0: Array) -> dict[str, Array]:
        W_ih, W_hh, b_ih, b_hh, _ = weights
        H = W_hh.shape[1]
        a = x @ W_ih.T  # (T, ..., 4H), the inputs of all steps at once
        a += b_ih + b_hh
        # g_t lies beside c_{t-1}, as i_t beside f_t, so that one product gives both terms of c_t.
        gates, gc, h = np.empty_like(a), np.empty((len(a) + 1, *a.shape[1:-1], 2 * H)), np.empty_like(a[..., :H])
        gc[0, ..., H:] = 0.0
        i_f, o, g, c = gates[..., : 2 * H], gates[..., 3 * H :], gc[:-1, ..., :H], gc[1:, ..., H:]
        h_prev, W = h0, W_hh.T
        product, igfc = np.empty_like(a[0]), np.empty_like(gc[0])
        ig, fc = igfc[..., :H], igfc[..., H:]
        rows = zip(a, a[..., 2 * H : 3 * H], gates, i_f, o, gc[:-1], g, c, h, strict=True)
        with np.errstate(over="ignore"):
            for a_t, a_gt, gates_t, if_t, o_t, gc_t, g_t, c_t, h_t in rows:
                a_t += h_prev.dot(W, product)
                sigmoid(a_t, gates_t)
                np.tanh(a_gt, g_t)
                np.multiply(if_t, gc_t, igfc)
                np.add(ig, fc, c_t)
                np.tanh(c_t, h_t)
                h_t *= o_t
                h_prev = h_t
        return {"a": a, "h": h, "c": c, "i": i_f[..., :H], "f": i_f[..., H:], "g": g, "o": o, "h0": h0}

    def backward(self, weights: Weights, values: dict[str, Array], direct: Array, exponent: Array) -> Gradients:
        c_to_ca, h_to_oc = slopes(values, values["c"])
        T, _, H = h_to_oc.shape
        W_hh, dh = weights.W_hh, np.empty((T + 1, H))
        # Row t: the gradients in c_{t-1} and in a_i, a_f, a_g, which follow from that in c_t; then the one in a_o and
        # the share of the one in c_t that came through h_t = o_t tanh(c_t), which follow from that in h_t.
        rows = np.empty((T + 1, 6, H))
        dc, from_c, from_h, through_h = rows[:, 0], rows[:, :4], rows[:, 4:], rows[:, 5]
        da = rows.reshape(T + 1, 6 * H)[:, H : 5 * H]

        def step(t: int) -> None:
            np.multiply(h_to_oc[t], dh[t + 1], from_h[t])
            dc_t = dc[t + 1]
            dc_t += through_h[t]
            np.multiply(c_to_ca[t], dc_t, from_c[t])
            da[t].dot(W_hh, dh[t])

        exponent = reverse_scan(step, (dh, dc), direct, exponent)
        return Gradients({"h": dh[1:], "c": dc[1:], "a": da[:T]}, exponent)

    def feedforward(self, weights: Weights, x: Array, da: Array) -> Array:
        return da

    def recurrent(self, weights: Weights, values: dict[str, Array], da: Array) -> Array:
        return da

    def extra_gradients(self, weights: Weights, x: Array, values: dict[str, Array], grad: dict[str, Array]):
        return {}

    def jacobians(self, weights: Weights, values: dict[str, Array]) -> Array:
        c_to_ca, h_to_oc = slopes(values, values["c"])
        h_to_o, h_to_c = h_to_oc[:, 0], h_to_oc[:, 1]
        T, H = h_to_o.shape
        W, f = weights.W_hh.reshape(4, H, H), values["f"]
        unit = np.arange(H)
        J = np.zeros((T, 2 * H, 2 * H))
        dc_dh = np.einsum("tbk,bkj->tkj", c_to_ca[:, 1:], W[:3])  # through i, f and g
        J[:, :H, :H] = h_to_c[:, :, None] * dc_dh + h_to_o[:, :, None] * W[3]
        J[:, unit, H + unit] = h_to_c * f
        J[:, H:, :H] = dc_dh
        J[:, H + unit, H + unit] = f
        return J


def slopes(values: dict[str, Array], m: Array) -> tuple[Array, Array]:
    """Return one step's derivatives: of c_t in c_{t-1}, a_i, a_f, a_g (T, 4, H), and of h_t in a_o, m_t (T, 2, H).

    m (T, H) is what the output gate lets out: h_t = o_t tanh(m_t), m = c for the plain LSTM.
    """
    i, f, g, o, c, h = (values[k] for k in "ifgoch")
    T, H = c.shape
    c_to_ca, h_to_om = np.empty((T, 4, H)), np.empty((T, 2, H))
    c_to_ca[:, 0] = f
    c_to_ca[:, 1] = g * i * (1.0 - i)
    c_to_ca[0, 2] = 0.0
    c_to_ca[1:, 2] = c[:-1] * f[1:] * (1.0 - f[1:])
    c_to_ca[:, 3] = i * (1.0 - g * g)
    h_to_om[:, 0] = h * (1.0 - o)
    h_to_om[:, 1] = o * (1.0 - np.tanh(m) ** 2)
    return c_to_ca, h_to_om
