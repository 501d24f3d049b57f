"""Stacked layers over the steps, as data: which boxes are framed as the output, and which as the last state."""

import pytest

from rnnviz.figures import style
from rnnviz.figures.stack import stack

NAMES = {"input": "IN", "output": "OUT", "last": "LAST", "first": "FIRST"}


def drawn(T: int, L: int, theme: str = "light"):
    states = [[f"{k}.{t}" for t in range(T + 1)] for k in range(1, L + 1)]
    return stack([f"letter{t}" for t in range(1, T + 1)], states, NAMES, theme)


@pytest.mark.parametrize("theme", style.LINES)
@pytest.mark.parametrize(("T", "L"), [(1, 1), (3, 1), (6, 3)])
def test_every_box_tells_the_state_of_its_layer_and_step(T, L, theme):
    figure = drawn(T, L, theme)
    inputs, starts, states = figure.data
    assert list(inputs.text) == [f"letter{t}" for t in range(1, T + 1)]
    assert list(zip(starts.x, starts.y, starts.customdata, strict=True)) == [(0, k, f"{k}.0") for k in range(1, L + 1)]
    for t, k, told, text in zip(states.x, states.y, states.customdata, states.text, strict=True):
        assert (told, text) == (f"{k}.{t}", f"h<sub>{t}</sub>")
    assert len(states.x) == T * L
    colours = style.LINES[theme]
    assert [trace.textfont.color for trace in figure.data] == [colours["x"], colours["zero"], colours["h"]]
    assert [trace.marker.line.color for trace in figure.data[1:]] == [colours["zero"], colours["h"]]


@pytest.mark.parametrize("theme", style.LINES)
@pytest.mark.parametrize(("T", "L"), [(1, 1), (3, 1), (6, 3)])
def test_the_frames_hold_the_top_layer_and_the_last_step_and_differ_by_more_than_colour(T, L, theme):
    figure = drawn(T, L, theme)
    states, held = figure.data[2], []
    frames = [shape for shape in figure.layout.shapes if shape.line.dash]
    for frame in frames:
        inside = [
            (t, k)
            for t, k in zip(states.x, states.y, strict=True)
            if frame.x0 < t < frame.x1 and frame.y0 < k < frame.y1
        ]
        held.append(inside)
        assert not frame.x0 < 0  # the state before the first step is in neither
    assert sorted(held[0]) == [(t, L) for t in range(1, T + 1)]
    assert sorted(held[1]) == [(T, k) for k in range(1, L + 1)]
    output, last = (frame.line for frame in frames)
    assert output.dash != last.dash
    written = {note.text: note.font.color for note in figure.layout.annotations if note.text}
    assert (written["OUT"], written["LAST"]) == (output.color, last.color)
    assert written["IN"] == style.LINES[theme]["x"]
    assert written["FIRST"] == style.LINES[theme]["text"]


def test_arrows_lead_up_and_on_and_out_of_the_top_and_the_last_step():
    figure = drawn(3, 2)
    found = {((note.ax, note.ay), (note.x, note.y)) for note in figure.layout.annotations if note.showarrow}
    up = {((t, k - 1), (t, k)) for t in (1, 2, 3) for k in (1, 2)}
    on = {((t - 1, k), (t, k)) for t in (1, 2, 3) for k in (1, 2)}
    assert up | on < found
    out = found - up - on
    assert {tail for tail, _ in out} == {(1, 2), (2, 2), (3, 2), (3, 1)}
    assert len(out) == 5
