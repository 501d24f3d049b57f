"""Words that a network learns to turn into others, step by step: hello -> ohlol.

What is read at a step may be a letter or a whole word; "letter" stands for both here.
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from .. import initial, learn
from ..network import Network

LONGEST = 12
"""Letters of a word, or words of a sequence, at most."""
ENCODINGS = ("one_hot", "embedding")
"""How a letter is given to the network: as a one-hot vector, or as a learned one."""
READOUTS = ("head", "hidden")
"""Where the letters' scores come from: a linear layer, or the hidden state as it is."""

_JOINER, _MODIFIERS, _FLAGS, _TAGS = "\u200d", range(0x1F3FB, 0x1F400), range(0x1F1E6, 0x1F200), range(0xE0020, 0xE0080)


class WordError(ValueError):
    """Two words that cannot be learnt; `reason` is "empty", "long" or "unequal"."""

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Pair:
    """What is read and what is to be said, a letter per step, T of each."""

    word: tuple[str, ...]
    target: tuple[str, ...]

    @property
    def letters(self) -> tuple[str, ...]:
        """All K letters, in the order of their first appearance."""
        return tuple(dict.fromkeys(self.word + self.target))

    @property
    def x(self) -> np.ndarray:
        """What is read, (T, K), a one-hot vector per step."""
        return np.eye(len(self.letters))[self.places(self.word)]

    @property
    def labels(self) -> np.ndarray:
        """The places (T,) of the target's letters among `letters`."""
        return self.places(self.target)

    def places(self, letters: Sequence[str]) -> np.ndarray:
        """Return which of `letters` some are."""
        return np.array([self.letters.index(letter) for letter in letters])


def pair(word: str, target: str) -> Pair:
    """Return what two texts ask for: letter by letter, or word by word where one of them has spaces between words.

    Raises WordError where one of them is empty or longer than `LONGEST`, or both are not equally long.
    """
    word, target = " ".join(word.split()), " ".join(target.split())
    cut = str.split if " " in word + target else characters
    found = Pair(tuple(cut(word)), tuple(cut(target)))
    for letters in (found.word, found.target):
        if not letters:
            raise WordError("empty", f"word and target must hold at least one letter. Got {word!r} and {target!r}.")
        if len(letters) > LONGEST or max(map(len, letters)) > 2 * LONGEST:
            raise WordError("long", f"word and target must have at most {LONGEST} letters. Got {len(letters)}.")
    if len(found.word) != len(found.target):
        lengths = f"{len(found.word)} and {len(found.target)}"
        raise WordError("unequal", f"word and target must be equally long. Got {lengths} letters.")
    return found


def characters(text: str) -> list[str]:
    """Return what a reader calls the letters of a text: an accent, a skin tone or half a flag is none of its own.

    The rules of Unicode's annex 29 that matter for letters and emoji.
    """
    found: list[str] = []
    for sign in unicodedata.normalize("NFC", text):
        joined = found and found[-1].endswith(_JOINER)
        half = found and ord(sign) in _FLAGS and len(found[-1]) == 1 and ord(found[-1]) in _FLAGS
        belongs = unicodedata.category(sign) in ("Mn", "Me", "Mc") or ord(sign) in _MODIFIERS or ord(sign) in _TAGS
        if found and (joined or half or belongs or sign == _JOINER):
            found[-1] += sign
        elif not unicodedata.category(sign).startswith("C"):
            found.append(sign)
    return found


@dataclass(frozen=True)
class Recipe:
    """A network that learns letters, and how it learns them; one recipe is one training, number for number."""

    cell: str = "rnn_tanh"
    units: int = 8
    """H; with the readout "hidden" there are as many as letters."""
    encoding: str = "one_hot"
    dim: int = 8
    """How many numbers an embedding gives a letter."""
    biases: int = 2
    """1 for the cell of the formula, 2 as PyTorch's modules have it."""
    readout: str = "head"
    optimiser: str = "adam"
    rate: float = 0.1
    seed: int = 0

    def network(self, letters: int) -> Network:
        """Return the untrained network for so many letters.

        An embedding is the projection before the cell, without its bias, and begins as nn.Embedding does: normal. The
        readout "hidden" is a head that is the identity.
        """
        embeds, hidden = self.encoding == "embedding", self.readout == "hidden"
        units, reads = letters if hidden else self.units, self.dim if embeds else letters
        arrays = dict(initial.network(self.cell, reads, units, num_classes=letters, seed=self.seed).arrays)
        if embeds:
            random = np.random.default_rng(np.random.SeedSequence(self.seed).spawn(1)[0])
            arrays["project.weight"] = random.standard_normal((letters, self.dim)).T
        if self.biases == 1:
            arrays["rnn.bias_hh_l0"] = np.zeros_like(arrays["rnn.bias_hh_l0"])
        if hidden:
            arrays |= {"head.weight": np.eye(letters), "head.bias": np.zeros(letters)}
        return Network(self.cell, arrays)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The parameters that stay as they begin."""
        return (
            *(("project.bias",) if self.encoding == "embedding" else ()),
            *(("rnn.bias_hh_l0",) if self.biases == 1 else ()),
            *(("head.weight", "head.bias") if self.readout == "hidden" else ()),
        )

    def train(self, asked: Pair) -> Iterator[learn.Step]:
        """Yield a step for every update, for ever: cross-entropy at every step of the one word."""
        optimiser = learn.OPTIMISERS[self.optimiser](self.rate)
        batches = repeat([(asked.x, asked.labels)])
        return learn.train(self.network(len(asked.letters)), batches, optimiser, "every", frozen=self.frozen)


def right_since(right: Sequence[bool]) -> int | None:
    """Return the index from which on all are right, None where the last one is not."""
    wrong = np.flatnonzero(~np.asarray(right, bool))
    since = int(wrong[-1]) + 1 if len(wrong) else 0
    return since if since < len(right) else None


def floor(letters: int) -> float:
    """Return the loss that a network whose scores are hidden states cannot reach, in nats.

    Scores in (-1, 1) give the right letter a probability below e / (e + (K - 1)/e).
    """
    return math.log1p((letters - 1) * math.exp(-2))
