"""Networks before training: one seed is one network."""

import numpy as np
import pytest

from rnnviz import initial
from tests.cells.examples import CELLS


@pytest.mark.parametrize("cell", CELLS)
def test_one_seed_is_one_network(cell):
    one, same, other = (initial.network(cell, 5, 6, 2, 3, seed=seed).arrays for seed in (4, 4, 5))
    for name in one:
        np.testing.assert_array_equal(one[name], same[name])
        assert (one[name] != other[name]).all()


def test_a_seed_is_the_same_network_on_every_machine_and_in_every_version():
    # Written down once: a change of NumPy's generator or of the order of drawing would change every seed's network.
    arrays = initial.network("gru", input_size=2, hidden_size=4, seed=0).arrays
    np.testing.assert_allclose(
        arrays["rnn.weight_ih_l0"][0], [0.1369616873214543, -0.2302132862361297], rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(
        arrays["head.bias"][-2:], [-0.09348966325187336, 0.40995896166229695], rtol=0, atol=1e-15
    )


@pytest.mark.parametrize("cell", CELLS)
def test_every_number_is_uniform_within_one_over_the_root_of_the_hidden_size(cell):
    network = initial.network(cell, input_size=30, hidden_size=49, num_layers=2, num_classes=40, seed=1)
    bound = 1 / 7
    for name, array in network.arrays.items():
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
def test_a_forget_bias_is_placed_in_the_forget_block_of_every_layer_and_nowhere_else(bias):
    plain = initial.network("lstm", 5, 6, 3, seed=2).arrays
    biased = initial.network("lstm", 5, 6, 3, seed=2, forget_bias=bias).arrays
    forget = np.repeat([False, True, False, False], 6)  # blocks i, f, g, o
    for name, array in biased.items():
        if name.startswith("rnn.bias"):
            assert (array[forget] == (bias if "bias_ih" in name else 0.0)).all()
            np.testing.assert_array_equal(array[~forget], plain[name][~forget])
        else:
            np.testing.assert_array_equal(array, plain[name])
