"""A weight's gradient taken apart, by the step whose loss it is and the step that used the weight: autograd's terms."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz import learn, measures
from rnnviz.network import Network
from rnnviz.trace import record
from rnnviz.training import unrolled
from tests.cells.examples import CELLS, case, label_for, projected

T, H, L, K = 4, 3, 2, 3


def reading(cell: str, loss: str):
    network, x, h0 = case(cell, T=T, H=H, L=L)
    label = label_for(loss, T, K)
    if loss == "every":
        label[1] = -1  # a step without a target
    return network, x, h0, label, record(network, x, label, h0=h0, loss=loss)


def step_losses(logits: torch.Tensor, label, loss: str) -> list[torch.Tensor]:
    """Return each step's share in the loss, by torch's functions."""
    if loss == "mse":
        squares = [F.mse_loss(row, torch.tensor(label[t]), reduction="sum") for t, row in enumerate(logits)]
        return [square / logits.numel() for square in squares]
    classes = [-1] * (T - 1) + [label] if loss == "last" else label.tolist()
    count = sum(k >= 0 for k in classes)
    return [
        F.cross_entropy(row[None], torch.tensor([k])) / count if k >= 0 else 0.0 * row.sum()
        for row, k in zip(logits, classes, strict=True)
    ]


def copies(network, x: np.ndarray, h0: np.ndarray):
    """Return every step's own copies of all parameters, under torch's names, and what is read out with them."""
    own, states, logits = [], [{"h": torch.tensor(h)} for h in h0], []
    if "c" in network.kind.states:
        states = [state | {"c": torch.zeros(H, dtype=torch.double)} for state in states]
    for row in torch.tensor(x):
        tensors = {name: torch.tensor(array, requires_grad=True) for name, array in network.arrays.items()}
        for k in range(L):
            of_layer = {n[4:-3]: value for n, value in tensors.items() if n.startswith("rnn.") and n.endswith(f"_l{k}")}
            basic = (of_layer.pop(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
            found = unrolled.step(network.cell, unrolled.Layer(*basic, of_layer), row, states[k])
            states[k] = {name: found[name] for name in states[k]}
            row = found["h"]
        own.append(tensors)
        logits.append(F.linear(row, tensors["head.weight"], tensors["head.bias"]))
    return own, torch.stack(logits)


@pytest.mark.parametrize("loss", ["last", "every", "mse"])
@pytest.mark.parametrize("cell", CELLS)
def test_every_term_is_autograds_gradient_in_the_steps_own_copy(cell, loss):
    network, x, h0, label, trace = reading(cell, loss)
    own, logits = copies(network, x, h0)
    traces = learn.by_loss(network, trace)
    for t, value in enumerate(step_losses(logits, label, loss)):
        ours = learn.by_use(network, traces[t])
        flat = [(k, name, tensor) for k, tensors in enumerate(own) for name, tensor in tensors.items()]
        theirs = torch.autograd.grad(value, [tensor for *_, tensor in flat], retain_graph=True, allow_unused=True)
        largest = max(grad.abs().max().item() for grad in theirs if grad is not None)
        for (k, name, tensor), grad in zip(flat, theirs, strict=True):
            expected = torch.zeros_like(tensor) if grad is None else grad
            np.testing.assert_allclose(
                ours[name][k], expected, rtol=1e-9, atol=1e-13 * (largest or 1.0), err_msg=f"L_{t}, {name} at {k}"
            )


@pytest.mark.parametrize("loss", ["last", "every", "mse"])
@pytest.mark.parametrize("cell", CELLS)
def test_all_terms_sum_to_the_gradient_and_none_is_of_a_use_after_the_loss(cell, loss):
    network, _, _, _, trace = reading(cell, loss)
    terms = [learn.by_use(network, each) for each in learn.by_loss(network, trace)]
    for name, whole in learn.gradients(network, trace).items():
        table = np.stack([each[name] for each in terms])  # (T, T, *shape)
        np.testing.assert_allclose(table.sum(axis=(0, 1)), whole, rtol=1e-10, atol=1e-14)
        assert not table[np.triu_indices(T, 1)].any()


@pytest.mark.parametrize("loss", ["last", "every", "mse"])
def test_the_steps_losses_are_torchs_and_sum_to_the_loss(loss):
    network, x, h0, label, trace = reading("gru", loss)
    found = measures.step_losses(trace, label, loss)
    expected = step_losses(copies(network, x, h0)[1], label, loss)
    np.testing.assert_allclose(found, [each.item() for each in expected], rtol=1e-10, atol=1e-15)
    assert found.sum() == pytest.approx(trace.loss, rel=1e-12)


def test_a_loss_that_is_no_sum_over_steps_is_refused():
    network, x, _ = case("gru", T=3)
    with pytest.raises(ValueError, match="loss must be"):
        measures.step_losses(record(network, x, 1), np.zeros((3, 3)), "dot")


def test_shared_layers_have_their_terms_together():
    network = Network("gru", projected("gru", D=2, H=3, L=2))
    trace = record(network, np.random.default_rng(0).random((4, 2)), 1)
    for name, whole in learn.gradients(network, trace).items():
        np.testing.assert_allclose(learn.by_use(network, trace)[name].sum(axis=0), whole, rtol=1e-10, atol=1e-14)
