"""From scratch: the training that runs is torch's, and the code that is shown is the one that runs."""

import inspect
from itertools import islice
from textwrap import dedent

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz import initial, learn, text
from rnnviz.figures import answers
from rnnviz.tasks import parity
from rnnviz.ui.cells import scratch
from rnnviz.ui.cells.numbers import plain
from rnnviz.ui.parts import learning, stories
from tests.test_learn import MODULES
from tests.ui.test_cells_activations import numbers
from tests.ui.test_cells_parts import charts, open_cells, told

WORDS = text.Words("en")


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """All updates that are asked for are made at the first look, and none is left from another test."""
    scratch._growing.clear()
    monkeypatch.setattr(learning, "PATIENCE", 60.0)


def torchs(cell: str, units: int, steps: int, optimiser: str, rate: float, clip: float, updates: int):
    """Return the losses before each update, and the probabilities of the right answers at the end."""
    network = initial.network(cell, 1, units, num_classes=2, seed=0)
    rnn, head = MODULES[cell](1, units, batch_first=True).double(), torch.nn.Linear(units, 2).double()
    for module, name in ((rnn, "rnn."), (head, "head.")):
        own = {key.removeprefix(name): torch.tensor(a) for key, a in network.arrays.items() if key.startswith(name)}
        module.load_state_dict(own)
    bits = np.array(list(np.ndindex(*(2,) * steps)))
    x, y = torch.tensor(2.0 * bits[..., None] - 1), torch.tensor(np.cumsum(bits, axis=1) % 2)
    learns = [*rnn.parameters(), *head.parameters()]
    theirs = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimiser](learns, lr=rate)
    losses = []
    for _ in range(updates):
        theirs.zero_grad()
        loss = F.cross_entropy(head(rnn(x)[0]).reshape(-1, 2), y.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learns, clip)
        theirs.step()
        losses.append(loss.item())
    probs = head(rnn(x)[0]).softmax(-1).gather(2, y[..., None])[..., 0]
    return losses, probs.detach().numpy()


@pytest.mark.parametrize(
    ("cell", "optimiser", "rate"),
    [("rnn_tanh", "sgd", 1.0), ("rnn_relu", "sgd", 0.5), ("lstm", "adam", 0.05), ("gru", "adam", 0.02)],
)
def test_losses_and_answers_are_those_of_torchs_training(cell, optimiser, rate):
    app = open_cells(part="scratch", cell=cell, optimiser=optimiser, rate=str(rate), at="20", steps="3", units="5")
    losses, probs = torchs(cell, 5, 3, optimiser, rate, 1.0, 21)
    found = charts(app)
    (line,) = [each for each in found["scratch_loss"]["figure"]["data"] if each["mode"] == "lines"]
    np.testing.assert_allclose(numbers(line["y"])[:20], losses[:20], rtol=1e-6)
    _, probs = torchs(cell, 5, 3, optimiser, rate, 1.0, 20)
    drawn = numbers(found["answers"]["figure"]["data"][0]["z"]).reshape(8, 3)
    np.testing.assert_allclose(drawn, probs, rtol=1e-5, atol=1e-7)
    share = (probs > 0.5).mean()
    assert WORDS("scratch.now", update=20, loss=plain(losses[20]), share=share) in told(app)
    assert WORDS("scratch.task") in told(app)


@pytest.mark.parametrize("story", ["scratch-learnt", "scratch-adam", "scratch-lstm"])
def test_the_stories_that_say_so_end_with_every_answer_right(story):
    settings = stories.PARTS["scratch"].defaults | stories.STORIES[story][1]
    updates = settings.pop("at")
    work = scratch._growing(**settings)
    while len(work.found) <= updates:
        work.grow()
    assert (work.found[updates][1] > 0.5).all()


def test_a_small_rate_and_a_large_one_do_not_learn_it():
    for story in ("scratch-slow", "scratch-wild"):
        settings = stories.PARTS["scratch"].defaults | stories.STORIES[story][1]
        updates = settings.pop("at")
        work = scratch._growing(**settings)
        while not work.done:
            work.grow()
        assert (work.found[min(updates, len(work.found) - 1)][1] > 0.5).mean() < 0.9


def test_the_code_that_is_shown_is_the_code_that_runs():
    app = open_cells(part="scratch", cell="gru")
    for name, function in scratch.listings("gru").items():
        app.button_group(key="widget_listing").set_value(name).run()
        assert dedent(inspect.getsource(function)).strip() in [each.value for each in app.code]
    assert not app.exception
    assert scratch.listings("gru")["train"] is learn.train


def test_the_lines_beside_the_faults_are_lines_of_the_modules_they_are_said_to_be_of():
    lines = {fault: scratch.line_of(*where[:2]) for fault, where in scratch.FAULTS.items()}
    assert "[k, :-1]" in lines["state"]
    assert "len(targets), dlogits / len(targets)" in lines["mean"]
    assert lines["update"].startswith("network = moved(network, optimiser(")
    assert lines["leak"].startswith("h0 = network.h0 if h0 is None")
    shown = [each.value for each in open_cells(part="scratch").code]
    assert set(lines.values()) <= set(shown)


@pytest.mark.parametrize("fault", scratch.FAULTS)
def test_a_line_beside_a_fault_is_run_by_the_public_function_that_it_is_said_to_be_of(fault):
    """The function itself has the line, or calls what has it; and it is one that can be imported and called."""
    module, mark, name = scratch.FAULTS[fault]
    source = inspect.getsource(module)
    place = source[: source.index(mark)].count("\n") + 1
    holders = {
        each.__name__
        for each in vars(module).values()
        if inspect.isfunction(each) and each.__module__ == module.__name__
        for lines, first in [inspect.getsourcelines(each)]
        if first <= place < first + len(lines)
    }
    (holder,) = holders
    assert not name.startswith("_")
    assert holder == name or holder in getattr(module, name).__code__.co_names
    captions = [each.value for each in open_cells(part="scratch").caption]
    assert WORDS("scratch.in_module", module=module.__name__, name=name) in captions


def test_restart_step_and_end_go_through_the_same_training():
    app = open_cells(part="scratch", steps="2", units="2")
    before = told(app)
    app.button(key="learning_step").click().run()
    assert app.session_state["link"]["at"] == "1"
    app.button(key="learning_end").click().run()
    assert app.session_state["at"] == scratch.UPDATES
    app.button(key="learning_restart").click().run()
    assert told(app) == before


def test_what_is_to_be_answered_is_the_running_parity():
    bits, pairs = scratch.strings(3)
    assert bits.shape == (8, 3)
    for each, (x, y) in zip(bits, pairs, strict=True):
        assert x[:, 0].tolist() == [1.0 if bit else -1.0 for bit in each]
        assert y.tolist() == [sum(each[: t + 1]) % 2 for t in range(3)]
        assert (parity.parities(each) == y).all()


def test_what_a_link_cannot_mean_here_is_left_out_and_said():
    app = open_cells(part="scratch", cell="peephole_lstm", units="64", steps="16")
    assert set(app.session_state["link_ignored"]) == {"cell", "units", "steps"}


@pytest.mark.parametrize("loss", [np.inf, 3.0])
def test_a_training_that_leaves_float64_is_said_to_have(loss, monkeypatch):
    """No setting of the controls was found that does, so it is made to end."""
    train = learn.train

    def exploding(*args, **options):
        steps = list(islice(train(*args, **options), 6))
        yield from steps[:5]
        yield steps[5]._replace(loss=loss, norm=np.inf)

    scratch._growing.clear()  # other tests have made this training whole
    monkeypatch.setattr(learn, "train", exploding)
    app = open_cells(part="scratch", steps="2", units="2", at="150")
    assert [each.value for each in app.warning] == [WORDS("scratch.beyond")]
    assert app.session_state["at"] == 5
    assert charts(app).keys() >= {"scratch_loss", "scratch_share", "answers"}
    app.button(key="learning_restart").click().run()
    assert not app.warning
    assert not app.exception
    scratch._growing.clear()


@pytest.mark.parametrize(("theme", "low", "high"), [("light", "#16171A", "#FFFFFF"), ("dark", "#FFFFFF", "#16171A")])
def test_answers_are_written_dark_on_light_colours_and_light_on_dark_ones(theme, low, high):
    figure = answers.answers(np.array([[0.1, 0.5, 0.9]]), [["0", "1", "0"]], ["010"], "t", "", theme)
    assert list(figure.data[1].textfont.color) == [low, low, high]
