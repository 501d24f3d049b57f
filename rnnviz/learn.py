"""Learning in NumPy, for small networks on the teaching pages: gradients of all parameters, clipping, and descent.

>>> from rnnviz import initial, learn
>>> network = initial.network("rnn_tanh", hidden_size=16)
>>> for step in learn.descend(network, images, labels, rate=0.1, updates=100, clip=1.0):
...     print(step.loss, step.norm)
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from .network import Network
from .trace import Trace, record

Arrays = Mapping[str, np.ndarray]


def gradients(network: Network, trace: Trace) -> dict[str, np.ndarray]:
    """Return the loss's gradient in every parameter, under torch's names; shared layers have one together, "_l0".

    A step's share in a matrix is the outer product of the gradient in what the matrix gives and of what it was given;
    the sum over steps is a product of matrices.
    """
    found, x = {}, network.projected(trace["x"])
    for k, weights in enumerate(network.layers):
        values = {name: trace[name][k] for name in network.signals} | {"h0": trace.h0[k]}
        grad = {name: trace.grad[name][k] for name in ("a", *network.kind.states)}
        da = grad["a"]
        # Not da itself where something lies between a product and a: the GRU's reset gate, a normalisation.
        from_input = network.kind.feedforward(weights, x, da)
        from_state = network.kind.recurrent(weights, values, da)
        h_prev = np.concatenate([trace.h0[k][None], trace["h"][k, :-1]])
        found[f"rnn.weight_ih_l{k}"], found[f"rnn.weight_hh_l{k}"] = from_input.T @ x, from_state.T @ h_prev
        found[f"rnn.bias_ih_l{k}"] = da.sum(axis=0)
        found[f"rnn.bias_hh_l{k}"] = (from_state if "r" in network.kind.gates else da).sum(axis=0)  # r scales b_hn too
        extras = network.kind.extra_gradients(weights, x, values, grad)
        found |= {f"rnn.{name}_l{k}": array for name, array in extras.items()}
        if not k and network.projection:
            dx = from_input @ weights.W_ih
            found |= {"project.weight": dx.T @ trace["x"], "project.bias": dx.sum(axis=0)}
        x = trace["h"][k]
    if network.shared:
        for name in [name for name in found if name.startswith("rnn.") and not name.endswith("_l0")]:
            found[f"{name[:-1]}0"] = found[f"{name[:-1]}0"] + found.pop(name)
    dlogits = trace.grad["logits"]
    return found | {"head.weight": dlogits.T @ x, "head.bias": dlogits.sum(axis=0)}


def norm(arrays: Arrays) -> float:
    """Return the Euclidean norm of all arrays together."""
    return float(np.sqrt(sum(float(np.vdot(array, array)) for array in arrays.values())))


def clipped(arrays: Arrays, most: float) -> dict[str, np.ndarray]:
    """Return the arrays, all scaled alike so that their norm together is at most `most`, as torch's clip_grad_norm_.

    The direction stays (Pascanu, Mikolov & Bengio 2013).
    """
    scale = min(1.0, most / (norm(arrays) + 1e-6))
    return {name: array * scale for name, array in arrays.items()}


class Step(NamedTuple):
    """One update of gradient descent."""

    loss: float
    """The batch's mean loss before the update, in nats."""
    norm: float
    """The norm of its gradient in all parameters together, before clipping."""
    network: Network
    """The network before the update."""


def descend(
    network: Network, images: Sequence, labels: Sequence[int], rate: float, updates: int, clip: float | None = None
) -> Iterator[Step]:
    """Yield the steps of gradient descent on the mean loss of all sequences (N, T, D); clip: the largest norm.

    The last step is of the network after all updates. It ends early where the numbers leave what float64 holds; that
    step has an infinite loss.
    """
    for update in range(updates + 1):
        try:
            traces = [record(network, x, int(label)) for x, label in zip(images, labels, strict=True)]
        except OverflowError:
            yield Step(np.inf, np.inf, network)
            return
        parts = [gradients(network, trace) for trace in traces]
        mean = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        yield Step(float(np.mean([trace.loss for trace in traces])), norm(mean), network)
        if update == updates:
            return
        change = mean if clip is None else clipped(mean, clip)
        network = _moved(network, {name: -rate * array for name, array in change.items()})


def _moved(network: Network, change: Arrays) -> Network:
    """Return the network with changes added to its parameters, to those of shared layers alike."""
    arrays = dict(network.arrays)
    for name, by in change.items():
        arrays[name] = arrays[name] + by
    if network.shared:
        once = {name[:-1]: array for name, array in arrays.items() if name.endswith("_l0")}
        arrays |= {f"{name}{k}": array for name, array in once.items() for k in range(1, network.num_layers)}
    return Network(network.cell, arrays)
