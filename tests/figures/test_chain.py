"""One neuron unrolled, as data: nodes with their numbers, arrows forward in grey and back in red."""

import pytest

from rnnviz.figures import style
from rnnviz.figures.chain import Link, chain

FORWARD = [Link(f"x{t}", f"h{t}", "", f"wx{t}", f"wh{t}", "", "", "") for t in (1, 2, 3)]
BACKWARD = [
    Link("x1", "h1", "", "wx1", "wh1", "", "", "e1"),
    Link("x2", "h2", "", "wx2", "wh2", "", "f2", "e2"),
    Link("x3", "h3", "L3", "wx3", "wh3", "d3", "f3", "e3"),
]


def arrows(figure, colour: str) -> list[tuple]:
    """Return where the arrows of a colour lead from and to, in order."""
    notes = [note for note in figure.layout.annotations if note.showarrow and note.arrowcolor == colour]
    return sorted(((note.ax, round(note.ay)), (note.x, round(note.y))) for note in notes)


def written(figure) -> dict[str, str]:
    """Return the colour of every text beside the nodes."""
    return {note.text: note.font.color for note in figure.layout.annotations if not note.showarrow}


@pytest.mark.parametrize("theme", style.LINES)
def test_every_node_holds_its_own_words_in_the_colour_of_its_kind(theme):
    inputs, states, losses = chain("h0", BACKWARD, "hover", theme).data
    assert (list(inputs.x), list(inputs.text)) == ([1, 2, 3], ["x1", "x2", "x3"])
    assert (list(states.x), list(states.text)) == ([0, 1, 2, 3], ["h0", "h1", "h2", "h3"])
    assert (list(losses.x), list(losses.text)) == ([3], ["L3"])
    assert inputs.y[0] < states.y[0] < losses.y[0]
    for trace, kind in ((inputs, "x"), (states, "h"), (losses, "level")):
        assert trace.marker.line.color == trace.textfont.color == style.LINES[theme][kind]
        assert trace.hovertemplate == "hover"


@pytest.mark.parametrize("theme", style.LINES)
def test_forward_arrows_lead_on_in_the_colour_of_text_and_nothing_comes_back_yet(theme):
    figure, colours = chain("h0", FORWARD, "", theme), style.LINES[theme]
    recurrent = [((t - 1, 1), (t, 1)) for t in (1, 2, 3)]
    entering = [((t, 0), (t, 1)) for t in (1, 2, 3)]
    assert arrows(figure, colours["text"]) == sorted(recurrent + entering)
    assert not arrows(figure, colours["level"])
    assert written(figure) == {f"{w}{t}": colours["text"] for t in (1, 2, 3) for w in ("wx", "wh")}


@pytest.mark.parametrize("theme", style.LINES)
def test_errors_come_back_in_red_from_the_loss_to_the_first_state(theme):
    figure, colours = chain("h0", BACKWARD, "", theme), style.LINES[theme]
    assert arrows(figure, colours["level"]) == sorted([((3, 2), (3, 1)), ((3, 1), (2, 1)), ((2, 1), (1, 1))])
    assert ((3, 1), (3, 2)) in arrows(figure, colours["text"])
    reds = {text for text, colour in written(figure).items() if colour == colours["level"]}
    assert reds == {"d3", "f2", "f3", "e1", "e2", "e3"}
    places = {note.text: (note.x, note.y) for note in figure.layout.annotations if not note.showarrow}
    assert [places[f"e{t}"][0] for t in (1, 2, 3)] == [1, 2, 3]
    assert [places[f"f{t}"][0] for t in (2, 3)] == [1.5, 2.5]
    assert places["d3"][0] == 3
