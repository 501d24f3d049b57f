"""What a part of a page is: the settings it begins with, its stories, and the question that comes before its answer."""

from collections.abc import Mapping
from typing import NamedTuple


class Part(NamedTuple):
    """One part of a page that has several. Its words are called as it is: `part.<name>`, `predict.<name>.*`."""

    page: str
    """The page it belongs to; its lesson is `text/lessons/<page>_<name>`."""
    defaults: Mapping[str, object]
    """What its settings begin with, under the names that they have in a link."""
    stories: Mapping[str, Mapping[str, object]]
    """Settings that a button or a link in the lesson brings back: name -> what differs from the defaults."""
    answer: str | None = None
    """Which prediction is right, one of `lesson.OPTIONS`; None where none is asked for."""
    reveals: str | None = None
    """The story that the figure tells once a prediction was made."""
    veiled: str | None = None
    """The key of what would give the answer away, where the part begins with it."""
