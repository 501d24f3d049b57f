"""The logistic function, in place where speed matters."""

import numpy as np

ONE = np.ones(())  # NumPy adds an array's number faster than Python's


def sigmoid(a: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Write 1 / (1 + exp(-a)) into `out` and return it.

    Not by way of tanh: .5 + .5·tanh(a/2) is exactly 0 below a = -37, and a gate that is nearly closed would show
    a gradient of exactly zero. For a < -709 exp overflows to infinity and the result is rightly 0; callers silence
    that with `np.errstate(over="ignore")`.
    """
    np.negative(a, out)
    np.exp(out, out)
    np.add(out, ONE, out)
    return np.reciprocal(out, out)
