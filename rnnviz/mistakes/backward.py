"""Backpropagation through time of a plain RNN, written out step by step."""

import numpy as np


def gradients(W_hx, W_hh, b_h, W_hy, b_y, x, y):
    T, K = y.shape
    h = np.zeros((T + 1, len(b_h)))
    error = np.zeros((T + 1, K))
    for t in range(1, T + 1):
        h[t] = np.tanh(W_hx @ x[t - 1] + W_hh @ h[t - 1] + b_h)
        error[t] = W_hy @ h[t] + b_y - y[t - 1]
    loss = 0.5 * np.mean(error[1:] ** 2)

    dW_hx, dW_hh = np.zeros_like(W_hx), np.zeros_like(W_hh)
    db_h = np.zeros_like(b_h)
    dW_hy, db_y = np.zeros_like(W_hy), np.zeros_like(b_y)
    from_later = np.zeros(len(b_h))
    for t in range(T, 0, -1):
        dy = error[t] / (T * K)
        direct = W_hy.T @ dy
        dh = direct + from_later
        da = (1 - h[t] ** 2) * dh
        dW_hy += np.outer(dy, h[t])
        db_y += dy
        dW_hx += np.outer(da, x[t - 1])
        dW_hh += np.outer(da, h[t - 1])
        db_h += da
        from_later = W_hh.T @ ((1 - h[t] ** 2) * dh)
    found = {"W_hx": dW_hx, "W_hh": dW_hh, "b_h": db_h}
    return loss, found | {"W_hy": dW_hy, "b_y": db_y}
