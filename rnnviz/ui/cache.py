"""What all sessions of a server share: networks, their cards and the order of their units."""

import numpy as np
import streamlit as st

from .. import checkpoints, digits, measures
from ..network import Network
from ..trace import record_many

_REFERENCE_DIGITS = 150
"""Units are called similar by what they do over this many bundled digits, so that the order is the network's own."""


@st.cache_resource(show_spinner=False)
def network(name: str) -> Network:
    return checkpoints.load(name)


@st.cache_resource(show_spinner=False)
def card(name: str) -> checkpoints.Card:
    return checkpoints.card(name)


def misread(name: str, digit_set: str) -> list[int]:
    """Return the indices of the digits of a set that a network reads wrong; none where its file cannot be read."""
    try:
        return list(card(name).misread.get(digit_set, []))
    except (checkpoints.CheckpointError, OSError):
        return []


@st.cache_resource(show_spinner=False)
def similarity_order(name: str, layer: int) -> np.ndarray:
    """Return the units (H,) of a layer with those that move alike side by side."""
    images = digits.open_set("uci").images[:_REFERENCE_DIGITS]
    h = record_many(network(name), images, signals=("h",))["h"][:, layer]
    return measures.similarity_order(h.reshape(-1, h.shape[-1]))
