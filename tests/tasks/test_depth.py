"""Depth: parameters counted as torch counts them, fair comparisons, trainings side by side, what was measured."""

from itertools import islice

import numpy as np
import pytest
import torch

from rnnviz import learn
from rnnviz.tasks import depth, pictures
from rnnviz.tasks.depth import DEEP, NARROW, WIDE, Recipe

MODULES = {"rnn_tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}


@pytest.mark.parametrize("layers", range(1, depth.DEEPEST + 1))
@pytest.mark.parametrize("cell", MODULES)
def test_parameters_are_counted_as_torch_counts_them(cell, layers):
    network = depth.begin(Recipe(cell, layers), seed=0)
    module = MODULES[cell](8, 16, layers)
    found = depth.parameters(network)
    for k in range(layers):
        expected = sum(p.numel() for name, p in module.named_parameters() if name.endswith(f"_l{k}"))
        assert found[str(k + 1)] == expected
    assert found["head"] == sum(p.numel() for p in torch.nn.Linear(16, 10).parameters())
    assert sum(found.values()) == network.num_parameters


@pytest.mark.parametrize("cell", depth.CELLS)
def test_shared_layers_are_counted_once_whatever_their_number(cell):
    two, four = (depth.begin(Recipe(cell, layers, "shared"), seed=0) for layers in (2, 4))
    assert depth.parameters(two) == depth.parameters(four)
    assert list(depth.parameters(four)) == ["project", "1", "head"]
    assert sum(depth.parameters(four).values()) == four.num_parameters
    assert four.shared


@pytest.mark.parametrize("stacking", depth.STACKINGS)
@pytest.mark.parametrize("cell", depth.CELLS)
def test_the_wide_layer_has_as_nearly_as_many_parameters_as_one_layer_can(cell, stacking):
    recipe = Recipe(cell, 4, stacking)
    wanted, wide = depth.begin(recipe, 0).num_parameters, depth.as_wide_as(recipe)
    apart = [abs(depth.begin(wide._replace(units=wide.units + by), 0).num_parameters - wanted) for by in (-1, 0, 1)]
    assert min(apart) == apart[1]
    assert wide.depth == 1
    assert apart[1] / wanted < 0.06


@pytest.mark.parametrize("stacking", depth.STACKINGS)
def test_the_compared_networks_learn_from_the_same_digits_each_as_if_alone(stacking):
    recipe = Recipe("gru", 2, stacking, units=8)
    found = list(islice(depth.training(recipe, seed=1), depth.TESTED + 1))
    for place, each in ((DEEP, recipe), (NARROW, Recipe("gru", 1, units=8)), (WIDE, depth.as_wide_as(recipe))):
        digits = pictures.to_read(depth.BATCH, 1, pictures.by_rows)
        alone = learn.train(depth.begin(each, 1), digits, learn.Adam(each.rate), clip=depth.CLIP)
        *_, last = steps = list(islice(alone, depth.TESTED + 1))
        assert [step.loss for step in steps] == [now.losses[place] for now in found]
        assert found[-1].accuracies[place] == pictures.read_right(last.network, pictures.by_rows)
    assert found[-1].network.shared == (stacking == "shared")
    assert all(
        (now.network is None) == (now.accuracies is None) == bool(k % depth.TESTED) for k, now in enumerate(found)
    )


def test_one_layer_is_compared_with_nothing():
    assert depth.compared(Recipe(depth=1, stacking="shared")) == [Recipe(depth=1)]
    assert len(next(depth.training(Recipe(depth=1))).losses) == 1


def test_what_was_measured_is_of_the_recipes_that_the_page_offers_and_of_networks_of_that_size():
    for recipe, row in depth.measured().items():
        assert recipe == Recipe(recipe.cell, recipe.depth, recipe.stacking)
        compared = depth.compared(recipe)
        assert row.units == [each.units for each in compared]
        assert row.parameters == [depth.begin(each, 0).num_parameters for each in compared]
        assert np.shape(row.accuracies) == (len(compared), len(depth.SEEDS))


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [Recipe(depth=1), Recipe(depth=2)])
def test_measuring_again_gives_what_was_measured(recipe):
    np.testing.assert_allclose(depth.measure(recipe).accuracies, depth.measured()[recipe].accuracies, atol=0.01)
