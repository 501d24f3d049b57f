"""A network as a torch module, to be trained: torch's fused layers where there are any, else a loop over the steps.

Parameters are called as in `Network`. Layers that share their weights have one set of them, "_l0", used once per layer.
"""

import torch
from torch import nn
from torch.nn import functional as F

from ..cells import CELLS
from ..cells.layernorm import EPSILON
from ..network import Network

_FUSED = {
    "rnn_tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}


class Classifier(nn.Module):
    """Recurrent layers `rnn` and the linear readout `head`, with the numbers of a `Network`, in float32.

    Before them, where the network has one, lies the linear layer `project`; "h0" (L, H) is a buffer, not a parameter.
    """

    def __init__(self, network: Network):
        super().__init__()
        H = network.hidden_size
        self.cell, self.num_layers, self.shared = network.cell, network.num_layers, network.shared
        read = network.layers[0].W_ih.shape[1]
        self.rnn = _layers(network.cell, read, H, 1 if self.shared else self.num_layers)
        self.head = nn.Linear(H, network.num_classes)
        self.project = nn.Linear(network.input_size, read) if network.projection else None
        self.register_buffer("h0", torch.zeros(self.num_layers, H) if network.h0.any() else None)
        known = self.state_dict()
        self.load_state_dict({name: torch.tensor(network.arrays[name]) for name in known})

    def forward(self, x: torch.Tensor, every: bool = False) -> torch.Tensor:
        """Return what the readout gives after the last step of x (B, T, D), (B, K), or after every step, (B, T, K)."""
        if self.project is not None:
            x = self.project(x)
        if self.shared:
            for k in range(self.num_layers):
                x, last = self._read(x, slice(k, k + 1))
        else:
            x, last = self._read(x, slice(None))
        return self.head(x if every else last)

    def _read(self, x: torch.Tensor, layers: slice) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the hidden states (B, T, H) of the last of some layers, which read x (B, T, D), and the last (B, H).

        The last is taken from the states that torch returns beside: a slice of all would get them all a gradient.
        """
        start = None
        if self.h0 is not None:
            start = self.h0[layers, None].expand(-1, len(x), -1).contiguous()  # (layers, B, H)
            if self.cell == "lstm":
                start = start, torch.zeros_like(start)
        states, last = self.rnn(x, start)
        return states, (last[0] if self.cell == "lstm" else last)[-1]

    def to_network(self) -> Network:
        """Return a copy as a NumPy network."""
        arrays = {name: tensor.detach().cpu().double().numpy() for name, tensor in self.state_dict().items()}
        if self.shared:
            once = [name for name in arrays if name.startswith("rnn.")]
            arrays |= {f"{name[:-1]}{k}": arrays[name] for name in once for k in range(1, self.num_layers)}
        return Network(self.cell, arrays)


def _layers(cell: str, input_size: int, hidden_size: int, num_layers: int) -> nn.Module:
    """Return the stacked layers of a cell, with any numbers in them."""
    if cell in _FUSED:
        module, options = _FUSED[cell]
        return module(input_size, hidden_size, num_layers, batch_first=True, **options)
    return _Looped(cell, input_size, hidden_size, num_layers)


class _Looped(nn.Module):
    """Stacked layers of a cell that torch has no fused kernel for, called like `nn.RNN` with batch_first.

    The inputs of all steps are multiplied at once; the rest is a loop over the steps.
    """

    def __init__(self, cell: str, input_size: int, hidden_size: int, num_layers: int):
        super().__init__()
        self._read = {
            "rnn_sigmoid": _sigmoid,
            "peephole_lstm": _peephole,
            "peephole_lstm_full": _peephole,
            "layernorm_lstm": _layer_norm,
        }[cell]
        H, G = hidden_size, len(CELLS[cell].blocks)
        shapes = {"weight_hh": (G * H, H), "bias_ih": (G * H,), "bias_hh": (G * H,)} | CELLS[cell].extras(H)
        for k in range(num_layers):
            own = {"weight_ih": (G * H, H if k else input_size)} | shapes
            for name, shape in own.items():
                self.register_parameter(f"{name}_l{k}", nn.Parameter(torch.zeros(shape)))
        self._names, self.num_layers = tuple(own), num_layers

    def forward(self, x: torch.Tensor, h0: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the top layer's hidden states (B, T, H) for x (B, T, D), and its last one (1, B, H); h0 (L, B, H)."""
        x = x.transpose(0, 1)  # a step's rows lie side by side
        for k in range(self.num_layers):
            weights = {name: getattr(self, f"{name}_l{k}") for name in self._names}
            h = x.new_zeros(x.shape[1], weights["weight_hh"].shape[1]) if h0 is None else h0[k]
            x = self._read(weights, x, h)
        return x.transpose(0, 1), x[-1:]


def _sigmoid(weights: dict[str, torch.Tensor], x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Return the hidden states (T, B, H) of a plain RNN with the logistic function, see `cells.rnn`."""
    W, states = weights["weight_hh"].T, []
    for a_t in F.linear(x, weights["weight_ih"], weights["bias_ih"] + weights["bias_hh"]):  # (B, H)
        h = torch.addmm(a_t, h, W).sigmoid()
        states.append(h)
    return torch.stack(states)


def _peephole(weights: dict[str, torch.Tensor], x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Return the hidden states (T, B, H) of an LSTM whose gates see its cell state, see `cells.peephole`."""
    W, P = weights["weight_hh"].T, weights["weight_ch"]
    (B, H), full = h.shape, P.ndim == 2
    P_if, P_o = (P[: 2 * H].T, P[2 * H :].T) if full else (P[: 2 * H].view(2, H), P[2 * H :])
    a = F.linear(x, weights["weight_ih"], weights["bias_ih"] + weights["bias_hh"])  # (T, B, 4H)
    c, states = torch.zeros_like(h), []
    for a_t in a:
        a_if, a_g, a_o = torch.addmm(a_t, h, W).split((2 * H, H, H), dim=1)
        if full:
            i, f = torch.addmm(a_if, c, P_if).sigmoid().chunk(2, dim=1)
        else:
            i, f = torch.addcmul(a_if.view(B, 2, H), c[:, None], P_if).sigmoid().unbind(1)
        c = torch.addcmul(f * c, i, a_g.tanh())
        o = (torch.addmm(a_o, c, P_o) if full else torch.addcmul(a_o, c, P_o)).sigmoid()
        h = o * c.tanh()
        states.append(h)
    return torch.stack(states)


def _layer_norm(weights: dict[str, torch.Tensor], x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
    """Return the hidden states (T, B, H) of an LSTM with normalised pre-activations, see `cells.layernorm`."""
    W, gain_hh, gain_c, bias_c = (weights[name] for name in ("weight_hh", "gain_hh", "gain_c", "bias_c"))
    H, G = W.shape[1], W.shape[0]
    bias = weights["bias_ih"] + weights["bias_hh"]
    a = F.layer_norm(F.linear(x, weights["weight_ih"]), (G,), weights["gain_ih"], bias, EPSILON)  # (T, B, 4H)
    c, states = torch.zeros_like(h), []
    for a_t in a:
        i, f, g, o = (a_t + F.layer_norm(F.linear(h, W), (G,), gain_hh, None, EPSILON)).chunk(4, dim=1)
        c = torch.addcmul(f.sigmoid() * c, i.sigmoid(), g.tanh())
        h = o.sigmoid() * F.layer_norm(c, (H,), gain_c, bias_c, EPSILON).tanh()
        states.append(h)
    return torch.stack(states)
