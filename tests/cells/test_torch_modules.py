"""A network means what torch's modules mean: block order, biases, starts, and the same numbers as the fused kernels."""

import numpy as np
import pytest
import torch

from rnnviz.network import Network
from rnnviz.trace import record
from tests.cells.examples import CELLS, arrays, projected

MODULES = {
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": lambda *sizes, **options: torch.nn.RNN(*sizes, nonlinearity="relu", **options),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}


def sigmoid(a: float) -> float:
    return 1 / (1 + np.exp(-a))


def one_unit(
    cell: str, x_weights, biases_ih, biases_hh, h0: float = 0.0, h_weights=None, peepholes=None, steps: int = 1
) -> dict[str, float]:
    """Return what one unit computes from inputs of 1 in the last of some steps, by name."""
    h_weights = np.zeros(len(x_weights)) if h_weights is None else np.array(h_weights)
    tensors = {"rnn.weight_ih_l0": np.array(x_weights)[:, None], "rnn.weight_hh_l0": h_weights[:, None]}
    tensors |= {"rnn.bias_ih_l0": np.array(biases_ih), "rnn.bias_hh_l0": np.array(biases_hh)}
    if peepholes is not None:
        tensors["rnn.weight_ch_l0"] = np.array(peepholes)
    network = Network(cell, {**tensors, "head.weight": np.ones((2, 1))})
    trace = record(network, np.ones((steps, 1)), 0, h0=np.array([[h0]]))
    return {name: float(trace[name][0, -1, 0]) for name in network.signals if name != "a"}


def test_the_blocks_of_an_lstm_are_input_forget_candidate_output():
    values = one_unit("lstm", [0.1, 0.2, 0.3, 0.4], np.zeros(4), np.zeros(4))
    i, g, o = sigmoid(0.1), np.tanh(0.3), sigmoid(0.4)
    expected = {"i": i, "f": sigmoid(0.2), "g": g, "o": o, "c": i * g, "h": o * np.tanh(i * g)}
    assert values == pytest.approx(expected, rel=1e-15)


def test_peepholes_let_i_and_f_see_the_last_cell_state_and_o_the_new_one():
    x_weights = [0.1, 0.2, 0.3, 0.4]
    first = one_unit("peephole_lstm", x_weights, np.zeros(4), np.zeros(4), peepholes=[5.0, 6.0, 7.0])
    i, f, g = sigmoid(0.1), sigmoid(0.2), np.tanh(0.3)  # c_0 is 0
    c = i * g
    o = sigmoid(0.4 + 7.0 * c)
    assert first == pytest.approx({"i": i, "f": f, "g": g, "o": o, "c": c, "h": o * np.tanh(c)}, rel=1e-15)
    second = one_unit("peephole_lstm", x_weights, np.zeros(4), np.zeros(4), peepholes=[5.0, 6.0, 7.0], steps=2)
    i, f = sigmoid(0.1 + 5.0 * c), sigmoid(0.2 + 6.0 * c)
    c = f * c + i * g
    o = sigmoid(0.4 + 7.0 * c)
    assert second == pytest.approx({"i": i, "f": f, "g": g, "o": o, "c": c, "h": o * np.tanh(c)}, rel=1e-14)


def test_full_peepholes_with_diagonal_matrices_are_diagonal_peepholes():
    tensors, x = arrays("peephole_lstm", D=3, H=4, L=2), np.random.default_rng(0).random((9, 3))
    matrices = {
        name: np.concatenate([np.diag(P) for P in np.split(array, 3)])
        for name, array in tensors.items()
        if "weight_ch" in name
    }
    diagonal = record(Network("peephole_lstm", tensors), x, 1)
    full = record(Network("peephole_lstm_full", tensors | matrices), x, 1)
    for name in ("h", "c", "a"):
        np.testing.assert_allclose(full[name], diagonal[name], rtol=0, atol=1e-15)
        np.testing.assert_allclose(full.grad[name], diagonal.grad[name], rtol=0, atol=1e-16)


def test_peepholes_of_zero_leave_an_lstm():
    tensors, x = arrays("lstm", D=3, H=4, L=2), np.random.default_rng(0).random((9, 3))
    lstm = record(Network("lstm", tensors), x, 1)
    for cell, shape in (("peephole_lstm", (12,)), ("peephole_lstm_full", (12, 4))):
        blind = record(Network(cell, tensors | {f"rnn.weight_ch_l{k}": np.zeros(shape) for k in (0, 1)}), x, 1)
        for name in ("h", "c", "a"):
            np.testing.assert_array_equal(blind[name], lstm[name])
            np.testing.assert_array_equal(blind.grad[name], lstm.grad[name])


def test_normalisation_is_that_of_torchs_layer_norm():
    tensors, T, H = arrays("layernorm_lstm", D=3, H=5), 20, 5
    w = {name.removeprefix("rnn.").removesuffix("_l0"): torch.tensor(array) for name, array in tensors.items()}
    x = torch.tensor(np.random.default_rng(0).standard_normal((T, 3)), requires_grad=True)
    norm, h, c, seen = torch.nn.functional.layer_norm, torch.zeros(H).double(), torch.zeros(H).double(), []
    for x_t in x:
        a = norm(w["weight_ih"] @ x_t, (4 * H,), w["gain_ih"], w["bias_ih"])
        a = a + norm(w["weight_hh"] @ h, (4 * H,), w["gain_hh"], w["bias_hh"])
        i, f, g, o = a.chunk(4)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * norm(c, (H,), w["gain_c"], w["bias_c"]).tanh()
        seen.append({"a": a, "c": c, "h": h})
        for tensor in seen[-1].values():
            tensor.retain_grad()
    logits = w["head.weight"] @ h + w["head.bias"]
    torch.nn.functional.cross_entropy(logits[None], torch.tensor([2])).backward()
    trace = record(Network("layernorm_lstm", tensors), x.detach().numpy(), 2)
    for name in ("a", "c", "h"):
        values = torch.stack([step[name] for step in seen]).detach().numpy()
        gradients = torch.stack([step[name].grad for step in seen]).numpy()
        np.testing.assert_allclose(trace[name][0], values, rtol=0, atol=1e-12 * np.abs(values).max())
        np.testing.assert_allclose(trace.grad[name][0], gradients, rtol=0, atol=1e-12 * np.abs(gradients).max())
    np.testing.assert_allclose(trace.grad["x"], x.grad, rtol=0, atol=1e-12 * np.abs(trace.grad["x"]).max())


def test_the_blocks_of_a_gru_are_reset_update_candidate():
    values = one_unit("gru", [0.1, 0.2, 0.3], np.zeros(3), np.zeros(3))
    z, n = sigmoid(0.2), np.tanh(0.3)
    assert values == pytest.approx({"r": sigmoid(0.1), "z": z, "n": n, "h": (1 - z) * n}, rel=1e-15)


def test_the_reset_gate_multiplies_the_recurrent_bias_of_the_candidate_but_not_its_input_bias():
    by_input = one_unit("gru", np.zeros(3), [-2.0, 0.0, 0.7], np.zeros(3))
    by_state = one_unit("gru", np.zeros(3), [-2.0, 0.0, 0.0], [0.0, 0.0, 0.7])
    assert by_input["n"] == pytest.approx(np.tanh(0.7), rel=1e-15)
    assert by_state["n"] == pytest.approx(np.tanh(0.7 * sigmoid(-2.0)), rel=1e-15)


def test_the_reset_gate_acts_after_the_matrix_product_and_z_keeps_the_old_state():
    values = one_unit("gru", np.zeros(3), [-1.0, 0.5, 0.0], [0.0, 0.0, 0.3], h0=0.8, h_weights=[0.0, 0.0, 2.0])
    r, z = sigmoid(-1.0), sigmoid(0.5)
    n = np.tanh(r * (2.0 * 0.8 + 0.3))
    assert values == pytest.approx({"r": r, "z": z, "n": n, "h": (1 - z) * n + z * 0.8}, rel=1e-15)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("L", [1, 2, 3])
@pytest.mark.parametrize("cell", MODULES)
def test_states_scores_and_the_gradient_in_the_input_equal_those_of_the_fused_module(cell, L, bias):
    torch.manual_seed(L)
    module = MODULES[cell](4, 9, num_layers=L, bias=bias).double()
    head = torch.nn.Linear(9, 5, bias=bias).double()
    network = Network.from_torch(module, head)
    x = torch.randn(30, 4, dtype=torch.float64, requires_grad=True)
    h0 = torch.rand(L, 9, dtype=torch.float64) - 0.5
    out, last = module(x, (h0, torch.zeros_like(h0)) if cell == "lstm" else h0)
    torch.nn.functional.cross_entropy(head(out)[-1:], torch.tensor([2])).backward()
    trace = record(network, x.detach().numpy(), 2, h0=h0.numpy())
    final = last if cell == "lstm" else (last,)
    for ours, theirs in (
        (trace["h"][-1], out),
        *zip((trace[name][:, -1] for name in ("h", "c")[: len(final)]), final, strict=True),
        (trace["logits"], head(out)),
        (trace.grad["x"], x.grad),
    ):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=0, atol=1e-12 * theirs.detach().abs().max().item())
    assert (network.cell, network.num_layers, network.input_size, network.hidden_size) == (cell, L, 4, 9)
    assert network.num_classes == 5


def test_weights_in_single_or_half_precision_are_taken_as_they_are():
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        module, head = torch.nn.GRU(3, 4).to(dtype), torch.nn.Linear(4, 2).to(dtype)
        network = Network.from_torch(module, head)
        np.testing.assert_array_equal(network.layers[0].W_hh, module.weight_hh_l0.detach().double())
        assert network.layers[0].W_hh.dtype == np.float64


def test_a_network_is_a_copy_that_training_the_module_does_not_change():
    module, head = torch.nn.RNN(3, 4).double(), torch.nn.Linear(4, 2).double()
    network = Network.from_torch(module, head)
    before = network.arrays["rnn.weight_hh_l0"].copy()
    with torch.no_grad():
        module.weight_hh_l0 += 1.0
        head.weight += 1.0
    np.testing.assert_array_equal(network.arrays["rnn.weight_hh_l0"], before)
    np.testing.assert_array_equal(network.head[0] + 1.0, head.weight.detach())


def test_a_state_dict_under_torchs_names_is_a_network():
    model = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(3, 4, num_layers=2), "head": torch.nn.Linear(4, 2)})
    named = Network("lstm", {name: tensor.numpy() for name, tensor in model.state_dict().items()})
    converted = Network.from_torch(model["rnn"], model["head"])
    assert list(named.arrays) == list(converted.arrays)
    assert all(np.array_equal(named.arrays[name], converted.arrays[name]) for name in named.arrays)
    assert named.num_parameters == sum(tensor.numel() for tensor in model.parameters())


class Stack(torch.nn.Module):
    """A recurrent module of one's own: the tensors of a cell under a network's names, without "rnn."."""

    def __init__(self, cell: str, tensors: dict):
        super().__init__()
        self.mode = cell.upper()
        for name, array in tensors.items():
            if name.startswith("rnn."):
                self.register_parameter(name.removeprefix("rnn."), torch.nn.Parameter(torch.tensor(array)))


@pytest.mark.parametrize("cell", CELLS)
def test_a_module_of_ones_own_and_a_projection_are_a_network(cell):
    tensors = projected(cell, D=4, H=5, L=2, P=6)
    linear = {"head": torch.nn.Linear(5, 3).double(), "project": torch.nn.Linear(4, 6).double()}
    for name, layer in linear.items():
        layer.load_state_dict({key: torch.tensor(tensors[f"{name}.{key}"]) for key in ("weight", "bias")})
    network = Network.from_torch(Stack(cell, tensors), linear["head"], linear["project"])
    assert network.cell == cell
    assert set(network.arrays) == set(tensors)
    for name, array in tensors.items():
        np.testing.assert_array_equal(network.arrays[name], array)


def test_from_torch_refuses_a_projection_that_is_not_linear():
    with pytest.raises(ValueError, match="project must be a torch nn.Linear. Got Embedding"):
        Network.from_torch(torch.nn.LSTM(3, 4), torch.nn.Linear(4, 2), torch.nn.Embedding(2, 3))


@pytest.mark.parametrize("options", [{"bidirectional": True}, {"proj_size": 2}])
def test_from_torch_refuses_both_directions_and_projections(options):
    with pytest.raises(ValueError, match="must read in one direction and have no projection"):
        Network.from_torch(torch.nn.LSTM(3, 4, **options), torch.nn.Linear(4, 2))


@pytest.mark.parametrize("module", [torch.nn.LSTMCell(3, 4), torch.nn.Linear(3, 4), torch.nn.Upsample(scale_factor=2)])
def test_from_torch_refuses_other_modules(module):
    with pytest.raises(ValueError, match="module must be a torch nn.RNN, nn.LSTM or nn.GRU. Got "):
        Network.from_torch(module, torch.nn.Linear(4, 2))


@pytest.mark.parametrize("head", [torch.nn.Embedding(2, 4), torch.nn.LayerNorm(4), torch.nn.ReLU()])
def test_from_torch_refuses_a_head_that_is_not_linear(head):
    with pytest.raises(ValueError, match="head must be a torch nn.Linear. Got "):
        Network.from_torch(torch.nn.LSTM(3, 4), head)


@pytest.mark.parametrize("cell", CELLS)
def test_a_readout_that_does_not_fit_the_hidden_size_is_refused(cell):
    with pytest.raises(ValueError, match=r"head.weight of this \w+ must have shape \(3, 5\). Got \(3, 6\)"):
        Network(cell, {**arrays(cell, D=2, H=5), "head.weight": np.ones((3, 6))})
