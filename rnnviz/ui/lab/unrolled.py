"""Part of the lab."""

from ...text import Words


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    return {}
