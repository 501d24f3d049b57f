"""RNNCell and nn.RNN: the programs on the page run in torch and give the numbers on the page."""

import re

import numpy as np
import pytest
import torch

from rnnviz import initial
from rnnviz.ui.cells import rnncell
from rnnviz.ui.cells.numbers import plain
from tests.ui.test_cells_parts import charts, open_cells
from tests.ui.test_cells_terms import cells, table

SIZES = [(3, 1, 4, 2, 1), (5, 3, 3, 4, 2), (6, 2, 4, 1, 3), (1, 1, 1, 1, 1)]


@pytest.fixture
def same_weights(monkeypatch):
    """Make torch's modules begin with a network's weights, in float64: cells in the order of the layers."""

    def use(network) -> None:
        tensors = {name[4:]: torch.tensor(a) for name, a in network.arrays.items() if name.startswith("rnn.")}
        made = []

        class RNN(torch.nn.RNN):
            def __init__(self, **sizes):
                super().__init__(**sizes)
                self.load_state_dict(tensors)

        class RNNCell(torch.nn.RNNCell):
            def __init__(self, *sizes):
                super().__init__(*sizes)
                end = f"_l{len(made)}"
                made.append(self)
                self.load_state_dict({name.removesuffix(end): t for name, t in tensors.items() if name.endswith(end)})

        monkeypatch.setattr(torch.nn, "RNN", RNN)
        monkeypatch.setattr(torch.nn, "RNNCell", RNNCell)

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.double)
    yield use
    torch.set_default_dtype(before)


def run(program: str) -> tuple[np.ndarray, np.ndarray]:
    names: dict = {}
    with torch.no_grad():
        exec(program, names)
    return names["output"].numpy(), names["h_n"].numpy()


@pytest.mark.parametrize("sizes", SIZES)
def test_the_programs_run_in_torch_and_give_our_numbers(sizes, same_weights):
    T, B, D, H, L = sizes
    network = initial.network("rnn_tanh", D, H, L, num_classes=1, seed=3)
    rows = rnncell.read_rows(T, B, D)
    x = np.eye(D)[rows]
    ours = rnncell.by_cells(network, x), rnncell.by_layers(network, x)[:2]
    for name, first in (("rnn_cell", False), ("nn_rnn", False), ("nn_rnn_batch_first", True)):
        same_weights(network)
        output, h_n = run(rnncell.snippet(name, rows, list(rnncell.LETTERS), *sizes))
        assert output.shape == ((B, T, H) if first else (T, B, H))
        assert h_n.shape == (L, B, H)
        for own_output, own_last in ours:
            np.testing.assert_allclose(output.swapaxes(0, 1) if first else output, own_output, rtol=1e-12, atol=1e-15)
            np.testing.assert_allclose(h_n, own_last, rtol=1e-12, atol=1e-15)


def test_the_programs_on_the_page_are_those_and_its_tables_hold_their_numbers(same_weights):
    app = open_cells(part="rnncell", depth="2", batch="3", units="3", steps="4", seed="5")
    network = initial.network("rnn_tanh", 4, 3, 2, num_classes=1, seed=5)
    for code in app.code:
        same_weights(network)
        output, h_n = run(code.value)
        found = cells(table(app, "rnncell"))
        for row, expected in zip(found, output.reshape(12, 3), strict=True):
            assert row[1:4] == row[4:7] == [plain(each) for each in expected]
        last = cells(table(app, "rnncell-last"))
        for row, expected in zip(last, h_n.reshape(6, 3), strict=True):
            assert row[:3] == row[3:6] == [plain(each) for each in expected]
    assert len(app.code) == 2
    assert 'class="wrong"' not in table(app, "rnncell")


def test_three_steps_of_one_sequence_spell_hel():
    assert [rnncell.LETTERS[k] for k in rnncell.read_rows(5, 1, 4)[:, 0]] == list("hello")
    assert [rnncell.LETTERS[k] for k in rnncell.read_rows(3, 2, 4)[:, 1]] == list("ole")
    assert rnncell.read_rows(6, 3, 2).max() == 1


@pytest.mark.parametrize(("first", "written"), [("0", "(T, B, D) = (3, 2, 4)"), ("1", "(B, T, D) = (2, 3, 4)")])
def test_the_picture_tells_the_shapes_and_batch_first_leaves_h_n_alone(first, written):
    app = open_cells(part="rnncell", batch="2", batch_first=first)
    texts = [each["text"] for each in charts(app)["stack"]["figure"]["layout"]["annotations"]]
    assert any(written in each for each in texts)
    assert any("h_n<br>(L, B, H)<br>= (1, 2, 2)" in each for each in texts)
    assert ("batch_first=True" in app.code[1].value) == (first == "1")


def test_a_box_of_the_picture_tells_its_states():
    app = open_cells(part="rnncell", depth="2", batch="2")
    network = initial.network("rnn_tanh", 4, 2, 2, num_classes=1, seed=0)
    states = rnncell.by_layers(network, np.eye(4)[rnncell.read_rows(3, 2, 4)])[2]
    told = charts(app)["stack"]["figure"]["data"][2]["customdata"]
    numbers = [re.findall(r"\[(.*?)\]", each) for each in told]
    expected = [[", ".join(map(plain, row)) for row in layer[t]] for layer in states for t in range(3)]
    assert numbers == expected


def test_what_a_link_cannot_mean_here_is_left_out_and_said():
    app = open_cells(part="rnncell", batch="8", units="64", batch_first="2", alphabet="runes")
    assert set(app.session_state["link_ignored"]) == {"batch", "units", "batch_first", "alphabet"}


@pytest.mark.parametrize("alphabet", rnncell.READ)
def test_a_batch_does_not_read_the_same_down_and_across(alphabet):
    rows = rnncell.read_rows(3, 3, 4, alphabet)
    assert len({tuple(each) for each in (*rows, *rows.T)}) == 6


def test_the_story_of_words_reads_four_different_words():
    code = open_cells(part="rnncell", alphabet="words", steps="4").code[0].value
    assert "# the cat sat down" in code


def test_a_prediction_keeps_the_readers_settings():
    app = open_cells(part="rnncell", batch="3", batch_first="1")
    app.button(key="predict_rnncell_a").click().run()
    assert app.session_state["batch"] == 3
    assert app.session_state["batch_first"] == 1
    assert app.session_state["depth"] == 1
