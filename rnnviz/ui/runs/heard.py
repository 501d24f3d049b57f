"""What the dispatcher said last of where it trains, as all pages hear it: the file is read once a second at most."""

import math
import threading
import time

from ... import checkpoints
from ...training import cluster, engines
from ...training.cluster import STALE, Cluster
from ...training.runs import State

FRESH = 1.0
"""Seconds for which what was read counts as new: all sessions of a server share a look."""
MOST = 400
"""Characters of an engine's words that are shown: they come from other machines."""


_last: list = [-math.inf, "", None]  # when, of which folder, what
_lock = threading.Lock()


def said() -> Cluster | None:
    """Return what was said last; None where nothing was, or nothing that can be understood."""
    home = str(checkpoints.runs_home())
    with _lock:
        at, of, told = _last
        if of != home or time.monotonic() - at > FRESH:
            told = cluster.read()
            _last[:] = [time.monotonic(), home, told]
        return told


def refresh() -> None:
    """Read it anew when it is next asked for."""
    with _lock:
        _last[:] = [-math.inf, "", None]


def engine(told: Cluster | None) -> str:
    """Return what starts the runs: what the dispatcher at work uses; where none is, what one called from here would."""
    return told.engine if told and not told.stale and not told.error else engines.name()


def standing(told: Cluster | None, since: float | None) -> str:
    """Return how it stands with a cluster: "at_work", "error", "called", "silent" or "asleep"; "" where none is used.

    since: when the first of the runs that wait or run was queued, in seconds since 1970; None where none does.
    """
    name = engine(told)
    if name == "local" or name not in engines.ENGINES:
        return ""
    if told and told.engine == name and (told.error or not told.stale):
        return "error" if told.error else "at_work"
    if since is None:
        return "asleep"
    return "called" if time.time() - since < STALE else "silent"  # one that begins has to join the cluster first


def trouble(id: str, state: State) -> str:
    """Return why a run that waits cannot be started now, in the engine's English words; "" where nothing is known."""
    told = said() if waits(state) else None
    return "" if told is None or told.stale else short(told.troubles.get(id, ""))


def waits(state: State) -> bool:
    """Return whether nothing of a run has been started yet."""
    return state.state == "queued" and not state.handle


def short(text: str) -> str:
    """Return the beginning of what an engine said, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= MOST else f"{line[:MOST]} …"
