"""Random networks and sequences that the tests of the core read."""

from typing import NamedTuple

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from rnnviz.network import Network

LSTMS = ("lstm", "peephole_lstm", "peephole_lstm_full", "layernorm_lstm")
CELLS = ("rnn_tanh", "rnn_relu", "rnn_sigmoid", "lstm", "gru", *LSTMS[1:])
BLOCKS = {"rnn_tanh": 1, "rnn_relu": 1, "rnn_sigmoid": 1, "gru": 3} | dict.fromkeys(LSTMS, 4)
STATES = dict.fromkeys(("rnn_tanh", "rnn_relu", "rnn_sigmoid", "gru"), ("h",)) | dict.fromkeys(LSTMS, ("h", "c"))
SIGNALS = (
    dict.fromkeys(("rnn_tanh", "rnn_relu", "rnn_sigmoid"), ("a", "h"))
    | {"gru": ("a", "h", "r", "z", "n")}
    | dict.fromkeys(LSTMS, ("a", "h", "c", "i", "f", "g", "o"))
)

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
    return tensors | extras(cell, H, L, seed, gain)


def extras(cell: str, H: int, L: int = 1, seed: int = 0, gain: float = 0.9) -> dict:
    """Return random tensors of what only this cell has.

    A normalised W_hh h has the same size whatever the norm of W_hh; that no step expands a difference is up to gain_hh.
    """
    random, tensors = np.random.default_rng(seed + 3), {}
    for k in range(L):
        if cell == "peephole_lstm":
            tensors[f"rnn.weight_ch_l{k}"] = random.uniform(-0.5, 0.5, 3 * H)
        if cell == "peephole_lstm_full":
            P = random.standard_normal((3 * H, H))
            tensors[f"rnn.weight_ch_l{k}"] = P * (0.5 / np.linalg.norm(P, ord=2))
        if cell == "layernorm_lstm":
            tensors[f"rnn.gain_ih_l{k}"] = random.uniform(0.2, 1.0, 4 * H)
            tensors[f"rnn.gain_hh_l{k}"] = random.uniform(-gain / 3, gain / 3, 4 * H)
            tensors[f"rnn.gain_c_l{k}"] = random.uniform(0.2, 1.0, H)
            tensors[f"rnn.bias_c_l{k}"] = random.uniform(-0.5, 0.5, H)
    return tensors


def case(cell: str, T: int, D: int = 3, H: int = 5, L: int = 1, K: int = 3, seed: int = 0, gain: float = 0.9) -> Case:
    """Return a random network, a sequence for it and a start."""
    random = np.random.default_rng(seed + 1)
    network = Network(cell, arrays(cell, D, H, L, K, seed, gain))
    return Case(network, random.standard_normal((T, D)), random.uniform(-1, 1, (L, H)))


def projected(cell: str, D: int, H: int, L: int, P: int | None = None, K: int = 3, seed: int = 0) -> dict:
    """Return random tensors of a network that projects its input to P numbers; without P its L layers are one."""
    tensors, random = arrays(cell, P or H, H, L, K, seed), np.random.default_rng(seed + 4)
    tensors |= {
        "project.weight": random.uniform(-0.8, 0.8, (P or H, D)),
        "project.bias": random.uniform(-0.5, 0.5, P or H),
    }
    if P is None:
        tensors |= {f"{name[:-1]}{k}": array for name, array in tensors.items() if name[-3:] == "_l0" for k in range(L)}
    return tensors


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
    # Normalisation takes away the only direction that one input moves a product in, and that two cells differ in:
    # what is left of such a gradient is cancellation. test_normalised_layers_... judges those sizes.
    D, H = (2, 3) if cell == "layernorm_lstm" else (1, 1)
    D, H, K = draw(st.integers(D, 9)), draw(st.integers(H, 12)), draw(st.integers(2, 6))
    # ReLU's states are sums over steps: they stay small only where the gain is below 1.
    gain = draw(st.floats(0.1, 0.9 if cell == "rnn_relu" else 1.0))
    return case(cell, T, D, H, L, K, draw(st.integers(0, 10_000)), gain)
