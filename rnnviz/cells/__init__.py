"""The recurrent cells in NumPy: forward scan, reverse scan (BPTT) and step Jacobian, one file per cell.

`CELLS[name]` is a `Cell`; `cell.py` says what every cell offers.
"""

from .cell import Cell, Weights
from .gru import GRU
from .layernorm import LayerNormLSTM
from .lstm import LSTM
from .peephole import PeepholeLSTM
from .rnn import RNN

CELLS: dict[str, Cell] = {
    "rnn_tanh": RNN("tanh"),
    "rnn_relu": RNN("relu"),
    "rnn_sigmoid": RNN("sigmoid"),
    "lstm": LSTM(),
    "gru": GRU(),
    "peephole_lstm": PeepholeLSTM(full=False),
    "peephole_lstm_full": PeepholeLSTM(full=True),
    "layernorm_lstm": LayerNormLSTM(),
}

__all__ = ["CELLS", "Cell", "Weights"]
