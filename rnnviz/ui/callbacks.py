"""Callbacks of controls, whatever else the browser tells while they are at it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import ThreadState, get_script_run_ctx


def answered(callback: Callable[..., None]) -> Callable[..., None]:
    """Return a control's callback that is done to its end and then seen, whatever else is told just then.

    Streamlit ends a run, and a callback in the midst of it, at its next look at the session's state once the browser
    tells something more; what the rest of the callback was to do would be lost, for nothing tells it again.

    The browser also puts what several controls say at one moment into one message, and Streamlit runs the fragment of
    the one that spoke first, alone. A stroke that ends just as the stepper tells its row would be on the canvas, and
    the page beside it would go on reading the digit without it. So what the control stands in is run as well.
    """

    def called(*args: Any, **options: Any) -> None:
        with _undisturbed():
            callback(*args, **options)
        running = get_script_run_ctx().fragment_ids_this_run  # nothing where the whole page is
        if running and ThreadState.get().fragment_id not in running:
            st.rerun()

    return called


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nothing end this run meanwhile, and no other run of the session call back: it may have begun already."""
    session = get_script_run_ctx().session_state
    ends_here = session._yield_callback
    object.__setattr__(session, "_yield_callback", lambda: None)  # it passes all other names on to the state
    try:
        with st.session_state.setdefault("turn", threading.RLock()):
            yield
    finally:
        object.__setattr__(session, "_yield_callback", ends_here)
