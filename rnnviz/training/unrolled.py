"""Recurrent networks unrolled step by step with plain tensor operations: autograd over them judges the core.

The judge of the tests, and of the lab's button "Prove it". Written from the equations in the documentation of
torch.nn.RNN, LSTM and GRU and in the papers of the other cells, one product per gate, and from nothing in rnnviz: of a
network only its named arrays are read. The pre-activation "a" of a step is a tuple, one tensor per block, because the
reset gate of a GRU stands between its blocks.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F


class Layer(NamedTuple):
    """One layer's tensors."""

    W_ih: torch.Tensor
    W_hh: torch.Tensor
    b_ih: torch.Tensor
    b_hh: torch.Tensor
    extras: dict[str, torch.Tensor]  # "weight_ch", "gain_ih", ...: what only some cells have


class Unrolled(NamedTuple):
    """Every tensor of one reading."""

    x: torch.Tensor  # (T, D)
    steps: list[list[dict]]  # by layer, by step: {"a": (tensors of the blocks), "h": tensor, ...}
    W_hh: list[list[torch.Tensor]]  # by layer, by step: the matrix that the step used
    logits: torch.Tensor  # (T, K)


def layers(network) -> list[Layer]:
    """Return the tensors of every layer, by torch's names."""
    arrays, stack = network.arrays, []
    while f"rnn.weight_ih_l{len(stack)}" in arrays:
        end = f"_l{len(stack)}"
        own = {
            name.removeprefix("rnn.").removesuffix(end): torch.tensor(array)
            for name, array in arrays.items()
            if name.startswith("rnn.") and name.endswith(end)
        }
        stack.append(Layer(*(own.pop(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")), own))
    return stack


def step(cell: str, layer: Layer, x: torch.Tensor, state: dict) -> dict:
    """Return everything one step computes from its input and {"h": h_{t-1}} (with "c" for an LSTM of any kind)."""
    return {
        "rnn_tanh": _tanh,
        "rnn_relu": _relu,
        "rnn_sigmoid": _sigmoid,
        "lstm": _lstm,
        "gru": _gru,
        "peephole_lstm": _peephole,
        "peephole_lstm_full": _peephole,
        "layernorm_lstm": _layernorm,
    }[cell](layer, x, **state)


def unroll(network, x: np.ndarray, h0: np.ndarray | None = None, separate: bool = False) -> Unrolled:
    """Read x (T, D) with every tensor's gradient retained; `separate` gives every step its own copy of W_hh."""
    x = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    stack = layers(network)
    L, H = len(stack), stack[0].W_hh.shape[1]
    h0 = torch.zeros(L, H) if h0 is None else torch.tensor(h0)
    inputs, steps, matrices = list(x), [], []
    if "project.weight" in network.arrays:
        weight, bias = (torch.tensor(network.arrays[name]) for name in ("project.weight", "project.bias"))
        inputs = [weight @ x_t + bias for x_t in inputs]
    for layer, h in zip(stack, h0.double(), strict=True):
        state = {"h": h, "c": torch.zeros(H, dtype=torch.float64)} if "lstm" in network.cell else {"h": h}
        steps.append([])
        matrices.append([])
        for x_t in inputs:
            own = layer._replace(W_hh=layer.W_hh.clone().requires_grad_()) if separate else layer
            values = step(network.cell, own, x_t, state)
            for value in values.values():
                for tensor in value if isinstance(value, tuple) else (value,):
                    tensor.retain_grad()
            steps[-1].append(values)
            matrices[-1].append(own.W_hh)
            state = {name: values[name] for name in state}
        inputs = [values["h"] for values in steps[-1]]
    weight, bias = (torch.tensor(network.arrays[name]) for name in ("head.weight", "head.bias"))
    logits = torch.stack(inputs) @ weight.T + bias
    logits.retain_grad()
    return Unrolled(x, steps, matrices, logits)


def backward(unrolled: Unrolled, loss: str, label) -> float:
    """Let autograd fill in the gradients; return the loss."""
    if loss == "last":
        value = F.cross_entropy(unrolled.logits[-1:], torch.tensor([label]))
    elif loss == "every":
        value = F.cross_entropy(unrolled.logits, torch.tensor(label), ignore_index=-1)
    elif loss == "dot":
        value = (unrolled.logits * torch.tensor(label)).sum()
    else:
        value = F.mse_loss(unrolled.logits, torch.tensor(label))
    value.backward()
    return value.item()


def values(unrolled: Unrolled, name: str) -> np.ndarray:
    """Return a signal of every layer and step, (L, T, ·)."""
    return _gathered(unrolled, name, lambda tensor: tensor.detach())


def gradients(unrolled: Unrolled, name: str) -> np.ndarray:
    """Return the loss's gradient in a signal of every layer and step, (L, T, ·); in "x" (T, D)."""
    if name == "x":
        return unrolled.x.grad.numpy()
    return _gathered(unrolled, name, lambda tensor: torch.zeros_like(tensor) if tensor.grad is None else tensor.grad)


def _gathered(unrolled: Unrolled, name: str, read) -> np.ndarray:
    def row(value) -> torch.Tensor:
        return torch.cat([read(tensor) for tensor in (value if isinstance(value, tuple) else (value,))])

    return torch.stack([torch.stack([row(step[name]) for step in layer]) for layer in unrolled.steps]).numpy()


def _tanh(layer: Layer, x: torch.Tensor, h: torch.Tensor) -> dict:
    a = layer.W_ih @ x + layer.b_ih + layer.W_hh @ h + layer.b_hh
    return {"a": (a,), "h": torch.tanh(a)}


def _relu(layer: Layer, x: torch.Tensor, h: torch.Tensor) -> dict:
    a = layer.W_ih @ x + layer.b_ih + layer.W_hh @ h + layer.b_hh
    return {"a": (a,), "h": torch.relu(a)}


def _sigmoid(layer: Layer, x: torch.Tensor, h: torch.Tensor) -> dict:
    a = layer.W_ih @ x + layer.b_ih + layer.W_hh @ h + layer.b_hh
    return {"a": (a,), "h": torch.sigmoid(a)}


def _lstm(layer: Layer, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> dict:
    (W_ii, W_if, W_ig, W_io), (W_hi, W_hf, W_hg, W_ho) = layer.W_ih.chunk(4), layer.W_hh.chunk(4)
    (b_ii, b_if, b_ig, b_io), (b_hi, b_hf, b_hg, b_ho) = layer.b_ih.chunk(4), layer.b_hh.chunk(4)
    a_i = W_ii @ x + b_ii + W_hi @ h + b_hi
    a_f = W_if @ x + b_if + W_hf @ h + b_hf
    a_g = W_ig @ x + b_ig + W_hg @ h + b_hg
    a_o = W_io @ x + b_io + W_ho @ h + b_ho
    i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
    c = f * c + i * g
    return {"a": (a_i, a_f, a_g, a_o), "i": i, "f": f, "g": g, "o": o, "c": c, "h": o * torch.tanh(c)}


def _peephole(layer: Layer, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> dict:
    P_i, P_f, P_o = (P.diag() if P.ndim == 1 else P for P in layer.extras["weight_ch"].chunk(3))
    (W_ii, W_if, W_ig, W_io), (W_hi, W_hf, W_hg, W_ho) = layer.W_ih.chunk(4), layer.W_hh.chunk(4)
    (b_ii, b_if, b_ig, b_io), (b_hi, b_hf, b_hg, b_ho) = layer.b_ih.chunk(4), layer.b_hh.chunk(4)
    a_i = W_ii @ x + b_ii + W_hi @ h + b_hi + P_i @ c
    a_f = W_if @ x + b_if + W_hf @ h + b_hf + P_f @ c
    a_g = W_ig @ x + b_ig + W_hg @ h + b_hg
    i, f, g = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g)
    c = f * c + i * g
    a_o = W_io @ x + b_io + W_ho @ h + b_ho + P_o @ c
    o = torch.sigmoid(a_o)
    return {"a": (a_i, a_f, a_g, a_o), "i": i, "f": f, "g": g, "o": o, "c": c, "h": o * torch.tanh(c)}


def normalised(u: torch.Tensor) -> torch.Tensor:
    """Return u with mean 0 and variance 1, as torch.nn.LayerNorm does without gain and bias."""
    centred = u - u.mean()
    return centred / torch.sqrt((centred * centred).mean() + 1e-5)


def _layernorm(layer: Layer, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> dict:
    extras = layer.extras
    a = normalised(layer.W_ih @ x) * extras["gain_ih"] + layer.b_ih
    a = a + normalised(layer.W_hh @ h) * extras["gain_hh"] + layer.b_hh
    a_i, a_f, a_g, a_o = a.chunk(4)
    i, f, g, o = torch.sigmoid(a_i), torch.sigmoid(a_f), torch.tanh(a_g), torch.sigmoid(a_o)
    c = f * c + i * g
    h = o * torch.tanh(normalised(c) * extras["gain_c"] + extras["bias_c"])
    return {"a": (a_i, a_f, a_g, a_o), "i": i, "f": f, "g": g, "o": o, "c": c, "h": h}


def _gru(layer: Layer, x: torch.Tensor, h: torch.Tensor) -> dict:
    (W_ir, W_iz, W_in), (W_hr, W_hz, W_hn) = layer.W_ih.chunk(3), layer.W_hh.chunk(3)
    (b_ir, b_iz, b_in), (b_hr, b_hz, b_hn) = layer.b_ih.chunk(3), layer.b_hh.chunk(3)
    a_r = W_ir @ x + b_ir + W_hr @ h + b_hr
    a_z = W_iz @ x + b_iz + W_hz @ h + b_hz
    r, z = torch.sigmoid(a_r), torch.sigmoid(a_z)
    a_n = W_in @ x + b_in + r * (W_hn @ h + b_hn)
    n = torch.tanh(a_n)
    return {"a": (a_r, a_z, a_n), "r": r, "z": z, "n": n, "h": (1 - z) * n + z * h}
