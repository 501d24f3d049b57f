"""What people wrote, such as the name of a run, for a place where Streamlit reads Markdown."""

import re


def escaped(text: str) -> str:
    """Return text as Markdown that shows it as it is: every ASCII sign that could mean something has a backslash."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
