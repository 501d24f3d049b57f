"""Parts of the page that look at runs again by themselves."""

from collections.abc import Callable

import streamlit as st

from ...text import Words
from .. import frame

EVERY = 2.0
"""Seconds between two looks at runs that are at work."""


def guarded(part: Callable, live: bool, words: Words, *given: object) -> None:
    """Show a part of the page, `part(words, *given)`, and again and again while it is live.

    An error in it is logged and told in words, and the rest of the page stays.
    """

    def shown() -> None:
        try:
            part(words, *given)
        except Exception as error:  # what runs by itself has no other net; what st.rerun raises is no Exception
            frame.log(error)
            st.error(words("problem.unexpected"), icon=":material/error:")

    st.fragment(shown, run_every=EVERY if live else None)()
