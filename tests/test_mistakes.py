"""The exercises: the right programs are autograd's, the wrong ones differ in one line and are wrong as they say."""

import difflib

import numpy as np
import pytest
import torch

from rnnviz import initial, mistakes

T, K = 4, 2


def example(seed: int = 0):
    arrays = initial.network("rnn_tanh", 2, 3, num_classes=K, seed=seed).arrays
    names = ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "head.weight", "head.bias")
    random = np.random.default_rng(seed)
    parameters = dict(zip(mistakes.PARAMETERS, (arrays[name] for name in names), strict=True))
    return parameters, random.uniform(-1, 1, (T, 2)), random.uniform(-1, 1, (T, K))


def autograd(parameters, x, y, name: str):
    """Return the loss that an exercise is about, and its gradients."""
    own = {key: torch.tensor(array, requires_grad=True) for key, array in parameters.items()}
    h, errors = torch.zeros(3, dtype=torch.double), []
    for row, target in zip(torch.tensor(x), torch.tensor(y), strict=True):
        h = torch.tanh(own["W_hx"] @ row + own["W_hh"] @ h + own["b_h"])
        errors.append(own["W_hy"] @ h + own["b_y"] - target)
    loss = 0.5 * (errors[1] if name == "later" else torch.stack(errors)).pow(2).mean()
    loss.backward()
    return loss.item(), {key: value.grad.numpy() for key, value in own.items()}


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_the_right_program_is_autograds_and_the_wrong_one_is_not(name):
    mistake, case = mistakes.MISTAKES[name], example()
    loss, expected = autograd(*case, name)
    assert mistake.loss(*case) == pytest.approx(loss, rel=1e-12)
    right, wrong = mistake.right_gradients(*case), mistake.gradients(*case)
    assert list(right) == list(wrong) == list(mistakes.PARAMETERS)
    for key, gradient in expected.items():
        np.testing.assert_allclose(right[key], gradient, rtol=1e-10, atol=1e-14)
    assert max(mistakes.relative(wrong[key], expected[key]) for key in expected) > 0.05


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_exactly_one_line_is_exchanged_and_it_is_the_one_that_is_told(name):
    mistake = mistakes.MISTAKES[name]
    right, wrong = mistake.right_source.splitlines(), mistake.source.splitlines()
    changed = [n for n, pair in enumerate(zip(right, wrong, strict=True), 1) if pair[0] != pair[1]]
    assert changed == [mistake.line]
    assert wrong[mistake.line - 1].strip() == mistake.wrong
    assert sum(line.startswith("- ") for line in difflib.ndiff(right, wrong)) == 1


def test_the_gradient_of_a_sum_under_a_mean_loss_is_too_large_by_the_number_of_errors():
    mistake, case = mistakes.MISTAKES["mean"], example()
    wrong, right = mistake.gradients(*case), mistake.right_gradients(*case)
    for key in wrong:
        np.testing.assert_allclose(wrong[key], T * K * right[key], rtol=1e-12)


def test_only_the_recurrent_matrix_sees_the_wrong_state():
    mistake, case = mistakes.MISTAKES["state"], example()
    wrong, right = mistake.gradients(*case), mistake.right_gradients(*case)
    assert [key for key in wrong if mistakes.relative(wrong[key], right[key]) > 1e-12] == ["W_hh"]


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_central_differences_tell_right_from_wrong(name):
    mistake, (parameters, x, y) = mistakes.MISTAKES[name], example(3)
    judge = mistakes.differences(lambda p: mistake.loss(p, x, y), parameters, 1e-5)
    right, wrong = mistake.right_gradients(parameters, x, y), mistake.gradients(parameters, x, y)
    assert max(mistakes.relative(right[key], judge[key]) for key in judge) < 1e-7
    assert max(mistakes.relative(wrong[key], judge[key]) for key in judge) > 0.05


def test_a_relative_difference_of_nothing_is_zero():
    zero = np.zeros(3)
    assert mistakes.relative(zero, zero) == 0
    assert mistakes.relative(zero + 1, zero) == np.inf
