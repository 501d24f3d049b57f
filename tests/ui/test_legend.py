"""The legend's numbers are the measures of the trace on screen, at the row in hand."""

import pytest

from rnnviz import digits, initial, measures, record
from rnnviz.text import Words
from rnnviz.ui.legend import _card, _norms
from rnnviz.ui.reading import View


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("cell", "gates"), [("lstm", "ifo"), ("gru", "rz")])
def test_a_gates_card_tells_its_saturation_at_the_row(cell, gates, language):
    network = initial.network(cell, hidden_size=10, num_layers=2, seed=1)
    trace = record(network, 30.0 * digits.sample(4)[0])  # far out, so that gates do saturate
    words = Words(language)
    for gate in gates:
        low, high = measures.gate_saturation(trace, gate)[0, 13]
        assert low + high > 0
        assert words("gate.now", row=14, low=low, high=high) in _card(words, trace, View(layer=0), gate, row=14)


def test_formulas_are_set_with_subscripts_and_words_are_escaped():
    html = _norms(Words("en"), ["h", "jacobian"])
    assert "∂h<sub>T</sub>/∂h<sub>t</sub>" in html
    assert html.count("<li") == 2
