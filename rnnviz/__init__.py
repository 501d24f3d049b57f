"""Look inside recurrent networks: load one, record what happens while it reads, show it.

>>> from rnnviz import digits, load, measures, record
>>> network = load("lstm-64")
>>> image, label = digits.sample(7)
>>> trace = record(network, image, label)
>>> trace["f"].shape, trace.grad["h"].shape
((1, 28, 64), (1, 28, 64))
>>> measures.gradient_norms(trace, relative=True)[-1]
0.0
"""

from . import digits, figures, measures, upscaling
from .checkpoints import load
from .network import Network
from .trace import Trace, record, record_many

__all__ = ["Network", "Trace", "digits", "figures", "load", "measures", "record", "record_many", "upscaling"]
