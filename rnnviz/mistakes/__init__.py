"""Programs that compute gradients, and the same with one line wrong: for exercises in finding it.

The right programs are modules of this package. A wrong one is the text of a right one with a single line exchanged,
and it is that text that runs, so that a reader sees exactly what gives the numbers.
"""

import inspect
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import NamedTuple

import numpy as np

from . import backward, epochs, one_loss

Arrays = dict[str, np.ndarray]
PARAMETERS = ("W_hx", "W_hh", "b_h", "W_hy", "b_y")


class Mistake(NamedTuple):
    """One exercise."""

    program: ModuleType
    """The right program."""
    right: str
    """The line that was exchanged, and what stands there now; without the spaces before them."""
    wrong: str

    @property
    def right_source(self) -> str:
        """The right program's function."""
        return inspect.getsource(self.program.gradients)

    @property
    def source(self) -> str:
        """The wrong program's function."""
        return self.right_source.replace(self.right, self.wrong)

    @property
    def line(self) -> int:
        """Where the wrong line stands in the source, from 1."""
        return [each.strip() for each in self.source.splitlines()].index(self.wrong) + 1

    def gradients(self, parameters: Mapping[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> Arrays:
        """Return the wrong gradients, under the names in PARAMETERS."""
        names = {"np": np}
        exec(compile(self.source, "mistake", "exec"), names)
        return names["gradients"](**parameters, x=x, y=y)[1]

    def right_gradients(self, parameters: Mapping[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> Arrays:
        """Return the right ones."""
        return self.program.gradients(**parameters, x=x, y=y)[1]

    def loss(self, parameters: Mapping[str, np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
        """Return the loss that the gradients should be of."""
        return float(self.program.gradients(**parameters, x=x, y=y)[0])


MISTAKES = {
    "state": Mistake(backward, "dW_hh += np.outer(da, h[t - 1])", "dW_hh += np.outer(da, h[t])"),
    "twice": Mistake(
        backward,
        "from_later = W_hh.T @ ((1 - h[t] ** 2) * dh)",
        "from_later = W_hh.T @ ((1 - h[t] ** 2) * (dh + direct))",
    ),
    "mean": Mistake(backward, "dy = error[t] / (T * K)", "dy = error[t]"),
    "leak": Mistake(epochs, "h[0] = 0.0", "h[0] = h[T]"),
    "later": Mistake(
        one_loss,
        "dy = error[t] / K if t == s else np.zeros(K)",
        "dy = error[t] / K if t >= s else np.zeros(K)",
    ),
}


def differences(
    loss: Callable[[Mapping[str, np.ndarray]], float], parameters: Mapping[str, np.ndarray], step: float
) -> Arrays:
    """Return the central differences of a loss in every number of the parameters, moved by ± step."""
    found = {}
    for name, array in parameters.items():
        found[name] = np.empty_like(array)
        for place in np.ndindex(array.shape):
            ends = []
            for by in (step, -step):
                moved = array.copy()
                moved[place] += by
                ends.append(loss({**parameters, name: moved}))
            found[name][place] = (ends[0] - ends[1]) / (2 * step)
    return found


def relative(ours: np.ndarray, judge: np.ndarray) -> float:
    """Return ‖ours - judge‖ / ‖judge‖; 0 where both are exactly zero, infinite where only the judge is."""
    off, size = float(np.linalg.norm(ours - judge)), float(np.linalg.norm(judge))
    return off / size if size else (np.inf if off else 0.0)
