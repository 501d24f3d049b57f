"""Long computations whose results are shown as they come, a little at a time and for all sessions together."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import streamlit as st

from .. import frame

FIRST = 0.06
"""Seconds that the first look may take: what moves with a slider must be there at once."""
LATER = 0.2
EVERY = 0.3
"""Seconds between two looks."""
WAIT = 20.0
"""Seconds that a session waits for another one's first result."""


class Growing:
    """What an iterator has yielded so far, of `count` results; `begin` makes the iterator."""

    def __init__(self, begin: Callable[[], Iterator[Any]], count: int):
        self.found: list[Any] = []
        self.count, self.done = count, False
        self._begin, self._work, self._lock = begin, None, threading.Lock()

    def grow(self, patience: float = 0.0) -> None:
        """Compute one result more; wait for another session that is at it, so many seconds, and for a first one longer.

        What the work raises is raised here, and the work begins anew when it is next asked for.
        """
        if self.done or not self._lock.acquire(timeout=patience if self.found else WAIT):
            return
        try:
            if self.done:  # by another session, meanwhile
                return
            if self._work is None and not self.found:
                self._work = self._begin()
            self.found.append(next(self._work))
            self.done = len(self.found) == self.count
        except StopIteration:
            self.done = True
        except BaseException:
            self.found, self._work = [], None
            raise
        finally:
            if self.done:
                self._work = None  # it may hold far more than its results
            self._lock.release()


def grow(works: Sequence[Growing], seconds: float) -> None:
    """Let the one that is least far grow, for about so long; each gets its first result in any case."""
    end = time.monotonic() + seconds
    while waiting := [work for work in works if not work.done]:
        least = min(waiting, key=lambda work: len(work.found))
        if least.found and time.monotonic() > end:
            return
        before = len(least.found)
        least.grow()
        if len(least.found) == before and not least.done:  # another session is at it
            return


def follow(works: Sequence[Growing], show: Callable[[], None]) -> None:
    """Show a part of the page, and again as the works grow, until they are done."""
    grow(works, FIRST)
    live = not all(work.done for work in works)
    first = True

    def shown() -> None:
        nonlocal first
        frame.follow()
        if not first:
            grow(works, LATER)
        first = False
        show()
        if live and all(work.done for work in works):
            st.rerun()  # the whole page: nothing has to be looked at again

    st.fragment(shown, run_every=EVERY if live else None)()
