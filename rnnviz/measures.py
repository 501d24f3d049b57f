"""Numbers read off a trace: norms, saturation, decisions, Jacobians. Logarithms are to base 10."""

import numpy as np

from .cells import CELLS
from .network import Network
from .trace import Trace

LOG10_2 = np.log10(2.0)


def log10_norm(rows: np.ndarray, exponent: np.ndarray | int = 0) -> np.ndarray:
    """Return log10 of the Euclidean norm along the last axis of rows·2**exponent; -inf where a row is exactly zero.

    Each row is divided by its largest entry first: squares of numbers below 1e-154 would underflow.
    """
    rows = np.asarray(rows)
    top = np.abs(rows).max(axis=-1)
    zero = top == 0.0
    unit = rows / np.where(zero, 1.0, top)[..., None]
    with np.errstate(divide="ignore"):
        return np.log10(top) + 0.5 * np.log10((unit * unit).sum(axis=-1)) + np.asarray(exponent) * LOG10_2


def gradient_norms(trace: Trace, of: str = "h", layer: int = -1, relative: bool = False) -> np.ndarray:
    """Return log10 ‖∂L/∂s_t‖ (T,) for the state, pre-activation or input s; -inf marks a gradient of exactly zero.

    of: "h", "c", "a" or "x". relative: divided by the last step's norm, which makes networks comparable (the raw
    norm scales with the error p - y); nan where the last step's gradient is exactly zero.
    """
    if of == "x":
        norms = log10_norm(trace.mantissa["x"], trace.exponent[0])
    else:
        norms = log10_norm(trace.mantissa[of][layer], trace.exponent[layer])
    return _relative(norms) if relative else norms


def weight_contributions(network: Network, trace: Trace, layer: int = -1) -> np.ndarray:
    """Return log10 of the norm (T,) of each step's contribution to ∂L/∂W_hh; -inf marks exactly zero.

    A step contributes the outer product of the gradient in W_hh h_{t-1} and h_{t-1}, and a product of rank one has
    the product of the norms.
    """
    values = _values(network, trace, layer)
    da = network.kind.recurrent(network.layers[layer], values, trace.mantissa["a"][layer])
    h_prev = np.concatenate([values["h0"][None], values["h"][:-1]])
    return log10_norm(da, trace.exponent[layer]) + log10_norm(h_prev)


def jacobian_norms(network: Network, trace: Trace, layer: int = -1) -> np.ndarray:
    """Return log10 of the spectral norm (T,) of ∂h_T/∂h_t along the layer's recurrence; -inf marks exactly zero.

    The last entry is 0 (the identity). For an LSTM it is the hidden-to-hidden block of the product over (h, c):
    what h_T would change by if h_t alone were moved. Free of the loss.
    """
    J = network.kind.jacobians(network.layers[layer], _values(network, trace, layer))
    T, S, _ = J.shape
    H = network.hidden_size
    products, exponents = np.empty((T, H, H)), np.zeros(T, dtype=np.int64)
    P, e = np.eye(H, S), 0  # the rows of h_T, by the columns of state_t
    for t in range(T - 1, -1, -1):
        products[t], exponents[t] = P[:, :H], e
        if t:
            P = P @ J[t]
            shift = int(np.frexp(np.abs(P).max())[1])
            P, e = np.ldexp(P, -shift), e + shift
    top = np.abs(products).max(axis=(1, 2))
    unit = products / np.where(top == 0.0, 1.0, top)[:, None, None]
    largest = np.linalg.eigvalsh(unit @ unit.transpose(0, 2, 1))[:, -1]
    with np.errstate(divide="ignore"):
        return np.log10(top) + 0.5 * np.log10(np.where(top == 0.0, 1.0, largest)) + exponents * LOG10_2


def decision_step(trace: Trace) -> int:
    """Return the first step (from 0) after which the most probable class is the final one and stays it."""
    answers = trace["logits"].argmax(axis=-1)
    changed = np.flatnonzero(answers != answers[-1])
    return int(changed[-1]) + 1 if len(changed) else 0


def gate_saturation(trace: Trace, gate: str, low: float = 0.1, high: float = 0.9) -> np.ndarray:
    """Return the share of units whose gate is below `low` and above `high`, (L, T, 2), in [0, 1].

    The thresholds are those of Karpathy, Johnson & Fei-Fei (2015). Raises ValueError for what is no gate.
    """
    gates = CELLS[trace.cell].gates
    if gate not in gates:
        raise ValueError(f"gate must be one of {', '.join(gates) or 'none (this cell has no gates)'}. Got {gate!r}.")
    values = trace[gate]
    return np.stack([(values < low).mean(axis=-1), (values > high).mean(axis=-1)], axis=-1)


def similarity_order(states: np.ndarray) -> np.ndarray:
    """Return the units (H,) in an order that puts those that move alike side by side, given their values (N, H).

    Hierarchical clustering (average linkage) of 1 - |correlation| with optimal leaf ordering (Bar-Joseph et al.
    2001): a unit and its mirror image are alike. A unit that never moves is like no other.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    N, H = states.shape
    if H < 3:
        return np.arange(H)
    centred = states - states.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length == 0.0, 1.0, length)
    distance = np.clip(1.0 - np.abs(unit.T @ unit), 0.0, None)
    np.fill_diagonal(distance, 0.0)
    return leaves_list(linkage(squareform(distance, checks=False), "average", optimal_ordering=True))


def _values(network: Network, trace: Trace, layer: int) -> dict[str, np.ndarray]:
    """Return one layer's forward values as its cell computed them."""
    return {name: trace[name][layer] for name in network.signals} | {"h0": trace.h0[layer]}


def _relative(norms: np.ndarray) -> np.ndarray:
    """Return log10 norms relative to the last; all nan where the last is of exactly zero."""
    return norms - norms[-1] if np.isfinite(norms[-1]) else np.full_like(norms, np.nan)
