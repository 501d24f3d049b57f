"""Words to words: how texts are cut, that learning is torch's, how soon the letters are right, and the floor."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz.network import Network
from rnnviz.tasks import words
from rnnviz.tasks.words import Recipe, pair
from rnnviz.trace import record

HELLO = pair("hello", "ohlol")
SEEDS, UPDATES = 20, 80


def test_hello_is_five_one_hot_vectors_of_four_letters():
    assert HELLO.letters == ("h", "e", "l", "o")
    assert HELLO.x.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert HELLO.labels.tolist() == [3, 0, 2, 3, 2]


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("hello", ["h", "e", "l", "l", "o"]),
        ("你好", ["你", "好"]),
        ("e\u0301a", ["é", "a"]),
        ("👩\u200d🚀👍🏽❤\ufe0f", ["👩\u200d🚀", "👍🏽", "❤\ufe0f"]),
        ("🇨🇳🇫🇷", ["🇨🇳", "🇫🇷"]),
        ("नि", ["नि"]),
        ("a\u200b\u0007b", ["a", "b"]),
        ("\u200da", ["a"]),
        ("", []),
    ],
)
def test_a_text_is_cut_into_what_its_reader_calls_letters(text, letters):
    assert words.characters(text) == letters


def test_with_spaces_words_are_letters():
    asked = pair(" I am  what I am", "am what I am .")
    assert asked.word == ("I", "am", "what", "I", "am")
    assert asked.letters == ("I", "am", "what", ".")


@pytest.mark.parametrize(
    ("word", "target", "reason"),
    [
        ("", "", "empty"),
        ("  ", "abc", "empty"),
        ("abc", "", "empty"),
        ("abc", "ab", "unequal"),
        ("a b", "ab", "unequal"),
        ("a" * 13, "a" * 13, "long"),
        ("abc", "a" * 13, "long"),
        ("a " * 13, "a " * 13, "long"),
        ("a " + "b" * 25, "a b", "long"),
    ],
)
def test_what_cannot_be_learnt_is_refused_with_its_reason(word, target, reason):
    with pytest.raises(words.WordError) as caught:
        pair(word, target)
    assert caught.value.reason == reason


class Twin(torch.nn.Module):
    """The same network of torch's modules: an nn.Embedding, or one-hot vectors; a Linear head, or none."""

    def __init__(self, recipe: Recipe, letters: int):
        super().__init__()
        network = recipe.network(letters)
        kind = {"rnn_tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[recipe.cell]
        tensors = {name: torch.tensor(array) for name, array in network.arrays.items()}
        if recipe.encoding == "embedding":
            self.embedding = torch.nn.Embedding(letters, recipe.dim)
        self.rnn = kind(network.layers[0].W_ih.shape[1], network.hidden_size)
        if recipe.readout == "head":
            self.head = torch.nn.Linear(network.hidden_size, letters)
        self.double()
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(tensors["project.weight"].T if name == "embedding.weight" else tensors[name])
        if recipe.biases == 1:
            self.rnn.bias_hh_l0.requires_grad_(False)

    def forward(self, places: torch.Tensor, letters: int) -> torch.Tensor:
        embeds = hasattr(self, "embedding")
        h = self.rnn(self.embedding(places) if embeds else F.one_hot(places, letters).double())[0]
        return self.head(h) if hasattr(self, "head") else h


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
@pytest.mark.parametrize("readout", words.READOUTS)
@pytest.mark.parametrize("encoding", words.ENCODINGS)
@pytest.mark.parametrize("biases", [1, 2])
def test_learning_is_torchs_with_nn_embedding_and_without_a_head(cell, optimiser, readout, encoding, biases):
    recipe = Recipe(cell, 6, encoding, 3, biases, readout, optimiser, 0.1, seed=3)
    twin = Twin(recipe, 4)
    learns = [parameter for parameter in twin.parameters() if parameter.requires_grad]
    theirs = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimiser](learns, lr=0.1)
    places, labels = torch.tensor(HELLO.places(HELLO.word)), torch.tensor(HELLO.labels)
    for step in islice(recipe.train(HELLO), 21):
        loss = F.cross_entropy(twin(places, 4), labels)
        assert step.loss == pytest.approx(loss.item(), rel=1e-9)
        theirs.zero_grad()
        loss.backward()
        theirs.step()
    ours = next(islice(recipe.train(HELLO), 21, None)).network.arrays
    for name, parameter in twin.named_parameters():
        own = ours["project.weight"].T if name == "embedding.weight" else ours[name]
        np.testing.assert_allclose(own, parameter.detach(), rtol=1e-7, atol=1e-9, err_msg=name)


def test_frozen_parameters_stay_and_the_embedding_has_no_bias():
    recipe = Recipe(encoding="embedding", biases=1, readout="hidden")
    network = next(islice(recipe.train(HELLO), 9, None)).network
    assert not network.arrays["rnn.bias_hh_l0"].any()
    assert not network.arrays["project.bias"].any()
    np.testing.assert_array_equal(network.arrays["head.weight"], np.eye(4))
    assert network.hidden_size == network.num_classes == 4


def test_an_embedding_begins_as_torchs_does():
    matrix = Recipe(encoding="embedding", dim=50).network(200).arrays["project.weight"]
    assert abs(matrix.mean()) < 0.05
    assert matrix.std() == pytest.approx(1.0, abs=0.03)


def needed(recipe: Recipe, asked: words.Pair = HELLO) -> tuple[int | None, float]:
    """Return from which update on all letters are right, and the loss in the end."""
    steps = list(islice(recipe.train(asked), UPDATES + 1))
    probs = [record(step.network, asked.x, asked.labels, loss="every")["probs"] for step in steps]
    right = [bool((each.argmax(axis=1) == asked.labels).all()) for each in probs]
    return words.right_since(right), steps[-1].loss


@pytest.mark.parametrize(
    ("recipe", "median", "most"),
    [
        (Recipe(), 4, 6),
        (Recipe(biases=1), 3, 5),
        (Recipe(encoding="embedding"), 3, 7),
        (Recipe(optimiser="sgd", rate=1.0), 4, 11),
        (Recipe(cell="lstm"), 8.5, 14),
        (Recipe(cell="gru"), 7, 13),
    ],
)
def test_with_a_head_all_of_twenty_seeds_learn_hello_in_a_few_updates(recipe, median, most):
    found = [needed(replace(recipe, seed=seed))[0] for seed in range(SEEDS)]
    assert None not in found
    assert np.median(found) == median
    assert max(found) == most


@pytest.mark.parametrize(("encoding", "failures"), [("one_hot", 4), ("embedding", 16)])
def test_without_a_head_some_seeds_fail_and_none_gets_below_the_floor(encoding, failures):
    found = [needed(Recipe(readout="hidden", encoding=encoding, seed=seed)) for seed in range(SEEDS)]
    assert sum(since is None for since, _ in found) == failures
    losses = [loss for _, loss in found]
    assert words.floor(4) < min(losses) < words.floor(4) + 0.005
    assert all(since is not None for since, loss in found if loss < words.floor(4) + 0.05)


@pytest.mark.parametrize(
    ("word", "target"),
    [("aaaaa", "abcde"), ("I am what I am", "am what I am ."), ("上海自来水来自海", "海自来水来自海上")],
)
def test_other_words_are_learnt_as_well(word, target):
    assert all(needed(Recipe(seed=seed), pair(word, target))[0] is not None for seed in range(5))


def test_one_letter_alone_has_nothing_to_learn():
    since, loss = needed(Recipe(), pair("aaa", "aaa"))
    assert since == 0
    assert loss == 0.0
    assert words.floor(1) == 0.0


@pytest.mark.parametrize("letters", [2, 4, 9])
def test_the_floor_is_what_scores_at_the_ends_of_tanh_give(letters):
    scores = -torch.ones(1, letters, dtype=torch.float64)
    scores[0, 1] = 1.0
    assert words.floor(letters) == pytest.approx(F.cross_entropy(scores, torch.tensor([1])).item(), rel=1e-12)
    random = torch.tensor(np.random.default_rng(0).uniform(-1, 1, (1000, letters)))
    losses = F.cross_entropy(random, torch.ones(1000, dtype=torch.long), reduction="none")
    assert losses.min() > words.floor(letters)


def test_the_floor_of_hello_is_the_sources():
    assert round(words.floor(4), 3) == 0.341


@pytest.mark.parametrize(
    ("right", "since"),
    [([True, True], 0), ([False, True, True], 1), ([True, False, True], 2), ([True, False], None), ([False], None)],
)
def test_right_since_counts_from_the_last_wrong_one(right, since):
    assert words.right_since(right) == since


# ---- Sentences


def kinds(**settings) -> Recipe:
    return Recipe(encoding="embedding", **({"dim": 2, "spread": 0.2, "rate": 0.03} | settings))


def vectors(network: Network) -> np.ndarray:
    return network.arrays["project.weight"].T


def test_sentences_are_noun_verb_noun_stop_and_each_word_is_asked_for_but_the_first():
    (x, labels), (more, _) = [next(iter(batch)) for batch in islice(words.sentences(1), 2)]
    text = np.append(x.argmax(axis=1), labels[-1])
    assert [words.KINDS[place] for place in text] == ["noun", "verb", "noun", "stop"] * words.PER_UPDATE
    np.testing.assert_array_equal(text[1:], labels)
    assert set(text) == set(range(len(words.KINDS)))
    assert (x != more).any()
    np.testing.assert_array_equal(next(words.sentences(1))[0][0], x)


def test_the_least_loss_is_that_of_who_knows_the_kinds_and_no_more():
    (x, labels) = next(words.sentences(0))[0]
    known = np.zeros((len(labels), len(words.KINDS)))
    for step, label in enumerate(labels):
        known[step] = [1 / words.KINDS.count(kind) if kind == words.KINDS[label] else 0 for kind in words.KINDS]
    loss = F.nll_loss(torch.tensor(known).clamp_min(1e-300).log(), torch.tensor(labels)).item()
    assert pytest.approx(loss, rel=1e-12) == words.UNPREDICTABLE
    assert words.KINDS[words.EXAMPLE[1]] == "verb"


def trained_kinds(**settings) -> list[list]:
    return [list(islice(kinds(seed=seed, **settings).train_on_sentences(), 201)) for seed in range(6)]


@pytest.mark.parametrize("dim", [2, 8])
def test_words_with_the_same_successors_come_to_lie_together_from_six_seeds(dim):
    for steps in trained_kinds(dim=dim):
        before, after = (words.closeness(vectors(steps[k].network)) for k in (0, -1))
        assert before.neighbours < 7
        assert after.neighbours == words.STOP
        assert after.ratio < (0.23 if dim == 2 else 0.5) < before.ratio
        assert np.mean([step.loss for step in steps[-20:]]) < words.UNPREDICTABLE + 0.04


def test_kinds_are_driven_apart_and_words_of_one_kind_stay_as_near_as_they_began():
    def distances(network: Network) -> tuple[float, float]:
        points = vectors(network)
        apart = np.linalg.norm(points[:, None] - points[None], axis=2)
        alike = np.equal.outer(words.KINDS, words.KINDS)
        return apart[alike & ~np.eye(len(points), dtype=bool)].mean(), apart[~alike].mean()

    found = np.array([[distances(steps[k].network) for k in (0, -1)] for steps in trained_kinds()]).mean(axis=0)
    assert np.round(found, 2).tolist() == [[0.31, 0.35], [0.24, 1.82]]


def test_begun_as_wide_as_torchs_embedding_the_kinds_are_less_tidy_and_the_loss_is_as_low():
    trained = trained_kinds(spread=1.0)
    found = [words.closeness(vectors(steps[-1].network)) for steps in trained]
    assert [round(each.ratio, 2) for each in sorted(found)][:: len(found) - 1] == [0.24, 0.53]
    assert min(each.neighbours for each in found) < words.STOP
    assert max(np.mean([step.loss for step in steps[-20:]]) for steps in trained) < words.UNPREDICTABLE + 0.04


def test_closeness_is_distances_and_nearest_neighbours():
    points = np.array([[0.0, 0.0], [0.0, 1.0], [3.0, 0.0], [3.0, 1.0], [9.0, 9.0]])
    close = words.closeness(points, ["noun", "noun", "verb", "verb", "stop"])
    apart = [3, 10**0.5, 10**0.5, 3] + [np.hypot(9 - x, 9 - y) for x, y in points[:4]]
    assert close.ratio == pytest.approx(1.0 / np.mean(apart))
    assert close.neighbours == 4
    assert words.closeness(points, ["noun", "verb", "noun", "verb", "stop"]).neighbours == 0


def test_two_numbers_are_drawn_as_they_are_and_more_in_their_principal_components():
    from sklearn.decomposition import PCA

    random = np.random.default_rng(0)
    flat = random.standard_normal((7, 4, 2))
    assert words.plane(flat)[0] is flat
    paths = random.standard_normal((30, 9, 5)) * [5, 1, 3, 1, 1]
    drawn, share = words.plane(paths)
    judge = PCA(2).fit(paths.reshape(-1, 5))
    np.testing.assert_allclose(np.abs(drawn.reshape(-1, 2)), np.abs(judge.transform(paths.reshape(-1, 5))), atol=1e-9)
    assert share == pytest.approx(judge.explained_variance_ratio_.sum(), rel=1e-9)


def test_a_small_spread_makes_the_same_first_vectors_smaller():
    wide, small = kinds(spread=1.0).network(9), kinds(spread=0.2).network(9)
    np.testing.assert_allclose(0.2 * vectors(wide), vectors(small), rtol=1e-12)
