"""Learning in NumPy, for small networks on the teaching pages: gradients of all parameters, clipping, SGD and Adam.

>>> from itertools import islice, repeat
>>> from rnnviz import initial, learn
>>> network = initial.network("rnn_tanh", hidden_size=16)
>>> batch = list(zip(images, labels))
>>> for step in islice(learn.train(network, repeat(batch), learn.Adam(0.01), clip=1.0), 101):
...     print(step.loss, step.norm)  # before each update; the 101st is of the network after 100
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .cells import CELLS
from .network import Network
from .trace import Signals, Trace, record

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


def by_use(network: Network, trace: Trace) -> dict[str, np.ndarray]:
    """Return what the use of every parameter at each step adds to its gradient, (T, *its shape), under torch's names.

    That is the gradient in a copy of the parameter which that step alone uses; the sum over the steps is `gradients`.
    A step's share is linear in the gradients of that step, and those of no other step enter it.
    """
    steps = [gradients(network, _only(trace, t)) for t in range(len(trace))]
    return {name: np.stack([step[name] for step in steps]) for name in steps[0]}


def by_loss(network: Network, trace: Trace) -> list[Trace]:
    """Return the trace of each step's loss alone, (T) of them: the losses of the other steps send nothing back.

    Their gradients sum to those of the trace. Each one's `loss` is the product of the readout and its own gradient.
    """
    dlogits, T = trace.grad["logits"], len(trace)
    return [
        record(network, trace["x"], np.where(np.arange(T)[:, None] == t, dlogits, 0.0), trace.h0, "dot")
        for t in range(T)
    ]


def _only(trace: Trace, t: int) -> Trace:
    """Return a trace whose gradients are those of step t, and zero at all others."""
    kept = {}
    for name, array in trace.grad.items():
        over_time = (slice(None), t) if name in ("a", *CELLS[trace.cell].states) else t
        kept[name] = np.zeros_like(array)
        kept[name][over_time] = array[over_time]
    return replace(trace, grad=Signals(kept))


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
    """One update, before it is made."""

    loss: float
    """The batch's mean loss, in nats for cross-entropy."""
    norm: float
    """The norm of its gradient in all parameters that learn, before clipping."""
    network: Network
    """The network before the update."""


def train(
    network: Network,
    batches: Iterable[Iterable[tuple]],
    optimiser: Callable[[Arrays], Arrays],
    loss: str = "last",
    clip: float | None = None,
    frozen: Collection[str] = (),
) -> Iterator[Step]:
    """Yield a step for every batch, then make its update: forward, loss, backward, update.

    batches: each holds pairs of a sequence (T, D) and what `record` takes as its label for this `loss`. optimiser:
    turns the gradients of the mean loss into changes. clip: the largest norm. frozen: names of parameters that do not
    learn. It ends where the numbers leave what float64 holds; that step has an infinite norm, or loss as well.
    """
    for batch in batches:
        try:
            traces = [record(network, x, label, loss=loss) for x, label in batch]
        except OverflowError:
            yield Step(np.inf, np.inf, network)
            return
        parts = [gradients(network, trace) for trace in traces]
        mean = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0] if name not in frozen}
        length = norm(mean)
        yield Step(float(np.mean([trace.loss for trace in traces])), length, network)
        if not np.isfinite(length):
            return
        network = moved(network, optimiser(mean if clip is None else clipped(mean, clip)))


class SGD:
    """Gradient descent: every parameter goes `rate` times its gradient downhill."""

    def __init__(self, rate: float):
        self.rate = rate

    def __call__(self, gradients: Arrays) -> Arrays:
        return {name: -self.rate * g for name, g in gradients.items()}


class Adam:
    """Adam (Kingma & Ba 2015): every number's steps are about `rate` long, whatever the size of its gradients."""

    def __init__(self, rate: float, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8):
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon
        self.updates, self.mean, self.square = 0, {}, {}

    def __call__(self, gradients: Arrays) -> Arrays:
        self.updates += 1
        changes = {}
        for name, g in gradients.items():
            m = self.mean[name] = self.beta1 * self.mean.get(name, 0.0) + (1 - self.beta1) * g
            v = self.square[name] = self.beta2 * self.square.get(name, 0.0) + (1 - self.beta2) * g * g
            m, v = m / (1 - self.beta1**self.updates), v / (1 - self.beta2**self.updates)  # both began at zero
            changes[name] = -self.rate * m / (np.sqrt(v) + self.epsilon)
        return changes


OPTIMISERS = {"sgd": SGD, "adam": Adam}


def moved(network: Network, change: Arrays) -> Network:
    """Return the network with changes added to its parameters, to those of shared layers alike."""
    arrays = dict(network.arrays)
    for name, by in change.items():
        arrays[name] = arrays[name] + by
    if network.shared:
        once = {name[:-1]: array for name, array in arrays.items() if name.endswith("_l0")}
        arrays |= {f"{name}{k}": array for name, array in once.items() for k in range(1, network.num_layers)}
    return Network(network.cell, arrays)


def start_gradient(network: Network, trace: Trace) -> np.ndarray:
    """Return the loss's gradient in the hidden state (L, H) before the first step: what an encoder is taught by."""
    found = []
    for k, weights in enumerate(network.layers):
        first = {name: trace[name][k, :1] for name in network.signals} | {"h0": trace.h0[k]}
        product = network.kind.recurrent(weights, first, trace.grad["a"][k, :1])[0]
        kept = first["z"][0] * trace.grad["h"][k, 0] if "z" in network.kind.gates else 0.0  # past the matrix
        found.append(product @ weights.W_hh + kept)
    return np.stack(found)
