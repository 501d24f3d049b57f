"""Words that a network learns to turn into others, step by step: hello -> ohlol.

What is read at a step may be a letter or a whole word; "letter" stands for both here.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import NamedTuple

import numpy as np

from .. import initial, learn
from ..network import Network

LONGEST = 12
"""Letters of a word, or words of a sequence, at most."""
ENCODINGS = ("one_hot", "embedding")
"""How a letter is given to the network: as a one-hot vector, or as a learned one."""
READOUTS = ("head", "hidden")
"""Where the letters' scores come from: a linear layer, or the hidden state as it is."""
CORPORA = ("word", "sentences")
"""What is learnt: one word, or sentences of a tiny language."""

_JOINER, _MODIFIERS, _FLAGS, _TAGS = "\u200d", range(0x1F3FB, 0x1F400), range(0x1F1E6, 0x1F200), range(0xE0020, 0xE0080)


class WordError(ValueError):
    """Two words that cannot be learnt; `reason` is "empty", "long" or "unequal"; `lengths` where they are unequal."""

    def __init__(self, reason: str, message: str, lengths: tuple[int, int] = (0, 0)):
        super().__init__(message)
        self.reason, self.lengths = reason, lengths


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
        lengths = len(found.word), len(found.target)
        raise WordError("unequal", f"word and target must be equally long. Got {lengths} letters.", lengths)
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
    spread: float = 1.0
    """Standard deviation of an embedding's first numbers; nn.Embedding's is 1."""

    def network(self, letters: int) -> Network:
        """Return the untrained network for so many letters.

        An embedding is the projection before the cell, without its bias, and begins normal, as nn.Embedding does. The
        readout "hidden" is a head that is the identity.
        """
        embeds, hidden = self.encoding == "embedding", self.readout == "hidden"
        units, reads = letters if hidden else self.units, self.dim if embeds else letters
        arrays = dict(initial.network(self.cell, reads, units, num_classes=letters, seed=self.seed).arrays)
        if embeds:
            random = np.random.default_rng(np.random.SeedSequence(self.seed).spawn(1)[0])
            arrays["project.weight"] = self.spread * random.standard_normal((letters, self.dim)).T
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
        return self._descend(len(asked.letters), repeat([(asked.x, asked.labels)]))

    def train_on_sentences(self) -> Iterator[learn.Step]:
        """Yield a step for every update, for ever: the next word, after every word of ever new sentences."""
        return self._descend(len(KINDS), sentences(self.seed))

    def _descend(self, letters: int, batches: Iterable[list[tuple]]) -> Iterator[learn.Step]:
        optimiser = learn.OPTIMISERS[self.optimiser](self.rate)
        return learn.train(self.network(letters), batches, optimiser, "every", frozen=self.frozen)


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


# ---- A tiny language whose words fall into kinds by what follows them

NOUNS, VERBS, PER_UPDATE = 4, 4, 16
"""Words of the two kinds, and sentences per update."""
KINDS = ("noun",) * NOUNS + ("verb",) * VERBS + ("stop",)
"""The kind of every word, the full stop last."""
STOP = len(KINDS) - 1
EXAMPLE = (0, NOUNS, 1, STOP)
"""One of the sentences."""
UNPREDICTABLE = ((2 * PER_UPDATE - 1) * math.log(NOUNS) + PER_UPDATE * math.log(VERBS)) / (4 * PER_UPDATE - 1)
"""The least loss, in nats: nouns and verbs are drawn, full stops certain; the first noun of a text is not asked for."""


def sentences(seed: int) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Yield batches for ever: one text of sentences "noun verb noun ." and what follows each of its words.

    Nouns and verbs are drawn evenly, so that words of a kind differ in nothing but their names (after Elman 1990).
    """
    random = np.random.default_rng([seed, len(KINDS)])
    while True:
        nouns = random.integers(NOUNS, size=(PER_UPDATE, 2))
        verbs = NOUNS + random.integers(VERBS, size=PER_UPDATE)
        text = np.stack([nouns[:, 0], verbs, nouns[:, 1], np.full(PER_UPDATE, STOP)], axis=1).ravel()
        yield [(np.eye(len(KINDS))[text[:-1]], text[1:])]


class Closeness(NamedTuple):
    """How well the vectors of words show their kinds."""

    ratio: float
    """The mean distance of two words of one kind, relative to that of words of two kinds: 1 if kinds do not matter."""
    neighbours: int
    """How many words of kinds with several have one of their own kind as the nearest."""


def closeness(vectors: np.ndarray, kinds: Sequence[str] = KINDS) -> Closeness:
    """Return how close vectors (K, P) of words of one kind are."""
    kinds = np.array(kinds)
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    alike, itself = kinds[:, None] == kinds[None], np.eye(len(kinds), dtype=bool)
    nearest = np.where(itself, np.inf, apart).argmin(axis=1)
    return Closeness(apart[alike & ~itself].mean() / apart[~alike].mean(), int((kinds[nearest] == kinds).sum()))


def plane(vectors: np.ndarray) -> tuple[np.ndarray, float]:
    """Return vectors (..., P) in two dimensions, (..., 2), and the share of their variance that is left.

    Two numbers are shown as they are, more in the two directions of largest variance, the same for all: the principal
    components. Their signs are chosen so that the largest entry of each is positive.
    """
    if vectors.shape[-1] == 2:
        return vectors, 1.0
    flat = vectors.reshape(-1, vectors.shape[-1])
    flat = flat - flat.mean(axis=0)
    _, sizes, directions = np.linalg.svd(flat, full_matrices=False)
    axes = directions[:2]
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, None]
    return (flat @ axes.T).reshape(*vectors.shape[:-1], 2), float((sizes[:2] ** 2).sum() / (sizes**2).sum())
