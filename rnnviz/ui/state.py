"""The URL is the state: one typed table of what a link can carry, read once a session, written whenever it changes.

Values live in `st.session_state` under the same keys. `remember` ties a widget to one of them, so that it outlives
the widget: Streamlit forgets a widget's state, or half of it, when another page is shown.
"""

import math
import re
import time
import urllib.parse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from .. import checkpoints, digits, initial, learn
from ..cells import CELLS
from ..tasks import small_digits, words
from ..tasks.shapes import SHAPES
from ..text import LANGUAGES, Words
from ..training import recall
from ..training.presets import PRESETS
from .callbacks import answered
from .parts import stories

_address = st.components.v2.component("rnnviz_address", js=Path(__file__).with_name("address.js").read_text("utf-8"))

UNDER_WAY = 3.0
"""Seconds within which the browser hears of what Python has set."""
AUTO = "auto"
"""The network that suits what is shown, or the class that the network answers."""


def _one_of(valid: Callable[[], Any]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in valid():
            raise ValueError(text)
        return text

    return parse


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 8 and low <= int(text) <= high):
            raise ValueError(text)
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        value = float(text) if text.isascii() and len(text) < 12 else math.nan
        if not low <= value <= high:  # "not a number" lies between no bounds
            raise ValueError(text)
        return value

    return parse


def _several(valid: Callable[[], Any], least: int = 0, most: int = 99) -> Callable[[str], list[str]]:
    def parse(text: str) -> list[str]:
        names = text.split(",") if text else []
        if set(names) - set(valid()) or len(set(names)) < len(names) or not least <= len(names) <= most:
            raise ValueError(text)
        return names

    return parse


def _drawing(text: str) -> str:
    digits.unpack(text)
    return text


def _network(text: str, task: str = "classify") -> str:
    if text.startswith("run:"):
        _runs(text[4:])
        return text
    return _one_of(lambda: checkpoints.names(task))(text)


def _upscaler(text: str) -> str:
    return _network(text, "upscale")


def _networks(text: str) -> list[str]:
    names = text.split(",")
    if not 2 <= len(names) <= MAX_COMPARED or len(set(names)) < len(names):
        raise ValueError(text)
    return [_network(name) for name in names]


def _subject(text: str) -> str:
    kind, _, rest = text.partition(":")
    if kind != "fresh":
        return _network(text)
    cell, _, start = rest.partition(":")
    if cell not in CELLS or start not in STARTS or (start == "forget" and "f" not in CELLS[cell].blocks):
        raise ValueError(text)
    return text


def _edits(text: str) -> dict[str, float]:
    """Return changed numbers by place, {"rnn.weight_hh_l0.0.1": 0.5}; that the place exists is for the part to see."""
    edits = {}
    for edit in text.split(","):
        if not (match := _EDIT.fullmatch(edit)) or len(edits) == MAX_EDITS:
            raise ValueError(text)
        edits[match[1] + match[2]] = float(match[3])
    return edits


def _name(text: str) -> str:
    """Return a short plain name; that there is such a thing is for the part to see."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", text):
        raise ValueError(text)
    return text


def _picture(text: str) -> str:
    small_digits.unpack(text)
    return text


def _word(text: str) -> str:
    words.pair(text, text)
    return text


def _group(text: str) -> str:
    if not checkpoints.RUN_ID.fullmatch(text):
        raise ValueError(text)
    return text


def _runs(text: str) -> list[str]:
    ids = text.split(",")
    if not all(map(checkpoints.RUN_ID.fullmatch, ids)) or len(set(ids)) < len(ids) or len(ids) > MAX_RUNS:
        raise ValueError(text)
    return ids


MAX_RUNS = 8
"""Runs that are compared at a time: as many as colours can be told apart."""

MAX_COMPARED = 4
"""Networks that read one digit below one another: as many as a screen holds."""
STARTS = (*initial.RECURRENT, "forget")
"""How an untrained network of the lab may begin: the ways of W_hh, or a bias of the forget gate."""
CHOOSERS = ("selectbox", "segmented_control", "pills", "multiselect")
"""Widgets that let people choose from a list."""
MAX_EDITS = 440
"""Numbers of a small network that a link may change: all that the largest one has."""
_EDIT = re.compile(r"([a-z_]+(?:\.[a-z_0-9]+)?)((?:\.[0-9]{1,2}){1,2}):(-?[0-9]{1,3}(?:\.[0-9]{1,4})?)")

LINK: dict[str, Callable[[str], Any]] = {
    "net": _network,
    "set": _one_of(lambda: digits.SETS),
    "digit": _whole(0, 9999),
    "draw": _drawing,
    "step": _whole(1, 999),
    "layer": _whole(1, 99),
    "lang": _one_of(lambda: LANGUAGES),
    "label": _whole(0, 9),
    "order": _one_of(lambda: ("index", "similarity")),
    "norms": _several(lambda: ("h", "c", "x", "jacobian")),
    "nets": _networks,
    "preset": _one_of(lambda: PRESETS),
    "runs": _runs,
    # ---- The lab
    "part": _one_of(lambda: stories.PARTS),
    "cells": _several(lambda: CELLS),
    "starts": _several(lambda: STARTS),
    "gain": _number(0.5, 3.0),
    "bias": _number(-2.0, 8.0),
    "depth": _whole(1, 4),
    "reading": _one_of(lambda: digits.ORDERS),
    "delay": _whole(0, 84),
    "subject": _subject,
    "seed": _whole(0, 9999),
    "level": _whole(1, 99),
    "window": _whole(1, 999),
    "clip": _number(1e-3, 1e3),
    "rate": _number(1e-6, 10.0),
    "recall": _group,
    "learners": _several(lambda: recall.LEARNERS, 1),
    "seeds": _whole(1, 5),
    "blank": _whole(0, 84),
    "rate_rnn": _number(1e-6, 1.0),
    "rate_gated": _number(1e-6, 1.0),
    "update": _whole(0, 99999),
    "updates": _whole(10, 5000),
    "road": _one_of(lambda: ("h", "c")),
    # ---- Cells and sequences
    "cell": _one_of(lambda: CELLS),
    "units": _whole(1, 64),
    "features": _whole(1, 4),
    "steps": _whole(1, 16),
    "loss": _one_of(lambda: ("last", "every", "mse")),
    "edits": _edits,
    "node": _name,
    "stage": _whole(0, 999),
    "entry": _name,
    "mistake": _name,
    "activation": _one_of(lambda: ("tanh", "sigmoid", "relu")),
    "point": _number(-6.0, 6.0),
    "unit": _whole(1, 64),
    "batch": _whole(1, 8),
    "batch_first": _whole(0, 1),
    "alphabet": _one_of(lambda: ("letters", "words")),
    "t": _whole(1, 16),
    "k": _whole(1, 16),
    "w_x": _number(-3.0, 3.0),
    "w_h": _number(-3.0, 3.0),
    "b": _number(-3.0, 3.0),
    "optimiser": _one_of(lambda: learn.OPTIMISERS),
    "at": _whole(0, 9999),
    "word": _word,
    "target": _word,
    "encoding": _one_of(lambda: words.ENCODINGS),
    "biases": _whole(1, 2),
    "readout": _one_of(lambda: words.READOUTS),
    "many": _whole(0, 1),
    "corpus": _one_of(lambda: words.CORPORA),
    "dim": _whole(2, 8),
    "spread": _number(0.05, 2.0),
    "letter": _whole(1, 99),
    "shape": _one_of(lambda: SHAPES),
    "given": _word,
    "picture": _picture,
    "stacking": _one_of(lambda: ("own", "shared")),
    "upscaler": _upscaler,
}
"""What a link can carry, and how each value is read; ValueError for anything else. Steps and layers count from 1."""


def open_link() -> Words:
    """Take over what the link says, in a session's first run, and return the words of the chosen language."""
    if "link_read" not in st.session_state:
        st.session_state["link_read"] = True
        st.session_state["link_ignored"] = []
        for key, text in st.query_params.items():
            if key not in LINK:
                continue
            try:
                st.session_state[key] = LINK[key](text)
            except ValueError:
                ignore(key)
        st.session_state.setdefault("lang", browser_language())
    return Words(st.session_state["lang"])


def write_link(**values: object) -> None:
    """Put values into the address; None leaves a key out.

    The browser does it, in place: Streamlit's own `st.query_params` would add an entry to the history for every row
    and every digit, and Back would lead through all of them without changing anything.
    """
    lang = st.session_state["lang"]
    values["lang"] = lang if lang != browser_language() else None
    st.session_state["link"] = {key: str(value) for key, value in values.items() if value is not None}
    _address(data={"keys": list(LINK), "values": st.session_state["link"]}, key="address", height="content")


def ignore(key: str) -> None:
    """Note that a part of the link was not understood."""
    if key not in st.session_state["link_ignored"]:
        st.session_state["link_ignored"].append(key)


def nearest(values: Sequence[float], value: float) -> float:
    """Return the one of some numbers above 0 that is nearest by ratio: a link may say any."""
    return min(values, key=lambda each: abs(math.log(each / value)))


def heard() -> None:
    """Stop telling what of the link was not understood: the reader has moved on."""
    st.session_state["link_ignored"] = []


def told(component: str, name: str) -> Any:
    """Return what a component of ours told last under a name, or None.

    For its callback: when reruns follow one another fast, Streamlit can call it after it has let go of the value, and
    an error in a callback would end the page.
    """
    return (st.session_state.get(component) or {}).get(name)


def remember(widget: Callable, label: str, *args, key: str, on_change: Callable[[], None] | None = None, **options):
    """Show a widget whose value is `st.session_state[key]`, which must be set, and return that value."""
    now, own = st.session_state, f"widget_{key}"
    offered = [*args[0], None] if widget.__name__ in CHOOSERS else None

    def changed() -> None:
        value = st.session_state[own]
        # A page that is built anew, in another language for one, has new widgets: all of them seem changed.
        if value == now.get(key) or _overtaken(own, value):
            return
        # The browser says a choice in words, and where these have changed meanwhile Streamlit takes them for the value.
        if offered is None or all(each in offered for each in (value if isinstance(value, list) else [value])):
            st.session_state[key] = value
        heard()
        if on_change:
            on_change()

    if now.get(own, now[key]) != now[key]:
        now.setdefault("overtaken", {})[own] = (now[own], time.monotonic())
        now.pop("link", None)  # what it says is overtaken too, and this run may end before it says something else
    st.session_state[own] = st.session_state[key]
    widget(label, *args, key=own, on_change=answered(changed), **options)
    return st.session_state[key]


def _overtaken(own: str, value: Any) -> bool:
    """Return whether a widget's value is only what it had before Python set another.

    Whatever is told brings the values of all widgets along, as the browser has them: what is told just after a story's
    button would undo the story. The address, which comes last, says whether the browser has heard of what was set.
    """
    before, when = st.session_state.get("overtaken", {}).get(own, (None, -math.inf))
    asked = urllib.parse.parse_qsl(get_script_run_ctx().query_string, keep_blank_values=True)
    heard_of = {key: text for key, text in asked if key in LINK} == st.session_state.get("link")
    return value == before and not heard_of and time.monotonic() - when < UNDER_WAY


def browser_language() -> str:
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"
