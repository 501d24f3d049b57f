"""Networks before training: one seed is one network."""

import hashlib

import numpy as np
import pytest

from rnnviz import initial
from rnnviz.initial import RECURRENT, STARTS
from rnnviz.network import Network
from tests.cells.examples import CELLS, LSTMS


def is_drawn(name: str) -> bool:
    """Return whether a tensor is drawn at random, unlike the gains and the bias of a normalisation."""
    return not any(part in name for part in ("gain", "bias_c"))


def blocks_of(network: Network) -> np.ndarray:
    """Return every block of every W_hh, (L, G, H, H)."""
    H = network.hidden_size
    return np.stack([weights.W_hh.reshape(-1, H, H) for weights in network.layers])


def fingerprint(network: Network) -> str:
    """Return a hash of every bit of every tensor."""
    digest = hashlib.sha256()
    for name in sorted(network.arrays):
        digest.update(name.encode())
        digest.update(network.arrays[name].astype("<f8").tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("cell", CELLS)
def test_one_seed_is_one_network(cell):
    one, same, other = (initial.network(cell, 5, 6, 2, 3, seed=seed).arrays for seed in (4, 4, 5))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
        assert (one[name] != other[name]).all() or not is_drawn(name)


def test_a_seed_is_the_same_network_on_every_machine_and_in_every_version():
    # Written down once: a change of NumPy's generator or of the order of drawing would change every seed's network.
    arrays = initial.network("gru", input_size=2, hidden_size=4, seed=0).arrays
    np.testing.assert_allclose(
        arrays["rnn.weight_ih_l0"][0], [0.1369616873214543, -0.2302132862361297], rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(
        arrays["head.bias"][-2:], [-0.09348966325187336, 0.40995896166229695], rtol=0, atol=1e-15
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"cell": "rnn_tanh"}, "3f27d5ef150f55c8fcbb71ac8c7cc6852f258873c1dbaa16b494df28a5909f36"),
        ({"cell": "rnn_relu"}, "3f27d5ef150f55c8fcbb71ac8c7cc6852f258873c1dbaa16b494df28a5909f36"),
        ({"cell": "lstm"}, "7783b6134d1941fdf9b6ec52670c3587c0e1cc4522db948f1802785186fdb816"),
        ({"cell": "gru"}, "8bad86eb5a9349db79b5bd67d8b05f7dff4f40cac5dc6cd26b48dc9dc1730ab6"),
        (
            {"cell": "lstm", "hidden_size": 16, "seed": 5, "forget_bias": 1.0},
            "615f54b1fd22d88cf56d7f52b75b729482e7bba119369e0b7eafd8cb92c55857",
        ),
        (
            {"cell": "gru", "input_size": 1, "hidden_size": 16, "num_layers": 3, "num_classes": 2, "seed": 2**32 - 1},
            "35937b219d1ae6519800e890dbf87cd5b2358374dde44a89a6d2709e7580dc6d",
        ),
        (
            {"cell": "peephole_lstm", "num_layers": 2},
            "757a3ad4626be88ec52dc5fce275164a5d513c6575a32c4f70617ec5eac2e17c",
        ),
        (
            {"cell": "gru", "input_size": 16, "num_layers": 2, "shared": True, "h0": "one_hot"},
            "433dc4c46d7127b8b8b0222259c02629e47668d628a32d09c08398e278e0f6d4",
        ),
    ],
)
def test_the_networks_that_seeds_have_always_given_are_the_same_bit_by_bit(options, expected):
    # Shipped checkpoints are trained again from their seeds. The sizes have exact roots: no machine rounds otherwise.
    assert fingerprint(initial.network(**options)) == expected


@pytest.mark.parametrize("cell", CELLS)
def test_every_number_is_uniform_within_one_over_the_root_of_the_hidden_size(cell):
    network = initial.network(cell, input_size=30, hidden_size=49, num_layers=2, num_classes=40, seed=1)
    bound = 1 / 7
    for name, array in network.arrays.items():
        if not is_drawn(name):
            assert (array == ("gain" in name)).all()
            continue
        assert np.abs(array).max() <= bound, name
        # The mean of N uniform numbers strays by bound / sqrt(3 N); five times that is one case in a million.
        assert abs(array.mean()) <= 5 * bound / np.sqrt(3 * array.size), name
        assert abs((array**2).mean() / (bound**2 / 3) - 1) <= 5 * np.sqrt(0.8 / array.size), name


@pytest.mark.parametrize("cell", CELLS)
def test_the_sizes_are_those_asked_for(cell):
    network = initial.network(cell, input_size=3, hidden_size=4, num_layers=3, num_classes=2)
    assert (network.cell, network.input_size, network.hidden_size) == (cell, 3, 4)
    assert (network.num_layers, network.num_classes) == (3, 2)
    assert not network.h0.any()


def test_the_sizes_left_out_are_those_of_a_digit():
    network = initial.network("lstm")
    assert (network.input_size, network.hidden_size, network.num_layers, network.num_classes) == (28, 64, 1, 10)


@pytest.mark.parametrize("bias", [0.0, 1.0, 5.0, -2.5])
@pytest.mark.parametrize("cell", LSTMS)
def test_a_forget_bias_is_placed_in_the_forget_block_of_every_layer_and_nowhere_else(cell, bias):
    plain = initial.network(cell, 5, 6, 3, seed=2).arrays
    biased = initial.network(cell, 5, 6, 3, seed=2, forget_bias=bias).arrays
    forget = np.repeat([False, True, False, False], 6)  # blocks i, f, g, o
    for name, array in biased.items():
        if name.startswith(("rnn.bias_ih", "rnn.bias_hh")):
            assert (array[forget] == (bias if "bias_ih" in name else 0.0)).all()
            np.testing.assert_array_equal(array[~forget], plain[name][~forget])
        else:
            np.testing.assert_array_equal(array, plain[name])


@pytest.mark.parametrize("cell", LSTMS[1:])
def test_lstms_of_one_seed_have_the_same_numbers_where_they_have_the_same_tensors(cell):
    plain, other = (initial.network(name, 5, 6, 2, seed=2).arrays for name in ("lstm", cell))
    assert set(plain) < set(other)
    for name, array in plain.items():
        np.testing.assert_array_equal(array, other[name])


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.3])
@pytest.mark.parametrize("recurrent", RECURRENT)
@pytest.mark.parametrize("cell", CELLS)
def test_how_w_hh_starts_changes_no_other_number_that_is_drawn(cell, recurrent, gain):
    plain = initial.network(cell, 5, 6, 2, seed=2).arrays
    other = initial.network(cell, 5, 6, 2, seed=2, recurrent=recurrent, gain=gain).arrays
    for name, array in plain.items():
        if "weight_hh" in name:
            assert (np.array_equal(array, other[name])) == (recurrent == "default" and gain == 1.0)
        elif recurrent == "identity" and name.startswith("rnn.bias"):
            assert not other[name].any()
        else:
            np.testing.assert_array_equal(array, other[name])


def test_a_gain_multiplies_the_default_w_hh():
    plain, scaled = (blocks_of(initial.network("gru", 5, 6, 2, seed=2, gain=gain)) for gain in (1.0, 1.5))
    np.testing.assert_array_equal(scaled, 1.5 * plain)


@pytest.mark.parametrize("gain", [0.0, 0.9, 1.0, 3.0])
@pytest.mark.parametrize("H", [1, 2, 7, 32])
@pytest.mark.parametrize("cell", CELLS)
def test_every_block_of_an_orthogonal_w_hh_is_orthogonal_times_the_gain(cell, H, gain):
    blocks = blocks_of(initial.network(cell, 3, H, 2, seed=1, recurrent="orthogonal", gain=gain))
    for block in blocks.reshape(-1, H, H):
        np.testing.assert_allclose(block @ block.T, gain**2 * np.eye(H), rtol=0, atol=1e-14 * max(gain, 1) ** 2)
    if H > 1 and gain:
        flat = blocks.reshape(-1, H * H)
        assert len(np.unique(flat.round(9), axis=0)) == len(flat)  # no two blocks are alike


def test_orthogonal_matrices_are_drawn_without_a_preferred_direction():
    # The mean entry and the mean trace over many blocks vanish; with LAPACK's signs the trace would be far below 0.
    blocks = blocks_of(initial.network("lstm", 1, 8, 250, seed=0, recurrent="orthogonal")).reshape(-1, 8, 8)
    assert abs(np.trace(blocks, axis1=1, axis2=2).mean()) < 5 / np.sqrt(len(blocks))  # a trace has the variance 1
    assert np.abs(blocks.mean(axis=0)).max() < 5 / np.sqrt(8 * len(blocks))


@pytest.mark.parametrize("gain", [1.0, 0.5])
@pytest.mark.parametrize("cell", CELLS)
def test_every_block_of_an_identity_w_hh_is_the_identity_times_the_gain_without_biases(cell, gain):
    network = initial.network(cell, 3, 5, 2, seed=1, recurrent="identity", gain=gain)
    assert (blocks_of(network) == gain * np.eye(5)).all()
    assert not any(array.any() for name, array in network.arrays.items() if name.startswith("rnn.bias"))
    assert network.arrays["head.bias"].any()


def test_a_forget_bias_outlives_the_identitys_zeros():
    network = initial.network("lstm", 3, 5, seed=1, recurrent="identity", forget_bias=2.0)
    np.testing.assert_array_equal(network.layers[0].b_ih, np.repeat([0.0, 2.0, 0.0, 0.0], 5))
    assert not network.layers[0].b_hh.any()


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_start_is_zero_or_one_in_the_first_unit_of_every_layer(cell, start):
    network = initial.network(cell, 3, 5, 2, seed=1, h0=start)
    np.testing.assert_array_equal(network.h0, [[float(start == "one_hot"), 0, 0, 0, 0]] * 2)
    assert ("h0" in network.arrays) == (start == "one_hot")
    plain = initial.network(cell, 3, 5, 2, seed=1).arrays
    assert all(np.array_equal(array, network.arrays[name]) for name, array in plain.items())


@pytest.mark.parametrize("cell", CELLS)
def test_shared_layers_are_one_layer_behind_a_projection(cell):
    network = initial.network(cell, 9, 7, 3, 4, seed=1, shared=True)
    assert network.shared
    assert (network.input_size, network.hidden_size, network.num_layers, network.num_classes) == (9, 7, 3, 4)
    weight, bias = network.projection
    assert (weight.shape, bias.shape) == ((7, 9), (7,))
    for array in (weight, bias):
        assert 0 < np.abs(array).max() <= 1 / 3
    one = initial.network(cell, 7, 7, 1, 4, seed=1)
    assert network.num_parameters == one.num_parameters + weight.size + bias.size
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, network.arrays[name])


def test_a_projection_is_uniform_within_one_over_the_root_of_the_input_size():
    weight, bias = initial.network("gru", 100, 90, 2, seed=1, shared=True).projection
    for array in (weight, bias):
        assert 0.097 < np.abs(array).max() <= 0.1 or array is bias
        assert abs((array**2).mean() / (0.1**2 / 3) - 1) <= 5 * np.sqrt(0.8 / array.size)


@pytest.mark.parametrize("cell", CELLS)
def test_all_options_go_together_and_one_seed_is_one_network(cell):
    options = {"recurrent": "orthogonal", "gain": 0.9, "shared": True, "h0": "one_hot"}
    one, same = (initial.network(cell, 5, 6, 2, seed=4, **options) for _ in range(2))
    assert fingerprint(one) == fingerprint(same) != fingerprint(initial.network(cell, 5, 6, 2, seed=5, **options))
    assert one.shared
    assert one.h0[1, 0] == 1.0
