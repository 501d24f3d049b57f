"""One neuron: the chain, the tables and the formulas hold what autograd says; the update lowers the loss."""

import itertools
import re

import numpy as np
import pytest
import torch

from rnnviz import neuron, text
from rnnviz.ui.cells import neuron as part
from rnnviz.ui.cells.numbers import plain, tex
from rnnviz.ui.parts import stories
from tests.test_neuron import judged
from tests.ui.test_cells_parts import charts, open_cells, told

DEFAULTS = stories.PARTS["neuron"].defaults
WEIGHTS = neuron.Weights(*(DEFAULTS[key] for key in part.WEIGHTS))


def tables(app) -> str:
    return "\n".join(each.proto.body for each in app.get("html"))


def example(T: int = 4) -> tuple[np.ndarray, np.ndarray]:
    return np.array(part.INPUTS[:T]), np.array(part.TARGETS[:T])


@pytest.mark.parametrize(("loss", "steps"), [("last", 4), ("every", 6)])
def test_the_chain_and_the_table_hold_autograds_errors(loss, steps):
    app = open_cells(part="neuron", loss=loss, steps=str(steps))
    _, delta, _ = judged(WEIGHTS, *example(steps), loss == "every")
    drawn = [each["text"] for each in charts(app)["chain"]["figure"]["layout"]["annotations"]]
    shown = tables(app)
    for t, error in enumerate(delta, 1):
        assert text.Words("en")("neuron.error", step=t, value=plain(error, 3)) in drawn
        assert f'<td class="sound">{plain(error)}</td>' in shown
    latex = "\n".join(each.value for each in app.latex)
    assert all(tex(error) in latex for error in delta)


@pytest.mark.parametrize("loss", ["last", "every"])
def test_the_slip_is_shown_as_wrong_at_every_step_but_the_last(loss):
    shown = tables(open_cells(part="neuron", loss=loss))
    assert shown.count('<td class="wrong">') == 3
    assert shown.count('<td class="sound">') == 5


CORNERS = {"w_x": (-2.95, 0.5), "w_h": (0.2, -3.0, 2.6, 3.0), "b": (0.0, 1.7, -2.0)}


@pytest.mark.parametrize("loss", ["last", "every"])
@pytest.mark.parametrize("steps", [4, 6])
def test_an_error_is_red_where_it_is_wrong_and_nowhere_else(loss, steps, monkeypatch):
    """Over a grid of where the sliders begin, before updates and after: nothing is judged by its own rounding."""
    x, y = example(steps)
    seen = []
    monkeypatch.setattr(part.numbers, "table", lambda *shown: seen.append(shown[3]))
    monkeypatch.setattr(part.st, "session_state", {"loss": loss})
    monkeypatch.setattr(part.st, "caption", lambda told: None)
    reds = 0
    for values in itertools.product(*CORNERS.values(), (0.05, 2.0)):
        history = part.descent(neuron.Weights(*values[:3]), x, y, loss == "every", values[3], 50)
        for weights, found in (history[0], history[1], history[25], history[-1]):
            part._slip(text.Words("en"), weights, found, x, y)
            _, right, wrong = seen.pop()
            assert "class:wrong" not in right, (values, weights)
            _, delta, _ = judged(weights, x, y, loss == "every")
            told = 1e-9 * max(1.0, found.loss) + 1e-5 * max(map(abs, delta))
            for look, value, true in zip(wrong, neuron.counted_twice(found), delta, strict=True):
                if abs(value - true) > told:  # more than the judge can be off
                    assert look == "class:wrong", (values, weights)
                    reds += 1
                if value == true:
                    assert look != "class:wrong"
    assert reds > 300


def test_no_right_error_is_red_at_the_place_of_a_large_third_derivative():
    shown = tables(open_cells(part="neuron", w_x="-2.95", w_h="2.6", b="1.7", rate="0.05", steps="4", at="50"))
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', shown)
    (right,) = [each for each in rows if each.startswith(text.Words("en")("neuron.errors_right").split("δ")[0])]
    assert right.count('class="sound"') == 4


def test_an_update_shows_the_gradients_of_autograd_and_what_torchs_sgd_makes_of_the_weights():
    app = open_cells(part="neuron", loss="every", stage="4")
    x, y = example()
    _, _, gradient = judged(WEIGHTS, x, y, True)
    theirs = torch.tensor(WEIGHTS, dtype=torch.double, requires_grad=True)
    theirs.grad = torch.tensor(gradient, dtype=torch.double)
    torch.optim.SGD([theirs], lr=DEFAULTS["rate"]).step()
    latex = "\n".join(each.value for each in app.latex)
    assert all(tex(value) in latex for value in (*gradient, *theirs.tolist()))
    before, after = (
        neuron.read(WEIGHTS, x, y, True).loss,
        neuron.read(neuron.Weights(*theirs.tolist()), x, y, True).loss,
    )
    assert text.Words("en")("neuron.falls", before=before, after=after) in told(app)


def test_the_stages_lead_on_to_the_next_update_and_restart_begins_again():
    app = open_cells(part="neuron", stage="1")
    for stage in (2, 3, 4):
        app.button(key="neuron_next").click().run()
        assert (app.session_state["stage"], app.session_state["at"]) == (stage, 0)
    app.button(key="neuron_next").click().run()
    assert (app.session_state["stage"], app.session_state["at"]) == (1, 1)
    app.button(key="neuron_once").click().run()
    app.button(key="neuron_often").click().run()
    assert app.session_state["at"] == 2 + part.PLAY
    assert app.session_state["link"]["at"] == str(2 + part.PLAY)
    assert "neuron_loss" in charts(app)
    app.button(key="neuron_restart").click().run()
    assert app.session_state["at"] == 0
    assert not app.exception


@pytest.mark.parametrize("loss", ["last", "every"])
def test_the_loss_falls_update_by_update_from_where_the_part_begins(loss):
    history = part.descent(WEIGHTS, *example(), loss == "every", DEFAULTS["rate"], 20)
    losses = [found.loss for _, found in history]
    assert all(np.diff(losses) < 0)
    assert losses[-1] < losses[0] / 2


def test_inputs_are_edited_and_stand_in_the_link():
    app = open_cells(part="neuron")
    app.number_input(key="widget_neuron_x1").set_value(0.7).run()
    assert app.session_state["link"]["edits"] == "x.1:0.7"
    again = open_cells(part="neuron", edits="x.1:0.7,y.3:1")
    assert not again.session_state["link_ignored"]
    x, y = example()
    x[1], y[3] = 0.7, 1.0
    assert neuron.read(WEIGHTS, x, y, False).loss == pytest.approx(
        0.5 * (neuron.read(WEIGHTS, x, y, False).h[3] - 1) ** 2
    )
    assert plain(neuron.read(WEIGHTS, x, y, False).delta[0]) in tables(again)


def test_what_a_link_cannot_mean_here_is_left_out_and_said():
    app = open_cells(part="neuron", edits="z.1:0.7", loss="mse", steps="12", stage="99")
    assert set(app.session_state["link_ignored"]) == {"edits", "loss", "steps"}
    assert app.session_state["stage"] == 4


@pytest.mark.parametrize("typed", [1e9, -99999.0, None])
def test_a_number_that_cannot_be_is_refused_in_words_and_the_one_before_is_kept(typed):
    app = open_cells(part="neuron", edits="x.1:0.7")
    app.number_input(key="widget_neuron_x1").set_value(typed).run()
    assert app.number_input(key="widget_neuron_x1").value == 0.7
    assert app.session_state["edits"] == {"x.1": 0.7}
    assert text.Words("en")("neuron.refused", name="x_2", value="0.7", most="3") in [each.value for each in app.warning]
    assert not app.run().warning


def test_the_heads_of_the_shares_are_typeset():
    shown = tables(open_cells(part="neuron", stage="4"))
    assert "δ<sub>t</sub> (1−h<sub>t</sub>²) h<sub>t−1</sub></th>" in shown


@pytest.mark.parametrize("loss", ["last", "every"])
def test_the_total_loss_is_told_with_its_value(loss):
    app = open_cells(part="neuron", stage="2", loss=loss)
    total = neuron.read(WEIGHTS, *example(), loss == "every").loss
    assert text.Words("en")("neuron.total", loss=plain(total)) in told(app)
