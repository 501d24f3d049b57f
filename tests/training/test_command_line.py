"""The command line."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from rnnviz import __main__ as command_line
from rnnviz import checkpoints
from rnnviz.digits import mnist
from rnnviz.training import shipped
from rnnviz.training.loop import Diverged


@pytest.fixture
def run():
    """Give a function that runs the command line with the given words."""
    return lambda *words: CliRunner().invoke(command_line.main, [str(word) for word in words])


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """An empty folder in the place of all folders where MNIST could be."""
    monkeypatch.setattr(mnist, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(mnist, "_sets", {})
    return tmp_path


@pytest.fixture
def made(monkeypatch):
    """MNIST is there and making a checkpoint takes no time; give the calls that `make` got."""
    calls = []

    def make(name, config, folder, command, on_progress):
        calls.append(SimpleNamespace(name=name, config=config, folder=folder, command=command))
        for step in (1, 2):
            on_progress(SimpleNamespace(step=step, steps=2, loss=0.5, accuracy=0.9))
        return checkpoints.Card(name, config.cell, training={"seconds": 3.0}, accuracy={"mnist": 0.98, "uci": 0.9})

    monkeypatch.setattr(mnist, "train", lambda: None)
    monkeypatch.setattr(mnist, "test", lambda: None)
    monkeypatch.setattr(shipped, "make", make)
    return calls


def test_help_lists_the_commands(run):
    result = run("--help")
    assert result.exit_code == 0
    for name in ("train", "networks", "serve"):
        assert name in result.output


def test_the_module_runs():
    done = subprocess.run([sys.executable, "-m", "rnnviz", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: python -m rnnviz [OPTIONS] COMMAND")


def test_networks_shows_every_shipped_network(run):
    result = run("networks")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines()[1:]}
    assert sorted(rows) == checkpoints.names()
    for name, row in rows.items():
        card = checkpoints.card(name)
        shares = [f"{card.accuracy[digits]:.2%}" for digits in ("mnist", "uci")]
        assert row == [card.cell, f"{checkpoints.load(name).num_parameters:,}", *shares]


def test_an_unknown_preset_is_answered_with_the_known_ones(run):
    result = run("train", "--preset", "lstm-7")
    assert result.exit_code == 2
    assert "must be one of lstm-128, lstm-64," in result.output.replace("\n", " ")
    assert "Got 'lstm-7'" in result.output


def test_train_needs_a_preset(run):
    result = run("train")
    assert result.exit_code == 2
    assert "--preset" in result.output


def test_a_setting_that_cannot_be_is_answered_in_words(run):
    result = run("train", "--preset", "rnn-64", "--epochs", "0")
    assert result.exit_code == 2
    assert "epochs must be an integer from 1 to 1,000. Got 0." in result.output


def test_missing_mnist_is_answered_with_the_way_to_get_it(run, no_mnist):
    result = run("train", "--preset", "rnn-64", "--out", no_mnist)
    assert result.exit_code == 1
    assert "MNIST must lie in" in result.output
    assert "--download" in result.output
    assert "Traceback" not in result.output


def test_download_fetches_mnist_first(run, no_mnist, monkeypatch):
    shares = []

    def fetch(progress):
        for share in (0.5, 1.0):
            shares.append(share)
            progress(share)

    monkeypatch.setattr(mnist, "fetch", fetch)
    result = run("train", "--preset", "rnn-64", "--out", no_mnist, "--download")
    assert shares == [0.5, 1.0]
    assert result.exit_code == 1  # what was fetched here is nothing
    assert "MNIST must lie in" in result.output


def test_train_makes_each_network_by_its_preset(run, made, tmp_path):
    result = run("train", "--preset", "rnn-64", "--preset", "gru-64", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert [(call.name, call.config.cell, call.folder) for call in made] == [
        ("rnn-64", "rnn_tanh", tmp_path),
        ("gru-64", "gru", tmp_path),
    ]
    assert made[0].command == "python -m rnnviz train --preset rnn-64"
    assert "rnn-64: mnist 98.00%, uci 90.00% in 3 s" in result.output


def test_other_seeds_and_epochs_are_part_of_the_command_that_repeats_it(run, made, tmp_path):
    run("train", "--preset", "rnn-64", "--seed", "3", "--epochs", "2", "--out", tmp_path)
    assert (made[0].config.seed, made[0].config.epochs) == (3, 2)
    assert made[0].command == "python -m rnnviz train --preset rnn-64 --seed 3 --epochs 2"


def test_a_network_that_is_there_is_not_replaced_unasked(run, made, tmp_path):
    (tmp_path / "rnn-64.safetensors").touch()
    result = run("train", "--preset", "rnn-64", "--out", tmp_path)
    assert result.exit_code == 1
    assert "Pass --overwrite or another --out" in result.output
    assert not made
    assert run("train", "--preset", "rnn-64", "--out", tmp_path, "--overwrite").exit_code == 0
    assert len(made) == 1


def test_a_training_that_diverges_ends_in_a_sentence(run, made, monkeypatch, tmp_path):
    def make(*_):
        raise Diverged("the loss must stay finite. Got nan.")

    monkeypatch.setattr(shipped, "make", make)
    result = run("train", "--preset", "rnn-64", "--out", tmp_path)
    assert result.exit_code == 1
    assert "rnn-64: the loss must stay finite. Got nan." in result.output


def test_serve_starts_streamlit_on_the_app(run, monkeypatch):
    calls = []
    monkeypatch.setattr(subprocess, "call", lambda words, cwd: calls.append((words, cwd)) or 3)
    result = run("serve", "--port", 8600)
    assert result.exit_code == 3
    ((words, folder),) = calls
    assert words[1:] == ["-m", "streamlit", "run", "app.py", "--server.port=8600", "--server.address=127.0.0.1"]
    assert (folder / ".streamlit" / "config.toml").is_file()


def test_serve_refuses_a_port_that_cannot_be(run):
    assert run("serve", "--port", "70000").exit_code == 2
