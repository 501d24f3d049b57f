"""What every cell offers, and the weights of one layer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from .scan import Gradients

Array = np.ndarray


class Weights(NamedTuple):
    """The parameters of one layer, float64, laid out as in `torch.nn` (G blocks of H rows each)."""

    W_ih: Array  # (G·H, D)
    W_hh: Array  # (G·H, H)
    b_ih: Array  # (G·H,)
    b_hh: Array  # (G·H,)
    extras: Mapping[str, Array] = MappingProxyType({})  # what only this kind of cell has; see `Cell.extras`


class Cell(Protocol):
    """One kind of recurrent cell. Sequences run along the first axis; `forward` also takes batch axes after it."""

    blocks: tuple[str, ...]
    """Names of the H-sized blocks of W_ih, W_hh and the pre-activation a, in PyTorch's order."""
    gates: tuple[str, ...]
    """The blocks that are gates, with values in [0, 1]."""
    states: tuple[str, ...]
    """What is carried from step to step, the hidden state first: ("h",) or ("h", "c")."""

    def extras(self, H: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parameters that the other cells do not have; one called bias_* may be left out."""
        ...

    def forward(self, weights: Weights, x: Array, h0: Array) -> dict[str, Array]:
        """Return a (T, ..., G·H) and every state and block (T, ..., H) for inputs x (T, ..., D).

        h0 (..., H) is the hidden state before the first step, kept among the values; a cell state starts at zero.
        """
        ...

    def backward(self, weights: Weights, values: dict[str, Array], direct: Array, exponent: Array) -> Gradients:
        """Return the total gradients of the loss in every state and in a, by backpropagation through time.

        direct (T, H) is what reaches h_t from outside the recurrence (the readout or the layer above), to be read
        as direct[t]·2**exponent[t].
        """
        ...

    def feedforward(self, weights: Weights, x: Array, da: Array) -> Array:
        """Return the gradient (T, G·H) in the product W_ih x_t, given x (T, D) and da (T, G·H) in a."""
        ...

    def recurrent(self, weights: Weights, values: dict[str, Array], da: Array) -> Array:
        """Return the gradient (T, G·H) in the product W_hh h_{t-1}, given da (T, G·H) in a."""
        ...

    def extra_gradients(self, weights: Weights, x: Array, values: dict[str, Array], grad: dict[str, Array]):
        """Return the gradient in every parameter of `extras`, by name, given x (T, D) and those in a and the states."""
        ...

    def jacobians(self, weights: Weights, values: dict[str, Array]) -> Array:
        """Return d state_t / d state_{t-1} for every step, (T, S, S) with S = H·len(states); states in order."""
        ...
