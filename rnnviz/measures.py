"""Numbers read off a trace: norms, saturation, decisions, Jacobians, memory. Logarithms are to base 10."""

from typing import NamedTuple

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

    of: "h", "c", "a", "x" or "logits". relative: divided by the last step's norm, which makes networks comparable (the
    raw norm scales with the error p - y); nan where the last step's gradient is exactly zero.
    """
    if of == "x":
        norms = log10_norm(trace.mantissa["x"], trace.exponent[0])
    elif of == "logits":
        norms = log10_norm(trace.mantissa["logits"])
    else:
        norms = log10_norm(trace.mantissa[of][layer], trace.exponent[layer])
    return _relative(norms) if relative else norms


def step_losses(trace: Trace, label, loss: str) -> np.ndarray:
    """Return each step's share (T,) in the loss that `record` took for this label and loss; their sum is `trace.loss`.

    Steps without a target have none: all but the last for "last". Raises ValueError for a loss that is no such sum.
    """
    logits, T = trace["logits"], len(trace)
    if loss == "mse":
        return ((logits - label) ** 2).sum(axis=1) / logits.size
    if loss == "last":
        label = np.where(np.arange(T) == T - 1, trace.label, -1)
    elif loss != "every":
        raise ValueError(f'loss must be "last", "every" or "mse". Got {loss!r}.')
    label = np.asarray(label)
    top = logits.max(axis=1)
    log_sum_exp = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    own = np.take_along_axis(logits, np.maximum(label, 0)[:, None], axis=1)[:, 0]
    known = label >= 0
    return np.where(known, log_sum_exp - own, 0.0) / known.sum()


def weight_contributions(network: Network, trace: Trace, layer: int = -1) -> np.ndarray:
    """Return log10 of the norm (T,) of each step's contribution to ∂L/∂W_hh; -inf marks exactly zero.

    A step contributes the outer product of the gradient in W_hh h_{t-1} and h_{t-1}, and a product of rank one has
    the product of the norms.
    """
    da, exponent, h_prev = _factors(network, trace, layer)
    return log10_norm(da, exponent) + log10_norm(h_prev)


def contribution_shares(network: Network, trace: Trace, layer: int = -1) -> np.ndarray:
    """Return the signed share (T,) of each step's contribution G_t in G = ∂L/∂W_hh: ⟨G_t, G⟩ / ‖G‖², which sum to 1.

    A negative share points against the sum: it cancels a part of the others. All nan where G is exactly zero.
    """
    gram = _gram(network, trace, layer)
    total = gram.sum()
    return gram.sum(axis=1) / total if total > 0 else np.full(len(gram), np.nan)


def cancellation(network: Network, trace: Trace, layer: int = -1) -> float:
    """Return ‖Σ G_t‖ / Σ ‖G_t‖ of the contributions to ∂L/∂W_hh, in [0, 1]: 1 where all point the same way."""
    gram = _gram(network, trace, layer)
    lengths = np.sqrt(gram.diagonal()).sum()
    return float(np.sqrt(max(gram.sum(), 0.0)) / lengths) if lengths else float("nan")


class Truncation(NamedTuple):
    """What is left of ∂L/∂W_hh where backpropagation goes back k steps; entry k - 1 is for k = 1..T."""

    length: np.ndarray
    """(T,), its norm as a share of the full gradient's."""
    cosine: np.ndarray
    """(T,), of the angle between the two; nan where one of them is exactly zero."""


def truncation(network: Network, trace: Trace, layer: int = -1) -> Truncation:
    """Return what truncated backpropagation through time keeps of ∂L/∂W_hh, for every number of steps k.

    For a loss after the last step, the gradient with h_{T-k} (and c_{T-k}) taken for a constant, as `detach` makes it
    in torch, is the sum of the last k contributions (Williams & Peng 1990). Raises ValueError for other losses.
    """
    if trace.label is None:
        raise ValueError('trace must be of the loss "last". Got one with a target at every step.')
    gram = _gram(network, trace, layer)
    total = gram.sum()
    if not total > 0:
        return Truncation(np.full(len(gram), np.nan), np.full(len(gram), np.nan))
    kept = np.cumsum(np.cumsum(gram[::-1, ::-1], axis=0), axis=1).diagonal()  # ⟨C_k, C_k⟩ of the last k
    with_full = np.cumsum(gram.sum(axis=1)[::-1])  # ⟨C_k, G⟩
    length = np.sqrt(np.clip(kept, 0.0, None))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(length > 0, np.clip(with_full / (length * np.sqrt(total)), -1.0, 1.0), np.nan)
    return Truncation(length / np.sqrt(total), cosine)


def jacobian_norms(network: Network, trace: Trace, layer: int = -1, of: str = "h") -> np.ndarray:
    """Return log10 of the spectral norm (T,) of ∂s_T/∂s_t along the layer's recurrence, s = h or c; -inf: exactly zero.

    The last entry is 0 (the identity). For an LSTM it is a diagonal block of the product over (h, c): what h_T would
    change by if h_t alone were moved, or c_T by c_t. Free of the loss. Raises ValueError for a state that is not there.
    """
    place = _state(network, of)
    J = network.kind.jacobians(network.layers[layer], _values(network, trace, layer))
    T, S, _ = J.shape
    H = network.hidden_size
    own = slice(place * H, (place + 1) * H)
    products, exponents = np.empty((T, H, H)), np.zeros(T, dtype=np.int64)
    P, e = np.eye(S)[own], 0  # the rows of s_T, by the columns of state_t
    for t in range(T - 1, -1, -1):
        products[t], exponents[t] = P[:, own], e
        if t:
            P = P @ J[t]
            shift = int(np.frexp(np.abs(P).max())[1])
            P, e = np.ldexp(P, -shift), e + shift
    top = np.abs(products).max(axis=(1, 2))
    unit = products / np.where(top == 0.0, 1.0, top)[:, None, None]
    largest = np.linalg.eigvalsh(unit @ unit.transpose(0, 2, 1))[:, -1]
    with np.errstate(divide="ignore"):
        return np.log10(top) + 0.5 * np.log10(np.where(top == 0.0, 1.0, largest)) + exponents * LOG10_2


class Spectra(NamedTuple):
    """Of every step's Jacobian ∂state_t/∂state_{t-1}, (T,) each."""

    largest: np.ndarray
    """The largest singular value: the most that a change of the state before can grow by."""
    smallest: np.ndarray
    """The smallest one: the least."""
    radius: np.ndarray
    """The spectral radius: the largest size of an eigenvalue."""
    resolution: np.ndarray
    """A smallest singular value below it is rounding, unless it is exactly 0."""


def step_spectra(network: Network, trace: Trace, layer: int = -1) -> Spectra:
    """Return the singular values at both ends, and the spectral radius, of the Jacobian of every step of a layer.

    An LSTM's is over (h, c) together. Where a row of it is zero, as those of a silent ReLU, the smallest is exactly 0.
    """
    J = network.kind.jacobians(network.layers[layer], _values(network, trace, layer))
    sizes = np.linalg.svd(J, compute_uv=False)
    singular = ~(J.any(axis=2).all(axis=1) & J.any(axis=1).all(axis=1))
    smallest = np.where(singular, 0.0, sizes[:, -1])
    radius = np.abs(np.linalg.eigvals(J)).max(axis=1)
    return Spectra(sizes[:, 0], smallest, radius, sizes[:, 0] * J.shape[1] * np.finfo(float).eps)


STEEPEST = {"tanh": 1.0, "relu": 1.0, "sigmoid": 0.25}
"""The largest slope that an activation function has anywhere."""


def linear_bound(network: Network, trace: Trace, layer: int = -1) -> np.ndarray:
    """Return log10 (T,) of (σ_max(W_hh) max|φ'|)^(T-t), which ‖∂h_T/∂h_t‖ of a plain RNN cannot exceed.

    max|φ'| is the function's own (1 for tanh and ReLU, 1/4 for the sigmoid), not that of this sequence: the condition
    of Pascanu, Mikolov & Bengio (2013). Raises ValueError for a cell with gates, which has no such bound.
    """
    factor = np.linalg.norm(network.layers[layer].W_hh, ord=2) * STEEPEST[_plain(network)]
    with np.errstate(divide="ignore"):
        return np.arange(len(trace) - 1, -1, -1) * np.log10(factor) if factor else _only_last(len(trace))


def activation_slopes(network: Network, trace: Trace, layer: int = -1) -> np.ndarray:
    """Return φ'(a_t) of every unit of a plain RNN, (T, H). Raises ValueError for a cell with gates."""
    _plain(network)
    return network.kind.slopes(_values(network, trace, layer))


def kept(trace: Trace, layer: int = -1) -> np.ndarray:
    """Return how much of its own state each unit keeps from step to step, (T, H) in [0, 1].

    That is the forget gate f_t of an LSTM, the update gate z_t of a GRU (which PyTorch calls so where it keeps the old
    state). Raises ValueError for a cell without such a gate.
    """
    return trace[_keeper(trace)][layer]


def direct_road(trace: Trace, layer: int = -1) -> np.ndarray:
    """Return log10 of Π f_s, s = t+1..T, of every unit, (T, H): the direct part of ∂c_T/∂c_t, which is diagonal.

    It is not all of ∂c_T/∂c_t: c_t also moves h_t, and that the later gates. For a GRU it is Π z_s in ∂h_T/∂h_t.
    -inf where a gate is exactly 0. Raises ValueError for a cell without such a gate.
    """
    with np.errstate(divide="ignore"):
        log10 = np.log10(kept(trace, layer))
    later = np.cumsum(log10[:0:-1], axis=0)[::-1]
    return np.concatenate([later, np.zeros((1, log10.shape[1]))])


def half_lives(trace: Trace, layer: int = -1) -> np.ndarray:
    """Return after how many steps each unit has kept half of its state, (H,): log ½ / the mean of log f_t.

    inf for a unit that keeps all; 0 for one whose gate was once exactly 0.
    """
    with np.errstate(divide="ignore"):
        return np.log(2.0) / np.abs(np.log(kept(trace, layer)).mean(axis=0))


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


def _factors(network: Network, trace: Trace, layer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a step's contribution to ∂L/∂W_hh is the outer product of: (T, G·H) with exponents (T,), (T, H)."""
    values = _values(network, trace, layer)
    da = network.kind.recurrent(network.layers[layer], values, trace.mantissa["a"][layer])
    return da, trace.exponent[layer], np.concatenate([values["h0"][None], values["h"][:-1]])


def _gram(network: Network, trace: Trace, layer: int) -> np.ndarray:
    """Return the inner products (T, T) of the contributions to ∂L/∂W_hh, up to one factor for all.

    Those of outer products are products of inner products, so that no matrix of the weights' size is needed.
    """
    da, exponent, h_prev = _factors(network, trace, layer)
    size = np.abs(da).max(axis=1)
    top = int((np.frexp(size)[1] + exponent)[size > 0].max()) if size.any() else 0
    da = np.ldexp(da, (exponent - top).clip(-2000).astype(np.intc)[:, None])
    return (da @ da.T) * (h_prev @ h_prev.T)


def _state(network: Network, name: str) -> int:
    states = network.kind.states
    if name not in states:
        raise ValueError(f"of must be one of {', '.join(states)} for this cell. Got {name!r}.")
    return states.index(name)


def _plain(network: Network) -> str:
    """Return the activation function of a plain RNN; ValueError for another cell."""
    if not network.cell.startswith("rnn_"):
        raise ValueError(f"network must be a plain RNN. Got the cell {network.cell!r}.")
    return network.kind.nonlinearity


def _keeper(trace: Trace) -> str:
    blocks = CELLS[trace.cell].blocks
    for gate in ("f", "z"):
        if gate in blocks:
            return gate
    raise ValueError(f"trace must be of a cell that has a gate to keep its state with. Got {trace.cell!r}.")


def _only_last(count: int) -> np.ndarray:
    return np.where(np.arange(count) == count - 1, 0.0, -np.inf)


def _values(network: Network, trace: Trace, layer: int) -> dict[str, np.ndarray]:
    """Return one layer's forward values as its cell computed them."""
    return {name: trace[name][layer] for name in network.signals} | {"h0": trace.h0[layer]}


def _relative(norms: np.ndarray) -> np.ndarray:
    """Return log10 norms relative to the last; all nan where the last is of exactly zero."""
    return norms - norms[-1] if np.isfinite(norms[-1]) else np.full_like(norms, np.nan)
