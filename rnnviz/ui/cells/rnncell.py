"""To be written."""

from ...text import Words
from ..parts import stories
from ..parts.lesson import lesson

PART = "rnncell"


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    lesson(words, PART)
    return stories.link(PART)
