"""The training loop: digits in, a network out. It is never given a test set."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from torch.nn import functional as F

from .. import initial
from ..network import Network
from .config import Config
from .modules import Classifier

CLASSES = 10


class Diverged(RuntimeError):
    """The loss is no longer a number; a smaller learning rate helps."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the training digits."""

    epoch: int
    """Counted from 1."""
    loss: float
    """The mean over the epoch's updates, in nats."""
    accuracy: float | None
    """On the digits held back, in [0, 1]; None where there are none."""
    seconds: float
    """Since training began."""


@dataclass(frozen=True)
class Progress:
    """Where the training stands after an update."""

    step: int
    """Updates done."""
    steps: int
    """Updates in all."""
    loss: float
    """Of the last batch, in nats."""
    accuracy: float | None
    """Of the last epoch, on the digits held back; None before the first is over."""


def train(
    config: Config, images, labels, on_progress: Callable[[Progress], None] = lambda progress: None
) -> tuple[Network, list[Epoch]]:
    """Return the trained network and what each epoch came to.

    images: uint8 (N, T, D), 0..255; labels: integers (N,), 0 to 9. The last `config.validation` of them are not trained
    on. Runs on cuda, else mps, else one thread of the processor, where the same config gives the same bits.
    Raises ValueError for digits that do not fit, Diverged when the loss stops being a number.
    """
    images, labels = _checked(config, images, labels)
    start, device = perf_counter(), best_device()
    count = len(images) - config.validation
    steps_per_epoch = math.ceil(count / config.batch_size)
    with _own_numbers(config.seed):
        images, labels = images.to(device), labels.to(device)
        model = Classifier(untrained(config, input_size=images.shape[2])).to(device)
        optimiser, schedule = _optimiser(config, model, config.epochs * steps_per_epoch)
        history: list[Epoch] = []
        reached = None
        for epoch in range(1, config.epochs + 1):
            losses = []
            for x, y in _batches(config, images[:count], labels[:count]):
                losses.append(_update(config, model, optimiser, x, y))
                schedule.step()
                done = (epoch - 1) * steps_per_epoch + len(losses)
                on_progress(Progress(done, config.epochs * steps_per_epoch, losses[-1], reached))
            if config.validation:
                reached = accuracy(model, images[count:], labels[count:])
            history.append(Epoch(epoch, sum(losses) / len(losses), reached, perf_counter() - start))
    return model.to_network(), history


def untrained(config: Config, input_size: int = 28) -> Network:
    """Return the network that a training run starts from."""
    sizes = (input_size, config.hidden_size, config.num_layers, CLASSES)
    return initial.network(config.cell, *sizes, seed=config.seed, forget_bias=config.forget_bias)


def best_device() -> torch.device:
    """Return where to train: cuda, else mps, else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@torch.no_grad()
def accuracy(model: Classifier, images: torch.Tensor, labels: torch.Tensor, batch_size: int = 1000) -> float:
    """Return the share, in [0, 1], of images uint8 (N, T, D) that the model reads as their labels (N,) say."""
    parts = zip(images.split(batch_size), labels.split(batch_size), strict=True)
    return sum(int((model(x / 255).argmax(dim=1) == y).sum()) for x, y in parts) / len(labels)


def _batches(config: Config, images: torch.Tensor, labels: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield an epoch's batches in a new order: x float32 (B, T, D) in [0, 1], y (B,).

    The digits stay bytes on the device and are shuffled there: about twice as fast as a DataLoader of single images.
    """
    order = torch.randperm(len(images)).to(images.device)
    images, labels = images[order], labels[order]
    if config.augment or config.thickness:
        from .augment import augmented

        images = augmented(images, config.augment, config.thickness)
    for x, y in zip(images.split(config.batch_size), labels.split(config.batch_size), strict=True):
        yield x / 255, y


def _optimiser(config: Config, model: Classifier, steps: int):
    """Return Adam and its one-cycle schedule: for 30 % of the updates the learning rate rises, then it falls to 0."""
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.max_learning_rate, steps)
    return optimiser, schedule


def _update(config: Config, model: Classifier, optimiser, x: torch.Tensor, y: torch.Tensor) -> float:
    """Make one update and return the loss before it, in nats."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        logits = model(x)
    loss = F.cross_entropy(logits.float(), y)
    value = loss.item()
    if not math.isfinite(value):
        rate = config.max_learning_rate
        raise Diverged(f"the loss must stay finite. Got {value}. Choose a max_learning_rate below {rate}.")
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
    optimiser.step()
    return value


@contextmanager
def _own_numbers(seed: int) -> Iterator[None]:
    """Seed torch's random numbers and use one thread inside, and leave the processor's as they were outside.

    A second thread gains nothing on such small matrices, loses much on a busy machine, and changes the last bits.
    """
    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _checked(config: Config, images, labels) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the digits as tensors, uint8 (N, T, D) and int64 (N,); ValueError where they do not fit."""
    images, labels = np.asarray(images), np.asarray(labels)
    if images.dtype != np.uint8 or images.ndim != 3:
        raise ValueError(f"images must be uint8 of shape (N, T, D). Got {images.dtype} {images.shape}.")
    if labels.dtype.kind not in "ui" or labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be {len(images)} integers, one per image. Got {labels.dtype} {labels.shape}.")
    if len(images) <= config.validation:
        raise ValueError(f"images must be more than the {config.validation} held back. Got {len(images)}.")
    if labels.min() < 0 or labels.max() >= CLASSES:
        raise ValueError(f"labels must be 0 to {CLASSES - 1}. Got {labels.min()} to {labels.max()}.")
    # A copy: digit sets share read-only arrays, and torch has none.
    return torch.tensor(images), torch.tensor(labels.astype(np.int64))
