"""Delayed recall: small networks that read a digit, then blank rows, and have to answer at the end. No torch."""

from collections.abc import Mapping

LEARNERS: dict[str, Mapping[str, object]] = {
    "rnn": {"cell": "rnn_tanh"},
    "rnn-orthogonal": {"cell": "rnn_tanh", "recurrent": "orthogonal"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
    "lstm-1": {"cell": "lstm", "forget_bias": 1.0},
    "lstm-5": {"cell": "lstm", "forget_bias": 5.0},
}
"""The networks that learn beside each other, by the settings in which they differ."""
