"""What does not fit is refused in words that say what must be, what came, and what to do."""

import re

import numpy as np
import pytest

from rnnviz import initial
from rnnviz.network import Network
from rnnviz.trace import record, record_many
from tests.cells.examples import CELLS, arrays, case, projected

NETWORK = case("lstm", T=1, D=3, H=5, L=2, K=4)[0]
X = np.random.default_rng(0).random((6, 3))
NAN, INF = X.copy(), X.copy()
NAN[2, 1], INF[0, 0] = np.nan, -np.inf


def refused(words: str):
    return pytest.raises(ValueError, match=f"^{re.escape(words)}")


@pytest.mark.parametrize(
    ("x", "words"),
    [
        (X[None], "x must have shape (T, D), one row per time step. Got (1, 6, 3). Drop the batch axis."),
        (np.stack([X, X]), "x must have shape (T, D), one row per time step. Got (2, 6, 3)."),
        (X[0], "x must have shape (T, D), one row per time step. Got (3,)."),
        (X[:0], "x must have shape (T, D), one row per time step. Got (0, 3)."),
        (X[:, :2], "x must have 3 numbers per row for this network. Got 2."),
        (NAN, "x must hold finite numbers. Got nan or inf."),
        (INF, "x must hold finite numbers. Got nan or inf."),
    ],
)
def test_a_sequence_that_does_not_fit_is_refused(x, words):
    with refused(words):
        record(NETWORK, x, 0)


@pytest.mark.parametrize("label", [4, -1, 1.0, np.float64(2), "3", True, np.True_, [1], np.array([1])])
def test_a_label_that_is_no_class_is_refused(label):
    with refused(f"label must be a class from 0 to 3, or None for the predicted one. Got {label!r}."):
        record(NETWORK, X, label)


@pytest.mark.parametrize(
    "labels", [None, 1, [0, 1], [0, 1, 2, 3, 0, 4], [0, 1, 2, 3, 0, -2], [-1] * 6, np.zeros(6), np.zeros(6, bool)]
)
def test_labels_that_are_not_one_class_per_step_are_refused(labels):
    with refused("label must hold 6 classes from 0 to 3, or -1 where a step has no target"):
        record(NETWORK, X, labels, loss="every")


@pytest.mark.parametrize(
    "targets", [None, 1, np.zeros(6), np.zeros((6, 3)), np.zeros((1, 6, 4)), np.full((6, 4), np.inf)]
)
def test_targets_that_are_not_one_number_per_step_and_class_are_refused(targets):
    shape = np.shape(np.asarray(targets, dtype=float))
    for loss in ("mse", "dot"):
        with refused(f'label must be finite, (6, 4), for the loss "{loss}". Got {shape}.'):
            record(NETWORK, X, targets, loss=loss)


@pytest.mark.parametrize("loss", ["first", "LAST", "", None])
def test_an_unknown_loss_is_answered_with_the_known_ones(loss):
    with refused(f"loss must be one of last, every, mse, dot. Got {loss!r}."):
        record(NETWORK, X, 0, loss=loss)


@pytest.mark.parametrize("h0", [np.zeros(5), np.zeros((1, 5)), np.zeros((2, 4)), np.zeros((2, 1, 5))])
def test_a_start_of_another_shape_is_refused(h0):
    with refused(f"h0 must be finite and have shape (L, H) = (2, 5). Got {h0.shape}."):
        record(NETWORK, X, 0, h0=h0)


def test_a_start_that_is_not_finite_is_refused():
    with refused("h0 must be finite and have shape (L, H) = (2, 5)."):
        record(NETWORK, X, 0, h0=np.full((2, 5), np.nan))


@pytest.mark.parametrize("name", ["y", "x", "r", "grad"])
def test_record_many_answers_an_unknown_signal_with_the_known_ones(name):
    with refused(f"signals must be among a, h, c, i, f, g, o, logits, probs. Got {name!r}."):
        record_many(NETWORK, X[None], ("h", name))


@pytest.mark.parametrize("shape", [(6, 3), (2, 6, 4), (1, 2, 6, 3), (3,), (2, 0, 3), (0, 6, 3)])
def test_record_many_refuses_images_of_another_shape(shape):
    with refused(f"images must have shape (N, T, 3). Got {shape}."):
        record_many(NETWORK, np.zeros(shape))


@pytest.mark.parametrize("cell", ["LSTM", "rnn", "", None])
def test_a_network_of_an_unknown_cell_is_answered_with_the_known_ones(cell):
    words = f"cell must be one of {', '.join(CELLS)}. Got {cell!r}."
    with refused(words):
        Network(cell, arrays("lstm", D=2, H=3))
    with refused(words):
        initial.network(cell)


@pytest.mark.parametrize("missing", ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight"])
@pytest.mark.parametrize("cell", CELLS)
def test_a_network_without_a_matrix_is_refused(cell, missing):
    tensors = arrays(cell, D=2, H=3)
    del tensors[missing]
    with refused(f"a network must have the matrix {missing}. Got {', '.join(tensors)}."):
        Network(cell, tensors)


@pytest.mark.parametrize(
    ("cell", "missing", "shape"),
    [
        ("peephole_lstm", "weight_ch", "(9,)"),
        ("peephole_lstm_full", "weight_ch", "(9, 3)"),
        ("layernorm_lstm", "gain_ih", "(12,)"),
        ("layernorm_lstm", "gain_hh", "(12,)"),
        ("layernorm_lstm", "gain_c", "(3,)"),
    ],
)
def test_a_network_without_what_its_cell_needs_is_refused(cell, missing, shape):
    tensors = arrays(cell, D=2, H=3, L=2)
    del tensors[f"rnn.{missing}_l1"]
    with refused(f"a network must have the tensor rnn.{missing}_l1 {shape}. Got rnn.weight_ih_l0, "):
        Network(cell, tensors)


@pytest.mark.parametrize(
    ("cell", "name", "shape", "expected"),
    [
        ("peephole_lstm", "rnn.weight_ch_l0", (9, 3), "(9,)"),
        ("peephole_lstm_full", "rnn.weight_ch_l1", (9,), "(9, 3)"),
        ("layernorm_lstm", "rnn.gain_ih_l0", (3,), "(12,)"),
        ("layernorm_lstm", "rnn.gain_c_l1", (12,), "(3,)"),
        ("layernorm_lstm", "rnn.bias_c_l0", (3, 1), "(3,)"),
    ],
)
def test_a_tensor_of_one_cell_in_another_shape_is_refused(cell, name, shape, expected):
    with refused(f"{name} of this {cell} must have shape {expected}. Got {shape}."):
        Network(cell, {**arrays(cell, D=2, H=3, L=2), name: np.zeros(shape)})


@pytest.mark.parametrize("name", ["rnn.weight_ch_l0", "rnn.gain_ih_l0", "rnn.bias_c_l0", "project.bias"])
def test_a_tensor_that_another_network_has_is_refused(name):
    with refused("a network with 1 layer(s) has the tensors rnn.weight_ih_l0, ") as caught:
        Network("lstm", {**arrays("lstm", D=2, H=3), name: np.zeros(9)})
    assert str(caught.value).endswith(f"Got {name!r} as well.")


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("project.weight", (5, 2), "project.weight of this gru must have shape (4, 2). Got (5, 2)."),
        ("project.bias", (2,), "project.bias of this gru must have shape (4,). Got (2,)."),
        ("project.weight", (4,), "a network must have the matrix project.weight, with rows and columns. Got the shape"),
        ("project.weight", (4, 0), "a network must have the matrix project.weight, with rows and columns. Got the"),
    ],
)
def test_a_projection_that_does_not_fit_is_refused(name, shape, words):
    with refused(words):
        Network("gru", {**projected("gru", D=2, H=3, L=1, P=4), name: np.zeros(shape)})


def test_a_sequence_is_held_to_the_size_before_the_projection():
    network = Network("gru", projected("gru", D=2, H=3, L=1, P=4))
    with refused("x must have 2 numbers per row for this network. Got 4."):
        record(network, np.zeros((5, 4)), 0)
    with refused("images must have shape (N, T, 2). Got (1, 5, 4)."):
        record_many(network, np.zeros((1, 5, 4)))


def test_a_network_of_nothing_is_refused():
    with refused("a network must have the matrix rnn.weight_ih_l0. Got nothing."):
        Network("gru", {})


def test_a_second_layer_without_its_recurrent_matrix_is_refused():
    tensors = arrays("gru", D=2, H=3, L=2)
    del tensors["rnn.weight_hh_l1"]
    with refused("a network must have the tensor rnn.weight_hh_l1 (9, 3). Got "):
        Network("gru", tensors)


@pytest.mark.parametrize(
    "name", ["rnn.weight_ih_l2", "rnn.weight_ih_l0_reverse", "rnn.weight_hr_l0", "c0", "fc.weight"]
)
def test_a_tensor_that_a_network_does_not_know_is_refused(name):
    with refused("a network with 1 layer(s) has the tensors rnn.weight_ih_l0, ") as caught:
        Network("lstm", {**arrays("lstm", D=2, H=3), name: np.zeros((12, 3))})
    assert str(caught.value).endswith(f"Got {name!r} as well.")


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("rnn.weight_ih_l0", (11, 2), "(12, 2)"),
        ("rnn.weight_hh_l0", (9, 3), "(12, 3)"),
        ("rnn.weight_ih_l1", (12, 2), "(12, 3)"),
        ("rnn.weight_hh_l1", (12, 4), "(12, 3)"),
        ("rnn.bias_ih_l0", (3,), "(12,)"),
        ("rnn.bias_hh_l1", (12, 1), "(12,)"),
        ("head.weight", (4, 2), "(4, 3)"),
        ("head.bias", (3,), "(4,)"),
        ("h0", (1, 3), "(2, 3)"),
        ("h0", (3,), "(2, 3)"),
    ],
)
def test_a_tensor_of_another_shape_is_refused(name, shape, expected):
    with refused(f"{name} of this lstm must have shape {expected}. Got {shape}."):
        Network("lstm", {**arrays("lstm", D=2, H=3, L=2, K=4), name: np.zeros(shape)})


@pytest.mark.parametrize("name", ["rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight"])
@pytest.mark.parametrize("shape", [(), (12,), (12, 3, 1), (0, 0), (12, 0), (0, 3)])
def test_a_matrix_that_is_no_matrix_or_empty_is_refused_by_its_shape(name, shape):
    with refused(f"a network must have the matrix {name}, with rows and columns. Got the shape {shape}."):
        Network("lstm", {**arrays("lstm", D=2, H=3), name: np.zeros(shape)})


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["rnn.weight_hh_l0", "rnn.bias_ih_l0", "head.bias", "h0"])
def test_a_tensor_with_a_number_that_is_not_finite_is_refused(name, number):
    tensors = {**arrays("gru", D=2, H=3), "h0": np.zeros((1, 3))}
    tensors[name].flat[-1] = number
    with refused(f"{name} must hold finite numbers. Got nan or inf."):
        Network("gru", tensors)


@pytest.mark.parametrize("size", ["input_size", "hidden_size", "num_layers", "num_classes"])
def test_an_untrained_network_without_size_is_refused(size):
    with refused(f"{size} must be at least 1. Got 0."):
        initial.network("gru", **{size: 0})


@pytest.mark.parametrize("option", ["recurrent", "h0"])
@pytest.mark.parametrize("value", ["Orthogonal", "", None, 1.0])
def test_an_untrained_network_of_an_unknown_start_is_answered_with_the_known_ones(option, value):
    known = {"recurrent": "default, orthogonal, identity", "h0": "zeros, one_hot"}[option]
    with refused(f"{option} must be one of {known}. Got {value!r}."):
        initial.network("gru", **{option: value})


@pytest.mark.parametrize("gain", [-0.1, np.nan, np.inf])
def test_a_gain_that_is_no_size_is_refused(gain):
    with refused(f"gain must be a finite number of at least 0. Got {gain}."):
        initial.network("gru", gain=gain)


def test_a_single_layer_that_is_to_be_shared_is_refused():
    with refused("num_layers must be at least 2 for layers that share their weights. Got 1."):
        initial.network("gru", shared=True)


@pytest.mark.parametrize("cell", ["rnn_tanh", "rnn_relu", "gru"])
def test_a_forget_bias_without_a_forget_gate_is_refused(cell):
    with refused(f"forget_bias needs a cell with a forget gate. Got {cell!r}."):
        initial.network(cell, forget_bias=1.0)


def test_a_forget_bias_that_is_not_finite_is_refused():
    with refused("rnn.bias_ih_l0 must hold finite numbers. Got nan or inf."):
        initial.network("lstm", forget_bias=np.nan)


def test_a_hidden_state_that_outgrows_float64_is_told_with_its_step():
    H = 3
    arrays = {
        "rnn.weight_ih_l0": np.ones((H, 2)),
        "rnn.weight_hh_l0": 1e30 * np.eye(H),
        "head.weight": np.ones((2, H)),
        "head.bias": np.zeros(2),
    }
    network = Network("rnn_relu", arrays)
    with pytest.raises(OverflowError, match=r"class scores must stay finite. Got inf at step 12. Choose smaller"):
        record(network, np.ones((40, 2)))
    assert len(record(network, np.ones((10, 2)))) == 10
