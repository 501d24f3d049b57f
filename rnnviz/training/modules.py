"""A network as a torch module, to be trained."""

import torch
from torch import nn

from ..network import Network

_MODULES = {
    "rnn_tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}


class Classifier(nn.Module):
    """torch's fused recurrent layers `rnn` and the linear readout `head`, with the numbers of a `Network`.

    Raises ValueError for a network that torch's modules cannot be: another cell, a hidden state that starts elsewhere
    than at zero.
    """

    def __init__(self, network: Network):
        super().__init__()
        if network.cell not in _MODULES:
            raise ValueError(f"network must have one of the cells {', '.join(_MODULES)}. Got {network.cell!r}.")
        if network.h0.any():
            raise ValueError("network must start from a hidden state of zeros to be trained. Got another h0.")
        module, options = _MODULES[network.cell]
        sizes = (network.input_size, network.hidden_size, network.num_layers)
        self.rnn = module(*sizes, batch_first=True, **options)
        self.head = nn.Linear(network.hidden_size, network.num_classes)
        arrays = {name: torch.tensor(array) for name, array in network.arrays.items() if name != "h0"}
        self.load_state_dict(arrays)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the class scores (B, K) after the last row of x (B, T, D)."""
        h, _ = self.rnn(x)  # (B, T, H)
        return self.head(h[:, -1])

    def to_network(self) -> Network:
        """Return a copy as a NumPy network."""
        return Network.from_torch(self.rnn, self.head)
