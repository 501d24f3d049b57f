"""What stories and lessons of the page Sequences tell is what their trainings give, after as few updates as tell it."""

from itertools import islice

import numpy as np
import pytest

from rnnviz import figures, learn, text
from rnnviz.figures import style
from rnnviz.tasks import depth, pictures, reversal, shapes, small_digits
from rnnviz.tasks.shapes import SHAPES, Progress
from rnnviz.trace import record
from rnnviz.ui.parts import stories
from rnnviz.ui.sequences import deep

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


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_once_trained_the_first_layer_has_the_largest_gradient_at_the_first_step(seed):
    """And at the last step mostly the top layer, as the lesson on deep networks says."""
    recipe, updates = depth.Recipe(), stories.PARTS["deep"].stories["deep-three"]["at"]
    batches = pictures.to_read(depth.BATCH, seed, pictures.by_rows)
    steps = learn.train(depth.begin(recipe, seed), batches, learn.Adam(recipe.rate), "last", depth.CLIP)
    network = next(islice(steps, updates, None)).network
    images, labels = small_digits.part("test")
    largest = np.array(
        [
            np.linalg.norm(record(network, image, int(label)).grad["h"], axis=-1).argmax(axis=0)
            for image, label in zip(images[:40], labels[:40], strict=True)
        ]
    )
    assert not largest[:, 0].any()
    assert (largest[:, -1] == recipe.depth - 1).mean() > 0.5


def test_no_compared_network_looks_like_a_layer():
    layers = style.RUNS[: depth.DEEPEST]
    for theme in ("light", "dark"):
        assert not {look.colours[theme] for look in layers} & {look.colours[theme] for look in deep.NETWORKS}


def test_a_loss_that_is_not_zero_is_not_called_zero():
    assert [figures.decimal(value) for value in (0.0, 0.0004, 0.0006, 1.5)] == ["0.000", "< 0.001", "0.001", "1.500"]
