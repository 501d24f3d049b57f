"""Settings by name: those of the shipped networks, of the source documents, and better ones beside these. No torch."""

from dataclasses import fields
from typing import NamedTuple

from .config import Config


class Preset(NamedTuple):
    """Settings with a name. What they are for is told in the words, under the same name."""

    config: Config
    kind: str
    """"shipped", "source" (as one of the source documents has it), "better" (than the source's) or "quick"."""
    source: str = ""
    """The source document's number."""
    better: str = ""
    """For a source's settings: the preset that does the same better."""


_AUGMENTED = {"augment": True, "thickness": 0.7}
_LSTM = {"cell": "lstm", "forget_bias": 1.0, "precision": "bfloat16", **_AUGMENTED}
# The source documents hold nothing back, never clip and watch the test digits.
_SOURCE = {"batch_size": 64, "schedule": "constant", "clip": None, "validation": 0, "watch": "test"}
_PEEPHOLE = {"learning_rate": 0.005, "epochs": 1, "batch_size": 64}
_SUPER = {"dataset": "mnist_2x", "cell": "rnn_tanh", "num_layers": 3, "hidden_size": 128}
_TOY = {"dataset": "halves", "cell": "lstm", "hidden_size": 20, "epochs": 20}

PRESETS: dict[str, Preset] = {
    "lstm-128": Preset(Config(**_LSTM, hidden_size=128, epochs=40, learning_rate=0.006), "shipped"),
    "lstm-64": Preset(Config(**_LSTM, hidden_size=64, epochs=30), "shipped"),
    "lstm-2x64": Preset(Config(**_LSTM, hidden_size=64, num_layers=2, epochs=30, learning_rate=0.006), "shipped"),
    "gru-64": Preset(Config(cell="gru", **_AUGMENTED, epochs=25), "shipped"),
    # Digits that change in every epoch are hard on 64 plain units: a gentler pen, and patience.
    "rnn-64": Preset(Config(cell="rnn_tanh", augment=True, thickness=0.3, epochs=40, learning_rate=0.002), "shipped"),
    "super-3x128": Preset(Config(**_SUPER, delay=1, epochs=30, batch_size=64, learning_rate=0.003), "shipped"),
    "fastest": Preset(Config(cell="lstm", forget_bias=1.0, epochs=4, precision="bfloat16"), "quick"),
    "sprint": Preset(Config(cell="lstm", forget_bias=1.0, epochs=1, precision="bfloat16"), "quick"),
    "bundled": Preset(
        Config(dataset="uci", forget_bias=1.0, epochs=60, batch_size=64, validation=240, augment=True, thickness=0.5),
        "quick",
    ),
    "rnn-64-mnist": Preset(
        Config(cell="rnn_tanh", learning_rate=1e-3, epochs=10, **_SOURCE), "source", "000", "rnn-64"
    ),
    "lstm-64-mnist": Preset(
        Config(cell="lstm", learning_rate=0.01, epochs=1, watch_every=50, **_SOURCE), "source", "001", "lstm-64"
    ),
    "peephole-lstm": Preset(Config(cell="peephole_lstm", **_PEEPHOLE), "source", "003", "peephole-64"),
    "peephole-lstm-full": Preset(Config(cell="peephole_lstm_full", **_PEEPHOLE), "source", "003", "peephole-64"),
    "peephole-64": Preset(
        Config(cell="peephole_lstm", forget_bias=1.0, epochs=8, learning_rate=0.01, augment=True, keep="best"),
        "better",
        "003",
    ),
    "deep-lstm": Preset(
        Config(cell="lstm", num_layers=3, optimiser="sgd", learning_rate=0.1, epochs=3, **_SOURCE),
        "source",
        "003",
        "deep-lstm-adam",
    ),
    "deep-lstm-adam": Preset(
        Config(cell="lstm", num_layers=3, forget_bias=1.0, learning_rate=0.005, epochs=6, keep="best"), "better", "003"
    ),
    "deep-lstm-shared": Preset(
        Config(cell="lstm", num_layers=3, shared=True, forget_bias=1.0, learning_rate=0.005, epochs=6, keep="best"),
        "better",
        "003",
    ),
    "deep-lstm-toy": Preset(
        Config(**_TOY, optimiser="sgd", learning_rate=0.1, **_SOURCE), "source", "003", "deep-lstm-toy-adam"
    ),
    "deep-lstm-toy-adam": Preset(Config(**_TOY, batch_size=64, validation=1000, keep="best"), "better", "003"),
    "super-resolution": Preset(
        Config(**_SUPER, optimiser="sgd", learning_rate=1e-3, schedule="constant", clip=None, batch_size=16, epochs=50),
        "source",
        "003",
        "super-3x128",
    ),
    "rnn-3x64-mnist": Preset(
        Config(cell="rnn_tanh", num_layers=3, learning_rate=1e-3, epochs=10, start="one_hot", **_SOURCE),
        "source",
        "004",
        "rnn-3x64",
    ),
    "rnn-3x64": Preset(
        Config(cell="rnn_tanh", num_layers=3, learning_rate=0.002, epochs=15, keep="best"), "better", "004"
    ),
    "layernorm-64": Preset(Config(cell="layernorm_lstm", forget_bias=1.0, epochs=6, keep="best"), "better", "002"),
    "irnn-64": Preset(
        Config(cell="rnn_relu", recurrent="identity", learning_rate=0.001, epochs=10, keep="best"), "better", "004"
    ),
}


def preset(name: str) -> Config:
    """Return the settings of that name; KeyError for an unknown one."""
    if name not in PRESETS:
        raise KeyError(f"preset must be one of {', '.join(PRESETS)}. Got {name!r}.")
    return PRESETS[name].config


def changes(config: Config, base: Config) -> dict[str, object]:
    """Return the settings in which `config` differs from `base`."""
    pairs = ((f.name, getattr(config, f.name), getattr(base, f.name)) for f in fields(Config))
    return {name: value for name, value, other in pairs if value != other}


def command(config: Config, name: str | None = None) -> str:
    """Return the command that trains by `config`, as changes of the preset `name` or of the default settings."""
    words = ["python -m rnnviz train"]
    if name in PRESETS:
        words += ["--preset", name]
    base = PRESETS[name].config if name in PRESETS else Config()
    words += [f"--set {key}={str(value).lower()}" for key, value in changes(config, base).items()]
    return " ".join(words)
