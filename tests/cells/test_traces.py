"""A trace and a network are plain data that nobody can change by accident: frozen, read-only, picklable."""

import copy
import pickle
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from rnnviz.network import Network
from rnnviz.trace import LOSSES, Signals, record, record_many
from tests.cells.examples import CELLS, LSTMS, arrays, case, label_for, projected


def all_arrays(trace) -> dict[str, np.ndarray]:
    """Return every array of a trace by a name."""
    groups = {"signals": trace.signals, "grad": trace.grad, "mantissa": trace.mantissa}
    named = {f"{group} {name}": array for group, signals in groups.items() for name, array in signals.items()}
    return {**named, "exponent": trace.exponent, "h0": trace.h0}


def copies(value) -> list:
    """Return what pickling and copying make of a value."""
    return [pickle.loads(pickle.dumps(value)), copy.deepcopy(value)]


@pytest.mark.parametrize("cell", CELLS)
def test_a_trace_has_the_shapes_it_promises(cell):
    network, x, h0 = case(cell, T=7, D=3, H=5, L=2, K=4)
    trace = record(network, x, 1, h0=h0)
    G = len(network.kind.blocks)
    assert (len(trace), trace.num_layers, trace.cell, trace.label) == (7, 2, cell, 1)
    assert trace["x"].shape == trace.grad["x"].shape == trace.mantissa["x"].shape == (7, 3)
    assert trace["logits"].shape == trace["probs"].shape == (7, 4)
    assert trace["a"].shape == trace.grad["a"].shape == (2, 7, G * 5)
    for state in network.kind.states:
        assert trace[state].shape == trace.grad[state].shape == trace.mantissa[state].shape == (2, 7, 5)
    for gate in network.kind.gates:
        assert trace[gate].shape == (2, 7, 5)
    assert trace.exponent.shape == (2, 7)
    assert all(array.dtype == np.float64 for name, array in all_arrays(trace).items() if name != "exponent")
    np.testing.assert_allclose(trace["probs"].sum(axis=1), 1.0, rtol=1e-15)


@pytest.mark.parametrize("L", [1, 2])
@pytest.mark.parametrize("cell", CELLS)
def test_no_array_of_a_trace_can_be_written_to_nor_any_of_a_copy(cell, L):
    network, x, h0 = case(cell, T=4, L=L)
    trace = record(network, x, 1, h0=h0)
    for version in (trace, *copies(trace)):
        for name, array in all_arrays(version).items():
            assert not array.flags.writeable, name
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


def test_a_trace_is_frozen():
    network, x, _ = case("gru", T=4)
    trace = record(network, x, 1)
    with pytest.raises(FrozenInstanceError):
        trace.label = 2
    with pytest.raises(TypeError, match="item assignment"):
        trace.signals["h"] = np.zeros(3)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_copied_trace_is_the_same_trace(cell, loss):
    network, x, h0 = case(cell, T=5, L=2)
    trace = record(network, x, label_for(loss, 5, 3), h0=h0, loss=loss)
    for version in copies(trace):
        assert (version.cell, version.label, version.loss) == (trace.cell, trace.label, trace.loss)
        assert all_arrays(version).keys() == all_arrays(trace).keys()
        for name, array in all_arrays(trace).items():
            np.testing.assert_array_equal(all_arrays(version)[name], array)


def test_a_pickled_trace_holds_little_more_than_its_numbers():
    network, x, _ = case("lstm", T=28, D=28, H=64, K=10)
    trace = record(network, x, 1)
    numbers = sum(array.nbytes for name, array in all_arrays(trace).items())
    assert len(pickle.dumps(trace)) < 1.05 * numbers + 4096


def test_an_unknown_signal_is_answered_with_the_known_ones():
    network, x, _ = case("gru", T=4)
    trace = record(network, x, 1)
    with pytest.raises(KeyError, match="signal must be one of a, h, r, z, n, x, logits, probs. Got 'f'"):
        trace["f"]
    with pytest.raises(KeyError, match="signal must be one of a, h, x, logits. Got 'c'"):
        trace.grad["c"]
    assert "f" not in trace.signals
    assert list(trace.signals) == ["a", "h", "r", "z", "n", "x", "logits", "probs"]
    assert len(trace.grad) == 4
    assert repr(Signals({"h": np.zeros((2, 3))})) == "Signals(h (2, 3))"


@pytest.mark.parametrize("cell", CELLS)
def test_record_leaves_what_it_is_given_as_it_was_and_keeps_none_of_it(cell):
    network, x, h0 = case(cell, T=5, L=2)
    targets = np.random.default_rng(0).random((5, 3))
    weights = {name: array.copy() for name, array in network.arrays.items()}
    given = [x.copy(), h0.copy(), targets.copy()]
    trace = record(network, x, targets, h0=h0, loss="mse")
    for before, now in zip(given, (x, h0, targets), strict=True):
        np.testing.assert_array_equal(before, now)
        assert now.flags.writeable
        assert not any(np.shares_memory(now, array) for array in all_arrays(trace).values())
    for name, before in weights.items():
        np.testing.assert_array_equal(before, network.arrays[name])
        assert not any(np.shares_memory(network.arrays[name], array) for array in all_arrays(trace).values())


def test_reading_the_same_sequence_twice_gives_the_same_numbers():
    network, x, h0 = case("lstm", T=30, L=3)
    first, second = (all_arrays(record(network, x, 1, h0=h0)) for _ in range(2))
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int64, bool])
def test_a_sequence_of_any_number_type_is_read_as_float64(dtype):
    network, x, _ = case("gru", T=5)
    x = (10 * x).astype(dtype) if dtype is not np.uint8 else np.abs(10 * x).astype(dtype)
    trace = record(network, x, 1)
    np.testing.assert_array_equal(trace["h"], record(network, x.astype(np.float64), 1)["h"])
    assert trace["x"].dtype == np.float64
    np.testing.assert_array_equal(record(network, x.tolist(), 1)["h"], trace["h"])


@pytest.mark.parametrize("label", [2, np.int64(2), np.uint8(2)])
def test_a_label_is_an_integer_of_any_kind(label):
    network, x, _ = case("gru", T=5)
    trace = record(network, x, label)
    assert type(trace.label) is int
    assert trace.label == 2


@pytest.mark.parametrize("label", [2, np.int64(2)])
def test_the_loss_is_a_plain_number(label):
    network, x, _ = case("gru", T=5)
    assert type(record(network, x, label).loss) is float
    assert type(record(network, x, np.zeros((5, 3)), loss="mse").loss) is float
    assert type(record(network, x, [0, 1, 2, 1, 0], loss="every").loss) is float


@pytest.mark.parametrize("cell", CELLS)
def test_record_many_equals_record_image_by_image_for_every_signal(cell):
    tensors, h0 = arrays(cell, D=4, H=6, L=2), np.random.default_rng(5).uniform(-1, 1, (2, 6))
    network = Network(cell, {**tensors, "h0": h0})
    images = np.random.default_rng(3).random((7, 9, 4))
    names = (*network.signals, "logits", "probs")
    many = record_many(network, images, names, chunk=3)
    assert tuple(many) == names
    for n, image in enumerate(images):
        trace = record(network, image)
        for name in names:
            assert many[name][n].shape == trace[name].shape
            # A batch is multiplied in another order than a single row: a few roundings of numbers near 1.
            np.testing.assert_allclose(many[name][n], trace[name], rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_forward_takes_any_batch_axes(cell):
    network = case(cell, T=1, D=4, H=6)[0]
    x, h0 = np.random.default_rng(3).random((9, 2, 3, 4)), np.random.default_rng(5).uniform(-1, 1, (2, 3, 6))
    many = network.kind.forward(network.layers[0], x, h0)
    for b in np.ndindex(2, 3):
        one = network.kind.forward(network.layers[0], x[:, *b], h0[b])
        assert set(one) == set(many) == {*network.signals, "h0"}
        for name in network.signals:
            np.testing.assert_allclose(many[name][:, *b], one[name], rtol=0, atol=1e-14)


@pytest.mark.parametrize("cell", CELLS)
def test_a_projected_network_has_the_traces_of_one_that_reads_the_projected_input(cell):
    tensors, x = projected(cell, D=4, H=5, L=2, P=6), np.random.default_rng(3).random((7, 9, 4))
    network = Network(cell, tensors)
    plain = Network(cell, {name: array for name, array in tensors.items() if "project" not in name})
    inner = x @ tensors["project.weight"].T + tensors["project.bias"]
    ours, theirs = record(network, x[0], 1), record(plain, inner[0], 1)
    assert ours["x"].shape == ours.grad["x"].shape == ours.mantissa["x"].shape == (9, 4)
    np.testing.assert_array_equal(ours["x"], x[0])
    np.testing.assert_allclose(ours["h"], theirs["h"], rtol=0, atol=1e-14)
    through = theirs.grad["x"] @ tensors["project.weight"]
    np.testing.assert_allclose(ours.grad["x"], through, rtol=0, atol=1e-12 * np.abs(through).max())
    np.testing.assert_allclose(record_many(network, x)["h"], record_many(plain, inner)["h"], rtol=0, atol=1e-14)


@pytest.mark.parametrize("chunk", [1, 2, 5, 256])
def test_record_many_does_not_depend_on_its_chunks(chunk):
    network = case("lstm", T=1, D=4)[0]
    images = np.random.default_rng(3).random((5, 6, 4))
    one, other = record_many(network, images, ("c", "probs")), record_many(network, images, ("c", "probs"), chunk)
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_record_many_takes_integers_as_0_to_255(dtype):
    network = case("rnn_tanh", T=1, D=4)[0]
    images = np.random.default_rng(3).integers(0, 256, (3, 6, 4)).astype(dtype)
    many, scaled = record_many(network, images), record_many(network, images / 255)
    assert set(many) == {"h", "probs"}
    np.testing.assert_array_equal(many["h"], scaled["h"])


def test_record_many_leaves_the_images_as_they_were_and_returns_read_only_arrays():
    network, images = case("lstm", T=1, D=4)[0], np.random.default_rng(3).random((5, 6, 4))
    before = images.copy()
    many = record_many(network, images, network.signals)
    np.testing.assert_array_equal(images, before)
    assert not any(array.flags.writeable or np.shares_memory(array, images) for array in many.values())


@pytest.mark.parametrize("cell", CELLS)
def test_a_network_is_picklable_and_its_copy_reads_the_same(cell):
    _, x, h0 = case(cell, T=5, L=2)
    network = Network(cell, {**arrays(cell, D=3, H=5, L=2), "h0": h0})
    for version in copies(network):
        assert version.cell == cell
        assert list(version.arrays) == list(network.arrays)
        np.testing.assert_array_equal(version.h0, h0)
        np.testing.assert_array_equal(record(version, x, 1).grad["x"], record(network, x, 1).grad["x"])
        assert not any(array.flags.writeable for array in version.arrays.values())


def test_a_network_is_a_frozen_copy_of_the_arrays_it_is_made_of():
    tensors = arrays("gru", D=3, H=5)
    network = Network("gru", tensors)
    before = network.arrays["head.weight"].copy()
    tensors["head.weight"][:] = 7.0
    np.testing.assert_array_equal(network.head[0], before)
    with pytest.raises(ValueError, match="read-only"):
        network.layers[0].W_hh[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        network.h0[0, 0] = 1.0
    with pytest.raises(TypeError, match="item assignment"):
        network.arrays["head.weight"] = before
    with pytest.raises(FrozenInstanceError):
        network.cell = "lstm"


def test_absent_biases_are_zeros():
    tensors = {name: array for name, array in arrays("lstm", D=3, H=5, L=2).items() if "bias" not in name}
    network = Network("lstm", tensors)
    assert not any(array.any() for name, array in network.arrays.items() if "bias" in name)
    assert network.arrays["rnn.bias_hh_l1"].shape == (20,)
    tensors = projected("layernorm_lstm", D=3, H=5, L=2, P=4)
    network = Network("layernorm_lstm", {name: array for name, array in tensors.items() if "bias" not in name})
    assert not any(array.any() for name, array in network.arrays.items() if "bias" in name)
    assert network.arrays["rnn.bias_c_l1"].shape == (5,)
    assert network.arrays["project.bias"].shape == (4,)
    assert network.arrays["head.bias"].shape == (3,)


@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_parameters_leaves_the_start_out(cell):
    tensors = arrays(cell, D=3, H=5, L=2, K=4)
    expected = sum(array.size for array in tensors.values())
    assert Network(cell, tensors).num_parameters == expected
    assert Network(cell, {**tensors, "h0": np.zeros((2, 5))}).num_parameters == expected


@pytest.mark.parametrize("cell", CELLS)
def test_the_number_of_parameters_counts_shared_layers_once(cell):
    tensors = projected(cell, D=3, H=5, L=12, K=4)  # more than ten: "_l10" is no layer 0
    network = Network(cell, {**tensors, "h0": np.zeros((12, 5))})
    once = [array.size for name, array in tensors.items() if name[:4] != "rnn." or name[-3:] == "_l0"]
    assert network.shared
    assert network.num_parameters == sum(once)
    assert list(network.arrays)[:2] == ["project.weight", "project.bias"]


@pytest.mark.parametrize("cell", CELLS)
def test_layers_are_shared_only_where_all_their_numbers_are_equal(cell):
    tensors = projected(cell, D=3, H=5, L=3)
    names = [name for name in tensors if name.endswith("_l2")]
    assert not Network(cell, projected(cell, D=3, H=5, L=1)).shared
    assert not Network(cell, arrays(cell, D=3, H=5, L=2)).shared
    assert not Network(cell, projected(cell, D=3, H=5, L=2, P=4)).shared
    for name in names:
        other = tensors[name].copy()
        other.flat[-1] += 1e-9
        assert not Network(cell, {**tensors, name: other}).shared


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_cell_alone_has_is_among_its_weights_and_read_only(cell):
    tensors = arrays(cell, D=3, H=5, L=2)
    network = Network(cell, tensors)
    for k, weights in enumerate(network.layers):
        own = {name: array for name, array in tensors.items() if name.endswith(f"_l{k}")}
        assert {f"rnn.{name}_l{k}" for name in weights.extras} == set(list(own)[4:])
        assert {name: array.shape for name, array in weights.extras.items()} == network.kind.extras(5)
        for name, array in weights.extras.items():
            np.testing.assert_array_equal(array, own[f"rnn.{name}_l{k}"])
            assert not array.flags.writeable
    assert bool(network.layers[0].extras) == (cell in LSTMS[1:])
