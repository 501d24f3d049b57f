"""Part 1: every number of a small network, forward and backward, with the arithmetic that makes it."""

from ...text import Words
from ..parts.lesson import lesson
from . import tiny

PART = "byhand"


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    tiny.controls(words)
    tiny.chosen()
    lesson(words, PART)
    return tiny.link(PART)
