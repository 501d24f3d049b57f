"""One neuron: its states, errors and gradient are autograd's, and the slip is a slip."""

import numpy as np
import pytest
import torch

from rnnviz import neuron

WEIGHTS = [neuron.Weights(0.8, 0.9, 0.1), neuron.Weights(-1.3, 2.0, 0.4), neuron.Weights(0.5, -0.7, 0.0)]


def judged(weights, x, y, every):
    """Return loss, errors and gradient by autograd."""
    w_x, w_h, b = (torch.tensor(value, dtype=torch.double, requires_grad=True) for value in weights)
    h, states = torch.zeros((), dtype=torch.double), []
    for value in x:
        h = torch.tanh(w_x * value + w_h * h + b)
        h.retain_grad()
        states.append(h)
    loss = sum(0.5 * (h - target) ** 2 for h, target in list(zip(states, y, strict=True))[0 if every else len(x) - 1 :])
    loss.backward()
    return loss.item(), [h.grad.item() for h in states], [w_x.grad.item(), w_h.grad.item(), b.grad.item()]


def example(T: int):
    random = np.random.default_rng(T)
    return random.uniform(-1, 1, T), random.uniform(-1, 1, T)


@pytest.mark.parametrize("every", [True, False])
@pytest.mark.parametrize("T", [1, 2, 6])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_errors_and_gradient_are_autograds(weights, T, every):
    x, y = example(T)
    found = neuron.read(weights, x, y, every)
    loss, delta, gradient = judged(weights, x, y, every)
    assert found.loss == pytest.approx(loss, rel=1e-12)
    np.testing.assert_allclose(found.delta, delta, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(found.gradient, gradient, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(neuron.differences(weights, x, y, every, 1e-4), delta, rtol=0, atol=1e-11)


@pytest.mark.parametrize("every", [True, False])
def test_counting_a_path_twice_is_right_at_the_last_step_only(every):
    x, y = example(5)
    found = neuron.read(WEIGHTS[0], x, y, every)
    wrong = neuron.counted_twice(found)
    assert wrong[-1] == found.delta[-1]
    assert (np.abs(wrong[:-1] / found.delta[:-1] - 1) > 0.01).all()
    if not every:  # one loss: everything before it is doubled
        np.testing.assert_allclose(wrong[:-1], 2 * found.delta[:-1], rtol=1e-12)


def test_updates_go_the_way_of_torchs_sgd():
    x, y = example(4)
    weights, theirs = WEIGHTS[0], torch.tensor(WEIGHTS[0], dtype=torch.double, requires_grad=True)
    optimiser = torch.optim.SGD([theirs], lr=0.3)
    for _ in range(10):
        optimiser.zero_grad()
        h, loss = torch.zeros((), dtype=torch.double), 0.0
        for value, target in zip(x, y, strict=True):
            h = torch.tanh(theirs[0] * value + theirs[1] * h + theirs[2])
            loss = loss + 0.5 * (h - target) ** 2
        loss.backward()
        optimiser.step()
        weights = neuron.updated(weights, neuron.read(weights, x, y, True).gradient, 0.3)
    np.testing.assert_allclose(weights, theirs.detach(), rtol=1e-12)
