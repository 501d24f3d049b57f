"""A trace: everything that happened while a network read one sequence, forward and backward."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields

import numpy as np

from .network import Network

LOSSES = ("last", "every", "mse", "dot")


class Signals(Mapping[str, np.ndarray]):
    """Named arrays, read-only; a name that is not there is answered with the names that are."""

    def __init__(self, arrays: Mapping[str, np.ndarray]):
        self._arrays = dict(arrays)
        for array in self._arrays.values():
            array.setflags(write=False)

    def __getitem__(self, name: str) -> np.ndarray:
        try:
            return self._arrays[name]
        except KeyError:
            raise KeyError(f"signal must be one of {', '.join(self._arrays)}. Got {name!r}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __reduce__(self):  # by way of __init__: a pickled array forgets that it is read-only
        return Signals, (self._arrays,)

    def __repr__(self) -> str:
        return f"Signals({', '.join(f'{name} {array.shape}' for name, array in self._arrays.items())})"


@dataclass(frozen=True, eq=False)
class Trace:
    """One sequence read by one network: plain arrays, no model, no batch axis.

    `trace["h"]` and every other forward signal: x (T, D); h, c and the cell's blocks (L, T, H); a (L, T, G·H);
    logits and probs (T, K), what the readout would say if reading stopped after that row.
    `trace.grad["h"]` is the total gradient of the loss in h, same shape; also c, a, x, logits.
    """

    cell: str
    signals: Signals
    grad: Signals
    """Total gradients of the loss, float64: h, c (L, T, H), a (L, T, G·H), x (T, D) before any projection, logits
    (T, K)."""
    mantissa: Signals
    """The same gradients before scaling: row t of layer l is `mantissa[name][l, t] * 2.0**exponent[l, t]`; those of x
    have the first layer's exponents, those of the logits none."""
    exponent: np.ndarray
    """(L, T) int. Zero unless the gradient left float64's comfortable range."""
    h0: np.ndarray
    """(L, H), the hidden state before the first step."""
    label: int | None
    """The class that the loss is taken for; None for losses with a target at every step."""
    loss: float
    """The loss, in nats for cross-entropy."""

    def __post_init__(self) -> None:
        self.exponent.setflags(write=False)
        self.h0.setflags(write=False)

    def __reduce__(self):  # by way of __post_init__, as above
        return Trace, tuple(getattr(self, f.name) for f in fields(self))

    def __getitem__(self, name: str) -> np.ndarray:
        return self.signals[name]

    def __len__(self) -> int:
        """The number of time steps."""
        return len(self.signals["x"])

    @property
    def num_layers(self) -> int:
        return self.signals["h"].shape[0]

    @property
    def prediction(self) -> int:
        """The most probable class after the last step."""
        return int(self.signals["logits"][-1].argmax())


def record(network: Network, x: np.ndarray, label=None, h0: np.ndarray | None = None, loss: str = "last") -> Trace:
    """Return the trace of `network` reading x (T, D), one row per time step.

    label and loss belong together. "last": cross-entropy after the last step for the class `label` (default: the
    predicted class). "every": the mean over steps of the cross-entropy for one class per step, label (T,); a step of
    class -1 has no target. "mse": the mean squared difference between the readout and targets, label (T, K). Means as
    torch's functions of these names take them. "dot": the sum of the readout times label (T, K), for a gradient in the
    readout that comes from elsewhere. h0 (L, H) overrides the network's own initial state.
    Raises ValueError for shapes, labels or numbers that do not fit, OverflowError where the hidden state grows beyond
    float64 (a ReLU network with expanding weights on a long sequence).
    """
    x = _sequence(network, x)
    h0 = network.h0 if h0 is None else _initial(network, h0)
    with np.errstate(over="ignore", invalid="ignore"):  # told below, with the step
        layers = _read(network, x, h0)
        logits = network.readout(layers[-1]["h"])
    if not np.isfinite(logits).all():
        step = int(np.isfinite(logits).all(axis=1).argmin()) + 1
        raise OverflowError(f"class scores must stay finite. Got inf at step {step}. Choose smaller recurrent weights.")
    probs = softmax(logits)
    label, value, dlogits = _loss(loss, label, logits, probs)
    gradients, dx = _backward(network, x, layers, dlogits)

    names = network.signals
    signals = {name: _stack([values[name] for values in layers]) for name in names}
    mantissa = {name: _stack([g.mantissa[name] for g in gradients]) for name in ("a", *network.kind.states)}
    mantissa |= {"x": dx, "logits": dlogits}
    exponent = _stack([g.exponent for g in gradients])
    grad = mantissa
    if exponent.any():
        power = exponent.astype(np.intc)  # ldexp takes C ints; on Windows int64 is none
        with np.errstate(over="ignore"):  # what float64 cannot hold is infinite here, and finite in the mantissa
            grad = {name: np.ldexp(mantissa[name], power[..., None]) for name in ("a", *network.kind.states)}
            grad |= {"x": np.ldexp(dx, power[0, :, None]), "logits": dlogits}
    signals |= {"x": x, "logits": logits, "probs": probs}
    return Trace(network.cell, Signals(signals), Signals(grad), Signals(mantissa), exponent, h0, label, value)


def record_many(network: Network, images, signals: tuple[str, ...] = ("h", "probs"), chunk: int = 256) -> Signals:
    """Return the chosen forward signals of many sequences (N, T, D), stacked along a first axis N.

    Integer images are taken as 0..255 and scaled to [0, 1]. Works through `chunk` sequences at a time, so that
    memory holds the result and one chunk: 10,000 digits x 28 x 64 units are 143 MB per signal.
    Raises ValueError for unknown signals or shapes that do not fit.
    """
    images = np.asarray(images)
    per_layer = network.signals
    for name in signals:
        if name not in per_layer and name not in ("logits", "probs"):
            raise ValueError(f"signals must be among {', '.join((*per_layer, 'logits', 'probs'))}. Got {name!r}.")
    if images.ndim != 3 or images.shape[2] != network.input_size or not images.size:
        raise ValueError(f"images must have shape (N, T, {network.input_size}). Got {images.shape}.")
    scale = 255.0 if images.dtype.kind in "ui" else 1.0
    parts: dict[str, list[np.ndarray]] = {name: [] for name in signals}
    for start in range(0, len(images), chunk):
        x = (images[start : start + chunk] / scale).swapaxes(0, 1)  # (T, N, D)
        h0 = np.repeat(network.h0[:, None], x.shape[1], axis=1)
        layers = _read(network, x, h0)
        for name, part in parts.items():
            if name in per_layer:
                part.append(np.stack([values[name] for values in layers]).transpose(2, 0, 1, 3))  # (N, L, T, H)
            else:
                logits = network.readout(layers[-1]["h"]).swapaxes(0, 1)  # (N, T, K)
                part.append(softmax(logits) if name == "probs" else logits)
    return Signals({name: np.concatenate(part) for name, part in parts.items()})


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities along the last axis."""
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def _read(network: Network, x: np.ndarray, h0: np.ndarray) -> list[dict[str, np.ndarray]]:
    """Return each layer's forward values for x (T, ..., D)."""
    layers, x = [], network.projected(x)
    for weights, start in zip(network.layers, h0, strict=True):
        layers.append(network.kind.forward(weights, x, start))
        x = layers[-1]["h"]
    return layers


def _backward(network: Network, x: np.ndarray, layers: list[dict], dlogits: np.ndarray):
    """Return each layer's gradients, and the mantissa of the gradient in x at the first layer's exponents."""
    direct = dlogits @ network.head[0]
    exponent = np.zeros(len(direct), dtype=np.int64)
    inputs = [network.projected(x), *(values["h"] for values in layers[:-1])]
    gradients = []
    for weights, entering, values in reversed(list(zip(network.layers, inputs, layers, strict=True))):
        gradients.append(network.kind.backward(weights, values, direct, exponent))
        exponent = gradients[-1].exponent
        direct = network.kind.feedforward(weights, entering, gradients[-1].mantissa["a"]) @ weights.W_ih
    return gradients[::-1], direct if network.projection is None else direct @ network.projection[0]


def _stack(arrays: list[np.ndarray]) -> np.ndarray:
    """Return the layers' arrays along a first axis; a single layer's is not copied."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def _loss(loss: str, label, logits: np.ndarray, probs: np.ndarray) -> tuple[int | None, float, np.ndarray]:
    """Return the label used, the loss and its gradient in the logits (T, K)."""
    T, K = logits.shape
    if loss in ("mse", "dot"):
        target = np.asarray(label, dtype=np.float64)
        if target.shape != (T, K) or not np.isfinite(target).all():
            raise ValueError(f'label must be finite, ({T}, {K}), for the loss "{loss}". Got {target.shape}.')
        if loss == "dot":
            return None, float((logits * target).sum()), target.copy()
        difference = logits - target
        return None, float((difference**2).mean()), difference * (2.0 / (T * K))
    if loss == "last":
        label = int(logits[-1].argmax()) if label is None else label
        if not isinstance(label, int | np.integer) or isinstance(label, bool) or not 0 <= label < K:
            raise ValueError(f"label must be a class from 0 to {K - 1}, or None for the predicted one. Got {label!r}.")
        label, targets = int(label), [(T - 1, int(label))]
    elif loss == "every":
        labels = np.asarray(label)
        fits = labels.shape == (T,) and labels.dtype.kind in "ui" and labels.min() >= -1 and 0 <= labels.max() < K
        if not fits:
            known = f"label must hold {T} classes from 0 to {K - 1}, or -1 where a step has no target, but not always,"
            raise ValueError(f'{known} for the loss "every". Got {label!r}.')
        label, targets = None, [(t, k) for t, k in enumerate(labels.tolist()) if k >= 0]
    else:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}. Got {loss!r}.")
    value, dlogits = 0.0, np.zeros((T, K))
    for t, k in targets:
        value += _log_sum_exp(logits[t]) - logits[t, k]
        dlogits[t] = probs[t]
        # p_k - 1 as minus the sum of the others: 1 - 1 would be 0 for a network that is sure, and its gradient not.
        dlogits[t, k] = 0.0
        dlogits[t, k] = -dlogits[t].sum()
    return label, float(value) / len(targets), dlogits / len(targets)


def _log_sum_exp(logits: np.ndarray) -> float:
    top = logits.max()
    return float(top + np.log(np.exp(logits - top).sum()))


def _sequence(network: Network, x: np.ndarray) -> np.ndarray:
    """Return x as a float64 copy (T, D); ValueError where it is not one finite sequence."""
    x = np.array(x, dtype=np.float64)
    if x.ndim != 2 or not len(x):
        hint = " Drop the batch axis." if x.ndim == 3 and len(x) == 1 else ""
        raise ValueError(f"x must have shape (T, D), one row per time step. Got {x.shape}.{hint}")
    if x.shape[1] != network.input_size:
        raise ValueError(f"x must have {network.input_size} numbers per row for this network. Got {x.shape[1]}.")
    if not np.isfinite(x).all():
        raise ValueError("x must hold finite numbers. Got nan or inf.")
    return x


def _initial(network: Network, h0: np.ndarray) -> np.ndarray:
    """Return h0 as a float64 copy (L, H); ValueError where it does not fit."""
    expected = (network.num_layers, network.hidden_size)
    h0 = np.array(h0, dtype=np.float64)
    if h0.shape != expected or not np.isfinite(h0).all():
        raise ValueError(f"h0 must be finite and have shape (L, H) = {expected}. Got {h0.shape}.")
    return h0
