"""The arithmetic of small networks: every scalar, forward and backward, is the core's and autograd's."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rnnviz import arithmetic, learn
from rnnviz.network import Network
from rnnviz.trace import record
from rnnviz.training import unrolled
from tests.cells.examples import arrays, case, label_for, projected

CELLS = tuple(arithmetic.CELLS)
LOSSES = tuple(arithmetic.LOSSES)
T, D, H, K = 4, 3, 2, 2


def example(cell: str, loss: str, L: int):
    network, x, _ = case(cell, T=T, D=D, H=H, L=L, K=K, seed=3)
    return network, x, label_for(loss, T, K, seed=1)


def autograd(network: Network, x: np.ndarray, label, loss: str) -> tuple[float, dict[str, np.ndarray]]:
    """Return the loss and its gradient in every parameter, by torch over the cells unrolled."""
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in network.arrays.items()}
    inputs = list(torch.tensor(x))
    for k in range(network.num_layers):
        own = {name[4:-3]: tensor for name, tensor in tensors.items() if name.endswith(f"_l{k}")}
        layer = unrolled.Layer(*(own.pop(name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")), own)
        zeros = torch.zeros(network.hidden_size, dtype=torch.float64)
        state = dict.fromkeys(network.kind.states, zeros)
        for t, x_t in enumerate(inputs):
            values = unrolled.step(network.cell, layer, x_t, state)
            state, inputs[t] = {name: values[name] for name in state}, values["h"]
    logits = torch.stack(inputs) @ tensors["head.weight"].T + tensors["head.bias"]
    if loss == "mse":
        value = F.mse_loss(logits, torch.tensor(label))
    elif loss == "every":
        value = F.cross_entropy(logits, torch.tensor(label), ignore_index=-1)
    else:
        value = F.cross_entropy(logits[-1:], torch.tensor([label]))
    value.backward()
    return value.item(), {name: tensor.grad.numpy() for name, tensor in tensors.items()}


def gathered(graph: arithmetic.Graph, names: list[list[str]], what: str = "value") -> np.ndarray:
    return np.array([[getattr(graph[name], what) for name in row] for row in names])


def close(ours: np.ndarray, theirs: np.ndarray, said: str = "") -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12 * max(np.abs(theirs).max(), 1e-300), err_msg=said)


@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_every_value_and_gradient_is_the_traces(cell, loss, L):
    network, x, label = example(cell, loss, L)
    graph, trace = arithmetic.graph(network, x, label, loss), record(network, x, label, loss=loss)
    close(graph.loss.value, trace.loss)
    kind = network.kind
    for k in range(L):
        for signal in {*kind.states, *kind.blocks} - {"a"}:
            names = [[f"{signal}_l{k}.{t}.{j}" for j in range(H)] for t in range(T)]
            close(gathered(graph, names), trace[signal][k], signal)
            if signal in kind.states:
                close(gathered(graph, names, "gradient"), trace.grad[signal][k], signal)
        blocks = ["a"] if kind.blocks == ("a",) else [f"a_{block}" for block in kind.blocks]
        names = [[f"{block}_l{k}.{t}.{j}" for block in blocks for j in range(H)] for t in range(T)]
        close(gathered(graph, names), trace["a"][k])
        close(gathered(graph, names, "gradient"), trace.grad["a"][k])
    names = [[f"x.{t}.{d}" for d in range(D)] for t in range(T)]
    close(gathered(graph, names), x)
    close(gathered(graph, names, "gradient"), trace.grad["x"])
    names = [[f"logits.{t}.{k}" for k in range(K)] for t in range(T)]
    close(gathered(graph, names), trace["logits"])
    close(gathered(graph, names, "gradient"), trace.grad["logits"])
    close(gathered(graph, [[f"p.{t}.{k}" for k in range(K)] for t in range(T)]), trace["probs"])
    starts = [[f"h_l{k}.start.{j}" for j in range(H)] for k in range(L)]
    close(gathered(graph, starts, "gradient"), learn.start_gradient(network, trace))


@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_the_gradient_in_every_parameter_is_autograds(cell, loss, L):
    network, x, label = example(cell, loss, L)
    graph = arithmetic.graph(network, x, label, loss)
    value, gradients = autograd(network, x, label, loss)
    close(graph.loss.value, value)
    ours = learn.gradients(network, record(network, x, label, loss=loss))
    assert set(graph.parameters) == set(gradients) == set(ours)
    for name, nodes in graph.parameters.items():
        found = np.array([node.gradient for node in nodes.flat]).reshape(nodes.shape)
        close(found, gradients[name], name)
        close(found, ours[name], name)
        assert [node.name for node in nodes.flat] == [
            ".".join([name, *map(str, index)]) for index in np.ndindex(nodes.shape)
        ]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_terms_and_shares_add_up_to_what_they_are_said_to_be(cell, loss):
    graph = arithmetic.graph(*example(cell, loss, 2), loss)
    for node in graph.values():
        if node.function in arithmetic.FUNCTIONS:
            assert math.isclose(node.value, arithmetic.FUNCTIONS[node.function][0](node.total))
        elif node.terms and not node.function:
            products = [term.scale * math.prod(factor.value for factor in term.factors) for term in node.terms]
            assert math.isclose(node.value, sum(products), abs_tol=1e-15)
        ways = [share.later.gradient * share.derivative for share in node.shares]
        assert math.isclose(node.gradient, sum(ways) if ways else node.name == "loss", abs_tol=1e-15)
        for share in node.shares:
            if not share.later.function:
                product = share.scale * math.prod(factor.value for factor in share.others)
                assert math.isclose(share.derivative, product, abs_tol=1e-15)


@pytest.mark.parametrize("cell", CELLS)
def test_a_weight_collects_one_share_at_every_step_that_uses_it(cell):
    graph = arithmetic.graph(*example(cell, "every", 2), "every")
    for name, nodes in graph.parameters.items():
        for node in nodes.flat:
            assert [share.later.step for share in node.shares] == list(range(T)), name


@pytest.mark.parametrize("cell", CELLS)
def test_a_loss_after_the_last_step_is_reached_by_its_scores_alone(cell):
    graph = arithmetic.graph(*example(cell, "last", 1))
    for node in graph.parameters["head.weight"].flat:
        assert [share.later.step for share in node.shares] == [T - 1]
    assert not graph["logits.1.0"].shares
    assert not any(share.later.letter == "ŷ" for share in graph["h_l0.1.0"].shares)


def order(cell: str) -> list[str]:
    """Return the signals of the second step, as they come to be."""
    graph = arithmetic.graph(*example(cell, "last", 1))
    return [box.signal for box in graph.boxes if box.step == 1]


def test_the_cells_compute_in_their_true_order():
    assert order("rnn_tanh") == ["x", "a", "h", "logits", "p"]
    lstm = order("lstm")
    assert lstm[1:5] == ["a_i", "a_f", "a_g", "a_o"]
    assert lstm.index("o") < lstm.index("c") < lstm.index("m") < lstm.index("h")
    for cell in ("peephole_lstm", "peephole_lstm_full"):  # the output gate sees the new cell
        signals = order(cell)
        assert signals.index("i") < signals.index("c") < signals.index("a_o") < signals.index("o") < signals.index("h")
    gru = order("gru")
    assert gru.index("r") < gru.index("a_n") < gru.index("n") < gru.index("h")


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_node_is_made_of_was_there_before(cell):
    graph = arithmetic.graph(*example(cell, "mse", 2), "mse")
    seen = set()
    for name, node in graph.items():
        assert all(factor.node.name in seen for term in node.terms for factor in term.factors)
        seen.add(name)
    boxed = [node.name for moment in graph.moments for box in moment for node in box.nodes]
    assert len(boxed) == len(set(boxed))
    given = {arithmetic.PARAMETER, arithmetic.START, arithmetic.TARGET}
    assert set(boxed) == {name for name, node in graph.items() if node.stage not in given}
    assert {box.stage for box in graph.boxes} <= set(arithmetic.STAGES)


def test_the_forget_gate_multiplies_the_cell_state_and_not_the_hidden_state():
    graph = arithmetic.graph(*example("lstm", "last", 1))
    first = graph["c_l0.2.1"].terms[0]
    assert [factor.node.name for factor in first.factors] == ["f_l0.2.1", "c_l0.1.1"]


def test_a_step_without_a_target_has_no_loss():
    network, x, _ = example("gru", "every", 1)
    graph = arithmetic.graph(network, x, np.array([-1, 0, -1, 1]), "every")
    assert [name for name in graph if name.startswith("l.")] == ["l.1", "l.3"]
    assert [term.scale for term in graph.loss.terms] == [0.5, 0.5]
    assert not any(graph[f"logits.2.{k}"].shares for k in range(K))


def test_a_network_that_is_sure_has_finite_numbers_and_a_gradient():
    tensors = arrays("rnn_tanh", D, H, K=K)
    tensors["head.bias"] = np.array([900.0, -900.0])
    network, x = Network("rnn_tanh", tensors), np.ones((T, D))
    for label in range(K):
        graph, trace = arithmetic.graph(network, x, label), record(network, x, label)
        assert all(math.isfinite(node.value) and math.isfinite(node.gradient) for node in graph.values())
        assert math.isclose(graph.loss.value, trace.loss)
        assert math.isclose(graph["logits.3.0"].gradient, trace.grad["logits"][-1, 0], abs_tol=1e-300)


def test_symbols_are_those_of_the_formulas_counted_from_1():
    graph = arithmetic.graph(*example("lstm", "mse", 2), "mse")
    names = {
        "rnn.weight_hh_l0.2.1": "W_hf[1,2]^(1)",
        "rnn.weight_ih_l1.7.0": "W_io[2,1]^(2)",
        "rnn.bias_hh_l0.5": "b_hg[2]^(1)",
        "head.weight.1.0": "W_hy[2,1]",
        "x.2.0": "x_3[1]",
        "a_f_l0.1.0": "a_f,2[1]^(1)",
        "h_l1.start.1": "h_0[2]^(2)",
        "m_l0.0.0": "tanh c_1[1]^(1)",
        "l.3": "L_4",
        "loss": "L",
    }
    assert {name: graph[name].symbol for name in names} == names
    peephole = arithmetic.graph(*example("peephole_lstm", "last", 1))
    assert peephole["rnn.weight_ch_l0.5"].symbol == "P_o[2]^(1)"
    assert arithmetic.graph(*example("rnn_relu", "last", 1))["rnn.weight_hh_l0.1.0"].symbol == "W_hh[2,1]^(1)"


def test_what_has_no_arithmetic_here_is_refused():
    network, x, label = example("gru", "last", 1)
    with pytest.raises(ValueError, match="network must have a cell of rnn_tanh, .* Got 'layernorm_lstm'"):
        arithmetic.graph(*example("layernorm_lstm", "last", 1))
    with pytest.raises(ValueError, match="and no projection. Got 'gru'"):
        arithmetic.graph(Network("gru", projected("gru", D, H, 1, P=2, K=K)), x, label)
    with pytest.raises(ValueError, match="loss must be one of last, every, mse. Got 'dot'"):
        arithmetic.graph(network, x, np.ones((T, K)), "dot")
    with pytest.raises(ValueError, match="label must be a class from 0 to 1"):
        arithmetic.graph(network, x, 7)
