"""Settings by name."""

import shlex
from dataclasses import replace

import pytest

from rnnviz import checkpoints
from rnnviz.training.config import Config, parse
from rnnviz.training.presets import PRESETS, changes, command, preset

KINDS = ("shipped", "source", "better", "quick")


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("lstm-128", ("lstm", 1, 128)),
        ("lstm-64", ("lstm", 1, 64)),
        ("lstm-2x64", ("lstm", 2, 64)),
        ("gru-64", ("gru", 1, 64)),
        ("rnn-64", ("rnn_tanh", 1, 64)),
        ("super-3x128", ("rnn_tanh", 3, 128)),
    ],
)
def test_every_shipped_network_has_a_preset(name, architecture):
    config = preset(name)
    assert config is PRESETS[name].config
    assert PRESETS[name].kind == "shipped"
    assert (config.cell, config.num_layers, config.hidden_size) == architecture


def test_shipped_presets_are_the_shipped_networks():
    shipped = {name: each.config.data.task for name, each in PRESETS.items() if each.kind == "shipped"}
    assert sorted(shipped) == checkpoints.names(None)
    for task in ("classify", "upscale"):
        assert sorted(name for name, own in shipped.items() if own == task) == checkpoints.names(task)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("rnn-64-mnist", {"cell": "rnn_tanh", "learning_rate": 1e-3, "batch_size": 64, "epochs": 10}),
        ("lstm-64-mnist", {"cell": "lstm", "learning_rate": 0.01, "batch_size": 64, "epochs": 1, "watch_every": 50}),
        ("peephole-lstm", {"cell": "peephole_lstm", "schedule": "one_cycle", "learning_rate": 5e-3, "epochs": 1}),
        ("peephole-lstm-full", {"cell": "peephole_lstm_full", "learning_rate": 5e-3, "epochs": 1}),
        ("deep-lstm", {"cell": "lstm", "num_layers": 3, "optimiser": "sgd", "learning_rate": 0.1}),
        ("deep-lstm-toy", {"dataset": "halves", "hidden_size": 20, "optimiser": "sgd", "learning_rate": 0.1}),
        ("deep-lstm-shared", {"num_layers": 3, "shared": True}),
        (
            "super-resolution",
            {"dataset": "mnist_2x", "cell": "rnn_tanh", "num_layers": 3, "hidden_size": 128, "optimiser": "sgd"}
            | {"learning_rate": 1e-3, "schedule": "constant", "batch_size": 16, "epochs": 50, "delay": 0},
        ),
        ("rnn-3x64-mnist", {"cell": "rnn_tanh", "num_layers": 3, "hidden_size": 64, "epochs": 10, "start": "one_hot"}),
        ("layernorm-64", {"cell": "layernorm_lstm"}),
        ("irnn-64", {"cell": "rnn_relu", "recurrent": "identity", "gain": 1.0}),
    ],
)
def test_the_sources_settings_are_there_by_name(name, settings):
    assert settings.items() <= preset(name).to_dict().items()


@pytest.mark.parametrize("name", [name for name, each in PRESETS.items() if each.kind == "source"])
def test_a_sources_settings_have_better_ones_beside_them(name):
    each = PRESETS[name]
    assert each.source in ("000", "001", "002", "003", "004")
    assert PRESETS[each.better].kind in ("better", "shipped")
    assert PRESETS[each.better].config.watch == "validation"


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_of_a_known_kind_and_its_test_digits_choose_nothing(name):
    each = PRESETS[name]
    assert each.kind in KINDS
    assert bool(each.source) == (each.kind in ("source", "better"))
    assert each.config.watch == "validation" or each.kind == "source"


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="preset must be one of lstm-128, .* Got 'lstm-7'"):
        preset("lstm-7")


def settings_of(line: str) -> Config:
    """Return the settings that a command line means."""
    words = shlex.split(line)
    assert words[:4] == ["python", "-m", "rnnviz", "train"]
    options = list(zip(words[4::2], words[5::2], strict=True))
    base = next((preset(value) for option, value in options if option == "--preset"), Config())
    pairs = [value.split("=", 1) for option, value in options if option == "--set"]
    return replace(base, **{name: parse(name, text) for name, text in pairs})


@pytest.mark.parametrize("base", [None, "unknown", "fastest", "deep-lstm"])
@pytest.mark.parametrize("name", PRESETS)
def test_a_command_means_the_settings_that_it_was_made_from(name, base):
    config = replace(preset(name), seed=5, epochs=1)
    assert settings_of(command(config, base)) == config


def test_a_command_tells_changes_alone():
    assert command(preset("fastest"), "fastest") == "python -m rnnviz train --preset fastest"
    changed = replace(preset("fastest"), clip=None, augment=True)
    assert changes(changed, preset("fastest")) == {"clip": None, "augment": True}
    assert command(changed, "fastest").endswith("--preset fastest --set augment=true --set clip=none")
