"""What the lab's parts begin with, and stories: settings that a button or a link in a lesson brings back by name."""

from collections.abc import Sequence

import streamlit as st

from ...text import Words
from ...training import recall

DEFAULTS: dict[str, dict[str, object]] = {
    "fan": {
        "cells": ["rnn_tanh"],
        "starts": ["default"],
        "gain": 1.0,
        "bias": 1.0,
        "depth": 1,
        "reading": "rows",
        "delay": 0,
    },
    "why": {"subject": "fresh:rnn_tanh:default", "gain": 1.0, "bias": 1.0, "seed": 0, "delay": 0},
    "unrolled": {"subject": "rnn-64", "gain": 1.0, "bias": 1.0, "seed": 0, "delay": 0, "window": 5, "clip": 1.0},
    "recall": {
        "learners": list(recall.LEARNERS),
        "seeds": recall.SEEDS,
        "seed": 0,
        "blank": recall.BLANK,
        "rate_rnn": recall.RATE_RNN,
        "rate_gated": recall.RATE_GATED,
        "updates": recall.UPDATES,
        "recall": None,  # a group's id; None for the recording
        "update": None,  # of the film; None for the newest
        "road": "h",
    },
    "exploding": {"cells": ["rnn_relu"], "gain": 1.5, "rate": 0.05, "clip": 1.0, "seed": 0},
    "proof": {"subject": "lstm-64", "gain": 1.0, "bias": 1.0, "seed": 0, "delay": 0},
}
"""By part; "level" and "label" are left to the network that is shown."""

STORIES: dict[str, tuple[str, dict[str, object]]] = {
    # ---- The fan
    "rnn": ("fan", {}),
    "gated": ("fan", {"cells": ["rnn_tanh", "lstm", "gru"]}),
    "bias": ("fan", {"cells": ["lstm"], "starts": ["default", "forget"], "bias": 5.0}),
    "orthogonal": ("fan", {"starts": ["default", "orthogonal"], "gain": 1.0}),
    "explode": ("fan", {"starts": ["orthogonal"], "gain": 1.5}),
    "activations": ("fan", {"cells": ["rnn_tanh", "rnn_relu", "rnn_sigmoid"]}),
    "irnn": ("fan", {"cells": ["rnn_relu"], "starts": ["default", "identity"]}),
    "blank": ("fan", {"cells": ["rnn_tanh", "lstm"], "starts": ["default", "forget"], "bias": 5.0, "delay": 28}),
    "long": (
        "fan",
        {"cells": ["rnn_tanh", "lstm"], "starts": ["default", "forget"], "bias": 5.0, "reading": "permuted"},
    ),
    "deep": ("fan", {"cells": ["lstm"], "starts": ["default", "forget"], "bias": 3.0, "depth": 3}),
    "normalised": ("fan", {"cells": ["lstm", "layernorm_lstm"]}),
    # ---- Why
    "why-rnn": ("why", {}),
    "why-orthogonal": ("why", {"subject": "fresh:rnn_tanh:orthogonal", "gain": 1.0}),
    "why-expanding": ("why", {"subject": "fresh:rnn_tanh:orthogonal", "gain": 1.5}),
    "why-lstm": ("why", {"subject": "fresh:lstm:default"}),
    "why-bias": ("why", {"subject": "fresh:lstm:forget", "bias": 5.0}),
    "why-trained-rnn": ("why", {"subject": "rnn-64"}),
    "why-trained-lstm": ("why", {"subject": "lstm-64"}),
    # ---- BPTT unrolled
    "shares-trained": ("unrolled", {}),
    "shares-untrained": ("unrolled", {"subject": "fresh:rnn_tanh:default"}),
    "shares-lstm": ("unrolled", {"subject": "lstm-64"}),
    "window-1": ("unrolled", {"window": 1}),
    "window-14": ("unrolled", {"window": 14}),
    # ---- Delayed recall
    "recall-start": ("recall", {"update": 0}),
    "recall-opening": ("recall", {"update": 100}),
    "recall-cell": ("recall", {"update": 0, "road": "c"}),
    "recall-end": ("recall", {}),
    # ---- Exploding
    "jump": ("exploding", {}),
    "saturated": ("exploding", {"cells": ["rnn_tanh"], "rate": 0.3}),
    "tame": ("exploding", {"cells": ["rnn_tanh"], "gain": 1.0, "rate": 0.02}),
    # ---- Prove it
    "proof-trained": ("proof", {}),
    "proof-vanished": ("proof", {"subject": "fresh:rnn_tanh:default", "delay": 56}),
}
"""name -> (part, what differs from its defaults)."""


def prepare(part: str) -> None:
    """Put a part's settings into the session: the link's, those it was left with, or its defaults.

    Parts have names in common, such as "gain", so that one link can carry them; each part has its own values.
    """
    now = st.session_state
    if now.get("lab_part") == part:
        return
    of_link = {key: now[key] for key in DEFAULTS[part] if key in now and "lab_part" not in now}
    now.update(now.setdefault("lab_kept", {}).get(part, DEFAULTS[part]) | of_link)
    now["lab_part"] = part


def buttons(words: Words, names: Sequence[str]) -> None:
    """Show a button for each of some stories."""
    with st.container(horizontal=True, gap="xsmall", key="stories"):
        for name in names:
            st.button(words(f"story.{name}"), key=f"story_{name}", on_click=tell, args=(name,))


def tell(name: str) -> None:
    """Bring back a story's settings; for a button's on_click."""
    part, values = STORIES[name]
    for key in ("label", "level"):  # another network's, or another digit's
        st.session_state.pop(key, None)
    st.session_state.update(DEFAULTS[part] | values)
    st.session_state["part"] = st.session_state["lab_part"] = part


def changed(part: str) -> bool:
    """Return whether any of a part's settings is another than its default."""
    return any(st.session_state[key] != value for key, value in DEFAULTS[part].items())


def link(part: str) -> dict[str, object]:
    """Return what the address has to hold of a part's settings, those that are not its defaults; and remember all."""
    settings = {key: st.session_state[key] for key in DEFAULTS[part]}
    st.session_state.setdefault("lab_kept", {})[part] = settings
    return {key: _told(value) if value != DEFAULTS[part][key] else None for key, value in settings.items()}


def _told(value: object) -> object:
    if isinstance(value, list):
        return ",".join(value) or None
    return f"{value:g}" if isinstance(value, float) else value
