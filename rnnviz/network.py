"""A network: stacked recurrent layers of one kind and a linear readout, as named float64 arrays.

Names and layouts are `torch.nn`'s, so a state_dict of `{"rnn": nn.LSTM(...), "head": nn.Linear(...)}` is a network:
`rnn.weight_ih_l0`, `rnn.weight_hh_l0`, `rnn.bias_ih_l0`, `rnn.bias_hh_l0`, ..., `head.weight`, `head.bias`. What only
one kind of cell has is called alike: `rnn.gain_hh_l0`. A linear layer before the first cell is `project.weight`,
`project.bias`; with it all layers may read inputs of one size and so share their weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from .cells import CELLS, Cell, Weights

_TORCH_MODES = {cell.upper(): cell for cell in CELLS}
_PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclass(frozen=True, eq=False)
class Network:
    """Stacked cells and a linear readout of the top layer's hidden state.

    cell: a name in `CELLS`. arrays: every tensor under torch's own name; biases may be left out and are then zero,
    "h0" (L, H), where given, is the hidden state that a sequence starts from, and "project.weight" (P, D), where given,
    turns the inputs into what the first layer reads. Checked and copied to float64.
    Raises ValueError for missing, unknown or ill-shaped arrays and for numbers that are not finite.
    """

    cell: str
    arrays: Mapping[str, np.ndarray]
    layers: tuple[Weights, ...] = field(init=False, repr=False)
    head: tuple[np.ndarray, np.ndarray] = field(init=False, repr=False)
    projection: tuple[np.ndarray, np.ndarray] | None = field(init=False, repr=False)
    """Weight (P, D) and bias (P,) of the linear layer before the first cell, if there is one."""
    h0: np.ndarray = field(init=False, repr=False)
    """The hidden state (L, H) that a sequence starts from."""

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise ValueError(f"cell must be one of {', '.join(CELLS)}. Got {self.cell!r}.")
        arrays = {name: np.array(value, dtype=np.float64) for name, value in self.arrays.items()}
        arrays = _complete(arrays, shapes(self.cell, arrays))
        num_layers = sum(name.startswith("rnn.weight_ih_l") for name in arrays)
        hidden_size = arrays["rnn.weight_hh_l0"].shape[1]
        extras = tuple(self.kind.extras(hidden_size))
        stack = tuple(
            Weights(
                *(arrays[f"rnn.{name}_l{k}"] for name in _PARAMETERS),
                MappingProxyType({name: arrays[f"rnn.{name}_l{k}"] for name in extras}),
            )
            for k in range(num_layers)
        )
        projection = (arrays["project.weight"], arrays["project.bias"]) if "project.weight" in arrays else None
        h0 = arrays.get("h0", np.zeros((num_layers, hidden_size)))
        for array in (*arrays.values(), h0):
            array.setflags(write=False)
        object.__setattr__(self, "arrays", MappingProxyType(arrays))
        object.__setattr__(self, "layers", stack)
        object.__setattr__(self, "head", (arrays["head.weight"], arrays["head.bias"]))
        object.__setattr__(self, "projection", projection)
        object.__setattr__(self, "h0", h0)

    def __reduce__(self):  # a mappingproxy cannot be pickled
        return Network, (self.cell, dict(self.arrays))

    @property
    def kind(self) -> Cell:
        """The cell's functions."""
        return CELLS[self.cell]

    @property
    def input_size(self) -> int:
        """D: how many numbers are read per time step."""
        first = self.projection[0] if self.projection else self.layers[0].W_ih
        return first.shape[1]

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
    def shared(self) -> bool:
        """Whether there is more than one layer and all have the same weights."""
        return self.num_layers > 1 and all(_equal(self.layers[0], weights) for weights in self.layers[1:])

    @property
    def num_parameters(self) -> int:
        """How many numbers training adjusts: shared layers count once, an initial state "h0" is not among them."""
        of_one_layer = sum(array.size for name, array in self.arrays.items() if name.endswith("_l0"))
        repeated = (self.num_layers - 1) * of_one_layer if self.shared else 0
        return sum(array.size for name, array in self.arrays.items() if name != "h0") - repeated

    @property
    def signals(self) -> tuple[str, ...]:
        """The names of what every layer computes at each step: the pre-activation, the states, the blocks."""
        return tuple(dict.fromkeys(("a", *self.kind.states, *self.kind.blocks)))

    def projected(self, x: np.ndarray) -> np.ndarray:
        """Return what the first layer reads (..., P) of inputs x (..., D): x itself where there is no projection."""
        if self.projection is None:
            return x
        weight, bias = self.projection
        return x @ weight.T + bias

    def readout(self, h: np.ndarray) -> np.ndarray:
        """Return the class scores (..., K) of hidden states (..., H)."""
        weight, bias = self.head
        return h @ weight.T + bias

    @classmethod
    def from_torch(cls, module, head, project=None) -> "Network":
        """Return a copy of a torch `nn.RNN`, `nn.LSTM` or `nn.GRU` and the `nn.Linear` that reads its last layer.

        project: the `nn.Linear` that the module's inputs come from, if any. A module of one's own does as well where
        its `mode` is the upper-case name of a cell and its tensors are called as here, without "rnn.". Raises
        ValueError for what has no counterpart here: both directions, projections of the state, other modules.
        """
        mode = getattr(module, "mode", type(module).__name__)
        if mode not in _TORCH_MODES:
            raise ValueError(f"module must be a torch nn.RNN, nn.LSTM or nn.GRU. Got {mode}.")
        if getattr(module, "bidirectional", False) or getattr(module, "proj_size", 0):
            raise ValueError(
                "module must read in one direction and have no projection. Got bidirectional or proj_size."
            )
        linear = {"head": head} if project is None else {"head": head, "project": project}
        tensors = {f"rnn.{k}": v for k, v in module.state_dict().items()}
        for name, layer in linear.items():
            if not hasattr(layer, "in_features"):  # an nn.Embedding has a matrix called weight as well
                raise ValueError(f"{name} must be a torch nn.Linear. Got {type(layer).__name__}.")
            tensors |= {f"{name}.{k}": v for k, v in layer.state_dict().items()}
        return cls(_TORCH_MODES[mode], {k: v.detach().cpu().double().numpy() for k, v in tensors.items()})


def shapes(cell: str, arrays: Mapping[str, object]) -> dict[str, tuple[int, ...]]:
    """Return the shape that every tensor of a network must have, judged by those of its first and last matrices.

    arrays: anything with a `.shape` under torch's names; only shapes are looked at, so a file's header will do.
    Raises ValueError where a matrix that the others are judged by is missing, empty or no matrix.
    """
    projects = "project.weight" in arrays
    for name in ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight", *(("project.weight",) if projects else ())):
        if name not in arrays:
            raise ValueError(f"a network must have the matrix {name}. Got {_listed(arrays)}.")
        shape = tuple(arrays[name].shape)
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"a network must have the matrix {name}, with rows and columns. Got the shape {shape}.")
    G = len(CELLS[cell].blocks)
    P, H = arrays["rnn.weight_ih_l0"].shape[1], arrays["rnn.weight_hh_l0"].shape[1]
    K = arrays["head.weight"].shape[0]
    L = 1
    while f"rnn.weight_ih_l{L}" in arrays:
        L += 1
    expected: dict[str, tuple[int, ...]] = {}
    if projects:
        expected |= {"project.weight": (P, arrays["project.weight"].shape[1]), "project.bias": (P,)}
    for k in range(L):
        expected[f"rnn.weight_ih_l{k}"] = (G * H, P if k == 0 else H)
        expected[f"rnn.weight_hh_l{k}"] = (G * H, H)
        expected[f"rnn.bias_ih_l{k}"] = expected[f"rnn.bias_hh_l{k}"] = (G * H,)
        expected |= {f"rnn.{name}_l{k}": shape for name, shape in CELLS[cell].extras(H).items()}
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


def _equal(one: Weights, other: Weights) -> bool:
    """Return whether two layers have the same numbers in arrays of the same shapes."""
    return all(map(np.array_equal, one[:4], other[:4])) and all(
        np.array_equal(array, other.extras[name]) for name, array in one.extras.items()
    )


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "nothing"
