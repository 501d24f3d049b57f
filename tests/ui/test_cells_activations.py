"""Activations: the curves, the points and the formulas hold torch's numbers."""

import base64

import numpy as np
import pytest
import torch

from rnnviz.ui.cells import activations, tiny
from rnnviz.ui.cells.numbers import tex
from tests.ui.test_cells_parts import charts, open_cells

TORCH = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu}


def numbers(values) -> np.ndarray:
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).astype(float)
    return np.array(values, float)


def judged(name: str, a: np.ndarray) -> dict[str, np.ndarray]:
    """Return φ(a) and φ'(a) by torch and its autograd."""
    at = torch.tensor(a, requires_grad=True)
    value = TORCH[name](at)
    value.sum().backward()
    return {"value": value.detach().numpy(), "slope": at.grad.numpy()}


def points(app, which: str) -> tuple[np.ndarray, np.ndarray]:
    traces = [each for each in charts(app)[f"act_{which}"]["figure"]["data"] if each["mode"] == "markers"]
    return tuple(np.concatenate([numbers(trace[axis]) for trace in traces]) for axis in "xy")


@pytest.mark.parametrize("name", activations.FUNCTIONS)
def test_functions_and_slopes_are_torchs_at_zero_as_well(name):
    a = np.append(np.linspace(-6, 6, 49), 0.0)
    value, slope = activations.activation(name, a)
    expected = judged(name, a)
    np.testing.assert_allclose(value, expected["value"], rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(slope, expected["slope"], rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize(
    ("name", "block"), [(name, block) for name, blocks in activations.BLOCKS.items() for block in blocks]
)
def test_the_points_of_units_lie_on_the_curve_at_what_torch_reads(name, block):
    app = open_cells(part="activations", activation=name, node=block, unit="2", gain="2", point="1.3")
    for which in ("value", "slope"):
        x, y = points(app, which)
        assert len(x) == activations.STEPS + 1
        assert x[-1] == 1.3
        np.testing.assert_allclose(y, judged(name, x)[which], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("gain", ["0.5", "3"])
def test_the_points_are_pre_activations_of_torchs_rnn(gain):
    app = open_cells(part="activations", unit="3", gain=gain, seed="4")
    x, _ = points(app, "value")
    seeded = tiny.seeded("rnn_tanh", activations.UNITS, activations.STEPS, activations.FEATURES, 1, "last", 4)
    rnn = torch.nn.RNN(activations.FEATURES, activations.UNITS).double()
    rnn.load_state_dict({k[4:]: torch.tensor(v * float(gain)) for k, v in seeded.items() if k.startswith("rnn.")})
    h = rnn(torch.tensor(seeded["x"]))[0][:, 2]
    np.testing.assert_allclose(x[:-1], torch.atanh(h).detach(), rtol=1e-9)


def test_the_formula_holds_the_numbers_of_the_slider():
    app = open_cells(part="activations", point="0.5")
    latex = "\n".join(each.value for each in app.latex)
    assert tex(1 - np.tanh(0.5) ** 2) in latex
    assert r"\frac{1}{\cosh^2(a)}" in latex


def test_a_step_brings_the_slider_to_its_pre_activation():
    app = open_cells(part="activations")
    app.button(key="act_step_3").click().run()
    x, _ = points(app, "value")
    assert x[-1] == pytest.approx(x[2], abs=0.005)


def test_a_block_of_another_function_is_left_out_and_said():
    app = open_cells(part="activations", activation="relu", node="lstm.f", unit="9")
    assert "node" in app.session_state["link_ignored"]
    assert app.session_state["node"] == "rnn_relu.a"


@pytest.mark.parametrize("block", ["lstm.f", "lstm.o", "gru.z"])
def test_a_gate_is_followed_by_its_values_and_a_sigmoid_state_by_its_slopes(block):
    for node, which in ((block, "value"), ("rnn_sigmoid.a", "slope")):
        app = open_cells(part="activations", activation="sigmoid", node=node, point="1")
        x, _ = points(app, "value")
        factors = judged("sigmoid", x[:-1])[which]
        drawn = [numbers(each["y"]) for each in charts(app)["act_powers"]["figure"]["data"] if each["mode"] == "lines"]
        expected = np.concatenate([[0.0], np.cumsum(np.log10(factors[::-1]))])
        assert any(np.allclose(line[: len(expected)], expected, atol=1e-5) for line in drawn)
        latex = "\n".join(each.value for each in app.latex)
        assert f"= {tex(factors.prod())}" in latex
    assert rf"{block[-1]} = \sigma(a_{block[-1]})" in "\n".join(
        each.value for each in open_cells(part="activations", activation="sigmoid", node=block).latex
    )


def test_the_steepest_line_is_drawn_above_the_sliders_where_they_are_the_same():
    app = open_cells(part="activations", activation="sigmoid", point="0")
    lines = [each for each in charts(app)["act_powers"]["figure"]["data"] if each["mode"] == "lines"]
    assert lines[-1]["line"]["dash"] == "dash"
    np.testing.assert_allclose(numbers(lines[-1]["y"]), np.arange(21) * np.log10(0.25), rtol=1e-5)


@pytest.mark.parametrize("name", activations.FUNCTIONS)
def test_the_other_functions_are_named_in_the_figure(name):
    for which in ("value", "slope"):
        figure = charts(open_cells(part="activations", activation=name))[f"act_{which}"]["figure"]
        assert len(figure["layout"]["annotations"]) == 2
