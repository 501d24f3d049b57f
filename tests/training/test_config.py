"""The settings of a training run and the presets."""

import dataclasses
import json
import subprocess
import sys

import pytest

from rnnviz.training.config import Config
from rnnviz.training.presets import PRESETS, preset


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cell": "transformer"}, "cell must be one of rnn_tanh, rnn_relu, lstm, gru. Got 'transformer'"),
        ({"precision": "float16"}, "precision must be one of float32, bfloat16. Got 'float16'"),
        ({"hidden_size": 0}, "hidden_size must be an integer from 1 to 1,024. Got 0"),
        ({"hidden_size": 64.0}, "hidden_size must be an integer from 1 to 1,024. Got 64.0"),
        ({"num_layers": True}, "num_layers must be an integer from 1 to 8. Got True"),
        ({"epochs": -1}, "epochs must be an integer from 1 to 1,000. Got -1"),
        ({"batch_size": "128"}, "batch_size must be an integer from 1 to 10,000. Got '128'"),
        ({"validation": -1}, "validation must be an integer from 0 to 60,000. Got -1"),
        ({"seed": 2**32}, "seed must be an integer from 0 to 4,294,967,295. Got 4294967296"),
        ({"max_learning_rate": float("nan")}, "max_learning_rate must be a number from 1e-06 to 1.0. Got nan"),
        ({"clip": 0}, "clip must be a number from 0.001 to 1,000.0. Got 0"),
        ({"thickness": 1.5}, "thickness must be a number from 0.0 to 1.0. Got 1.5"),
        ({"augment": 1}, "augment must be True or False. Got 1"),
        ({"forget_bias": "1"}, "forget_bias must be None or a number from -20.0 to 20.0. Got '1'"),
        ({"cell": "gru", "forget_bias": 1.0}, "forget_bias must be None for a cell without a forget gate. Got 'gru'"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(settings, words):
    with pytest.raises(ValueError, match="^" + words.replace(".", r"\.")):
        Config(**settings)


def test_a_config_survives_json():
    config = Config(cell="lstm", forget_bias=1.0, augment=True, thickness=0.5, seed=7)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_setting_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"a setting must be one of cell, hidden_size, .*\. Got 'dropout'"):
        Config.from_dict({"dropout": 0.5})


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().epochs = 100


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("lstm-128", ("lstm", 1, 128)),
        ("lstm-64", ("lstm", 1, 64)),
        ("lstm-2x64", ("lstm", 2, 64)),
        ("gru-64", ("gru", 1, 64)),
        ("rnn-64", ("rnn_tanh", 1, 64)),
    ],
)
def test_every_shipped_network_has_a_preset(name, architecture):
    config = preset(name)
    assert config is PRESETS[name]
    assert (config.cell, config.num_layers, config.hidden_size) == architecture


def test_an_unknown_preset_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="preset must be one of lstm-128, .* Got 'lstm-7'"):
        preset("lstm-7")


def test_settings_and_presets_do_not_load_torch():
    code = (
        "import sys, rnnviz.training, rnnviz.training.config, rnnviz.training.presets, rnnviz.__main__;"
        "print([m for m in ('torch', 'torchvision', 'streamlit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
