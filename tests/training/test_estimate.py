"""What a run will cost."""

from dataclasses import replace

import pytest

from rnnviz import initial
from rnnviz.cells import CELLS
from rnnviz.training import estimate
from rnnviz.training.config import Config
from rnnviz.training.estimate import Finished
from rnnviz.training.presets import PRESETS

BASE = Config(cell="lstm", epochs=4)


def network(config: Config):
    sizes = (config.cell, config.input_size, config.hidden_size, config.num_layers, config.data.classes)
    return initial.network(*sizes, shared=config.shared, forget_bias=config.forget_bias, h0=config.start)


@pytest.mark.parametrize("settings", [{}, {"num_layers": 3}, {"num_layers": 2, "shared": True}, {"start": "one_hot"}])
@pytest.mark.parametrize("reading", [{}, {"reading": "pixels"}, {"dataset": "halves", "validation": 0}])
@pytest.mark.parametrize("cell", CELLS)
def test_parameters_are_those_of_the_network(cell, settings, reading):
    config = Config(cell=cell, hidden_size=5, **settings, **reading)
    assert estimate.parameters(config) == network(config).num_parameters


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_its_parameters_and_a_time(name):
    config = PRESETS[name].config
    assert estimate.parameters(config) == network(config).num_parameters
    assert 0.1 < estimate.seconds(config) < 3600


def test_every_cell_has_a_cost():
    assert set(estimate.COSTS) == set(CELLS)


def test_without_a_history_it_is_a_guess():
    guess = estimate.seconds(BASE)
    assert guess.basis == "guess"
    assert guess.seconds == guess > 0
    assert f"{guess:.1f}" == f"{guess.seconds:.1f}"  # a number like any other


@pytest.mark.parametrize(
    "more",
    [
        {"hidden_size": 128},
        {"num_layers": 2},
        {"epochs": 5},
        {"batch_size": 64},
        {"validation": 0, "watch": "test", "watch_every": 1},
        {"delay": 28},
        {"reading": "pixels"},
        {"augment": True},
        {"thickness": 0.5},
        {"cell": "layernorm_lstm"},
    ],
)
def test_more_work_takes_longer(more):
    assert estimate.seconds(replace(BASE, **more)) > estimate.seconds(BASE)


def test_bfloat16_is_faster():
    assert estimate.seconds(replace(BASE, precision="bfloat16")) < estimate.seconds(BASE)


def finished(config: Config, factor: float, device: str = "cpu", updates: int | None = None) -> Finished:
    """A run that took so many times its guess."""
    return Finished(config, factor * estimate.seconds(config), updates or config.updates, device)


def ratio(config: Config, history) -> float:
    found = estimate.seconds(config, history)
    assert found.basis == "measured"
    return found / estimate.seconds(config)


def test_what_runs_took_here_is_the_measure():
    history = [finished(replace(BASE, hidden_size=32), 2.0), finished(replace(BASE, epochs=9), 3.0)]
    assert ratio(BASE, history) == pytest.approx(2.5)
    assert ratio(BASE, [tuple(each) for each in history]) == pytest.approx(2.5)


def test_runs_that_stopped_early_tell_as_much():
    half = Finished(BASE, estimate.seconds(BASE) / 2, BASE.updates // 2)
    assert ratio(BASE, [half]) == pytest.approx(1.0, rel=1e-3)


def test_runs_with_the_same_cell_tell_more_than_others():
    history = [finished(replace(BASE, cell="gru"), 5.0), finished(BASE, 2.0)]
    assert ratio(BASE, history) == pytest.approx(2.0)
    assert ratio(replace(BASE, cell="gru"), history) == pytest.approx(5.0)
    assert ratio(replace(BASE, cell="rnn_tanh"), history) == pytest.approx(3.5)


def test_runs_on_another_device_tell_nothing():
    on_gpu, on_cpu = finished(BASE, 0.1, "cuda (NVIDIA H200)"), finished(replace(BASE, device="cpu"), 2.0)
    assert ratio(BASE, [on_gpu, on_cpu]) == pytest.approx(0.1)
    assert ratio(replace(BASE, device="cpu"), [on_gpu, on_cpu]) == pytest.approx(2.0)


def test_ranks_share_the_work_of_an_update_and_pay_for_meeting():
    large = replace(BASE, hidden_size=256, batch_size=256)
    shared = replace(large, batch_size=64, ranks=4)
    assert shared.updates == large.updates
    assert estimate.seconds(large) / 4 < estimate.seconds(shared) < estimate.seconds(large)
    small = replace(BASE, hidden_size=4, batch_size=16)
    assert estimate.seconds(replace(small, batch_size=8, ranks=2)) > estimate.seconds(small)


def test_runs_with_as_many_ranks_on_the_same_kind_of_device_tell_most():
    two, gpus = replace(BASE, ranks=2), replace(BASE, gpus=2)
    history = [finished(two, 3.0, "2 x cpu"), finished(gpus, 0.1, "2 x cuda (NVIDIA H200)"), finished(BASE, 2.0)]
    assert ratio(two, history) == pytest.approx(3.0)
    assert ratio(replace(two, ranks=4), history) == pytest.approx(2.5)  # of other numbers, all on a processor
    assert ratio(BASE, history) == pytest.approx(2.0)
    assert ratio(gpus, history) == ratio(replace(BASE, gpus=1), history) == pytest.approx(0.1)
    assert estimate.seconds(gpus, history[::2]).basis == "guess"


def test_a_few_updates_tell_nothing():
    assert estimate.seconds(BASE, [finished(BASE, 9.0, updates=3)]).basis == "guess"


def test_a_limit_to_the_updates_takes_its_share_of_the_time():
    whole = Config(cell="gru", epochs=2, batch_size=64, validation=0, augment=True)
    half = replace(whole, max_updates=whole.updates // 2)
    assert estimate.seconds(half) == pytest.approx(estimate.seconds(whole) / 2)
    early = replace(whole, epochs=1, max_updates=whole.updates // 4)
    assert estimate.seconds(early) == pytest.approx(estimate.seconds(whole) / 4)
