"""The button "Prove it": a judge of its own, which finds what is right right and what is wrong wrong."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rnnviz import digits, initial, load
from rnnviz.network import Network
from rnnviz.trace import Signals, record
from rnnviz.training import judge, proof
from tests.cells.examples import CELLS, case, projected

NAMES = ["h", "x", "weights", "truncation", "jacobian"]


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_right_is_found_right_for_every_cell(cell):
    network, x, h0 = case(cell, T=9, H=6, L=2, seed=3)
    found = proof.prove(network, record(network, x, 1, h0=h0), 0, window=4)
    names = {check.name for check in found.checks}
    assert names >= set(NAMES)
    assert ("c" in names) == ("lstm" in cell)
    assert "clipping" in names
    assert all(check.sound and check.difference < 1e-10 and check.entries for check in found.checks)
    assert found.differences.sound
    assert found.differences.entries + found.differences.kinks == 40
    assert cell == "rnn_relu" or not found.differences.kinks
    assert found.torch


def test_a_trained_network_is_proved_on_a_real_digit_and_a_projected_one_as_well():
    image, label = digits.sample(7)
    for network in (load("lstm-64"), Network("gru", projected("gru", D=28, H=5, L=2))):
        found = proof.prove(network, record(network, image, min(label, network.num_classes - 1)), clip=0.01)
        assert all(check.sound for check in found.checks)
        assert found.differences.sound


@pytest.mark.parametrize("wrong", ["h", "x"])
def test_a_gradient_that_is_off_by_a_thousandth_is_found_wrong(wrong):
    network, x, _ = case("gru", T=6, H=5)
    trace = record(network, x, 1)
    bent = replace(trace, grad=Signals({**trace.grad, wrong: trace.grad[wrong] * 1.001}))
    checks = {check.name: check for check in proof.prove(network, bent).checks}
    assert not checks[wrong].sound
    assert checks[wrong].difference == pytest.approx(1e-3, rel=1e-3)
    assert all(check.sound for name, check in checks.items() if name != wrong)


def test_finite_differences_find_a_wrong_gradient_as_well():
    network, x, _ = case("lstm", T=6, H=5)
    trace = record(network, x, 1)
    bent = replace(trace, grad=Signals({**trace.grad, "h": trace.grad["h"] * 1.1}))
    assert not proof.prove(network, bent).differences.sound


def test_a_vanished_gradient_is_below_what_finite_differences_can_tell():
    network = initial.network("rnn_sigmoid", 28, 8, seed=0)
    image, label = digits.sample(3)
    found = proof.prove(network, record(network, digits.as_sequences(image, "rows", 56), label), window=84)
    assert found.differences.below > 20
    assert found.differences.sound
    assert all(check.sound for check in found.checks)


def test_a_relu_that_is_just_switching_is_no_difference():
    """With the identity start, no unit is on before the first ink: the loss has kinks there, and no slope."""
    network = initial.network("rnn_relu", 28, 64, seed=0, recurrent="identity")
    image, label = digits.sample(3)
    found = proof.prove(network, record(network, image, label))
    assert found.differences.kinks
    assert found.differences.sound
    assert all(check.sound for check in found.checks)


def test_shared_layers_have_one_gradient_and_it_is_clipped_as_one():
    network = initial.network("lstm", 28, 6, num_layers=2, seed=1, shared=True)
    image, label = digits.sample(3)
    checks = {check.name: check for check in proof.prove(network, record(network, image, label), clip=0.01).checks}
    assert checks["clipping"].sound
    assert checks["clipping"].entries == network.num_parameters


def test_what_is_no_number_for_autograd_must_be_none_here():
    beyond = np.array([[1.0, 2.0], [np.inf, 0.0]])
    assert judge._check("h", beyond, beyond)["entries"] == 2
    assert judge._check("h", np.ones((2, 2)), beyond)["difference"] == np.inf
    assert judge._check("h", np.full((1, 2), np.nan), np.full((1, 2), np.nan)) == {
        "name": "h", "entries": 0, "difference": 0.0,
    }  # fmt: skip


def test_a_network_too_large_for_the_judge_is_refused_before_anything_is_computed():
    network = initial.network("lstm", 28, 400)
    image, label = digits.sample(3)
    trace = record(network, digits.as_sequences(image, "rows", 84), label)
    with pytest.raises(proof.TooLarge, match="steps times numbers of W_hh must be at most"):
        proof.prove(network, trace)


def test_784_steps_are_proved_without_their_jacobians():
    network = initial.network("lstm", 1, 6, seed=1, forget_bias=3.0)
    image, label = digits.sample(3)
    found = proof.prove(network, record(network, digits.as_sequences(image, "permuted"), label), window=700)
    assert "jacobian" not in {check.name for check in found.checks}
    assert all(check.sound for check in found.checks)
    assert 4 <= found.differences.entries <= 10


def test_a_judge_that_cannot_be_heard_is_an_error_with_its_last_words(monkeypatch):
    network, x, _ = case("gru", T=3)
    real = subprocess.run
    monkeypatch.setattr(
        proof.subprocess, "run",
        lambda command, **options: real([sys.executable, "-c", "raise SystemExit('no torch here')"], **options),
    )  # fmt: skip
    with pytest.raises(proof.ProofFailed, match="no torch here"):
        proof.prove(network, record(network, x, 1))


def test_it_is_for_a_loss_after_the_last_step():
    network, x, _ = case("gru", T=3)
    with pytest.raises(ValueError, match='trace must be of the loss "last"'):
        proof.prove(network, record(network, x, np.zeros(3, int), loss="every"))
