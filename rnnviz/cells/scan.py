"""The reverse scan that all cells share: backpropagation through time without under- or overflow.

A gradient carried back over many steps leaves float64's range (1e-308) while its norm is still a fact worth
showing. So a sequence whose gradient leaves the comfortable band is run again with its numbers carried as a
mantissa times a power of two (multiplying by powers of two is exact); any other is left as it is.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

# Within this band no step can leave float64 unseen, nor a square: 1e-140 squared is still a normal number.
SMALL, LARGE = 1e-140, 1e140


class Gradients(NamedTuple):
    """Gradients of one layer: the true value of row t is `mantissa[name][t] * 2.0 ** exponent[t]`."""

    mantissa: dict[str, np.ndarray]  # the states (T, H) and "a" (T, G·H)
    exponent: np.ndarray  # (T,) int


def reverse_scan(
    step: Callable[[int], None], states: tuple[np.ndarray, ...], direct: np.ndarray, exponent: np.ndarray
) -> np.ndarray:
    """Fill `states` with the total gradient in every state; return the exponent (T,) that each step's rows carry.

    states: one array (T + 1, H) per state, the hidden state first; row k belongs to the state after k steps, so
    row 0 to the initial state. step(t) turns the rows t + 1, the gradient after step t, into the rows t.
    direct (T, H) is what reaches h_t from outside the recurrence, to be read as direct[t]·2**exponent[t].
    """
    for state in states:
        state[-1] = 0.0
    if not exponent.any():
        has_direct = direct.any(axis=1).tolist()
        with np.errstate(over="ignore", invalid="ignore"):  # an overflow is seen below, and the scan run again
            for t in range(len(direct) - 1, -1, -1):
                if has_direct[t]:
                    states[0][t + 1] += direct[t]
                step(t)
        size = np.max([np.abs(state[1:]).max(axis=1) for state in states], axis=0)
        if size.min() > SMALL and size.max() < LARGE:
            return exponent
    return _scaled(step, states, direct, exponent)


def _scaled(step, states: tuple[np.ndarray, ...], direct: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """The same with a running exponent."""
    T = len(direct)
    scale, e = np.empty(T, dtype=np.int64), int(exponent[-1])
    for state in states:
        state[-1] = 0.0
    for t in range(T - 1, -1, -1):
        if direct[t].any():
            known = any(state[t + 1].any() for state in states)
            own = int(exponent[t]) + _excess(np.abs(direct[t]).max())
            e = _shift(states, t + 1, e, max(e, own) if known else own)
            states[0][t + 1] += np.ldexp(direct[t], int(exponent[t]) - e)
        scale[t] = e
        step(t)
        e = _shift(states, t, e, e + _excess(max(np.abs(state[t]).max() for state in states)))
    return scale


def _excess(size: float) -> int:
    """Return the power of two that would bring a size outside the band near 1; 0 for one within it, and for 0."""
    return 0 if SMALL < size < LARGE else int(np.frexp(size)[1])


def _shift(states: tuple[np.ndarray, ...], row: int, e: int, target: int) -> int:
    """Rewrite the states' rows, carried at exponent e, for the exponent `target`, and return that."""
    if target != e:
        for state in states:
            state[row] = np.ldexp(state[row], e - target)
    return target
