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
    "terms": Part("cells", TINY, {}),
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
    "scratch": Part("cells", {"seed": 0, "at": 0}, {}),
    "rnncell": Part("cells", {"seed": 0}, {}),
}
