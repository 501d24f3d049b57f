"""Proof on demand: what a page shows of one trace, held against autograd in a process of its own. No torch here.

`prove` hands network and trace to `python -m rnnviz.training.judge`, which imports torch, and returns what it found.
"""

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .. import learn, measures
from ..network import Network
from ..trace import Trace

SECONDS = 120.0
"""The judge may take so long."""
MAX_WORK = 50_000_000
"""Steps times the numbers of W_hh: the judge keeps a copy of W_hh for every step, and its gradient."""
MAX_JACOBIAN = 1_000_000_000
"""Steps times the cube of the state's size, beyond which the norms of Jacobians are left out."""
SOUND = 1e-8
"""A relative difference up to it is one of roundings, which add up over the steps."""
MAX_STEPS = 112
"""Of longer sequences the Jacobians are left out: autograd needs a pass over all steps for every unit."""


class TooLarge(ValueError):
    """The network or the sequence is too large to be proved in passing."""


class ProofFailed(RuntimeError):
    """The judge could not do its work: no torch, too slow, or killed."""


@dataclass(frozen=True)
class Check:
    """One comparison."""

    name: str
    """"h", "c", "x", "weights" (∂L/∂W_hh, step by step), "jacobian", "truncation", "clipping"."""
    entries: int
    """How many numbers were compared; 0 where all are too small, or no numbers, in both."""
    difference: float
    """The largest difference: of each step's vector relative to its norm."""

    @property
    def sound(self) -> bool:
        """Whether there is no difference but rounding; also where there is nothing to compare."""
        return self.difference <= SOUND


@dataclass(frozen=True)
class Differences:
    """Finite differences of the loss in single hidden units."""

    entries: int
    """How many were compared."""
    below: int
    """Of them, how many gradients are smaller than what finite differences can tell."""
    kinks: int
    """How many more lie where the loss has a kink, as where a ReLU just switches: no difference tells a slope there."""
    difference: float
    """The largest difference, absolute."""
    resolution: float
    """What finite differences can tell at best: rounding of the loss over the width of the step."""

    @property
    def sound(self) -> bool:
        return self.difference <= 10 * self.resolution


@dataclass(frozen=True)
class Proof:
    """What the judge found."""

    checks: tuple[Check, ...]
    differences: Differences
    torch: str
    """The version that judged."""
    seconds: float


def prove(network: Network, trace: Trace, layer: int = -1, window: int = 5, clip: float = 1.0) -> Proof:
    """Return how far a trace's gradients, and what measures make of them, are from autograd's.

    Compared are the gradients in every state and input of every layer; of the given layer each step's contribution to
    ∂L/∂W_hh, the norms ‖∂h_T/∂h_t‖, and the gradient truncated to `window` steps; and the gradient in all parameters
    clipped to `clip`. Raises ProofFailed where the judge cannot be heard, TooLarge where it would be at work too long,
    ValueError for a trace of another loss than that after the last step.
    """
    if trace.label is None:
        raise ValueError('trace must be of the loss "last". Got one with a target at every step.')
    work = len(trace) * network.num_layers * network.layers[0].W_hh.size
    if work > MAX_WORK:
        raise TooLarge(f"steps times numbers of W_hh must be at most {MAX_WORK:,}. Got {work:,}.")
    layer, window = layer % network.num_layers, min(window, len(trace))
    ours = {f"grad.{name}": trace.grad[name] for name in (*network.kind.states, "x")}
    ours["weights"] = measures.weight_contributions(network, trace, layer)
    ours["truncation"] = np.array([each[window - 1] for each in measures.truncation(network, trace, layer)])
    size = network.hidden_size * len(network.kind.states)
    if len(trace) <= MAX_STEPS and len(trace) * size**3 <= MAX_JACOBIAN:
        ours["jacobian"] = measures.jacobian_norms(network, trace, layer)
    cut = learn.clipped(learn.gradients(network, trace), clip)
    ours |= {f"clipped.{name}": array for name, array in cut.items()}
    asked = {"cell": network.cell, "label": trace.label, "layer": layer, "window": window, "clip": clip}
    file = io.BytesIO()
    arrays = {f"network.{name}": array for name, array in network.arrays.items()}
    np.savez(file, asked=np.array(json.dumps(asked)), x=trace["x"], h0=trace.h0, **arrays, **ours)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "rnnviz.training.judge"],
            input=file.getvalue(),
            capture_output=True,
            timeout=SECONDS,
            check=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        said = getattr(error, "stderr", None) or b""
        raise ProofFailed(f"the judge must answer. {error} {said.decode(errors='replace')[-2000:]}") from error
    checks = tuple(Check(**check) for check in answer.pop("checks"))
    return Proof(checks, Differences(**answer.pop("differences")), **answer)
