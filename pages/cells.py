"""One cell by hand: every number of a small network, forward and backward."""

from rnnviz.ui.cells import activations, byhand, neuron, rnncell, scratch, terms
from rnnviz.ui.parts import page

page.show(
    "cells",
    {
        "byhand": byhand.show,
        "terms": terms.show,
        "neuron": neuron.show,
        "activations": activations.show,
        "scratch": scratch.show,
        "rnncell": rnncell.show,
    },
)
