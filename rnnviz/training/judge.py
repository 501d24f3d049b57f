"""The judge: `python -m rnnviz.training.judge` compares what comes on its input with autograd; see `proof`."""

import io
import json
import sys
import time

import numpy as np
import torch
from torch.nn import functional as F

from ..network import Network
from . import unrolled

PROBES = 40
"""So many hidden units are nudged."""
PROBED_STEPS = 4_000
"""Fewer where sequences are long: all nudges together read about so many steps."""
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
NUDGE = 6e-6
"""About the cube root of float64's rounding, where the errors of a central difference are least."""


def main() -> None:
    """Read a question from standard input and write the answer to standard output."""
    started = time.monotonic()
    torch.set_num_threads(1)
    with np.load(io.BytesIO(sys.stdin.buffer.read()), allow_pickle=False) as file:
        given = {name: file[name] for name in file.files}
    print(json.dumps(judge(given) | {"torch": torch.__version__, "seconds": time.monotonic() - started}))


def judge(given: dict[str, np.ndarray]) -> dict[str, object]:
    """Return the checks, and what finite differences say, of what `proof.prove` gives."""
    asked = json.loads(str(given["asked"]))
    arrays = {name.removeprefix("network."): array for name, array in given.items() if name.startswith("network.")}
    network, x, h0 = Network(asked["cell"], arrays), given["x"], given["h0"]
    label, layer = asked["label"], asked["layer"]
    read = unrolled.unroll(network, x, h0, separate=True)
    unrolled.backward(read, "last", label)
    checks = []
    for name, ours in given.items():
        if name.startswith("grad."):
            state = name.removeprefix("grad.")
            checks.append(_check(state, ours, unrolled.gradients(read, state)))
    theirs = np.array([np.linalg.norm(W.grad.numpy()) for W in read.W_hh[layer]])
    checks.append(_check("weights", _powers(given["weights"])[:, None], theirs[:, None]))
    checks.append(_check("truncation", given["truncation"][:, None], _truncated(network, x, h0, asked)[:, None]))
    if "jacobian" in given:
        checks.append(_check("jacobian", _powers(given["jacobian"])[:, None], _jacobian_norms(network, x, h0, layer)))
    clipped = {name.removeprefix("clipped."): each for name, each in given.items() if name.startswith("clipped.")}
    checks.append(_clipped(network, x, h0, asked, clipped))
    return {"checks": checks, "differences": _nudged(network, x, h0, asked, given["grad.h"][layer])}


def _check(name: str, ours: np.ndarray, theirs: np.ndarray) -> dict[str, object]:
    """Return how far vectors (..., N) are from autograd's, relative to the norm of each.

    Zeros must be zeros, and what is no number for autograd (beyond float64) must be none here.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        size, own = np.linalg.norm(theirs, axis=-1), np.linalg.norm(ours, axis=-1)
        apart = np.linalg.norm(ours - theirs, axis=-1)
    known = (size > 1e-290) & np.isfinite(size)  # below, autograd's own numbers lose digits
    largest = float((apart[known] / size[known]).max()) if known.any() else 0.0
    if (own[size == 0] > 1e-290).any() or np.isfinite(own[~np.isfinite(size)]).any() or np.isnan(largest):
        largest = float("inf")
    return {"name": name, "entries": int(known.sum()) * theirs.shape[-1], "difference": largest}


def _powers(log10: np.ndarray) -> np.ndarray:
    with np.errstate(under="ignore"):
        return 10.0**log10


def _jacobian_norms(network: Network, x: np.ndarray, h0: np.ndarray, layer: int) -> np.ndarray:
    """Return ‖∂h_T/∂h_t‖ (T, 1) by a backward pass for every unit of h_T."""
    h = [step["h"] for step in unrolled.unroll(network, x, h0).steps[layer]]
    rows = [
        torch.stack(torch.autograd.grad(unit, h, retain_graph=True, materialize_grads=True)) for unit in h[-1].unbind()
    ]
    return torch.linalg.matrix_norm(torch.stack(rows, dim=1), ord=2)[:, None].numpy()


def _truncated(network: Network, x: np.ndarray, h0: np.ndarray, asked: dict) -> np.ndarray:
    """Return the truncated gradient's norm as a share of the full one's, and the cosine, by detaching the states."""
    layer, window = asked["layer"], asked["window"]

    def gradient(back: int) -> torch.Tensor:
        stack = unrolled.layers(network)
        stack[layer] = stack[layer]._replace(W_hh=stack[layer].W_hh.clone().requires_grad_())
        logits = _read(network, stack, x, h0, detach_before=len(x) - back)
        return torch.autograd.grad(_loss(logits, asked["label"]), stack[layer].W_hh)[0].flatten()

    cut, full = gradient(window), gradient(len(x))
    return np.array([(cut.norm() / full.norm()).item(), (cut @ full / cut.norm() / full.norm()).item()])


def _clipped(network: Network, x: np.ndarray, h0: np.ndarray, asked: dict, ours: dict) -> dict[str, object]:
    """Return how far clipped gradients are from torch's clip_grad_norm_, all parameters as one vector."""
    arrays = {name: torch.tensor(network.arrays[name]).requires_grad_() for name in ours}
    extras = network.kind.extras(network.hidden_size)
    stack = []
    for k in range(network.num_layers):
        own = 0 if network.shared else k  # layers that share their weights have one gradient
        named = {name: arrays[f"rnn.{name}_l{own}"] for name in (*WEIGHTS, *extras)}
        stack.append(unrolled.Layer(*(named.pop(name) for name in WEIGHTS), named))
    _loss(_read(network, stack, x, h0, arrays=arrays), asked["label"]).backward()
    torch.nn.utils.clip_grad_norm_(list(arrays.values()), asked["clip"])
    pairs = [(ours[name].ravel(), arrays[name].grad.numpy().ravel()) for name in ours]
    return _check("clipping", *(np.concatenate(side)[None] for side in zip(*pairs, strict=True)))


def _nudged(network: Network, x: np.ndarray, h0: np.ndarray, asked: dict, ours: np.ndarray) -> dict[str, object]:
    """Return what central differences of the loss in single hidden units say of the gradients `ours` (T, H)."""
    random, layer = np.random.default_rng(0), asked["layer"]
    count = max(4, min(PROBES, PROBED_STEPS // len(x)))
    stack, found, kinks = unrolled.layers(network), [], 0
    with torch.no_grad():
        loss = _loss(_read(network, stack, x, h0), asked["label"]).item()
        resolution = max(abs(loss), 1.0) * np.finfo(float).eps / NUDGE + NUDGE**2
        for t, unit in zip(random.integers(0, len(x), count), random.integers(0, ours.shape[1], count), strict=True):
            ends, switched = [], ([], [])
            for side, on in zip((1, -1), switched, strict=True):
                nudge = (layer, int(t), int(unit), side * NUDGE)
                logits = _read(network, stack, x, h0, nudge=nudge, on=on)
                ends.append(_loss(logits, asked["label"]).item())
            if network.cell == "rnn_relu" and (torch.stack(switched[0]) != torch.stack(switched[1])).any():
                kinks += 1
                continue
            found.append((ours[t, unit], (ends[0] - ends[1]) / (2 * NUDGE)))
    gradients, differences = np.array(found).reshape(-1, 2).T
    return {
        "entries": len(found),
        "kinks": kinks,
        "below": int((np.abs(gradients) < resolution).sum()),
        "difference": float(np.abs(gradients - differences).max(initial=0.0)),
        "resolution": float(resolution),
    }


def _read(
    network: Network, stack: list, x: np.ndarray, h0: np.ndarray, detach_before: int = 0, nudge=None, arrays=None,
    on: list | None = None,
) -> torch.Tensor:  # fmt: skip
    """Return the class scores (K,) after the last step.

    detach_before: at this step, from 0, the states before are taken for constants. nudge: (layer, step, unit, by) moves
    one hidden unit. arrays: the readout's and the projection's tensors, where these are to have gradients. on: is given
    which units of every step have a pre-activation above 0.
    """
    arrays = arrays or {name: torch.tensor(array) for name, array in network.arrays.items()}
    inputs = list(torch.tensor(x))
    if network.projection:
        inputs = [arrays["project.weight"] @ x_t + arrays["project.bias"] for x_t in inputs]
    for k, (layer, start) in enumerate(zip(stack, torch.tensor(h0), strict=True)):
        state = dict(zip(network.kind.states, (start, torch.zeros_like(start)), strict=False))
        outputs = []
        for t, x_t in enumerate(inputs):
            if detach_before and t == detach_before:
                state = {name: value.detach() for name, value in state.items()}
            values = unrolled.step(network.cell, layer, x_t, state)
            state = {name: values[name] for name in state}
            if on is not None:
                on.append(values["a"][0] > 0)
            if nudge and (k, t) == nudge[:2]:
                state["h"] = state["h"].clone()
                state["h"][nudge[2]] += nudge[3]
            outputs.append(state["h"])
        inputs = outputs
    return arrays["head.weight"] @ inputs[-1] + arrays["head.bias"]


def _loss(logits: torch.Tensor, label: int) -> torch.Tensor:
    return F.cross_entropy(logits[None], torch.tensor([label]))


if __name__ == "__main__":
    main()
