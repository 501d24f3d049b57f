"""The parts of the page Gradients, the vanishing-gradient lab."""

from ...training import recall
from .part import Part

PARTS = {
    "fan": Part(
        "gradients",
        {
            "cells": ["rnn_tanh"],
            "starts": ["default"],
            "gain": 1.0,
            "bias": 1.0,
            "depth": 1,
            "reading": "rows",
            "delay": 0,
        },
        {
            "rnn": {},
            "gated": {"cells": ["rnn_tanh", "lstm", "gru"]},
            "bias": {"cells": ["lstm"], "starts": ["default", "forget"], "bias": 5.0},
            "orthogonal": {"starts": ["default", "orthogonal"], "gain": 1.0},
            "explode": {"starts": ["orthogonal"], "gain": 1.5},
            "activations": {"cells": ["rnn_tanh", "rnn_relu", "rnn_sigmoid"]},
            "irnn": {"cells": ["rnn_relu"], "starts": ["default", "identity"]},
            "blank": {"cells": ["rnn_tanh", "lstm"], "starts": ["default", "forget"], "bias": 5.0, "delay": 28},
            "long": {
                "cells": ["rnn_tanh", "lstm"],
                "starts": ["default", "forget"],
                "bias": 5.0,
                "reading": "permuted",
            },
            "deep": {"cells": ["lstm"], "starts": ["default", "forget"], "bias": 3.0, "depth": 3},
            "normalised": {"cells": ["lstm", "layernorm_lstm"]},
        },
        answer="c",
        reveals="gated",
    ),
    "why": Part(
        "gradients",
        {"subject": "fresh:rnn_tanh:default", "gain": 1.0, "bias": 1.0, "seed": 0, "delay": 0},
        {
            "why-rnn": {},
            "why-orthogonal": {"subject": "fresh:rnn_tanh:orthogonal", "gain": 1.0},
            "why-expanding": {"subject": "fresh:rnn_tanh:orthogonal", "gain": 1.5},
            "why-lstm": {"subject": "fresh:lstm:default"},
            "why-bias": {"subject": "fresh:lstm:forget", "bias": 5.0},
            "why-trained-rnn": {"subject": "rnn-64"},
            "why-trained-lstm": {"subject": "lstm-64"},
        },
        answer="b",
        reveals="why-bias",
    ),
    "unrolled": Part(
        "gradients",
        {"subject": "rnn-64", "gain": 1.0, "bias": 1.0, "seed": 0, "delay": 0, "window": 5, "clip": 1.0},
        {
            "shares-trained": {},
            "shares-untrained": {"subject": "fresh:rnn_tanh:default"},
            "shares-lstm": {"subject": "lstm-64"},
            "window-1": {"window": 1},
            "window-14": {"window": 14},
        },
        answer="a",
        reveals="shares-trained",
        veiled="part_figure",
    ),
    "recall": Part(
        "gradients",
        {
            "learners": list(recall.LEARNERS),
            "seeds": recall.SEEDS,
            "seed": 0,
            "blank": recall.BLANK,
            "rate_rnn": recall.RATE_RNN,
            "rate_gated": recall.RATE_GATED,
            "updates": recall.UPDATES,
            "recall": None,  # a group's id; None for the recording
            "update": None,  # of the film; None for the newest
            "road": "h",
        },
        {
            "recall-start": {"update": 0},
            "recall-opening": {"update": 100},
            "recall-cell": {"update": 0, "road": "c"},
            "recall-end": {},
        },
        answer="b",
        veiled="recall_results",
    ),
    "exploding": Part(
        "gradients",
        {"cells": ["rnn_relu"], "gain": 1.5, "rate": 0.05, "clip": 1.0, "seed": 0},
        {
            "jump": {},
            "saturated": {"cells": ["rnn_tanh"], "rate": 0.3},
            "tame": {"cells": ["rnn_tanh"], "gain": 1.0, "rate": 0.02},
        },
        answer="c",
        reveals="jump",
        veiled="part_figure",
    ),
    "proof": Part(
        "gradients",
        {"subject": "lstm-64", "gain": 1.0, "bias": 1.0, "seed": 0, "delay": 0},
        {
            "proof-trained": {},
            "proof-vanished": {"subject": "fresh:rnn_tanh:default", "delay": 56},
        },
        answer="b",
    ),
}
