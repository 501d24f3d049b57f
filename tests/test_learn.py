"""Learning in NumPy: gradients of all parameters, clipping and descent equal torch's."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz import digits, initial, learn
from rnnviz.network import Network
from rnnviz.trace import LOSSES, record
from tests.cells.examples import CELLS, case, label_for, projected

MODULES = {
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": lambda *sizes, **options: torch.nn.RNN(*sizes, nonlinearity="relu", **options),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}


class Twin(torch.nn.Module):
    """The same network of torch's modules, in float64."""

    def __init__(self, network: Network):
        super().__init__()
        sizes = (network.layers[0].W_ih.shape[1], network.hidden_size, network.num_layers)
        self.rnn = MODULES[network.cell](*sizes)
        self.head = torch.nn.Linear(network.hidden_size, network.num_classes)
        if network.projection:
            self.project = torch.nn.Linear(network.input_size, sizes[0])
        self.double()
        self.load_state_dict({name: torch.tensor(array) for name, array in network.arrays.items()})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(self.project(x) if hasattr(self, "project") else x)[0])

    def loss(self, x: np.ndarray, label, loss: str) -> torch.Tensor:
        logits = self(torch.tensor(x))
        if loss == "last":
            return F.cross_entropy(logits[-1:], torch.tensor([label]))
        return (F.cross_entropy if loss == "every" else F.mse_loss)(logits, torch.tensor(label))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", MODULES)
def test_the_gradient_in_every_parameter_is_autograds(cell, loss):
    for network in (case(cell, T=9, L=3).network, Network(cell, projected(cell, D=3, H=5, L=2, P=4))):
        x, label = np.random.default_rng(0).random((9, 3)), label_for(loss, 9, 3)
        twin = Twin(network)
        twin.loss(x, label, loss).backward()
        ours = learn.gradients(network, record(network, x, label, loss=loss))
        assert set(ours) == {name for name, _ in twin.named_parameters()}
        for name, parameter in twin.named_parameters():
            largest = parameter.grad.abs().max().item()
            np.testing.assert_allclose(ours[name], parameter.grad, rtol=0, atol=1e-12 * largest, err_msg=name)


@pytest.mark.parametrize("most", [1e-3, 0.1, 1e6])
def test_clipping_is_torchs(most):
    network, x, _ = case("gru", T=9, L=2)
    twin = Twin(network)
    twin.loss(x, 1, "last").backward()
    ours = learn.gradients(network, record(network, x, 1))
    before = torch.nn.utils.clip_grad_norm_(twin.parameters(), most)
    assert learn.norm(ours) == pytest.approx(before.item(), rel=1e-12)
    cut = learn.clipped(ours, most)
    for name, parameter in twin.named_parameters():
        np.testing.assert_allclose(cut[name], parameter.grad, rtol=1e-12, atol=0, err_msg=name)
    assert learn.norm(cut) <= most


@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm"])
def test_descent_goes_the_way_of_torchs(cell, clip):
    network = initial.network(cell, 28, 8, seed=1, recurrent="orthogonal", gain=1.2)
    images, labels = zip(*(digits.sample(k) for k in range(6)), strict=True)
    steps = list(learn.descend(network, images, labels, rate=0.2, updates=12, clip=clip))
    twin = Twin(network)
    optimiser = torch.optim.SGD(twin.parameters(), lr=0.2)
    for step in steps:
        losses = [twin.loss(x, label, "last") for x, label in zip(images, labels, strict=True)]
        loss = torch.stack(losses).mean()
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(twin.parameters(), clip or np.inf)
        assert step.loss == pytest.approx(loss.item(), rel=1e-9)
        assert step.norm == pytest.approx(norm.item(), rel=1e-9)
        optimiser.step()
    assert len(steps) == 13
    assert steps[-1].loss < steps[0].loss


def test_shared_layers_stay_shared_while_they_learn():
    network = initial.network("gru", 28, 6, num_layers=2, seed=1, shared=True)
    images, labels = zip(*(digits.sample(k) for k in range(3)), strict=True)
    ours = learn.gradients(network, record(network, images[0], labels[0]))
    assert sum(array.size for array in ours.values()) == network.num_parameters
    steps = list(learn.descend(network, images, labels, rate=0.5, updates=4))
    assert steps[-1].network.shared
    assert steps[-1].loss < steps[0].loss


def test_descent_ends_where_the_numbers_leave_float64():
    network = initial.network("rnn_relu", 28, 8, seed=1, recurrent="identity", gain=3.0)
    image, label = digits.sample(0)
    steps = list(learn.descend(network, [np.tile(image, (30, 1))], [label], rate=0.1, updates=5))
    assert steps[-1].loss == np.inf
    assert len(steps) <= 6


@pytest.mark.parametrize("cell", CELLS)
def test_the_gradients_of_every_cell_descend_the_loss_as_finite_differences_say(cell):
    network, x, _ = case(cell, T=7, H=4, L=2)
    ours = learn.gradients(network, record(network, x, 1))
    assert set(ours) == set(network.arrays)
    random = np.random.default_rng(0)
    for name, gradient in ours.items():
        direction = random.standard_normal(gradient.shape)
        ends = [
            record(Network(cell, {**network.arrays, name: network.arrays[name] + step * direction}), x, 1).loss
            for step in (1e-6, -1e-6)
        ]
        assert np.vdot(gradient, direction) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-9), name
