"""What stories and lessons of the page Sequences tell is what their trainings give, after as few updates as tell it."""

from itertools import islice

import pytest

from rnnviz import text
from rnnviz.tasks import reversal, shapes
from rnnviz.tasks.shapes import SHAPES, Progress
from rnnviz.ui.parts import stories

TOLD = stories.PARTS["shapes"].stories


def after(shape: str, updates: int, seed: int = 0) -> list[Progress]:
    return list(islice(shapes.training(shape, SHAPES[shape].settings, seed), updates + 1))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parity_is_found_between_the_two_stories_though_the_loss_halves_before(seed):
    """Whatever the seed, as the lesson says: "about halved", and none right; then all right."""
    found = after("aligned", TOLD["shape-sudden"]["at"], seed)
    early = found[TOLD["shape-parity"]["at"]]
    assert 0.4 < early.loss / found[0].loss < 0.6
    assert early.accuracy == 0
    assert found[-1].accuracy == 1
    for language in text.LANGUAGES:
        lesson = text.Words(language).lesson("sequences_shapes")
        assert str(TOLD["shape-sudden"]["at"]) in lesson


@pytest.mark.parametrize("name", ["shape-once", "shape-rows", "shape-draws", "shape-reverses"])
def test_a_story_has_learnt_enough_of_its_task_to_reach_what_is_promised(name):
    shape, updates = TOLD[name]["shape"], TOLD[name]["at"]
    assert after(shape, updates)[-1].accuracy >= SHAPES[shape].reaches


def test_the_word_of_the_story_is_written_backwards_and_the_longer_one_is_not():
    pair = reversal.Pair(*after("encoder_decoder", TOLD["shape-reverses"]["at"])[-1].networks)
    assert reversal.text(reversal.write(pair, "abcd").signs) == "dcba"
    longer = TOLD["shape-long"]["given"]
    assert reversal.text(reversal.write(pair, longer).signs) != longer[::-1]
