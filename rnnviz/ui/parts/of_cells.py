"""The parts of the page Cells: every number of one small network."""

from .part import Part

TINY = {"cell": "rnn_tanh", "units": 2, "steps": 3, "features": 2, "depth": 1, "loss": "last", "seed": 0, "edits": {}}
"""What the small network of two parts begins with."""

PARTS = {
    "byhand": Part("cells", TINY | {"node": None, "stage": None}, {}),
    "terms": Part("cells", TINY, {}),
    "neuron": Part("cells", {}, {}),
    "activations": Part("cells", {"activation": "tanh"}, {}),
    "scratch": Part("cells", {"seed": 0, "at": 0}, {}),
    "rnncell": Part("cells", {"seed": 0}, {}),
}
