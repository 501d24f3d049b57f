"""What people wrote, such as the name of a run, for a place where Streamlit reads Markdown."""

import re


def escaped(text: str) -> str:
    """Return text as Markdown that shows it as it is: every ASCII sign that could mean something has a backslash.

    An address would become a link all the same: an invisible sign that parts nothing (U+2060) keeps it from that.
    """
    text = re.sub(r"(?i)(https?:(?=//)|www(?=\.)|@(?=\w))", "\\1\u2060", text)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
