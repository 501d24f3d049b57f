"""The settings of a training run."""

import dataclasses
import json
import subprocess
import sys

import pytest

from rnnviz.training.config import (
    CHOICES,
    DATASETS,
    INTEGERS,
    NUMBERS,
    OPTIONAL,
    SWITCHES,
    TOGETHER,
    Config,
    Refused,
    parse,
)
from rnnviz.training.data import Part
from rnnviz.training.loop import Trainer


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cell": "transformer"}, "cell must be one of rnn_tanh, rnn_relu, .*. Got 'transformer'"),
        ({"precision": "float16"}, "precision must be one of float32, bfloat16. Got 'float16'"),
        ({"optimiser": None}, "optimiser must be one of adam, sgd. Got None"),
        ({"hidden_size": 0}, "hidden_size must be an integer from 1 to 1,024. Got 0"),
        ({"hidden_size": 64.0}, "hidden_size must be an integer from 1 to 1,024. Got 64.0"),
        ({"num_layers": True}, "num_layers must be an integer from 1 to 8. Got True"),
        ({"epochs": -1}, "epochs must be an integer from 1 to 1,000. Got -1"),
        ({"batch_size": "128"}, "batch_size must be an integer from 1 to 10,000. Got '128'"),
        ({"validation": -1}, "validation must be an integer from 0 to 60,000. Got -1"),
        ({"seed": 2**32}, "seed must be an integer from 0 to 4,294,967,295. Got 4294967296"),
        ({"gpus": 9}, "gpus must be an integer from 0 to 8. Got 9"),
        ({"ranks": 0}, "ranks must be an integer from 1 to 16. Got 0"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number from 1e-06 to 10.0. Got nan"),
        ({"gain": -0.1}, "gain must be a number from 0.0 to 10.0. Got -0.1"),
        ({"clip": 0}, "clip must be None or a number from 0.001 to 1,000.0. Got 0"),
        ({"thickness": 1.5}, "thickness must be a number from 0.0 to 1.0. Got 1.5"),
        ({"augment": 1}, "augment must be True or False. Got 1"),
        ({"forget_bias": "1"}, "forget_bias must be None or a number from -20.0 to 20.0. Got '1'"),
        ({"epochs": 10**400}, "epochs must be an integer from 1 to 1,000. Got 10000"),
        ({"learning_rate": 10**400}, "learning_rate must be a number from 1e-06 to 10.0. Got 10000"),
        ({"clip": float("inf")}, "clip must be None or a number from 0.001 to 1,000.0. Got inf"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_words(settings, words):
    with pytest.raises(Refused, match="^" + words.replace(".", r"\.").replace(r"\.*", ".*")) as refusal:
        Config(**settings)
    assert [refusal.value.code] == list(settings)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"cell": "gru", "forget_bias": 1.0}, "no_forget_gate"),
        ({"shared": True}, "shared_alone"),
        ({"dataset": "halves", "reading": "pixels"}, "no_pictures"),
        ({"dataset": "halves", "augment": True}, "no_pictures"),
        ({"dataset": "halves", "thickness": 0.1}, "no_pictures"),
        ({"dataset": "mnist_2x", "reading": "pixels"}, "only_rows"),
        ({"dataset": "mnist_2x", "reading": "permuted"}, "only_rows"),
        ({"delay": 3, "reading": "permuted"}, "delay_rows"),
        ({"folds": 1}, "folds"),
        ({"folds": 3, "fold": 3}, "folds"),
        ({"fold": 1}, "folds"),
        ({"folds": 3, "watch": "test"}, "fold_watches_test"),
        ({"validation": 60_000}, "nothing_left"),
        ({"dataset": "uci"}, "nothing_left"),
        ({"keep": "best", "watch": "test"}, "test_chooses"),
        ({"keep": "best", "validation": 0}, "nothing_chooses"),
        ({"ranks": 2, "gpus": 1}, "ranks_and_gpus"),
        ({"gpus": 1, "device": "cpu"}, "gpus_on_cpu"),
        ({"ranks": 16, "batch_size": 3751}, "large_batch"),
        ({"gpus": 8, "batch_size": 7501}, "large_batch"),
        ({"batch_size": 1, "epochs": 1000}, "too_many_updates"),
    ],
)
def test_settings_that_cannot_be_together_are_refused(settings, code):
    with pytest.raises(Refused) as refusal:
        Config(**settings)
    assert refusal.value.code == code
    assert code in TOGETHER
    assert "must" in str(refusal.value)
    assert "Got" in str(refusal.value) or code == "no_pictures"


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "peephole_lstm", "forget_bias": 1.0},
        {"dataset": "uci", "folds": 5, "fold": 4},
        {"keep": "best", "folds": 2, "validation": 0},
        {"shared": True, "num_layers": 2},
        {"clip": None, "forget_bias": None},
        {"learning_rate": 1},
        {"ranks": 16, "batch_size": 3750, "device": "cpu"},
        {"gpus": 8},
    ],
)
def test_settings_that_can_be_are_taken(settings):
    assert settings.items() <= Config(**settings).to_dict().items()


def test_every_setting_has_one_kind():
    kinds = [*CHOICES, *INTEGERS, *NUMBERS, *OPTIONAL, *SWITCHES]
    assert sorted(kinds) == sorted(field.name for field in dataclasses.fields(Config))


def test_a_config_survives_json():
    config = Config(cell="lstm", forget_bias=1.0, augment=True, thickness=0.5, seed=7, clip=None)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_setting_is_answered_with_the_known_ones():
    with pytest.raises(Refused, match=r"a setting must be one of cell, hidden_size, .*\. Got 'dropout'") as refusal:
        Config.from_dict({"dropout": 0.5})
    assert refusal.value.code == "unknown"


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().epochs = 100


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cell", "gru", "gru"),
        ("hidden_size", "32", 32),
        ("learning_rate", "1e-3", 0.001),
        ("clip", "None", None),
        ("clip", "none", None),
        ("forget_bias", "1", 1.0),
        ("augment", "True", True),
        ("shared", "false", False),
    ],
)
def test_a_command_lines_text_becomes_a_setting(name, text, value):
    found = parse(name, text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "code", "words"),
    [
        ("dropout", "1", "unknown", "a setting must be one of"),
        ("epochs", "1.5", "epochs", "epochs must be a number. Got '1.5'."),
        ("clip", "much", "clip", "clip must be a number. Got 'much'."),
        ("epochs", "none", "epochs", "epochs must be a number. Got 'none'."),
        ("augment", "1", "augment", "augment must be true or false. Got '1'."),
    ],
)
def test_text_that_means_nothing_is_refused(name, text, code, words):
    with pytest.raises(Refused) as refusal:
        parse(name, text)
    assert refusal.value.code == code
    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize(
    ("settings", "steps", "size"),
    [
        ({}, 28, 28),
        ({"delay": 7}, 35, 28),
        ({"reading": "pixels"}, 784, 1),
        ({"reading": "permuted"}, 784, 1),
        ({"dataset": "halves"}, 10, 10),
        ({"dataset": "mnist_2x", "delay": 1}, 15, 14),
    ],
)
def test_steps_and_inputs_follow_from_how_it_reads(settings, steps, size):
    config = Config(**settings)
    assert (config.steps, config.input_size) == (steps, size)


@pytest.mark.parametrize(
    ("settings", "held_back", "watched"),
    [
        ({}, 5000, 5000),
        ({"watch": "test"}, 5000, 2000),
        ({"watch": "test", "dataset": "uci", "validation": 0}, 0, 360),
        ({"validation": 0}, 0, 0),
        ({"folds": 5}, 12_000, 12_000),
    ],
)
def test_what_is_held_back_and_what_is_watched(settings, held_back, watched):
    config = Config(**settings)
    assert (config.held_back, config.watched) == (held_back, watched)


def test_updates_are_those_that_the_trainer_makes():
    import numpy as np

    config = Config(dataset="uci", cell="rnn_tanh", hidden_size=2, validation=240, batch_size=50, epochs=7)
    count = DATASETS["uci"].training - 240
    part = Part(np.zeros((count, 28, 28), np.uint8), np.zeros(count, np.int64))
    assert config.updates == Trainer(config, part).steps == 7 * 24


@pytest.mark.parametrize(
    ("settings", "per_epoch", "updates"),
    [
        ({"epochs": 2, "batch_size": 64, "validation": 0}, 938, 1876),
        ({"epochs": 2, "batch_size": 64, "validation": 0, "max_updates": 500}, 938, 500),
        ({"epochs": 1, "batch_size": 64, "validation": 0, "max_updates": 5000}, 938, 938),
        ({"dataset": "uci", "folds": 3, "batch_size": 100, "epochs": 4, "max_updates": 13}, 10, 13),
    ],
)
def test_training_ends_at_its_limit_of_updates_or_before(settings, per_epoch, updates):
    config = Config(**settings)
    assert (config.updates_per_epoch, config.updates) == (per_epoch, updates)


@pytest.mark.parametrize(
    ("settings", "processes", "batch"),
    [({}, 1, 128), ({"gpus": 1}, 1, 128), ({"gpus": 4}, 4, 512), ({"ranks": 3, "batch_size": 50}, 3, 150)],
)
def test_an_update_reads_the_batches_of_all_ranks(settings, processes, batch):
    config = Config(**settings)
    assert (config.processes, config.batch) == (processes, batch)
    assert config.updates_per_epoch == Config(batch_size=batch).updates_per_epoch


def test_settings_from_before_there_were_ranks_mean_one():
    old = Config().to_dict()
    del old["ranks"], old["gpus"]
    assert Config.from_dict(old) == Config()


def test_a_limit_lets_settings_pass_that_would_make_too_many_updates():
    assert Config(batch_size=1, epochs=1000, max_updates=100).updates == 100


def test_what_a_server_loads_of_training_loads_no_torch():
    modules = ["config", "presets", "film", "runs", "recall", "estimate", "data", "generations"]
    code = (
        f"import sys, rnnviz.__main__, {', '.join(f'rnnviz.training.{name}' for name in modules)};"
        "print([m for m in ('torch', 'torchvision', 'streamlit', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
