"""Networks before training: one seed is one network, here and in torch (whose modules are filled from here)."""

import math

import numpy as np

from .cells import CELLS
from .network import Network

RECURRENT = ("default", "orthogonal", "identity")
"""How W_hh may start."""
STARTS = ("zeros", "one_hot")
"""What the hidden state may be before the first step."""


def network(
    cell: str,
    input_size: int = 28,
    hidden_size: int = 64,
    num_layers: int = 1,
    num_classes: int = 10,
    seed: int = 0,
    forget_bias: float | None = None,
    recurrent: str = "default",
    gain: float = 1.0,
    shared: bool = False,
    h0: str = "zeros",
) -> Network:
    """Return an untrained network, every number uniform in ±1/sqrt(H) as in PyTorch's recurrent and linear layers.

    forget_bias b sets b_ih = b and b_hh = 0 for the forget gate of an LSTM (Gers et al. 2000; Jozefowicz et al. 2015).
    recurrent: every block of every W_hh is "default" (uniform), "orthogonal" (Saxe et al. 2014) or the "identity",
    which also sets the cells' biases to zero (Le, Jaitly & Hinton 2015); all times `gain`. shared: the input is
    projected to H numbers, uniform in ±1/sqrt(D), and all layers have the same weights. h0: "zeros", or "one_hot",
    with 1 in the first unit of every layer. The gains of a normalisation start at 1 and its bias at 0.
    What one seed draws for the tensors that two networks have in common is the same, unless their sizes differ.
    Raises ValueError for unknown names, sizes below 1, a gain below 0, a forget bias without a forget gate and a single
    layer that is to be shared.
    """
    for name, value, known in (
        ("cell", cell, CELLS),
        ("recurrent", recurrent, RECURRENT),
        ("h0", h0, STARTS),
    ):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}. Got {value!r}.")
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers, "num_classes": num_classes}
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1. Got {size}.")
    if not (gain >= 0 and math.isfinite(gain)):
        raise ValueError(f"gain must be a finite number of at least 0. Got {gain}.")
    if shared and num_layers < 2:
        raise ValueError("num_layers must be at least 2 for layers that share their weights. Got 1.")
    blocks, H = CELLS[cell].blocks, hidden_size
    if forget_bias is not None and "f" not in blocks:
        raise ValueError(f"forget_bias needs a cell with a forget gate. Got {cell!r}.")
    random, bound, G = np.random.default_rng(seed), H**-0.5, len(blocks)
    # What came later draws from generators of its own, so that every seed keeps the network it has always given.
    of_extras, of_recurrent, of_projection = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
    arrays = {}
    for k in range(1 if shared else num_layers):
        D = input_size if k == 0 and not shared else H
        for name, shape in (
            ("weight_ih", (G * H, D)),
            ("weight_hh", (G * H, H)),
            ("bias_ih", G * H),
            ("bias_hh", G * H),
        ):
            arrays[f"rnn.{name}_l{k}"] = random.uniform(-bound, bound, shape)
        arrays[f"rnn.weight_hh_l{k}"] = gain * _recurrent(recurrent, arrays[f"rnn.weight_hh_l{k}"], of_recurrent)
        if recurrent == "identity":
            arrays[f"rnn.bias_ih_l{k}"][:] = arrays[f"rnn.bias_hh_l{k}"][:] = 0.0
        if forget_bias is not None:
            f = blocks.index("f")
            arrays[f"rnn.bias_ih_l{k}"][f * H : (f + 1) * H] = forget_bias
            arrays[f"rnn.bias_hh_l{k}"][f * H : (f + 1) * H] = 0.0
        for name, shape in CELLS[cell].extras(H).items():
            arrays[f"rnn.{name}_l{k}"] = _extra(name, shape, bound, of_extras)
    if shared:
        of_one_layer = {name.removesuffix("0"): array for name, array in arrays.items()}
        arrays = {f"{name}{k}": array for k in range(num_layers) for name, array in of_one_layer.items()}
        arrays["project.weight"] = of_projection.uniform(-1.0, 1.0, (H, input_size)) * input_size**-0.5
        arrays["project.bias"] = of_projection.uniform(-1.0, 1.0, H) * input_size**-0.5
    arrays["head.weight"] = random.uniform(-bound, bound, (num_classes, H))
    arrays["head.bias"] = random.uniform(-bound, bound, num_classes)
    if h0 == "one_hot":
        arrays["h0"] = np.tile(np.eye(1, H), (num_layers, 1))  # (L, H)
    return Network(cell, arrays)


def _recurrent(name: str, default: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return W_hh (G·H, H) as `name` says, every block for itself."""
    H = default.shape[1]
    G = len(default) // H
    if name == "identity":
        return np.tile(np.eye(H), (G, 1))
    if name == "orthogonal":
        Q, R = np.linalg.qr(random.standard_normal((G, H, H)))
        # The signs of R's diagonal are LAPACK's choice; without them every rotation is as likely as any other.
        return (Q * np.sign(R.diagonal(axis1=1, axis2=2))[:, None]).reshape(G * H, H)
    return default


def _extra(name: str, shape: tuple[int, ...], bound: float, random: np.random.Generator) -> np.ndarray:
    """Return a parameter that only one kind of cell has, before training."""
    if name.startswith("gain"):
        return np.ones(shape)
    return np.zeros(shape) if name.startswith("bias") else random.uniform(-bound, bound, shape)
