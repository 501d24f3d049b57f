"""The gradient fan: how far back in time the loss reaches in untrained networks, over seeds and sequences."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import initial
from .cells import CELLS
from .measures import gradient_norms
from .network import Network
from .trace import record


@dataclass(frozen=True)
class Beginning:
    """What an untrained network is drawn from; see `initial.network`."""

    cell: str
    recurrent: str = "default"
    gain: float = 1.0
    forget_bias: float | None = None
    num_layers: int = 1
    hidden_size: int = 64

    def network(self, input_size: int, seed: int) -> Network:
        """Return one of its networks."""
        return initial.network(
            self.cell,
            input_size,
            self.hidden_size,
            self.num_layers,
            seed=seed,
            forget_bias=self.forget_bias,
            recurrent=self.recurrent,
            gain=self.gain,
        )

    @property
    def states(self) -> tuple[str, ...]:
        """What is carried from step to step: "h", and "c" for an LSTM of any kind."""
        return CELLS[self.cell].states


def norms(network: Network, x: np.ndarray, label: int) -> dict[str, np.ndarray]:
    """Return log10 ‖∂L/∂s_t‖ (T,) of the first layer's states s, for a sequence x (T, D).

    The first layer's, since from there the way to the loss is longest. -inf marks a gradient of exactly zero. Raises
    OverflowError where the states grow beyond float64.
    """
    trace = record(network, x, label)
    return {state: gradient_norms(trace, state, 0) for state in network.kind.states}


def relative(log10: np.ndarray) -> np.ndarray:
    """Return norms (N, T) over that of the last step, as log10; rows without a last gradient are left out."""
    known = log10[np.isfinite(log10[:, -1])]
    return known - known[:, -1:]


class Band(NamedTuple):
    """What the values of many curves are at each step, (T,) each."""

    low: np.ndarray
    median: np.ndarray
    high: np.ndarray


def band(curves: np.ndarray, share: float = 0.8) -> Band:
    """Return the median of curves (N, T) and the band that holds the middle `share` of them, step by step.

    All three are values that occur: between an exact zero, -inf, and a number there is none. nan where N is 0.
    """
    if not len(curves):
        return Band(*np.full((3, curves.shape[1]), np.nan))
    ends = (0.5 - share / 2, 0.5, 0.5 + share / 2)
    return Band(*np.quantile(curves, ends, axis=0, method="inverted_cdf"))
