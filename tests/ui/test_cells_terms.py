"""BPTT term by term: the table, one term, the check of all gradients, and the exercises hold real numbers."""

import re

import numpy as np
import pytest
import streamlit as st
import torch

from rnnviz import arithmetic, learn, mistakes, text
from rnnviz.training import unrolled
from rnnviz.ui.cells import terms, tiny
from rnnviz.ui.cells.numbers import plain, tex
from rnnviz.ui.cells.terms import mending
from rnnviz.ui.cells.terms.product import _two_factors
from tests.ui.test_cells_parts import open_cells, told

WORDS = text.Words("en")


def table(app, name: str) -> str:
    """Return the HTML of the last table of a class."""
    return [each.proto.body for each in app.get("html") if f'class="numbers {name}"' in each.proto.body][-1]


def cells(html: str) -> list[list[str]]:
    """Return a table's cells by row, without those of its head."""
    rows = re.findall(r"<tr>(.*?)</tr>", html.partition("<tbody>")[2])
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]


def formulas(app) -> list[str]:
    return [each.value.strip("$\n") for each in app.latex]


def shown(cell: str, loss: str, **sizes: int) -> tiny.Tiny:
    sizes = {"units": 2, "steps": 4, "features": 2, "depth": 1} | sizes
    return tiny.build(cell, loss, 0, tiny.seeded(cell, **sizes, loss=loss, seed=0), {})


def autograd_terms(case: tiny.Tiny, name: str, place: tuple[int, ...]) -> np.ndarray:
    """Return the terms (T, T) of one number in each L_t, by autograd in the steps' own copies of it; one layer."""
    arrays, T, own, logits = case.network.arrays, case.steps, [], []
    state = {"h": torch.zeros(case.network.hidden_size, dtype=torch.double)}
    if "c" in case.network.kind.states:
        state["c"] = state["h"].clone()
    for line in torch.tensor(case.x):
        tensors = {key: torch.tensor(array, requires_grad=True) for key, array in arrays.items()}
        of_cell = {key[4:-3]: value for key, value in tensors.items() if key.startswith("rnn.")}
        basic = [of_cell.pop(key) for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        found = unrolled.step(case.network.cell, unrolled.Layer(*basic, of_cell), line, state)
        state = {key: found[key] for key in state}
        own.append(tensors)
        logits.append(tensors["head.weight"] @ state["h"] + tensors["head.bias"])
    terms = np.zeros((T, T))
    for t in range(T):
        if case.loss == "mse":
            loss = (logits[t] - torch.tensor(case.label[t])).pow(2).mean()
        elif case.loss == "last" and t < T - 1:
            continue
        else:
            label = case.label if case.loss == "last" else case.label[t]
            loss = torch.nn.functional.cross_entropy(logits[t][None], torch.tensor([int(label)]))
        grads = torch.autograd.grad(loss, [each[name] for each in own], retain_graph=True, allow_unused=True)
        terms[t] = [0.0 if grad is None else grad[place].item() for grad in grads]
    return terms


@pytest.mark.parametrize("loss", ["last", "every", "mse"])
@pytest.mark.parametrize(
    ("cell", "name", "place"),
    [
        ("rnn_tanh", "rnn.weight_hh_l0", (0, 1)),
        ("rnn_tanh", "rnn.weight_ih_l0", (1, 0)),
        ("rnn_relu", "rnn.bias_ih_l0", (1,)),
        ("rnn_tanh", "head.weight", (1, 0)),
        ("rnn_tanh", "head.bias", (0,)),
        ("lstm", "rnn.weight_hh_l0", (2, 1)),
        ("gru", "rnn.weight_hh_l0", (5, 0)),
        ("gru", "rnn.bias_hh_l0", (4,)),
        ("peephole_lstm", "rnn.weight_ch_l0", (5,)),
    ],
)
def test_the_table_holds_autograds_terms_and_their_sums(cell, name, place, loss):
    app = open_cells(part="terms", cell=cell, loss=loss, entry=".".join([name, *map(str, place)]))
    assert not app.session_state["link_ignored"]
    case = shown(cell, loss)
    terms, T = autograd_terms(case, name, place), case.steps
    found = cells(table(app, "terms"))
    for t in range(T):
        has_loss = loss != "last" or t == T - 1
        expected = [plain(terms[t, k]) if k <= t and has_loss else "" for k in range(T)]
        assert found[t][:T] == expected
        assert found[t][T] == (plain(terms[t].sum()) if has_loss else "")
    count = 1 if loss == "last" else T
    assert found[T][:T] == [plain(each) for each in terms.sum(axis=0) / count]
    assert 'class="wrong"' not in table(app, "terms")
    whole = learn.gradients(case.network, case.trace)[name][place]
    assert f"divided by N = {count}, the number of losses: **{plain(whole, 8)}**. " in told(app)
    assert f"`learn.gradients`: **{plain(whole, 8)}**" in told(app)


@pytest.mark.parametrize("depth", ["1", "2"])
@pytest.mark.parametrize("cell", tiny.CELLS)
def test_all_gradients_of_every_cell_are_green(cell, depth):
    app = open_cells(part="terms", cell=cell, depth=depth)
    html = table(app, "terms-all")
    case = shown(cell, "every", depth=int(depth))
    assert html.count('scope="row"') == len(case.network.arrays)
    assert html.count(f'<td class="sound">{WORDS("terms.equal")}</td>') == len(case.network.arrays)


def test_the_product_of_a_term_is_the_term():
    """A row, two Jacobians and a column: what is written multiplies to what is written after it."""
    app = open_cells(part="terms", t="4", k="2", entry="rnn.weight_hh_l0.0.1")
    case = shown("rnn_tanh", "every")
    term = autograd_terms(case, "rnn.weight_hh_l0", (0, 1))[3, 1]
    (line,) = [each for each in formulas(app) if each.startswith("= ")]
    written = re.findall(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}", line)
    matrices = [np.array([[float(n) for n in row.split("&")] for row in each.split(r"\\")]) for each in written]
    assert [each.shape for each in matrices] == [(1, 2), (2, 2), (2, 2), (2, 1)]
    assert np.linalg.multi_dot(matrices).item() == pytest.approx(term, rel=0.01)  # they are written with 3 digits
    assert line.endswith(f"= {tex(term)}")


@pytest.mark.parametrize(
    ("cell", "entry"),
    [
        ("lstm", "rnn.weight_hh_l0.2.1"),
        ("lstm", "rnn.weight_ih_l0.7.0"),
        ("gru", "rnn.weight_hh_l0.5.0"),
        ("gru", "rnn.weight_ih_l0.4.1"),
        ("peephole_lstm", "rnn.weight_ch_l0.5"),
        ("peephole_lstm_full", "rnn.weight_ch_l0.2.1"),
    ],
)
def test_the_two_factors_of_a_gated_cells_term_multiply_to_it(cell, entry):
    app = open_cells(part="terms", cell=cell, entry=entry, t="4", k="3")
    (line,) = [each for each in formulas(app) if "bigg|" in each]
    line = re.sub(r"\\cdot 10\^\{(-?\d+)\}", r"e\1", line)
    product, term = line.rsplit(" = ", 2)[1:]
    factors = [float(each.strip("()")) for each in product.split(r"\cdot")]
    assert np.prod(factors) == pytest.approx(float(term), rel=0.01)
    name, _, rest = entry.partition("_l0.")
    where = tuple(map(int, rest.split(".")))
    assert float(term) == pytest.approx(autograd_terms(shown(cell, "every"), f"{name}_l0", where)[3, 2], rel=0.01)


def gradients_of_sums(case: tiny.Tiny, t: int) -> dict[str, float]:
    """Return ∂L_t/∂a for every pre-activation, and ∂L_t/∂s behind reset gates, by autograd, by its letters."""
    network = case.network
    H, L, known, states = network.hidden_size, network.num_layers, {}, []
    tensors = {name: torch.tensor(array) for name, array in network.arrays.items()}
    for k in range(L):
        names = [name for name in tensors if name.startswith("rnn.") and name.endswith(f"_l{k}")]
        states.append({name[4:-3]: tensors[name] for name in names})
    h = [torch.zeros(H, dtype=torch.double) for _ in range(L)]
    c = [torch.zeros(H, dtype=torch.double) for _ in range(L)]
    for step in range(t):
        below = torch.tensor(case.x[step])
        for k, w in enumerate(states):
            above = f"^{{({k + 1})}}" if L > 1 else ""

            def loose(letter, block, value, step=step, above=above):
                leaf = torch.zeros(H, dtype=torch.double, requires_grad=True)
                for unit in range(H):
                    named = f"{block},{step + 1}" if block else f"{step + 1}"
                    known[f"{letter}_{{{named}}}{above}[{unit + 1}]"] = leaf, unit
                return value + leaf

            given, old = w["weight_ih"] @ below + w["bias_ih"], w["weight_hh"] @ h[k] + w["bias_hh"]
            if network.cell == "gru":
                (ir, iz, i_n), (hr, hz, hn) = given.split(H), old.split(H)
                r, z = (loose("a", b, one + two).sigmoid() for b, one, two in (("r", ir, hr), ("z", iz, hz)))
                n = loose("a", "n", i_n + r * loose("s", "", hn)).tanh()
                h[k] = (1 - z) * n + z * h[k]
            elif len(network.kind.blocks) == 4:
                i, f, g, o = (given + old).split(H)
                peep = w.get("weight_ch", torch.zeros(3 * H)).split(H)
                seen = [lambda c, p=p: p @ c if p.ndim == 2 else p * c for p in peep]
                i, f = loose("a", "i", i + seen[0](c[k])).sigmoid(), loose("a", "f", f + seen[1](c[k])).sigmoid()
                c[k] = f * c[k] + i * loose("a", "g", g).tanh()
                h[k] = loose("a", "o", o + seen[2](c[k])).sigmoid() * c[k].tanh()
            else:
                act = {"rnn_tanh": torch.tanh, "rnn_relu": torch.relu, "rnn_sigmoid": torch.sigmoid}[network.cell]
                h[k] = act(loose("a", "", given + old))
            below = h[k]
    logits = tensors["head.weight"] @ h[-1] + tensors["head.bias"]
    torch.nn.functional.cross_entropy(logits[None], torch.tensor([int(case.label[t - 1])])).backward()
    return {name: leaf.grad[unit].item() for name, (leaf, unit) in known.items()}


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("cell", tiny.CELLS)
def test_the_first_factor_is_autograds_gradient_of_what_its_letters_name(cell, depth, monkeypatch):
    """Every block of every parameter: a row of a GRU's W_hn is behind the reset gate, and its letters say so."""
    case = shown(cell, "every", depth=depth)
    known, told = gradients_of_sums(case, 4), []
    monkeypatch.setattr(st, "latex", told.append)
    alone = terms.alone(case)[3]
    H, k, seen = case.network.hidden_size, 3, 0
    by_use = learn.by_use(case.network, alone)
    for name, array in case.network.arrays.items():
        if name.startswith("head"):
            continue
        for row in range(0, len(array), H):
            place = (row + 1, *(1,) * (array.ndim - 1))
            _two_factors("", case, (name, place), alone, float(by_use[name][(k - 1, *place)]), (4, k))
            formula = told.pop()
            (letters,) = re.findall(r"\\frac\{\\partial L_\{4\}\}\{\\partial (.*?\])\}", formula)
            values = re.sub(r"\\cdot 10\^\{(-?\d+)\}", r"e\1", formula).split(" = ")[2]
            first = float(values.split(r"\cdot")[0].strip("()"))
            assert first == pytest.approx(known[letters], rel=0.01, abs=1e-12), (name, place, letters)
            assert letters.startswith("s") == (cell == "gru" and "_hh" in name and row == 2 * H)
            seen += 1
    assert seen == depth * len(case.network.kind.blocks) * 4 + depth * 3 * ("peephole" in cell)


def test_the_check_of_all_gradients_is_made_anew_for_another_network_only(monkeypatch):
    moves, move = [], terms._moved

    def counted(case, name, place):
        moves.append(name)
        return move(case, name, place)

    monkeypatch.setattr(terms, "_moved", counted)
    app = open_cells(part="terms", edits="x.0.0:0.25")
    whole = sum(array.size for array in shown("rnn_tanh", "every").network.arrays.values())
    assert len(moves) == 1 + whole
    before = table(app, "terms-all")
    app.button_group(key="widget_k").set_value(1).run()
    assert len(moves) == 2 + whole
    assert table(app, "terms-all") == before
    for setting in ({"loss": "mse"}, {"seed": 1}, {"steps": 3}, {"cell": "rnn_relu"}, {"edits": {"x.0.0": 0.75}}):
        for key, value in setting.items():
            app.session_state[key] = value
        moves.clear()
        app.run()
        assert len(moves) == 1 + whole, setting
        assert table(app, "terms-all") != before


@pytest.mark.parametrize("cell", ["rnn_tanh", "peephole_lstm"])
def test_a_steps_loss_is_the_one_that_part_1_shows(cell):
    """L_t is that of the graph of every number, under the same letter; a step without a target counts for none."""
    app = open_cells(part="terms", cell=cell, edits="y.1:-1")
    case = shown(cell, "every")
    case = tiny.build(cell, "every", 0, case.seeded, {"y.1": -1.0})
    rows = re.findall(r'<th scope="row">L<sub>(\d)</sub> = (.*?)</th>', table(app, "terms"))
    losses = {
        box.step: box.nodes[0].value
        for box in arithmetic.graph(case.network, case.x, case.label, "every").boxes
        if box.signal == "l"
    }
    assert {int(step) - 1: value for step, value in rows} == {t: f"{value:.4g}" for t, value in losses.items()}
    assert "Sum / 3" in table(app, "terms")


def test_a_changed_number_changes_the_table():
    before = table(open_cells(part="terms"), "terms")
    after = table(open_cells(part="terms", edits="rnn.weight_hh_l0.0.0:0.9"), "terms")
    assert before != after


def test_an_entry_that_is_not_there_is_left_out_and_said_but_one_that_goes_with_a_control_is_not():
    app = open_cells(part="terms", entry="rnn.weight_hh_l0.7.7")
    assert app.session_state["link_ignored"] == ["entry"]
    app = open_cells(part="terms", units="4", entry="rnn.weight_hh_l0.3.3")
    assert not app.session_state["link_ignored"]
    app.selectbox(key="widget_terms_row").set_value(4).run()
    app.session_state["units"] = 2
    app.run()
    assert not app.exception
    assert not app.session_state["link_ignored"]


def test_choosing_a_number_writes_the_link():
    app = open_cells(part="terms")
    app.selectbox(key="widget_terms_name").set_value("rnn.weight_ih_l0").run()
    app.selectbox(key="widget_terms_row").set_value(2).run()
    assert app.session_state["link"]["entry"] == "rnn.weight_ih_l0.1.1"
    app.selectbox(key="widget_terms_name").set_value("head.bias").run()
    assert app.session_state["link"]["entry"] == "head.bias.1"
    assert not app.exception


# ---- Find the mistake


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_a_wrong_program_is_shown_red_by_what_is_measured(name):
    app = open_cells(part="terms", mistake=name, seed="2")
    mistake, (parameters, x, y) = mistakes.MISTAKES[name], mending.to_mend(2)
    own = {key: torch.tensor(array, requires_grad=True) for key, array in parameters.items()}
    h, errors = torch.zeros(3, dtype=torch.double), []
    for line, target in zip(torch.tensor(x), torch.tensor(y), strict=True):
        h = torch.tanh(own["W_hx"] @ line + own["W_hh"] @ h + own["b_h"])
        errors.append(own["W_hy"] @ h + own["b_y"] - target)
    (0.5 * (errors[1] if name == "later" else torch.stack(errors)).pow(2).mean()).backward()
    wrong = mistake.gradients(parameters, x, y)
    found = [row[-1] for row in cells(table(app, "mistake"))]
    shares = [mistakes.relative(wrong[key], own[key].grad.numpy()) for key in mistakes.PARAMETERS]
    for text_shown, share in zip(found, shares, strict=True):
        assert (text_shown == WORDS("mistake.off", share=share)) == (share > 1e-6)
    assert 'class="wrong"' in table(app, "mistake")
    assert mistake.source.strip() in [each.value for each in app.code]


@pytest.mark.parametrize("name", mistakes.MISTAKES)
def test_only_the_wrong_line_mends_it_and_then_all_is_green(name):
    app = open_cells(part="terms", mistake=name)
    mistake = mistakes.MISTAKES[name]
    app.selectbox(key=f"widget_line_{name}").set_value(mistake.line - 1).run()
    assert WORDS("mistake.not_this", line=mistake.line - 1) in told(app)
    assert 'class="wrong"' in table(app, "mistake")
    app.selectbox(key=f"widget_line_{name}").set_value(mistake.line).run()
    assert WORDS(f"mistake.{name}.why") in told(app)
    assert 'class="wrong"' not in table(app, "mistake")
    assert mistake.right_source.strip() in [each.value for each in app.code]


def test_an_unknown_mistake_is_left_out_and_said():
    app = open_cells(part="terms", mistake="typo")
    assert app.session_state["link_ignored"] == ["mistake"]
    assert not app.exception
