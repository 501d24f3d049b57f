"""An encoder and a decoder, two networks that learn as one: the encoder reads a word, the decoder writes it backwards.

All that passes between them is the encoder's last hidden state, from which the decoder starts (Cho et al. 2014;
Sutskever, Vinyals & Le 2014). While it learns the decoder is given the right letters (teacher forcing); when it
writes it is given its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import numpy as np

from .. import initial, learn
from ..network import Network
from ..trace import Trace, record, record_many

LETTERS = "abcd"
START = END = len(LETTERS)
"""The sign that the decoder is given first, and the one that it writes after the last letter."""
SIGNS = len(LETTERS) + 1
SHORTEST, LONGEST = 1, 4
"""Letters of the words that are learnt from."""
CELLS = ("gru", "rnn_tanh")
"""Cells whose hidden state is all they carry: an LSTM's cell state would have to be handed over as well."""


class Pair(NamedTuple):
    """The two networks; both have weights of their own."""

    encoder: Network
    """Reads letters; its readout is the identity, which does not learn: what it says is its hidden state."""
    decoder: Network
    """Reads the sign before, says the next one."""


def begin(cell: str = CELLS[0], units: int = 32, seed: int = 0) -> Pair:
    """Return the two networks before training. Raises ValueError for a cell that carries more than a hidden state."""
    if cell not in CELLS:
        raise ValueError(f"cell must be one of {', '.join(CELLS)}. Got {cell!r}.")
    of_encoder, of_decoder = (int(each) for each in np.random.SeedSequence(seed).generate_state(2))
    encoder = initial.network(cell, len(LETTERS), units, num_classes=units, seed=of_encoder)
    identity = {"head.weight": np.eye(units), "head.bias": np.zeros(units)}
    decoder = initial.network(cell, SIGNS, units, num_classes=SIGNS, seed=of_decoder)
    return Pair(Network(cell, dict(encoder.arrays) | identity), decoder)


# ---- Words


def codes(word: str) -> np.ndarray:
    """Return a word's letters as numbers (T,). Raises ValueError for a letter that the networks do not know."""
    if not word or set(word) - set(LETTERS):
        raise ValueError(f"word must be of the letters {LETTERS}. Got {word!r}.")
    return np.array([LETTERS.index(letter) for letter in word])


def text(signs: Iterable[int]) -> str:
    """Return signs as letters, without the end."""
    return "".join(LETTERS[sign] for sign in signs if sign != END)


def one_hot(signs: np.ndarray, size: int) -> np.ndarray:
    """Return a row for every sign, with 1 in its place: (..., size)."""
    return np.eye(size)[signs]


@cache
def words(part: str) -> tuple[str, ...]:
    """Return the words of a part: "train" has four of every six, "validation" and "test" one each, no word two.

    Single letters are all learnt from. Raises KeyError for another part.
    """
    known = ["".join(letters) for length in range(2, LONGEST + 1) for letters in product(LETTERS, repeat=length)]
    mixed = [known[k] for k in np.random.default_rng(0).permutation(len(known))]
    count = len(mixed) // 6
    parts = {
        "test": mixed[:count],
        "validation": mixed[count : 2 * count],
        "train": [*LETTERS, *mixed[2 * count :]],
    }
    return tuple(parts[part])


def batches(size: int, seed: int) -> Iterator[list[str]]:
    """Yield `size` words to learn from at a time, without end; every length is as likely as the others."""
    random = np.random.default_rng(seed)
    by_length = [[word for word in words("train") if len(word) == length] for length in range(SHORTEST, LONGEST + 1)]
    while True:
        lengths = random.integers(0, len(by_length), size)
        yield [by_length[k][random.integers(len(by_length[k]))] for k in lengths]


# ---- Learning


class Lesson(NamedTuple):
    """One word read and written, and what it teaches both networks."""

    read: Trace
    """Of the encoder; its gradients are those of the decoder's loss."""
    written: Trace
    """Of the decoder, given the right letters."""
    gradients: Pair
    """In every parameter, by name, of each of the two."""

    @property
    def loss(self) -> float:
        return self.written.loss


def lesson(pair: Pair, word: str, state: np.ndarray | None = None) -> Lesson:
    """Return what one word teaches: cross-entropy of every sign that the decoder writes, backwards through both.

    The loss's gradient in the state that the decoder starts from is the gradient in the encoder's last state.
    state: that state (H,), where it is known.
    """
    letters = codes(word)
    x = one_hot(letters, len(LETTERS))
    state = _last_states(pair, [word])[0] if state is None else state
    target = np.append(letters[::-1], END)
    given = one_hot(np.append(START, target[:-1]), SIGNS)  # teacher forcing
    written = record(pair.decoder, given, target, h0=state[None], loss="every")
    handed = np.zeros((len(letters), pair.encoder.num_classes))
    handed[-1] = learn.start_gradient(pair.decoder, written)[0]
    read = record(pair.encoder, x, handed, loss="dot")
    return Lesson(read, written, Pair(learn.gradients(pair.encoder, read), learn.gradients(pair.decoder, written)))


def _last_states(pair: Pair, asked: Sequence[str]) -> np.ndarray:
    """Return the encoder's state after the last letter of every word, (N, H)."""
    x = np.zeros((len(asked), max(map(len, asked)), len(LETTERS)))  # after a word silence, which nobody looks at
    for k, word in enumerate(asked):
        x[k, : len(word)] = one_hot(codes(word), len(LETTERS))
    ends = [len(word) - 1 for word in asked]
    return record_many(pair.encoder, x, ("h",))["h"][np.arange(len(asked)), 0, ends]


class Step(NamedTuple):
    """One update of both networks, before it is made."""

    loss: float
    """The batch's mean loss per sign, in nats."""
    networks: Pair


def train(pair: Pair, batches: Iterable[Sequence[str]], rate: float, clip: float = 1.0) -> Iterator[Step]:
    """Yield a step for every batch of words, then make its update: Adam; the gradient of both together is clipped."""
    optimiser = learn.Adam(rate)
    for batch in batches:
        lessons = [lesson(pair, *each) for each in zip(batch, _last_states(pair, batch), strict=True)]
        mean = {}
        for k, part in enumerate(Pair._fields):
            for name in lessons[0].gradients[k]:
                if part == "decoder" or not name.startswith("head."):  # the encoder's readout stays the identity
                    mean[f"{part}.{name}"] = sum(each.gradients[k][name] for each in lessons) / len(lessons)
        yield Step(float(np.mean([each.loss for each in lessons])), pair)
        change = optimiser(learn.clipped(mean, clip))
        pair = Pair(
            *(
                learn.moved(
                    network, {name.removeprefix(f"{part}."): by for name, by in change.items() if name.startswith(part)}
                )
                for part, network in zip(Pair._fields, pair, strict=True)
            )
        )


# ---- Writing


class Written(NamedTuple):
    """What the decoder wrote, sign by sign, given its own."""

    signs: np.ndarray
    """(S,), up to the end sign, or as many as were allowed."""
    probs: np.ndarray
    """(S, signs)."""
    states: np.ndarray
    """(S, H), the decoder's hidden states."""
    read: np.ndarray
    """(T, H), the encoder's."""

    @property
    def ended(self) -> bool:
        """Whether it stopped by itself."""
        return self.signs[-1] == END


def write(pair: Pair, word: str) -> Written:
    """Return what the pair writes for a word of any length: every sign is the most probable one, and is read next.

    It writes until it says the end, and at most two signs more than it should.
    """
    read = record_many(pair.encoder, one_hot(codes(word), len(LETTERS))[None], ("h",))["h"][0]  # (L, T, H)
    state, sign = read[:, -1], START
    signs, probs, states = [], [], []
    while len(signs) < len(word) + 3 and (not signs or sign != END):
        step = record(pair.decoder, one_hot(np.array([sign]), SIGNS), h0=state)
        state, sign = step["h"][:, -1], step.prediction
        signs.append(sign)
        probs.append(step["probs"][0])
        states.append(state[0])
    return Written(np.array(signs), np.array(probs), np.array(states), read[0])


def accuracy(pair: Pair, part: str = "test") -> float:
    """Return the share of a part's words that are written wholly right, in [0, 1]."""
    asked = words(part)
    length = max(map(len, asked))
    target = np.full((len(asked), length + 1), END)
    for k, word in enumerate(asked):
        target[k, : len(word)] = codes(word)[::-1]
    states = _last_states(pair, asked)
    layer, cell = pair.decoder.layers[0], pair.decoder.kind
    signs, right, ended = np.full(len(asked), START), np.ones(len(asked), bool), np.zeros(len(asked), bool)
    for t in range(length + 1):
        states = cell.forward(layer, one_hot(signs, SIGNS)[None], states)["h"][0]
        signs = pair.decoder.readout(states).argmax(axis=1)
        right &= ended | (signs == target[:, t])
        ended |= signs == END
    return float((right & ended).mean())
