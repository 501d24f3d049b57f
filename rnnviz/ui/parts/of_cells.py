"""The parts of the page Cells: every number of one small network."""

from .part import Part

PARTS = {
    "byhand": Part("cells", {"cell": "rnn_tanh"}, {}),
    "terms": Part("cells", {"cell": "rnn_tanh"}, {}),
    "neuron": Part("cells", {}, {}),
    "activations": Part("cells", {"activation": "tanh"}, {}),
    "scratch": Part("cells", {"seed": 0, "at": 0}, {}),
    "rnncell": Part("cells", {"seed": 0}, {}),
}
