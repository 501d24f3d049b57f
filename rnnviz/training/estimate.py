"""What a run will cost, before it is started: parameters, and seconds. No torch."""

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from ..cells import CELLS
from .config import Config


class Cost(NamedTuple):
    """Microseconds of one update, fitted to 12 to 18 measurements per cell on one core of an AMD EPYC, torch 2.15.

    H was 16 to 256, the batch 16 to 512, one layer or three, 28 steps or 784; none of the measurements was more than
    1.6 times another than this says, and most within 15 %.
    """

    update: float
    step: float
    """Per time step and layer: what a loop over the steps costs by itself."""
    unit: float
    """Per time step, layer, sequence and unit: what is done to every number."""
    weight: float
    """Per time step, sequence and number of W_ih and W_hh of one block: the matrix products."""
    answer: float
    """Per time step, sequence, layer and unit, where it only answers."""


COSTS = {
    "rnn_tanh": Cost(204, 26.3, 3.73e-3, 5.84e-5, 5.9e-3),
    "rnn_relu": Cost(204, 26.3, 3.73e-3, 5.84e-5, 5.9e-3),
    "rnn_sigmoid": Cost(421, 25.1, 3.67e-3, 6.37e-5, 6.2e-3),
    "lstm": Cost(273, 9.09, 7.9e-3, 9.94e-5, 6.1e-3),
    "gru": Cost(0, 75.4, 9.55e-3, 1.83e-4, 1.5e-2),
    "peephole_lstm": Cost(0, 104, 1.53e-2, 2.51e-4, 1.8e-2),
    "peephole_lstm_full": Cost(2480, 2.57, 9.96e-3, 4.7e-4, 2.0e-2),
    "layernorm_lstm": Cost(0, 91.2, 2.59e-2, 2.78e-4, 2.1e-2),
}
BFLOAT16 = 0.65
"""An update in bfloat16 takes so much of one in float32, where the processor is fast at it (LSTM, H 64 and 128)."""
AFFINE, PEN = 8.5, 6.5
"""Microseconds per digit that is turned and moved, and whose pen is changed."""
MEET = 2000
"""Microseconds that an update of several ranks takes besides what each computes; roughly, of two on two busy cores."""
TIMED = 20
"""A run with fewer updates tells nothing about the speed."""


class Finished(NamedTuple):
    """What a run on this machine really took."""

    config: Config
    seconds: float
    """Of training."""
    updates: int
    device: str = "cpu"


class Estimate(float):
    """Seconds. `basis` says where they come from: "measured" on this machine, or a "guess" from another."""

    def __new__(cls, seconds: float, basis: str):
        estimate = super().__new__(cls, seconds)
        estimate.basis = basis
        return estimate

    @property
    def seconds(self) -> float:
        return float(self)


def parameters(config: Config) -> int:
    """Return how many numbers the training adjusts."""
    cell, H, K, D = CELLS[config.cell], config.hidden_size, config.data.classes, config.input_size
    G = len(cell.blocks)
    extras = sum(math.prod(shape) for shape in cell.extras(H).values())

    def layer(read: int) -> int:
        return G * H * (read + H + 2) + extras

    head = K * (H + 1)
    if config.shared:
        return H * (D + 1) + layer(H) + head
    return layer(D) + (config.num_layers - 1) * layer(H) + head


def seconds(config: Config, history: Sequence[tuple] = ()) -> Estimate:
    """Return how long the training takes, by what finished runs on this machine took. Loading comes before it.

    history: (config, seconds, updates, device) of such runs, the newest first. Of those that trained on the device
    where this run will, those with as many ranks count, else all; and of these those with the same cell, else all.
    """
    known = [Finished(*each) for each in history]
    known = [each for each in known if each.updates >= TIMED and each.seconds > 0]
    if config.gpus:
        known = [each for each in known if _kind(each).startswith("cuda")]
    elif config.device == "cpu" or config.ranks > 1:
        known = [each for each in known if _kind(each) == "cpu"]
    else:  # where "auto" leads to is told by where it last led
        where = next((_kind(each) for each in known if _is_auto(each.config)), None)
        known = [each for each in known if where is None or _kind(each) == where]
    for same in ("processes", "cell"):
        known = [each for each in known if getattr(each.config, same) == getattr(config, same)] or known
    ratios = [each.seconds / _guess(each.config, each.updates) for each in known]
    return Estimate(
        _guess(config, config.updates) * (median(ratios) if ratios else 1.0), "measured" if ratios else "guess"
    )


def _kind(run: Finished) -> str:
    """Return what each of its ranks trained on."""
    return run.device.rpartition(" x ")[2]


def _is_auto(config: Config) -> bool:
    return config.device == "auto" and config.processes == 1 and not config.gpus


def _guess(config: Config, updates: int) -> float:
    """Return the seconds of so many updates, and of what belongs to them, on the machine that was measured."""
    cost, T, H, L = COSTS[config.cell], config.steps, config.hidden_size, config.num_layers
    per_epoch = config.updates_per_epoch
    trained = config.data.training - config.held_back
    B = min(config.batch, trained) / config.processes
    read = [H if k or config.shared else config.input_size for k in range(L)]
    written = config.data.classes if config.data.task == "upscale" else 0  # at every step, not after the last alone
    weights = sum(D + H for D in read) + written
    update = cost.update + T * L * cost.step + T * B * H * (L * cost.unit + weights * cost.weight)
    if config.precision == "bfloat16":
        update *= BFLOAT16
    if config.processes > 1:
        update += MEET
    measurements = updates / (config.watch_every or per_epoch) if config.watched else 0.0
    measured = measurements * config.watched * T * L * H * cost.answer
    augmented = updates / per_epoch * trained * (AFFINE * config.augment + PEN * bool(config.thickness))
    return (updates * update + measured + augmented) / 1e6
