"""A network: stacked recurrent layers of one kind and a linear readout, as named float64 arrays.

Names and layouts are `torch.nn`'s, so a state_dict of `{"rnn": nn.LSTM(...), "head": nn.Linear(...)}` is a network:
`rnn.weight_ih_l0`, `rnn.weight_hh_l0`, `rnn.bias_ih_l0`, `rnn.bias_hh_l0`, ..., `head.weight`, `head.bias`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from .cells import CELLS, Cell, Weights

_TORCH_MODES = {"RNN_TANH": "rnn_tanh", "RNN_RELU": "rnn_relu", "LSTM": "lstm", "GRU": "gru"}
_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True, eq=False)
class Network:
    """Stacked cells and a linear readout of the top layer's hidden state.

    cell: a name in `CELLS`. arrays: every tensor under torch's own name; biases may be left out and are then zero,
    and "h0" (L, H), where given, is the hidden state that a sequence starts from. Checked and copied to float64.
    Raises ValueError for missing, unknown or ill-shaped arrays and for numbers that are not finite.
    """

    cell: str
    arrays: Mapping[str, np.ndarray]
    layers: tuple[Weights, ...] = field(init=False, repr=False)
    head: tuple[np.ndarray, np.ndarray] = field(init=False, repr=False)
    h0: np.ndarray = field(init=False, repr=False)
    """The hidden state (L, H) that a sequence starts from."""

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}. Got {self.cell!r}.")
        arrays = {name: np.array(value, dtype=np.float64) for name, value in self.arrays.items()}
        arrays = _complete(arrays, shapes(self.cell, arrays))
        num_layers = sum(name.startswith("rnn.weight_ih_l") for name in arrays)
        stack = tuple(Weights(*(arrays[f"rnn.{p}_l{k}"] for p in _PARAMETERS)) for k in range(num_layers))
        h0 = arrays.get("h0", np.zeros((num_layers, stack[0].W_hh.shape[1])))
        for array in (*arrays.values(), h0):
            array.setflags(write=False)
        object.__setattr__(self, "arrays", MappingProxyType(arrays))
        object.__setattr__(self, "layers", stack)
        object.__setattr__(self, "head", (arrays["head.weight"], arrays["head.bias"]))
        object.__setattr__(self, "h0", h0)

    def __reduce__(self):  # a mappingproxy cannot be pickled
        return Network, (self.cell, dict(self.arrays))

    @property
    def kind(self) -> Cell:
        """The cell's functions."""
        return CELLS[self.cell]

    @property
    def input_size(self) -> int:
        return self.layers[0].W_ih.shape[1]

    @property
    def hidden_size(self) -> int:
        return self.layers[0].W_hh.shape[1]

    @property
    def num_layers(self) -> int:
        return len(self.layers)

    @property
    def num_classes(self) -> int:
        return self.head[0].shape[0]

    @property
    def num_parameters(self) -> int:
        """How many numbers training adjusts; an initial state "h0" is not among them."""
        return sum(array.size for name, array in self.arrays.items() if name != "h0")

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of what every layer computes at each step: the pre-activation, the states, the blocks."""
        return tuple(dict.fromkeys(("a", *self.kind.states, *self.kind.blocks)))

    def readout(self, h: np.ndarray) -> np.ndarray:
        """Return the class scores (..., K) of hidden states (..., H)."""
        weight, bias = self.head
        return h @ weight.T + bias

    @classmethod
    def from_torch(cls, module, head) -> "Network":
        """Return a copy of a torch `nn.RNN`, `nn.LSTM` or `nn.GRU` and the `nn.Linear` that reads its last layer.

        Raises ValueError for what has no counterpart here: both directions, projections, other modules.
        """
        mode = getattr(module, "mode", type(module).__name__)
        if mode not in _TORCH_MODES:
            raise ValueError(f"module must be a torch nn.RNN, nn.LSTM or nn.GRU. Got {mode}.")
        if module.bidirectional or module.proj_size:
            raise ValueError(
                "module must read in one direction and have no projection. Got bidirectional or proj_size."
            )
        if not hasattr(head, "in_features"):  # an nn.Embedding has a matrix called weight as well
            raise ValueError(f"head must be a torch nn.Linear. Got {type(head).__name__}.")
        tensors = {f"rnn.{k}": v for k, v in module.state_dict().items()}
        tensors |= {f"head.{k}": v for k, v in head.state_dict().items()}
        return cls(_TORCH_MODES[mode], {k: v.detach().cpu().double().numpy() for k, v in tensors.items()})


def shapes(cell: str, arrays: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Return the shape that every tensor of a network must have, judged by those of its first and last matrices.

    arrays: anything with a `.shape` under torch's names; only shapes are looked at, so a file's header will do.
    Raises ValueError where a matrix that the others are judged by is missing, empty or no matrix.
    """
    for name in ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight"):
        if name not in arrays:
            raise ValueError(f"a network must have the matrix {name}. Got {_listed(arrays)}.")
        shape = tuple(arrays[name].shape)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"a network must have the matrix {name}, with rows and columns. Got the shape {shape}.")
    G = len(CELLS[cell].blocks)
    D, H = arrays["rnn.weight_ih_l0"].shape[1], arrays["rnn.weight_hh_l0"].shape[1]
    K = arrays["head.weight"].shape[0]
    L = 1
    while f"rnn.weight_ih_l{L}" in arrays:
        L += 1
    expected: dict[str, tuple[int, ...]] = {}
    for k in range(L):
        expected[f"rnn.weight_ih_l{k}"] = (G * H, D if k == 0 else H)
        expected[f"rnn.weight_hh_l{k}"] = (G * H, H)
        expected[f"rnn.bias_ih_l{k}"] = expected[f"rnn.bias_hh_l{k}"] = (G * H,)
    expected |= {"head.weight": (K, H), "head.bias": (K,), "h0": (L, H)}
    for name in arrays:
        if name not in expected:
            raise ValueError(
                f"a network with {L} layer(s) has the tensors {', '.join(expected)}. Got {name!r} as well."
            )
        if tuple(arrays[name].shape) != expected[name]:
            raise ValueError(
                f"{name} of this {cell} must have shape {expected[name]}. Got {tuple(arrays[name].shape)}."
            )
    return expected


def _complete(arrays: dict[str, np.ndarray], expected: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return arrays in the order of `expected`, absent biases as zeros; ValueError where a number is not finite."""
    complete = {}
    for name, shape in expected.items():
        if name in arrays:
            if not np.isfinite(arrays[name]).all():
                raise ValueError(f"{name} must hold finite numbers. Got nan or inf.")
            complete[name] = arrays[name]
        elif "bias" in name:
            complete[name] = np.zeros(shape)
        elif name != "h0":
            raise ValueError(f"a network must have the tensor {name} {shape}. Got {_listed(arrays)}.")
    return complete


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "nothing"
