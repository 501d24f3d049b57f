"""Training in the page: begin again, step, play, go to the end, another seed; the update is part of the link.

A training is a `Growing` whose result k is what stands after k updates, so that the same settings, seed and update are
the same picture, and going back costs nothing.
"""

import time

import streamlit as st

from ...text import Words
from .. import frame, state
from ..callbacks import answered
from ..slider import slider
from .growing import EVERY, Growing

PATIENCE = 0.8
"""Seconds that a look may wait for updates that are asked for and not yet made: more than drawing the page takes."""
PACE = 10
"""Playing makes an update per look at first, and one more for every so many that are made: most happens early."""
LAST_SEED = 9999


def learning(words: Words, work: Growing) -> int:
    """Show the controls of a training and return the update to show, which has been made: `work.found[update]`.

    Updates that are asked for are made here, as many as a look has time for; the page is run again for the others.
    `st.session_state["at"]` is the update that is asked for, "seed" the seed.
    """
    now, last = st.session_state, work.count - 1
    now["at"] = min(now["at"], last)
    playing = now.get("playing") and now["at"] < last
    if playing and len(work.found) > now["at"]:
        now["at"] = min(last, now["at"] + 1 + now["at"] // PACE)
    _reach(work, now["at"])
    if work.done:  # it may have ended early, where numbers left what float64 holds
        last = len(work.found) - 1
        now["at"] = min(now["at"], last)
    shown = min(now["at"], len(work.found) - 1)
    behind, playing = shown < now["at"], bool(playing and now["at"] < last)
    now["playing"] = playing
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="learning"):
        _button(words, "restart", "skip_previous", _go, (0,), disabled=not now["at"])
        _button(words, "step", "navigate_next", _go, (min(last, now["at"] + 1),), disabled=now["at"] >= last)
        if playing or behind:
            _button(words, "pause", "pause", _go, (shown,))
        else:
            _button(words, "play", "play_arrow", _play, (), disabled=now["at"] >= last)
        _button(words, "end", "skip_next", _go, (last,), disabled=now["at"] >= last)
        # Said in the slider's own name: a line that comes and goes would move all that stands below.
        making = {"done": shown, "updates": now["at"]}
        slider(words("learning.making", **making) if behind else words("learning.update"), 0, last, 1, "at")
        _button(words, "seed", "casino", _new_seed, ())
    _again(behind or playing)
    return shown


def _reach(work: Growing, update: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(work.found) <= update and not work.done:
        left = end - time.monotonic()
        if work.found and left <= 0:
            return
        work.grow(max(0.0, left))


def _again(live: bool) -> None:
    """Run the page again soon, as long as there is more to show."""
    first = True

    def look() -> None:
        nonlocal first
        frame.follow()
        if not first:
            st.rerun()
        first = False

    st.fragment(look, run_every=EVERY if live else None)()


def _button(words: Words, name: str, icon: str, act, args: tuple, disabled: bool = False) -> None:
    st.button(
        words(f"learning.{name}"), key=f"learning_{name}", icon=f":material/{icon}:", on_click=answered(act), args=args,
        disabled=disabled,
    )  # fmt: skip


def _go(update: int) -> None:
    st.session_state["playing"], st.session_state["at"] = False, update
    state.heard()


def _play() -> None:
    st.session_state["playing"] = True
    state.heard()


def _new_seed() -> None:
    """Take other first weights; the update that is asked for stays."""
    st.session_state["seed"] = (st.session_state["seed"] + 1) % (LAST_SEED + 1)
    state.heard()
