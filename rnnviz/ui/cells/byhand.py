"""Part 1: every number of a small network, forward and backward, with the arithmetic that makes it."""

from ... import arithmetic
from ...text import Words
from ..parts.lesson import lesson
from . import tiny
from .graph import graph

PART = "byhand"


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    tiny.controls(words)
    shown = tiny.chosen()
    made = arithmetic.graph(shown.network, shown.x, shown.label, shown.loss)
    graph(words, shown, made, "byhand_graph")
    lesson(words, PART)
    return tiny.link(PART)
