"""What the reading line is told: numbers, sentences and descriptions, straight from the trace."""

import base64

import numpy as np
import pytest

from rnnviz import digits, initial, measures, record
from rnnviz.text import Words
from rnnviz.ui import reading
from rnnviz.ui.canvas import strokes
from rnnviz.ui.reading import Reading, View, columns, descriptions, norms, sentences

CELLS = ["rnn_tanh", "rnn_relu", "lstm", "gru"]


@pytest.fixture(params=CELLS)
def case(request):
    network = initial.network(request.param, hidden_size=12, num_layers=2, seed=3)
    image, label = digits.sample(3)
    return network, record(network, image, label), label


def test_columns_are_the_chosen_layers_signals_in_the_chosen_order(case):
    network, trace, _ = case
    order = np.random.default_rng(0).permutation(12)
    shown = columns(trace, View(layer=1, order=order))
    gates = [name for name in "ifgorzn" if name in trace.signals]
    assert list(shown) == ["x", "h", *gates, *(["c"] if "c" in trace.signals else []), "probs"]
    np.testing.assert_array_equal(shown["h"], trace["h"][1][:, order])
    if "c" in shown:
        np.testing.assert_array_equal(shown["c"], np.tanh(trace["c"][1][:, order]))


def test_norms_are_the_measures_of_the_chosen_layer(case):
    network, trace, _ = case
    lines = {line.name: line.log10 for line in norms(network, trace, View(layer=0, norms=("h", "c", "x", "jacobian")))}
    assert ("c" in lines) == ("c" in trace.signals)
    np.testing.assert_array_equal(lines["h"], measures.gradient_norms(trace, "h", 0, relative=True))
    np.testing.assert_array_equal(lines["jacobian"], measures.jacobian_norms(network, trace, 0))
    assert lines["x"][-1] == 0.0


def test_what_the_browser_is_fed_is_the_trace(case):
    network, trace, _ = case
    view = View(layer=1)
    shown, lines = columns(trace, view), norms(network, trace, view)
    read = Reading("a network", network, trace, view)
    feed = reading._sheet(Words("en"), read, lines, reading.figures.log_axis(lines))
    for column in feed["columns"]:
        values = np.frombuffer(base64.b64decode(column["z"]), np.int8).reshape(28, -1) / 100 * column["top"]
        np.testing.assert_allclose(values, shown[column["name"]], atol=0.00501 * column["top"])
    drawn = next(line for line in feed["norms"] if line["name"] == "h")
    np.testing.assert_allclose(np.array(drawn["x"], float), lines[0].log10, atol=5e-5)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_per_row_names_the_two_likeliest_and_the_decision_only_once_passed(case, language):
    _, trace, label = case
    words = Words(language)
    says = sentences(words, trace, label)
    decided = measures.decision_step(trace)
    assert len(says) == 28
    for t, text in enumerate(says):
        assert f"“{trace['probs'][t].argmax()}”" in text
        told = words("stepper.decided", row=decided + 1) if decided else words("stepper.decided_first")
        assert (told in text) == (t >= decided)
    verdict = words("stepper.right") if trace.prediction == label else words("stepper.wrong", label=label)
    assert verdict in says[-1]
    assert words("stepper.right") not in sentences(words, trace, None)[-1]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_view_is_described_with_numbers(case, language):
    network, trace, _ = case
    view = View(layer=1, norms=("h", "c", "x", "jacobian"))
    told = descriptions(Words(language), trace, view, norms(network, trace, view))
    assert len(told) == len(columns(trace, view)) + 1
    assert all(any(character.isdigit() for character in sentence) for sentence in told)


def test_strokes_are_the_points_of_the_canvas_paths_in_drawing_order():
    drawing = {
        "objects": [
            {"type": "Path", "path": [["M", 10, 20], ["Q", 12, 22, 14, 24], ["L", 16, 26]]},
            {"type": "Path", "path": [["M", 1.5, 2], ["L", 3, 4]]},
        ]
    }
    first, second = strokes(drawing)
    assert first.tolist() == [[10, 20], [12, 22], [14, 24], [16, 26]]
    assert second.tolist() == [[1.5, 2], [3, 4]]
    assert strokes(None) == strokes({"objects": []}) == []


@pytest.mark.parametrize(
    ("largest", "top"), [(0.4, 1.0), (1.0, 1.0), (1.2, 2.0), (3.1, 5.0), (9.0, 10.0), (420.0, 500.0)]
)
def test_a_scale_ends_at_one_or_at_a_round_number_above_the_largest_state(largest, top):
    assert reading.top("h", np.array([[-largest, 0.1]])) == top


def test_a_relu_networks_states_are_not_cut_off():
    network = initial.network("rnn_relu", hidden_size=12, recurrent="identity", seed=1)
    trace = record(network, digits.sample(3)[0])
    assert trace["h"].max() > 2
    column = reading._column(Words("en"), "h", columns(trace, View())["h"], brief=False)
    values = np.frombuffer(base64.b64decode(column["z"]), np.int8).reshape(28, -1) / 100 * column["top"]
    np.testing.assert_allclose(values, trace["h"][0], atol=0.00501 * column["top"])


@pytest.mark.parametrize("order", ["pixels", "permuted"])
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm"])
def test_a_network_that_reads_pixels_is_shown_at_the_end_of_each_row(cell, order):
    network = initial.network(cell, input_size=1, hidden_size=6, seed=3, recurrent="orthogonal")
    x = digits.as_sequences(digits.sample(3)[0], order)
    trace = record(network, x)
    view = View(stride=28, norms=("h", "x", "jacobian"))
    rows = reading.by_rows(trace, 28)
    assert len(rows) == 28
    np.testing.assert_array_equal(rows["x"], x.reshape(28, 28))
    for name in ("h", "probs"):
        np.testing.assert_array_equal(rows[name], trace[name][..., 27::28, :])
    lines = {line.name: line.log10 for line in norms(network, trace, view)}
    np.testing.assert_array_equal(lines["h"], measures.gradient_norms(trace, "h", relative=True)[27::28])
    np.testing.assert_array_equal(lines["jacobian"], measures.jacobian_norms(network, trace)[27::28])
    inputs = np.linalg.norm(trace.grad["x"].reshape(28, 28), axis=1)
    visible = inputs > 1e-150
    np.testing.assert_allclose(lines["x"][visible], np.log10(inputs[visible] / inputs[-1]), atol=1e-9)
    assert len(descriptions(Words("en"), rows, view, norms(network, trace, view))) >= 3


def test_no_jacobian_is_offered_that_would_fill_the_memory():
    small, large = (initial.network("lstm", input_size=1, hidden_size=H) for H in (8, 128))
    x = digits.as_sequences(digits.sample(3)[0], "pixels")
    assert "jacobian" in reading.offered(small, record(small, x))
    assert "jacobian" not in reading.offered(large, record(large, x))
