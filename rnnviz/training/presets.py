"""The settings of the shipped networks, by name. No torch."""

from .config import Config

_AUGMENTED = {"augment": True, "thickness": 0.7}
_LSTM = {"cell": "lstm", "forget_bias": 1.0, "precision": "bfloat16", **_AUGMENTED}

PRESETS: dict[str, Config] = {
    "lstm-128": Config(**_LSTM, hidden_size=128, epochs=40, max_learning_rate=0.006),
    "lstm-64": Config(**_LSTM, hidden_size=64, epochs=30),
    "lstm-2x64": Config(**_LSTM, hidden_size=64, num_layers=2, epochs=30, max_learning_rate=0.006),
    "gru-64": Config(cell="gru", **_AUGMENTED, epochs=25),
    # Digits that change in every epoch are hard on 64 plain units: a gentler pen, and patience.
    "rnn-64": Config(cell="rnn_tanh", augment=True, thickness=0.3, epochs=40, max_learning_rate=0.002),
}


def preset(name: str) -> Config:
    """Return the settings of that name; KeyError for an unknown one."""
    if name not in PRESETS:
        raise KeyError(f"preset must be one of {', '.join(PRESETS)}. Got {name!r}.")
    return PRESETS[name]
