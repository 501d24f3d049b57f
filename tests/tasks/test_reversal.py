"""Encoder and decoder: the whole gradient is autograd's, and so is the way they learn; words; writing."""

from itertools import islice

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz.tasks import reversal
from rnnviz.tasks.reversal import END, LETTERS, SIGNS, START

MODULES = {"gru": torch.nn.GRU, "rnn_tanh": torch.nn.RNN}


class Twin(torch.nn.Module):
    """The two networks of torch's modules, in float64; the decoder starts from the encoder's last state."""

    def __init__(self, pair: reversal.Pair):
        super().__init__()
        H = pair.encoder.hidden_size
        module = MODULES[pair.encoder.cell]
        self.encoder, self.decoder = module(len(LETTERS), H), module(SIGNS, H)
        self.head = torch.nn.Linear(H, SIGNS)
        self.double()
        for ours, theirs in ((pair.encoder, self.encoder), (pair.decoder, self.decoder)):
            rnn = {name[4:]: torch.tensor(array) for name, array in ours.arrays.items() if name.startswith("rnn.")}
            theirs.load_state_dict(rnn)
        head = {name[5:]: torch.tensor(array) for name, array in pair.decoder.arrays.items() if "head" in name}
        self.head.load_state_dict(head)

    def loss(self, word: str) -> torch.Tensor:
        letters = torch.tensor([LETTERS.index(letter) for letter in word])
        target = torch.cat([letters.flip(0), torch.tensor([END])])
        given = torch.cat([torch.tensor([START]), target[:-1]])
        state = self.encoder(F.one_hot(letters, len(LETTERS)).double())[1]
        return F.cross_entropy(self.head(self.decoder(F.one_hot(given, SIGNS).double(), state)[0]), target)

    def named(self) -> dict[str, torch.Tensor]:
        """Return the parameters under our names."""
        found = {
            f"{part}.rnn.{k}": v for part in ("encoder", "decoder") for k, v in getattr(self, part).named_parameters()
        }
        return found | {f"decoder.head.{k}": v for k, v in self.head.named_parameters()}


@pytest.mark.parametrize("word", ["a", "dcba", "abbcd"])
@pytest.mark.parametrize("cell", reversal.CELLS)
def test_the_gradient_in_every_parameter_of_both_networks_is_autograds(cell, word):
    pair = reversal.begin(cell, 6, seed=2)
    twin, taught = Twin(pair), reversal.lesson(pair, word)
    loss = twin.loss(word)
    loss.backward()
    assert taught.loss == pytest.approx(loss.item(), rel=1e-12)
    for name, parameter in twin.named().items():
        part, _, rest = name.partition(".")
        ours = getattr(taught.gradients, part)[rest]
        largest = parameter.grad.abs().max().item()
        assert largest > 0 or "weight_hh" in name  # of one letter, the encoder's has nothing to multiply
        np.testing.assert_allclose(ours, parameter.grad, rtol=0, atol=1e-12 * largest, err_msg=name)


def test_both_networks_learn_as_torchs_do_with_one_clip_for_all():
    pair = reversal.begin("gru", 6, seed=1)
    twin = Twin(pair)
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.02)
    batches = list(islice(reversal.batches(5, seed=0), 8))
    for step, batch in zip(reversal.train(pair, batches, 0.02, clip=0.3), batches, strict=True):
        mean = torch.stack([twin.loss(word) for word in batch]).mean()
        assert step.loss == pytest.approx(mean.item(), rel=1e-9)
        optimiser.zero_grad()
        mean.backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.3)
        optimiser.step()
    np.testing.assert_array_equal(step.networks.encoder.head[0], np.eye(6))
    assert not step.networks.encoder.head[1].any()


def test_the_two_networks_have_weights_of_their_own():
    encoder, decoder = reversal.begin("gru", 6, seed=0)
    assert not np.allclose(encoder.arrays["rnn.weight_hh_l0"], decoder.arrays["rnn.weight_hh_l0"])
    with pytest.raises(ValueError, match="cell must be one of gru, rnn_tanh"):
        reversal.begin("lstm")


def test_no_word_is_in_two_parts_and_all_words_are_in_one():
    parts = [set(reversal.words(part)) for part in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == sum(len(LETTERS) ** k for k in range(1, 5))
    assert [len(part) for part in parts] == [228, 56, 56]  # the page says so
    learnt = {word for batch in islice(reversal.batches(32, seed=5), 40) for word in batch}
    assert learnt <= parts[0]
    assert {len(word) for word in learnt} == {1, 2, 3, 4}


def by_hand(pair: reversal.Pair, word: str) -> list[int]:
    """Return what torch's modules write, given their own signs."""
    twin, found, sign = Twin(pair), [], START
    letters = torch.tensor([LETTERS.index(letter) for letter in word])
    state = twin.encoder(F.one_hot(letters, len(LETTERS)).double())[1]
    while len(found) < len(word) + 3 and (not found or sign != END):
        said, state = twin.decoder(F.one_hot(torch.tensor([sign]), SIGNS).double(), state)
        sign = int(twin.head(said)[-1].argmax())
        found.append(sign)
    return found


@pytest.mark.parametrize("updates", [0, 40])
def test_what_is_written_is_what_torch_writes_given_its_own_signs_and_the_accuracy_counts_it(updates):
    pair = reversal.begin("rnn_tanh", 16, seed=0)
    for step in reversal.train(pair, islice(reversal.batches(8, 0), updates + 1), 0.02):
        pair = step.networks
    right = []
    for word in reversal.words("test"):
        written = reversal.write(pair, word)
        assert written.signs.tolist() == by_hand(pair, word)
        assert written.ended == (written.signs[-1] == END)
        assert len(written.states) == len(written.signs)
        assert len(written.read) == len(word)
        right.append(written.ended and reversal.text(written.signs) == word[::-1])
    assert reversal.accuracy(pair) == pytest.approx(np.mean(right))


def test_a_letter_that_it_does_not_know_is_refused():
    for word in ("", "xyz", "abé"):
        with pytest.raises(ValueError, match="word must be of the letters abcd"):
            reversal.codes(word)
