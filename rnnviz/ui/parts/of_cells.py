"""The parts of the page Cells: every number of one small network."""

from .part import Part

TINY = {"cell": "rnn_tanh", "units": 2, "steps": 3, "features": 2, "depth": 1, "loss": "last", "seed": 0, "edits": {}}
"""What the small network of two parts begins with."""

PARTS = {
    "byhand": Part(
        "cells",
        TINY | {"node": None, "stage": None},
        {
            "byhand-state": {"node": "h_l0.1.0"},
            "byhand-weight": {"node": "rnn.weight_hh_l0.0.1", "stage": 30},
            "byhand-middle": {"node": "l.1", "loss": "every", "edits": {"y.0": -1.0}},
            "byhand-forget": {"cell": "lstm", "node": "c_l0.1.0"},
            "byhand-reset": {"cell": "gru", "node": "a_n_l0.1.0"},
            "byhand-peephole": {"cell": "peephole_lstm", "node": "a_o_l0.1.0"},
            "byhand-layers": {"depth": 2, "node": "h_l0.1.0", "stage": 42},
        },
        answer="b",
        reveals="byhand-weight",
    ),
    "terms": Part(
        "cells",
        TINY | {"loss": "every", "steps": 4, "entry": None, "t": None, "k": None, "mistake": None},
        {
            "terms-every": {},
            "terms-last": {"loss": "last"},
            "terms-input": {"entry": "rnn.weight_ih_l0.0.0"},
            "terms-lstm": {"cell": "lstm", "entry": "rnn.weight_hh_l0.2.1"},
            "mistake-state": {"mistake": "state"},
            "mistake-twice": {"mistake": "twice"},
            "mistake-mean": {"mistake": "mean"},
            "mistake-leak": {"mistake": "leak"},
            "mistake-later": {"mistake": "later"},
        },
        answer="b",
        reveals="terms-every",
    ),
    "neuron": Part(
        "cells",
        {
            "w_x": 0.8,
            "w_h": 0.9,
            "b": 0.1,
            "steps": 4,
            "loss": "last",
            "rate": 0.1,
            "stage": 3,
            "at": 0,
            "edits": {},
        },
        {
            "neuron-end": {},
            "neuron-every": {"loss": "every"},
            "neuron-vanish": {"w_h": 0.3, "steps": 6},
            "neuron-saturated": {"w_x": 3.0, "w_h": 2.0, "b": 1.0},
            "neuron-learnt": {"at": 20, "stage": 4, "loss": "every"},
        },
        answer="b",
        reveals="neuron-end",
    ),
    "activations": Part(
        "cells",
        {"activation": "tanh", "point": 0.5, "node": None, "unit": 1, "gain": 1.0, "seed": 0},
        {
            "act-tanh": {},
            "act-sigmoid": {"activation": "sigmoid", "point": 0.0},
            "act-relu": {"activation": "relu", "point": 0.0, "unit": 2},
            "act-saturated": {"point": 2.5, "gain": 3.0},
            "act-gate": {"activation": "sigmoid", "node": "lstm.f", "point": 1.0},
        },
        answer="c",
        reveals="act-sigmoid",
    ),
    "scratch": Part(
        "cells",
        {
            "cell": "rnn_tanh",
            "units": 4,
            "steps": 4,
            "optimiser": "sgd",
            "rate": 1.0,
            "clip": 1.0,
            "seed": 0,
            "at": 0,
        },
        {
            "scratch-begun": {},
            "scratch-learnt": {"at": 150},
            "scratch-slow": {"rate": 0.05, "at": 150},
            "scratch-wild": {"rate": 10.0, "clip": 1000.0, "at": 150},
            "scratch-adam": {"optimiser": "adam", "rate": 0.02, "units": 8, "at": 150},
            "scratch-lstm": {"cell": "lstm", "optimiser": "adam", "rate": 0.05, "at": 100},
        },
        answer="b",
        reveals="scratch-begun",
    ),
    "rnncell": Part(
        "cells",
        {
            "steps": 3,
            "batch": 1,
            "features": 4,
            "units": 2,
            "depth": 1,
            "alphabet": "letters",
            "batch_first": 0,
            "seed": 0,
        },
        {
            "rnncell-source": {},
            "rnncell-two": {"depth": 2},
            "rnncell-batch": {"batch": 3},
            "rnncell-first": {"batch": 3, "batch_first": 1},
            "rnncell-words": {"alphabet": "words", "steps": 4},
        },
        answer="b",
    ),
}
