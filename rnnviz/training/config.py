"""The settings of a training run: plain data, checked when made. No torch."""

import math
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import NamedTuple

from ..cells import CELLS
from ..checkpoints import MEASURES
from ..digits import ORDERS
from ..initial import RECURRENT, STARTS


class Dataset(NamedTuple):
    """What is there to learn, before anything of it is loaded."""

    training: int
    """How many sequences may be trained on."""
    test: int
    """How many others are scored at the end."""
    rows: int
    """Of what is read: a network sees pictures of `rows` x `columns` numbers."""
    columns: int
    classes: int
    """K: the class scores, or other numbers, that the readout gives."""
    tested: str
    """What the other ones are called on a network's card."""
    task: str = "classify"
    """What is to be learned, one of MEASURES: "classify" a sequence at its end, or "upscale" a picture step by step."""

    @property
    def measure(self) -> str:
        """What a network's score is: its "accuracy" in [0, 1], or the mean "psnr" of its pictures in dB."""
        return MEASURES[self.task]

    @property
    def of_digits(self) -> bool:
        """Whether its networks read whole digits and say which they are, as the explorer shows it."""
        return self.task == "classify" and (self.rows, self.columns) == (28, 28)

    @property
    def needs_mnist(self) -> bool:
        return self.tested == "mnist"


DATASETS: dict[str, Dataset] = {
    "mnist": Dataset(60_000, 10_000, 28, 28, 10, "mnist"),
    "uci": Dataset(1_437, 360, 28, 28, 10, "uci_test"),
    "halves": Dataset(6_000, 2_000, 10, 10, 2, "halves"),
    "mnist_2x": Dataset(60_000, 10_000, 14, 14, 56, "mnist", "upscale"),
}
OPTIMISERS = ("adam", "sgd")
SCHEDULES = ("constant", "one_cycle", "cosine")
WATCHES = ("validation", "test")
KEEPS = ("last", "best")
PRECISIONS = ("float32", "bfloat16")
DEVICES = ("auto", "cpu")
WATCHED_TEST = 2_000
"""While it learns, its score is measured on at most so many test digits, the first ones, as a source does it."""

CHOICES = {
    "cell": tuple(CELLS),
    "recurrent": RECURRENT,
    "start": STARTS,
    "dataset": tuple(DATASETS),
    "reading": ORDERS,
    "optimiser": OPTIMISERS,
    "schedule": SCHEDULES,
    "watch": WATCHES,
    "keep": KEEPS,
    "precision": PRECISIONS,
    "device": DEVICES,
}
TOGETHER = (
    "no_forget_gate", "shared_alone", "no_pictures", "only_rows", "delay_rows", "folds", "fold_watches_test",
    "nothing_left", "test_chooses", "nothing_chooses", "ranks_and_gpus", "gpus_on_cpu", "large_batch",
    "too_many_updates", "unknown",
)  # fmt: skip
"""Why settings that are sound alone may be refused together."""


class Refused(ValueError):
    """Settings that cannot be. `code` names the setting, or is one of TOGETHER: a page has a sentence for each."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


MAX_UPDATES = 2_000_000
MAX_BATCH = max(data.training for data in DATASETS.values())
"""Sequences of one update, of all ranks together: there are no more."""

INTEGERS = {  # name -> smallest and largest value; the largest keep a typing error from filling a machine
    "hidden_size": (1, 1024),
    "num_layers": (1, 8),
    "delay": (0, 784),
    "epochs": (1, 1000),
    "max_updates": (0, MAX_UPDATES),
    "batch_size": (1, 10_000),
    "validation": (0, 60_000),
    "folds": (0, 20),
    "fold": (0, 19),
    "watch_every": (0, 100_000),
    "film_every": (0, 100_000),
    "seed": (0, 2**32 - 1),
    "gpus": (0, 8),
    "ranks": (1, 16),
}
NUMBERS = {"gain": (0.0, 10.0), "learning_rate": (1e-6, 10.0), "thickness": (0.0, 1.0)}
OPTIONAL = {"clip": (1e-3, 1e3), "forget_bias": (-20.0, 20.0)}
SWITCHES = ("shared", "augment")


@dataclass(frozen=True)
class Config:
    """What to train and how. Raises Refused for settings that cannot be."""

    # ---- the network
    cell: str = "lstm"
    """A name in `CELLS`."""
    hidden_size: int = 64
    num_layers: int = 1
    shared: bool = False
    """Whether all layers have the same weights; the input is then projected to their size first."""
    forget_bias: float | None = None
    """The bias that an LSTM's forget gate starts with; None leaves PyTorch's random one."""
    recurrent: str = "default"
    """How W_hh starts: "default" (uniform, as PyTorch's), "orthogonal" or "identity", times `gain`."""
    gain: float = 1.0
    start: str = "zeros"
    """The hidden state before the first step: "zeros", or "one_hot": 1 in the first unit of every layer."""
    # ---- what it reads
    dataset: str = "mnist"
    """"mnist", "uci" (the bundled digits), "halves" (which half of a random sequence has the larger sum) or "mnist_2x"
    (MNIST's digits at half the size, to be written at their full size)."""
    reading: str = "rows"
    """One step is a row ("rows"), one pixel ("pixels"), or one pixel in a fixed random order ("permuted")."""
    delay: int = 0
    """How many blank rows follow the last one. An answer has to be kept over them; a picture is written so much later
    than it is read."""
    augment: bool = False
    """Whether digits are turned, scaled, moved and slanted anew in every epoch."""
    thickness: float = 0.0
    """How far the pen's edge moves, out or in, at most: a share of a pixel, 0 leaves the pen alone."""
    # ---- how it learns
    epochs: int = 4
    max_updates: int = 0
    """Training ends after so many updates, however many epochs are left; 0: at the end of the last epoch."""
    batch_size: int = 128
    """Sequences of one update; with several ranks, those of each."""
    optimiser: str = "adam"
    learning_rate: float = 0.01
    """Adam's or SGD's; with a schedule, its largest value."""
    schedule: str = "one_cycle"
    """"constant"; "one_cycle" rises for 30 % of the updates and falls to nearly 0; "cosine" falls to 0."""
    clip: float | None = 1.0
    """The norm that the gradient of all parameters together is cut to; None leaves it alone."""
    # ---- how it is judged
    validation: int = 5000
    """How many training digits, the last ones, are held back to measure the score on; 0 trains on all."""
    folds: int = 0
    """k of a k-fold cross-validation; 0 for none. The fold then takes the place of the digits held back."""
    fold: int = 0
    """Which fold is held back, from 0."""
    watch: str = "validation"
    """What the score is measured on while it learns: "validation", or "test" as the source documents do."""
    watch_every: int = 0
    """Updates between two measurements; 0: at the end of each epoch."""
    film_every: int = 0
    """Updates between two frames of the film of its gradients; 0: as often as a small share of the time allows."""
    keep: str = "last"
    """Which weights are the result: the "last", or those with the "best" watched score."""
    # ---- the machine
    seed: int = 0
    precision: str = "float32"
    """"bfloat16" runs the forward pass in bf16, where the processor is fast at it; elsewhere float32 is used."""
    device: str = "auto"
    """"auto": cuda, else mps, else cpu."""
    gpus: int = 0
    """So many GPUs of its own, a rank on each; 0: what `device` says."""
    ranks: int = 1
    """So many processes on the processor that share each update; more than one means the processor, whatever GPUs
    there are."""

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise Refused(name, f"{name} must be one of {', '.join(choices)}. Got {getattr(self, name)!r}.")
        for name in SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise Refused(name, f"{name} must be True or False. Got {getattr(self, name)!r}.")
        for name, bounds in INTEGERS.items():
            _check_number(name, getattr(self, name), int, "an integer", bounds)
        for name, bounds in NUMBERS.items():
            _check_number(name, getattr(self, name), int | float, "a number", bounds)
        for name, bounds in OPTIONAL.items():
            if getattr(self, name) is not None:
                _check_number(name, getattr(self, name), int | float, "None or a number", bounds)
        self._check_together()

    def _check_together(self) -> None:
        """Refuse settings that are sound alone and make no sense together."""
        known, cell = self.data.training, self.cell
        if self.forget_bias is not None and "f" not in CELLS[cell].blocks:
            got = f"Got {cell!r}."
            raise Refused("no_forget_gate", f"forget_bias must be None for a cell without a forget gate. {got}")
        if self.shared and self.num_layers == 1:
            raise Refused("shared_alone", "num_layers must be at least 2 for layers with shared weights. Got 1.")
        if self.dataset == "halves" and (self.reading != "rows" or self.augment or self.thickness):
            raise Refused(
                "no_pictures", "reading must be 'rows', without augmentation, for 'halves'. It holds no pictures."
            )
        if self.data.task == "upscale" and self.reading != "rows":
            raise Refused("only_rows", f"reading must be 'rows' for {self.dataset!r}. Got {self.reading!r}.")
        if self.delay and self.reading != "rows":
            raise Refused("delay_rows", f"delay must be 0 unless whole rows are read. Got {self.delay} with pixels.")
        if self.folds == 1 or (self.folds and self.fold >= self.folds) or (self.fold and not self.folds):
            raise Refused("folds", f"fold must lie below folds, 2 or more. Got fold {self.fold} of {self.folds}.")
        if self.folds and self.watch == "test":
            got = "test digits are left alone. Got 'test'."
            raise Refused("fold_watches_test", f"watch must be 'validation' in a cross-validation: {got}")
        if not self.folds and self.validation >= known:
            raise Refused(
                "nothing_left",
                f"validation must leave some of {known:,} sequences to train on. Got {self.validation:,}.",
            )
        if self.keep == "best" and self.watch == "test":
            got = "they may not choose. Got 'best'."
            raise Refused("test_chooses", f"keep must be 'last' where test digits are watched: {got}")
        if self.keep == "best" and not self.held_back:
            raise Refused("nothing_chooses", "validation must be above 0 to keep the best weights. Got 0.")
        if self.ranks > 1 and self.gpus:
            got = f"Got {self.ranks} ranks and {self.gpus} gpus."
            raise Refused("ranks_and_gpus", f"ranks must be 1 where GPUs are asked for: each brings its own. {got}")
        if self.gpus and self.device == "cpu":
            raise Refused("gpus_on_cpu", f"gpus must be 0 where device is 'cpu'. Got {self.gpus}.")
        if self.batch > MAX_BATCH:
            got = f"Got {self.batch:,}, {self.processes} times {self.batch_size:,}."
            raise Refused("large_batch", f"batch_size of all ranks must be at most {MAX_BATCH:,} together. {got}")
        if self.updates > MAX_UPDATES:
            raise Refused(
                "too_many_updates", f"epochs must make at most {MAX_UPDATES:,} updates. Got {self.updates:,}."
            )

    @property
    def data(self) -> Dataset:
        return DATASETS[self.dataset]

    @property
    def steps(self) -> int:
        """T: time steps per sequence."""
        return self.data.rows + self.delay if self.reading == "rows" else self.data.rows * self.data.columns

    @property
    def input_size(self) -> int:
        """D: numbers read per time step."""
        return self.data.columns if self.reading == "rows" else 1

    @property
    def held_back(self) -> int:
        """How many training sequences the score is measured on; about, for a fold."""
        return round(self.data.training / self.folds) if self.folds else self.validation

    @property
    def watched(self) -> int:
        """How many sequences the score is measured on while it learns; about, for a fold."""
        return min(WATCHED_TEST, self.data.test) if self.watch == "test" else self.held_back

    @property
    def processes(self) -> int:
        """How many processes train it: its ranks."""
        return max(1, self.gpus, self.ranks)

    @property
    def batch(self) -> int:
        """Sequences of one update, of all ranks together."""
        return self.batch_size * self.processes

    @property
    def updates_per_epoch(self) -> int:
        """Updates that one pass over the training sequences takes; for a fold within one."""
        return math.ceil((self.data.training - self.held_back) / self.batch)

    @property
    def updates(self) -> int:
        """Updates in all; for a fold within an update per epoch."""
        return last_update(self, self.updates_per_epoch)

    def to_dict(self) -> dict[str, object]:
        """Return the settings as values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Config":
        """Return the settings that `to_dict` gave; Refused where a name is unknown or a value cannot be."""
        known = [f.name for f in fields(cls)]
        for name in values:
            if name not in known:
                raise Refused("unknown", f"a setting must be one of {', '.join(known)}. Got {name!r}. Leave it out.")
        return cls(**values)


def last_update(config: Config, updates_per_epoch: int) -> int:
    """Return after which update training ends: that of the last epoch, or an earlier one where so many may be made."""
    whole = config.epochs * updates_per_epoch
    return min(whole, config.max_updates) if config.max_updates else whole


def parse(name: str, text: str) -> object:
    """Return the value that `text` means for the setting `name`, as a command line gives it; Refused if none."""
    kinds = {f.name: f.type for f in fields(Config)}
    if name not in kinds:
        raise Refused("unknown", f"a setting must be one of {', '.join(kinds)}. Got {name!r}.")
    if name in OPTIONAL and text.lower() == "none":
        return None
    if name in SWITCHES:
        if text.lower() not in ("true", "false"):
            raise Refused(name, f"{name} must be true or false. Got {text!r}.")
        return text.lower() == "true"
    if name in CHOICES:
        return text
    try:
        return int(text) if name in INTEGERS else float(text)
    except ValueError:
        raise Refused(name, f"{name} must be a number. Got {text!r}.") from None


def _check_number(name: str, value: object, kind: type, words: str, bounds: tuple[float, float]) -> None:
    low, high = bounds
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # "not a number" lies between no bounds
        raise Refused(name, f"{name} must be {words} from {low:,} to {high:,}. Got {reprlib.repr(value)}.")
