"""Learning in NumPy: gradients of all parameters, clipping and descent equal torch's."""

from itertools import islice, repeat

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
        label = torch.tensor(label)
        if loss == "every":
            return F.cross_entropy(logits, label, ignore_index=-1)
        return (logits * label).sum() if loss == "dot" else F.mse_loss(logits, label)


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


def batch(count: int) -> list[tuple[np.ndarray, int]]:
    return [digits.sample(k) for k in range(count)]


@pytest.mark.parametrize("loss", ["last", "every", "mse"])
@pytest.mark.parametrize("frozen", [(), ("head.weight", "head.bias", "rnn.bias_hh_l0")])
@pytest.mark.parametrize("clip", [None, 0.5])
@pytest.mark.parametrize(("cell", "optimiser"), [("rnn_tanh", "sgd"), ("lstm", "sgd"), ("gru", "adam")])
def test_training_goes_the_way_of_torchs(cell, optimiser, clip, frozen, loss):
    network = initial.network(cell, 28, 8, seed=1, recurrent="orthogonal", gain=1.2)
    pairs = [(x, label if loss == "last" else label_for(loss, 28, 10, label)) for x, label in batch(6)]
    ours = learn.train(network, repeat(pairs), learn.OPTIMISERS[optimiser](0.02), loss, clip, frozen)
    twin = Twin(network)
    learning = [parameter for name, parameter in twin.named_parameters() if name not in frozen]
    theirs = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimiser](learning, lr=0.02)
    for parameter in set(twin.parameters()) - set(learning):
        parameter.requires_grad_(False)
    losses = []
    for step in islice(ours, 13):
        mean = torch.stack([twin.loss(x, label, loss) for x, label in pairs]).mean()
        theirs.zero_grad()
        mean.backward()
        norm = torch.nn.utils.clip_grad_norm_(learning, clip or np.inf)
        assert step.loss == pytest.approx(mean.item(), rel=1e-9)
        assert step.norm == pytest.approx(norm.item(), rel=1e-9)
        theirs.step()
        losses.append(step.loss)
    assert losses[-1] < losses[0]
    for name in frozen:
        np.testing.assert_array_equal(step.network.arrays[name], network.arrays[name])


def test_every_batch_is_learnt_from_once_and_a_step_is_told_before_its_update():
    network, pairs = initial.network("rnn_tanh", 28, 8), batch(3)
    steps = list(learn.train(network, [[pair] for pair in pairs], learn.SGD(0.1)))
    assert [step.loss for step in steps] == [
        record(step.network, *pair).loss for step, pair in zip(steps, pairs, strict=True)
    ]
    assert steps[0].network is network


def test_a_step_without_a_target_has_no_share_in_the_loss():
    network, x = initial.network("gru", 3, 5, num_classes=4), np.random.default_rng(0).random((6, 3))
    labels = np.array([-1, -1, 2, -1, 0, 3])
    trace = record(network, x, labels, loss="every")
    expected = F.cross_entropy(torch.tensor(trace["logits"]), torch.tensor(labels), ignore_index=-1)
    assert trace.loss == pytest.approx(expected.item(), rel=1e-12)
    assert not trace.grad["logits"][[0, 1, 3]].any()
    with pytest.raises(ValueError, match="label must hold 6 classes"):
        record(network, x, np.full(6, -1), loss="every")


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", MODULES)
def test_the_gradient_in_the_initial_state_is_autograds(cell, layers):
    network = initial.network(cell, 3, 5, num_layers=layers, num_classes=4, seed=2)
    random = np.random.default_rng(0)
    x, h0 = random.random((6, 3)), random.standard_normal((layers, 5))
    trace = record(network, x, 1, h0=h0)
    start = torch.tensor(h0, requires_grad=True)
    twin = Twin(network)
    state = (start, torch.zeros_like(start)) if cell == "lstm" else start
    F.cross_entropy(twin.head(twin.rnn(torch.tensor(x), state)[0])[-1:], torch.tensor([1])).backward()
    np.testing.assert_allclose(learn.start_gradient(network, trace), start.grad, rtol=1e-10, atol=1e-15)


def test_shared_layers_stay_shared_while_they_learn():
    network, pairs = initial.network("gru", 28, 6, num_layers=2, seed=1, shared=True), batch(3)
    ours = learn.gradients(network, record(network, *pairs[0]))
    assert sum(array.size for array in ours.values()) == network.num_parameters
    steps = list(learn.train(network, [pairs] * 5, learn.SGD(0.5)))
    assert steps[-1].network.shared
    assert steps[-1].loss < steps[0].loss


def test_training_ends_where_the_numbers_leave_float64():
    network = initial.network("rnn_relu", 28, 8, seed=1, recurrent="identity", gain=3.0)
    image, label = digits.sample(0)
    steps = list(learn.train(network, [[(np.tile(image, (30, 1)), label)]] * 6, learn.SGD(0.1)))
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


def test_training_ends_where_the_norm_of_a_gradient_leaves_float64():
    begun = initial.network("rnn_relu", 2, 2, num_classes=2, recurrent="identity", seed=1)
    network = Network(begun.cell, dict(begun.arrays) | {"head.weight": 1e160 * begun.arrays["head.weight"]})
    wrong = 1 - record(network, np.ones((1, 2))).prediction
    steps = list(learn.train(network, [[(np.ones((1, 2)), wrong)]] * 4, learn.SGD(0.1), clip=1.0))
    assert len(steps) == 1
    assert np.isfinite(steps[0].loss)
    assert steps[0].norm == np.inf
