"""Networks before training: one seed is one network, here and in torch (whose modules are filled from here)."""

import numpy as np

from .cells import CELLS
from .network import Network


def network(
    cell: str,
    input_size: int = 28,
    hidden_size: int = 64,
    num_layers: int = 1,
    num_classes: int = 10,
    seed: int = 0,
    forget_bias: float | None = None,
) -> Network:
    """Return an untrained network, every number uniform in ±1/sqrt(H) as in PyTorch's recurrent and linear layers.

    forget_bias b sets b_ih = b and b_hh = 0 for the forget gate of an LSTM (Gers et al. 2000; Jozefowicz et al.
    2015). Raises ValueError for an unknown cell, for sizes below 1 and for a forget bias without a forget gate.
    """
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}. Got {cell!r}.")
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers, "num_classes": num_classes}
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1. Got {size}.")
    blocks, H = CELLS[cell].blocks, hidden_size
    if forget_bias is not None and "f" not in blocks:
        raise ValueError(f"forget_bias needs a cell with a forget gate. Got {cell!r}.")
    random, bound, G = np.random.default_rng(seed), H**-0.5, len(blocks)
    arrays = {}
    for k in range(num_layers):
        D = input_size if k == 0 else H
        for name, shape in (
            ("weight_ih", (G * H, D)),
            ("weight_hh", (G * H, H)),
            ("bias_ih", G * H),
            ("bias_hh", G * H),
        ):
            arrays[f"rnn.{name}_l{k}"] = random.uniform(-bound, bound, shape)
        if forget_bias is not None:
            f = blocks.index("f")
            arrays[f"rnn.bias_ih_l{k}"][f * H : (f + 1) * H] = forget_bias
            arrays[f"rnn.bias_hh_l{k}"][f * H : (f + 1) * H] = 0.0
    arrays["head.weight"] = random.uniform(-bound, bound, (num_classes, H))
    arrays["head.bias"] = random.uniform(-bound, bound, num_classes)
    return Network(cell, arrays)
