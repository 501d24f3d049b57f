"""The settings of a training run: plain data, checked when made. No torch."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from ..cells import CELLS

PRECISIONS = ("float32", "bfloat16")
_INTEGERS = {  # name -> smallest and largest value; the largest keep a typing error from filling a machine
    "hidden_size": (1, 1024),
    "num_layers": (1, 8),
    "epochs": (1, 1000),
    "batch_size": (1, 10_000),
    "validation": (0, 60_000),
    "seed": (0, 2**32 - 1),
}
_NUMBERS = {"max_learning_rate": (1e-6, 1.0), "clip": (1e-3, 1e3), "thickness": (0.0, 1.0)}


@dataclass(frozen=True)
class Config:
    """What to train and how. Raises ValueError for settings that cannot be."""

    cell: str = "lstm"
    """A name in `CELLS`."""
    hidden_size: int = 64
    num_layers: int = 1
    forget_bias: float | None = None
    """The bias that an LSTM's forget gate starts with; None leaves PyTorch's random one."""
    epochs: int = 4
    batch_size: int = 128
    max_learning_rate: float = 0.01
    """Adam's learning rate at the top of the one-cycle schedule."""
    clip: float = 1.0
    """The norm that the gradient of all parameters together is cut to."""
    augment: bool = False
    """Whether digits are turned, scaled, moved and slanted anew in every epoch."""
    thickness: float = 0.0
    """How far the pen's edge moves, out or in, at most: a share of a pixel, 0 leaves the pen alone."""
    validation: int = 5000
    """How many digits, the last ones, are held back to measure the accuracy on; 0 trains on all."""
    seed: int = 0
    precision: str = "float32"
    """"bfloat16" runs the forward pass in bf16: about twice as fast for LSTMs where the processor has it."""

    def __post_init__(self) -> None:
        for name, choices in (("cell", tuple(CELLS)), ("precision", PRECISIONS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}. Got {getattr(self, name)!r}.")
        for name, bounds in _INTEGERS.items():
            _check_number(name, getattr(self, name), int, "an integer", bounds)
        for name, bounds in _NUMBERS.items():
            _check_number(name, getattr(self, name), int | float, "a number", bounds)
        if not isinstance(self.augment, bool):
            raise ValueError(f"augment must be True or False. Got {self.augment!r}.")
        if self.forget_bias is not None:
            _check_number("forget_bias", self.forget_bias, int | float, "None or a number", (-20.0, 20.0))
            if "f" not in CELLS[self.cell].blocks:
                raise ValueError(f"forget_bias must be None for a cell without a forget gate. Got {self.cell!r}.")

    def to_dict(self) -> dict[str, object]:
        """Return the settings as values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Config":
        """Return the settings that `to_dict` gave; ValueError where a name is unknown or a value cannot be."""
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise ValueError(f"a setting must be one of {', '.join(known)}. Got {name!r}. Leave it out.")
        return cls(**values)


def _check_number(name: str, value: object, kind: type, words: str, bounds: tuple[float, float]) -> None:
    low, high = bounds
    is_number = isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high:
        raise ValueError(f"{name} must be {words} from {low:,} to {high:,}. Got {value!r}.")
