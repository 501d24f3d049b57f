"""Making a shipped checkpoint: train on MNIST, round to half precision, measure what the file will hold."""

import os
from collections.abc import Callable
from pathlib import Path

from .. import checkpoints
from ..digits import DigitSet, mnist, open_set
from ..network import Network
from ..trace import record_many
from .config import Config

DATASET = "MNIST: {training:,} of its {total:,} training digits; the other {validation:,} chose the settings."
PREPROCESSING = (
    "28 x 28 grey levels divided by 255, bright ink on black; one row of pixels per time step, from the top. "
    "Drawings are brought to MNIST's geometry and pen first."
)
SETS = ("mnist", "uci")


def make(name: str, config: Config, folder: Path, command: str, on_progress: Callable) -> checkpoints.Card:
    """Train by `config`, write `<folder>/<name>.safetensors` and return its card.

    The test digits are looked at once, when nothing can change any more: by the rounded network, in NumPy.
    Raises mnist.MnistMissing while MNIST is not on this machine.
    """
    import torch

    from .loop import train

    known, tests = mnist.train(), [open_set(each) for each in SETS]  # a file that is missing is noticed at once
    network, history = train(config, known.images, known.labels, on_progress)
    held_back = config.validation
    network = checkpoints.rounded(network)
    wrong = {digits.name: misread(network, digits) for digits in tests}
    outcome = {"validation_accuracy": history[-1].accuracy, "seconds": round(history[-1].seconds, 1)}
    card = checkpoints.Card(
        name=name,
        cell=config.cell,
        dataset=DATASET.format(training=len(known) - held_back, total=len(known), validation=held_back),
        preprocessing=PREPROCESSING,
        training={**config.to_dict(), **outcome, "torch": str(torch.__version__)},
        command=command,
        accuracy={digits.name: 1 - len(wrong[digits.name]) / len(digits) for digits in tests},
        misread=wrong,
    )
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{name}.partial"
    checkpoints.save(network, partial, card)
    partial.chmod(0o644)  # safetensors lets only the owner read what it writes, and a server may be someone else
    os.replace(partial, folder / f"{name}.safetensors")  # a server that is reading meets the old file or the new one
    return card


def misread(network: Network, digits: DigitSet) -> list[int]:
    """Return the indices of the digits that the network reads wrong after the last row."""
    answers = record_many(network, digits.images, ("logits",))["logits"][:, -1].argmax(axis=1)
    return (answers != digits.labels).nonzero()[0].tolist()
