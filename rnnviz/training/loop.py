"""The training loop: pictures in, a network out. It can stop after any update and go on with the same bits."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields

import numpy as np
import torch

from .. import initial
from ..network import Network
from ..upscaling import FACTOR
from .config import Config, Refused, last_update
from .data import Part, split
from .modules import Classifier
from .objectives import OBJECTIVES
from .ranks import Ranks

EXPLODED = 100
"""A loss so many times that of the untrained network is no training any more."""
ROWS = 300
"""A training of up to 15,000 updates has at most so many rows, those with a score not counted."""
READ_AT_ONCE = 28_000
"""Steps of sequences that are read together where nothing is learnt from them."""


class Diverged(RuntimeError):
    """The loss, the gradient or the weights are no longer numbers, or the loss explodes."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training pictures; the last may end early, with `Config.max_updates`."""

    epoch: int
    """Counted from 1."""
    loss: float
    """The mean over the epoch's updates: in nats, or a mean squared error."""
    score: float | None
    """The last one measured, see `Dataset.measure`; None where there is nothing to measure it on."""
    seconds: float
    """Since training began."""


@dataclass(frozen=True)
class Row:
    """Where the training stands after an update."""

    step: int
    """Updates done."""
    epoch: float
    """Epochs done."""
    seconds: float
    """Of training, all attempts together."""
    loss: float
    """The mean since the row before: in nats, or a mean squared error."""
    learning_rate: float
    """Of the last update."""
    gradient_norm: float
    """The mean since the row before, before clipping."""
    speed: float
    """Sequences per second since the row before, measuring the score left out."""
    score: float | None
    """See `Dataset.measure`; None where it was not measured after this update."""
    best: float | None
    """The best score so far."""


@dataclass(frozen=True)
class Saved:
    """The numbers of a training that stopped, beside its tensors; JSON can hold them. TypeError for others."""

    step: int
    epoch: int
    """Epochs done, and how many updates of the next one: `batch`."""
    batch: int
    updates_per_epoch: int
    precision: str
    seconds: float
    score: float | None
    best: float | None
    measured_at: int
    first_loss: float | None
    epoch_loss: float
    row: list
    """Loss and norm of the updates since the last row."""
    row_step: int
    row_seconds: float
    measuring: float
    history: list
    """The epochs, as dictionaries."""

    def __post_init__(self) -> None:
        for f in fields(self):
            if not isinstance(value := getattr(self, f.name), f.type):
                raise TypeError(f"{f.name} must be {f.type}. Got {value!r}.")


def train(
    config: Config, images, labels, on_progress: Callable[[Row], None] = lambda row: None
) -> tuple[Network, list[Epoch]]:
    """Return the trained network and what each epoch came to.

    images: uint8 (N, R, C), 0..255, the large ones where they are to be enlarged; labels: integers (N,) from 0. Those
    that the settings hold back are not trained on, and are what the score is measured on; there is no test set here.
    Runs on cuda, else mps, else one thread of the processor, where the same config gives the same bits. Of several
    ranks this one process makes the updates of all. on_progress is called every few updates.
    Raises ValueError for pictures that do not fit, Diverged when the loss stops being a number or explodes.
    """
    known = _checked(config, images, labels)
    train_index, held_index = split(config, known.labels)
    watched = known.at(held_index) if config.watch == "validation" and len(held_index) else None
    with one_thread():
        trainer = Trainer(config, known.at(train_index), watched)
        for _ in trainer.updates():
            if trainer.row_due:
                on_progress(trainer.row())
    return trainer.network(), trainer.history


def untrained(config: Config, input_size: int = 28, num_classes: int = 10) -> Network:
    """Return the network that a training run starts from."""
    return initial.network(
        config.cell,
        input_size,
        config.hidden_size,
        config.num_layers,
        num_classes,
        seed=config.seed,
        forget_bias=config.forget_bias,
        recurrent=config.recurrent,
        gain=config.gain,
        shared=config.shared,
        h0=config.start,
    )


def best_device(name: str = "auto") -> torch.device:
    """Return where to train: for "auto" cuda, else mps, else cpu."""
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_of(config: Config, rank: int = 0) -> torch.device:
    """Return where a rank of these settings trains; Refused where this machine has too few GPUs."""
    if not config.gpus:
        return best_device("cpu" if config.ranks > 1 else config.device)
    if config.gpus > (there := torch.cuda.device_count()):
        do = "Take fewer, or 0 for what device says."
        raise Refused("gpus", f"gpus must be at most {there}, as many as there are. Got {config.gpus}. {do}")
    return torch.device("cuda", rank)


def fast_bfloat16(device: torch.device) -> bool:
    """Return whether the device multiplies in bfloat16 faster than in float32.

    Of a processor its flags are asked, no clock: the same settings must give the same bits on a busy day.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread of the processor inside.

    A second gains nothing on such small matrices, loses much on a busy machine, and changes the last bits.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def rates(config: Config, steps: int) -> Callable[[int], tuple[float, float]]:
    """Return the function from an update, counted from 0, to its learning rate and Adam's beta1.

    one_cycle is torch's OneCycleLR as it comes: from 1/25 of the largest rate up within 30 % of the updates and down to
    almost 0, beta1 the other way round between 0.95 and 0.85. Nothing of it has to be remembered to go on.
    """
    top = config.learning_rate
    if config.schedule == "constant":
        return lambda step: (top, 0.9)
    if config.schedule == "cosine":
        return lambda step: (_cosine(top, 0.0, step / steps), 0.9)
    start = top / 25.0
    end, turn, last = start / 1e4, 0.3 * steps - 1, steps - 1

    def one_cycle(step: int) -> tuple[float, float]:
        if step <= turn:
            share = step / turn
            return _cosine(start, top, share), _cosine(0.95, 0.85, share)
        share = (step - turn) / (last - turn)
        return _cosine(top, end, share), _cosine(0.85, 0.95, share)

    return one_cycle


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)


class Trainer:
    """A network while it is trained.

    training: what it learns from; watched: what its score is measured on, if anything. Both stay on the device as
    bytes. All randomness lies at the beginning of an epoch, in the shuffle and the augmentation: with the state of the
    random numbers there, an epoch can be begun again and its finished updates left out.

    ranks: with whom it makes the updates. All have the same `training`, and shuffle it alike. Only an update needs all
    of them: rank 0 alone can measure, save and stop.
    """

    def __init__(self, config: Config, training: Part, watched: Part | None = None, ranks: Ranks = Ranks()):  # noqa: B008
        self.config, self.device, self._ranks = config, device_of(config, ranks.rank), ranks
        self.precision = "float32"
        if config.precision == "bfloat16" and fast_bfloat16(self.device):
            self.precision = "bfloat16"
        self._task = OBJECTIVES[config.data.task](config, *training.images.shape[1:], self.device)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(config.seed)
            network = untrained(config, self._task.input_size, self._task.classes)
            self.model = Classifier(network).to(self.device)
            self._random = torch.get_rng_state()  # at the beginning of the epoch
        self._parameters = dict(self.model.named_parameters())
        self._weights = list(self._parameters.values())
        self._learner = ranks.wrap(self.model)
        self._training = self._on_device(training)
        self._watched = self._on_device(watched) if watched else None
        self.updates_per_epoch = math.ceil(len(training) / config.batch)
        self.steps = last_update(config, self.updates_per_epoch)
        self.row_every = min(math.ceil(self.steps / ROWS), 50)
        self._rates = rates(config, self.steps)
        kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[config.optimiser]
        self._optimiser = kind(self._weights, lr=config.learning_rate, fused=True)

        self.step = 0
        """Updates done."""
        self.history: list[Epoch] = []
        self.score: float | None = None
        self.best: float | None = None
        self._measured_at = 0
        self._best_weights: list[torch.Tensor] | None = None
        self._good_weights, self._good_step = [p.detach().clone() for p in self._weights], 0
        self._first_loss: float | None = None
        self._unread: list[torch.Tensor] = []  # loss and norm of the last updates, on the device
        self._row: list[tuple[float, float]] = []  # loss and norm of the updates since the last row
        self._row_step, self._row_seconds, self._measuring = 0, 0.0, 0.0
        self._epoch_loss = 0.0
        self._seconds, self._started = 0.0, None
        if ranks.count > 1:
            self._settle()

    def _settle(self) -> None:
        """Make one backward pass, for nothing.

        After the first one torch lays out anew what ranks send each other at once, and the order of the sums over three
        or more hangs on that: a training that goes on would not have the bits of one that was never stopped.
        """
        x, y = (each[:1] for each in self._training)
        self._task.loss(self._task.outputs(self._learner, x), x, y).backward()
        self._optimiser.zero_grad()

    # ---- Training

    def updates(self, between: Callable[[], None] = lambda: None) -> Iterator[int]:
        """Make the updates that are left; yield after each how many are done.

        between: called wherever one update does not follow the other at once. It may raise to end the training there,
        as may whoever iterates; what `snapshot` gives afterwards is whole.
        """
        self._started = time.monotonic()
        try:
            yield from self._updates(between)
        finally:
            self._seconds, self._started = self.seconds, None

    def _updates(self, between: Callable[[], None]) -> Iterator[int]:
        if self._measure_due:
            self._measure(between)  # it was stopped between an update and this
        if self._epoch_ends:
            self._close_epoch()
        while self.step < self.steps:
            images, labels, random = self._epoch(between)
            first = self.step % self.updates_per_epoch * self.config.batch
            batches = (each[first:].split(self.config.batch) for each in (images, labels))
            for x, y in zip(*batches, strict=True):
                self._update(x, y)
                self.step += 1
                if self.step % self.updates_per_epoch == 0:
                    self._random = random
                if self._measure_due:
                    self._measure(between)
                if self._epoch_ends:
                    self._close_epoch()
                yield self.step
                if self.step == self.steps:
                    return

    @property
    def seconds(self) -> float:
        """Of training, all attempts together."""
        return self._seconds + (time.monotonic() - self._started if self._started is not None else 0.0)

    @property
    def training_count(self) -> int:
        """How many pictures it learns from."""
        return len(self._training[1])

    @property
    def kept_score(self) -> float | None:
        """The watched score of the weights that are the result; None where theirs was not measured."""
        if self._best_weights is not None:
            return self.best
        return self.score if self._measured_at == self.step else None

    @property
    def row_due(self) -> bool:
        """Whether the last update is one that a row is written for."""
        return self.step % self.row_every == 0 or self._measured_at == self.step or self.step == self.steps

    def row(self) -> Row:
        """Return where the training stands; Diverged where it has gone astray since the last row."""
        self._collect()
        seconds, updates = self.seconds, max(1, len(self._row))
        sequences = self._sequences(self.step) - self._sequences(self._row_step)
        row = Row(
            step=self.step,
            epoch=self.step / self.updates_per_epoch,
            seconds=seconds,
            loss=sum(loss for loss, _ in self._row) / updates,
            learning_rate=self._rates(max(0, self.step - 1))[0],
            gradient_norm=sum(norm for _, norm in self._row) / updates,
            speed=sequences / max(1e-9, seconds - self._row_seconds - self._measuring),
            score=self.score if self._measured_at == self.step and self.step else None,
            best=self.best,
        )
        self._row, self._row_step, self._row_seconds, self._measuring = [], self.step, seconds, 0.0
        return row

    def network(self) -> Network:
        """Return a copy of the result so far: the last weights, or the best where the settings keep those."""
        if self._best_weights is None:
            return self.current()
        kept = [p.detach().clone() for p in self._weights]
        self._load(self._best_weights)
        best = self.current()
        self._load(kept)
        return best

    def current(self) -> Network:
        """Return a copy of the network as it is now."""
        return self.model.to_network()

    def _update(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Make one update on bytes x (B, R, C) with their classes y (B,), a batch of all ranks together."""
        size, x, y = len(x), self._ranks.own(x), self._ranks.own(y)
        group = self._optimiser.param_groups[0]
        group["lr"], beta1 = self._rates(self.step)
        if "betas" in group:
            group["betas"] = (beta1, group["betas"][1])
        half = self.precision == "bfloat16"
        with torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext():
            outputs = self._task.outputs(self._learner, x)
        loss = self._ranks.weighed(self._task.loss(outputs, x, y), size)
        self._optimiser.zero_grad()
        loss.backward()
        if self.config.clip is None:
            norm = torch.nn.utils.get_total_norm([p.grad for p in self._weights])
        else:
            norm = torch.nn.utils.clip_grad_norm_(self._weights, self.config.clip)
        self._optimiser.step()
        self._unread += (self._ranks.mean(loss.detach()), norm)  # not read here: a GPU would have to be waited for

    def _epoch(self, between: Callable[[], None]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return an epoch's pictures and classes in a new order, and the state of the random numbers after it.

        They stay bytes on the device and are shuffled there: about twice as fast as a DataLoader of single images.
        """
        images, labels = self._training
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            order = torch.randperm(len(images)).to(self.device)
            images, labels = images[order], labels[order]
            if self.config.augment or self.config.thickness:
                from .augment import augmented

                images = augmented(images, self.config.augment, self.config.thickness, between)
            return images, labels, torch.get_rng_state()

    def _on_device(self, part: Part) -> tuple[torch.Tensor, torch.Tensor]:
        # A copy: digit sets share read-only arrays, and torch has none.
        return torch.tensor(part.images, device=self.device), torch.tensor(part.labels, device=self.device)

    def _sequences(self, step: int) -> int:
        """Return how many sequences were read in so many updates."""
        epochs, rest = divmod(step, self.updates_per_epoch)
        return epochs * self.training_count + rest * self.config.batch

    # ---- Judging

    @property
    def _measure_due(self) -> bool:
        if self._watched is None or self.step == self._measured_at:
            return False
        return self.step % (self.config.watch_every or self.updates_per_epoch) == 0 or self.step == self.steps

    @torch.no_grad()
    def _measure(self, between: Callable[[], None]) -> None:
        """Measure the score on what is watched, and keep the weights where they are the best."""
        self._collect()  # weights that have gone astray are not measured, and never the best
        started = time.monotonic()
        self.score = self._mean_score(*self._watched, between)
        if self.best is None or self.score > self.best:
            self.best = self.score
            if self.config.keep == "best":
                self._best_weights = [p.detach().clone() for p in self._weights]
        self._measured_at = self.step
        self._measuring += time.monotonic() - started

    def _mean_score(self, images: torch.Tensor, labels: torch.Tensor, between: Callable[[], None]) -> float:
        size, found = batch_that_fits(self.config), []
        for x, y in zip(images.split(size), labels.split(size), strict=True):
            between()
            found.append(self._task.scores(self._task.outputs(self.model, x), x, y))
        return float(torch.cat(found).cpu().double().mean())

    def answers(self, network: Network, images: np.ndarray, between: Callable[[], None]) -> dict[str, np.ndarray]:
        """Return what comes of a network's reading pictures (N, R, C), by name, (N,) each; see `objectives`."""
        model, found = Classifier(network).to(self.device), []
        with torch.inference_mode():
            for x in torch.tensor(images).split(batch_that_fits(self.config)):
                between()
                x = x.to(self.device)
                found.append(self._task.answers(self._task.outputs(model, x), x))
        return {name: torch.cat([each[name] for each in found]).cpu().numpy() for name in found[0]}

    @property
    def _epoch_ends(self) -> bool:
        """Whether the last update ends an epoch that is not in the history yet."""
        ends = self.step % self.updates_per_epoch == 0 or self.step == self.steps
        return ends and len(self.history) * self.updates_per_epoch < self.step

    def _close_epoch(self) -> None:
        self._collect()
        updates = self.step - len(self.history) * self.updates_per_epoch
        loss = self._epoch_loss / updates
        self.history.append(Epoch(len(self.history) + 1, loss, self.score, self.seconds))
        self._epoch_loss = 0.0

    def _collect(self) -> None:
        """Read losses and norms from the device and keep the weights; Diverged where they have gone astray."""
        if not self._unread:
            return
        values = torch.stack(self._unread).tolist()
        self._unread = []
        updates = list(zip(values[::2], values[1::2], strict=True))
        if self._first_loss is None:
            self._first_loss = updates[0][0]
        for loss, norm in updates:
            self._epoch_loss += loss
            if not math.isfinite(loss) or not math.isfinite(norm):
                name, value = ("loss", loss) if not math.isfinite(loss) else ("gradient", norm)
                self._give_up(f"the {name} must stay finite. Got {value}.")
            if loss > EXPLODED * self._first_loss:
                most = f"{EXPLODED} times the untrained network's {self._first_loss:.3g}"
                self._give_up(f"the loss must stay below {most}. Got {loss:.3g}.")
        if not math.isfinite(torch.nn.utils.get_total_norm(self._weights)):
            self._give_up("the weights must stay finite. They do not.")
        self._row += updates
        self._keep_good()

    def _give_up(self, why: str) -> None:
        """Go back to the last good weights, and the update that they are of, and raise Diverged."""
        self._load(self._good_weights)
        self.step = self._good_step
        raise Diverged(f"{why} Choose a learning_rate below {self.config.learning_rate}.")

    @torch.no_grad()
    def _load(self, weights: list[torch.Tensor]) -> None:
        for weight, kept in zip(self._weights, weights, strict=True):
            weight.copy_(kept)

    # ---- Stopping and going on

    def snapshot(self) -> tuple[dict[str, np.ndarray], dict[str, object]]:
        """Return all that is needed to go on with the same bits: arrays, and values that JSON can hold."""
        self._collect()
        arrays = {"random": self._random}
        kept = {"weights": self._weights, "best": self._best_weights or []}
        for kind, weights in kept.items():
            arrays |= {f"{kind}.{name}": weight for name, weight in zip(self._parameters, weights, strict=False)}
        for name, weight in self._parameters.items():
            for key, value in self._optimiser.state.get(weight, {}).items():
                if torch.is_tensor(value):
                    arrays[f"{key}.{name}"] = value
        saved = Saved(
            step=self.step,
            epoch=self.step // self.updates_per_epoch,
            batch=self.step % self.updates_per_epoch,
            updates_per_epoch=self.updates_per_epoch,
            precision=self.precision,
            seconds=self.seconds,
            score=self.score,
            best=self.best,
            measured_at=self._measured_at,
            first_loss=self._first_loss,
            epoch_loss=self._epoch_loss,
            row=self._row,
            row_step=self._row_step,
            row_seconds=self._row_seconds,
            measuring=self._measuring,
            history=[asdict(epoch) for epoch in self.history],
        )
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in arrays.items()}, asdict(saved)

    def restore(self, arrays: Mapping[str, np.ndarray], values: Mapping[str, object]) -> None:
        """Go on from a `snapshot` of the same settings and pictures.

        Raises KeyError, TypeError or ValueError for another, and has changed nothing then.
        """
        saved = Saved(**_renamed(values))
        if saved.updates_per_epoch != self.updates_per_epoch or not 0 <= saved.step <= self.steps:
            wanted = f"{self.steps} updates, {self.updates_per_epoch} in an epoch"
            raise ValueError(f"it must be of {wanted}. Got {saved.step}, of {saved.updates_per_epoch} in an epoch.")
        row, history = [(loss, norm) for loss, norm in saved.row], [Epoch(**_renamed(each)) for each in saved.history]
        random = _tensor(arrays, "random", self._random)
        weights = self._saved(arrays, "weights")
        best = self._saved(arrays, "best") if self.config.keep == "best" and saved.best is not None else None
        known = {}
        if self.config.optimiser == "adam" and saved.step:
            counts = {"step": [torch.tensor(0.0)] * len(weights)}
            known = {kind: self._saved(arrays, kind, counts.get(kind)) for kind in ("step", "exp_avg", "exp_avg_sq")}

        self.step, self.precision, self._seconds = saved.step, saved.precision, saved.seconds
        self._load(weights)
        self._keep_good()
        self._random, self._best_weights = random, best
        for k, weight in enumerate(self._weights):
            self._optimiser.state[weight] = {kind: tensors[k] for kind, tensors in known.items()}
        self.score, self.best, self._measured_at = saved.score, saved.best, saved.measured_at
        self._first_loss, self._epoch_loss = saved.first_loss, saved.epoch_loss
        self._row, self.history = row, history
        self._row_step, self._row_seconds, self._measuring = saved.row_step, saved.row_seconds, saved.measuring

    def _saved(self, arrays: Mapping[str, np.ndarray], kind: str, like: list | None = None) -> list[torch.Tensor]:
        """Return the tensors of that kind, one for each parameter, on the device."""
        pairs = zip(self._parameters, like or self._weights, strict=True)
        return [_tensor(arrays, f"{kind}.{name}", each).to(self.device) for name, each in pairs]

    def _keep_good(self) -> None:
        self._good_step = self.step
        for kept, weight in zip(self._good_weights, self._weights, strict=True):
            kept.copy_(weight.detach())


def _tensor(arrays: Mapping[str, np.ndarray], name: str, like: torch.Tensor) -> torch.Tensor:
    """Return a copy of the array of that name; KeyError where there is none, ValueError for another shape or type."""
    tensor = torch.tensor(arrays[name])
    if not like.ndim and tensor.numel() == 1:
        tensor = tensor.reshape(())  # what comes from a file has a dimension
    if tensor.shape != like.shape or tensor.dtype != like.dtype:
        wanted, got = (f"{each.dtype} {tuple(each.shape)}" for each in (like, tensor))
        raise ValueError(f"{name} must be {wanted}. Got {got}.")
    return tensor


def _renamed(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values of a run that was stopped when every score was an accuracy under today's names."""
    return {"score" if name == "accuracy" else name: value for name, value in values.items()}


def batch_that_fits(config: Config) -> int:
    """Return how many sequences are read at once where nothing is learnt: memory grows with their steps."""
    return max(20, READ_AT_ONCE // config.steps)


def _checked(config: Config, images, labels) -> Part:
    """Return pictures uint8 (N, R, C) with classes int64 (N,); ValueError where they do not fit."""
    images, labels, classes = np.asarray(images), np.asarray(labels), config.data.classes
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"images must be uint8 of shape (N, R, C). Got {images.dtype} {images.shape}.")
    if labels.dtype.kind not in "ui" or labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be {len(images)} integers, one per image. Got {labels.dtype} {labels.shape}.")
    if not len(labels) or labels.min() < 0 or labels.max() >= classes:
        got = f"{labels.min()} to {labels.max()}" if len(labels) else "none"
        raise ValueError(f"labels must be 0 to {classes - 1}. Got {got}.")
    if config.data.task == "upscale" and any(size % FACTOR for size in images.shape[1:]):
        raise ValueError(f"images must be the large ones, of an even height and width. Got {images.shape}.")
    return Part(images, labels.astype(np.int64))
