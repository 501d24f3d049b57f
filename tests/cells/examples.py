"""Random networks and sequences that the tests of the core read."""

from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from rnnviz.network import Network

CELLS = ("rnn_tanh", "rnn_relu", "lstm", "gru")
BLOCKS = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3}

# The same examples at every run, and no clock: a busy machine must not fail a proof.
deterministic = settings(derandomize=True, deadline=None, database=None)


class Case(NamedTuple):
    """What `record` is given."""

    network: Network
    x: np.ndarray  # (T, D)
    h0: np.ndarray  # (L, H)


def arrays(cell: str, D: int, H: int, L: int = 1, K: int = 3, seed: int = 0, gain: float = 0.9) -> dict:
    """Return random tensors of a network; every W_hh has the spectral norm `gain`.

    With a gain of at most 1 no step of a plain RNN expands a difference, so that roundings do not grow with T. The
    readout is small because `p - y` of a network that is sure has few correct digits in torch.
    """
    random, G = np.random.default_rng(seed), BLOCKS[cell]
    tensors = {}
    for k in range(L):
        W_hh = random.standard_normal((G * H, H))
        tensors[f"rnn.weight_ih_l{k}"] = random.uniform(-0.8, 0.8, (G * H, D if k == 0 else H))
        tensors[f"rnn.weight_hh_l{k}"] = W_hh * (gain / np.linalg.norm(W_hh, ord=2))
        tensors[f"rnn.bias_ih_l{k}"], tensors[f"rnn.bias_hh_l{k}"] = random.uniform(-0.5, 0.5, (2, G * H))
        if cell == "rnn_relu":  # a step at which all units are silent would leave nothing to compare before it
            tensors[f"rnn.bias_ih_l{k}"] += 0.7
    tensors["head.weight"] = random.uniform(-0.3, 0.3, (K, H))
    tensors["head.bias"] = random.uniform(-0.3, 0.3, K)
    return tensors


def case(cell: str, T: int, D: int = 3, H: int = 5, L: int = 1, K: int = 3, seed: int = 0, gain: float = 0.9) -> Case:
    """Return a random network, a sequence for it and a start."""
    random = np.random.default_rng(seed + 1)
    network = Network(cell, arrays(cell, D, H, L, K, seed, gain))
    return Case(network, random.standard_normal((T, D)), random.uniform(-1, 1, (L, H)))


def label_for(loss: str, T: int, K: int, seed: int = 0):
    """Return a label or targets as the loss wants them."""
    random = np.random.default_rng(seed + 2)
    if loss == "last":
        return int(random.integers(K))
    return random.integers(K, size=T) if loss == "every" else random.standard_normal((T, K))


@st.composite
def cases(draw, cell: str) -> Case:
    """Draw a network of up to three layers, a sequence of up to 200 steps and a start."""
    T, L = draw(st.integers(1, 200)), draw(st.integers(1, 3))
    D, H, K = draw(st.integers(1, 9)), draw(st.integers(1, 12)), draw(st.integers(2, 6))
    # ReLU's states are sums over steps: they stay small only where the gain is below 1.
    gain = draw(st.floats(0.1, 0.9 if cell == "rnn_relu" else 1.0))
    return case(cell, T, D, H, L, K, draw(st.integers(0, 10_000)), gain)
