"""Depth: parameters counted as torch counts them, fair comparisons, trainings side by side, what was measured."""

import json
from itertools import islice

import numpy as np
import pytest
import torch

from rnnviz import learn
from rnnviz.tasks import depth, pictures, small_digits
from rnnviz.tasks.depth import DEEP, NARROW, WIDE, Recipe, Row

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


def test_one_learning_rate_or_another_asks_for_the_same_wide_layer(monkeypatch):
    known = depth.as_wide_as(Recipe("gru", 2, units=9))
    monkeypatch.setattr(depth, "begin", None)  # nothing is counted again
    assert depth.as_wide_as(Recipe("gru", 2, units=9, rate=0.5)) == known._replace(rate=0.5)


@pytest.mark.parametrize("last", [np.inf, None])
def test_where_one_training_ends_early_all_end(monkeypatch, last):
    """An overflow ends a training with an infinite loss, or without one."""
    whole = learn.train

    def cut(network, *rest):
        steps = whole(network, *rest)
        if network.hidden_size == depth.as_wide_as(Recipe(depth=2)).units:
            return iter([next(steps), *([] if last is None else [next(steps)._replace(loss=last)])])
        return steps

    monkeypatch.setattr(learn, "train", cut)
    found = list(depth.training(Recipe(depth=2)))
    assert len(found) == 1
    assert found[0].network


def offered() -> list[Recipe]:
    """Return every recipe that the page may show a row of."""
    return [
        Recipe(cell, layers, stacking)
        for cell in depth.CELLS
        for stacking in depth.STACKINGS
        for layers in range(2 if stacking == "shared" else 1, depth.DEEPEST + 1)
    ]


def test_every_recipe_that_the_page_offers_was_measured_with_the_settings_of_now():
    assert json.loads(depth.MEASURED.read_text("utf-8"))["settings"] == depth.settings()
    assert set(depth.measured()) == set(offered())


def test_what_was_measured_is_of_networks_of_that_size_and_every_share_is_one_of_the_test_digits():
    digits = len(small_digits.part("test").labels)
    for recipe, row in depth.measured().items():
        compared = depth.compared(recipe)
        assert row.units == [each.units for each in compared]
        assert row.parameters == [depth.begin(each, 0).num_parameters for each in compared]
        assert np.shape(row.accuracies) == (len(compared), len(depth.SEEDS))
        right = np.array(row.accuracies) * digits
        np.testing.assert_allclose(right, np.rint(right), atol=0.02)
        assert np.all((right > digits / small_digits.CLASSES) & (right <= digits))


def test_one_network_has_one_measurement_in_whatever_row_it_stands():
    """Rounding differs between machines, and a normalised LSTM makes much of it: all rows are of one machine."""
    known: dict[Recipe, list[float]] = {}
    for recipe, row in depth.measured().items():
        for each, accuracies in zip(depth.compared(recipe), row.accuracies, strict=True):
            assert known.setdefault(each, accuracies) == accuracies


@pytest.mark.parametrize("name", ["UPDATES", "BATCH", "CLIP", "SEEDS"])
def test_what_was_measured_with_other_settings_does_not_count(monkeypatch, name):
    assert depth.measured()
    monkeypatch.setattr(depth, name, (0, 1) if name == "SEEDS" else 7)
    assert not depth.measured()


def test_what_is_written_is_read_again_and_a_reader_never_finds_half_of_it(monkeypatch, tmp_path):
    path = tmp_path / "depth.json"
    monkeypatch.setattr(depth, "MEASURED", path)
    assert depth.measured() == {}
    rows = [Row(Recipe(depth=1), [16], [586], [[0.9, 0.8, 0.7]]), Row(Recipe("gru", 1), [16], [1418], [[0.5, 0.5, 1]])]
    depth.write(rows[:1])
    assert depth.measured() == {rows[0].recipe: rows[0]}
    before = path.stat()
    depth.write(rows)
    assert depth.measured() == {row.recipe: row for row in rows}
    assert path.stat().st_ino != before.st_ino  # another file in its place, not the same one filled anew
    assert list(tmp_path.iterdir()) == [path]


def test_what_has_not_changed_is_not_read_again(monkeypatch):
    known = depth.measured()
    monkeypatch.setattr(json, "loads", None)
    assert depth.measured() is known


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [Recipe(depth=1), Recipe(depth=2)])
def test_measuring_again_gives_what_was_measured(recipe):
    np.testing.assert_allclose(depth.measure(recipe).accuracies, depth.measured()[recipe].accuracies, atol=0.01)
