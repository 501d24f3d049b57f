"""What of a trace is looked at: the class of the loss, the order of the units, the gradients; on several pages."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from ..text import Words
from . import state
from .reading import NORMS

DEFAULTS = {"label": state.AUTO, "order": "index", "norms": ["h", "c"]}


@dataclass(frozen=True)
class Choices:
    """What the reader has chosen."""

    label: int | None
    """The class of the loss; None for what the network answers."""
    order: str
    """"index" or "similarity"."""
    norms: tuple[str, ...]
    """The gradients that are drawn."""
    offered: tuple[str, ...]
    """The gradients that could be."""

    def link(self) -> dict[str, object]:
        """Return what the address has to say of it; the defaults go without saying."""
        usual = tuple(line for line in DEFAULTS["norms"] if line in self.offered)
        return {
            "label": self.label,
            "order": self.order if self.order != DEFAULTS["order"] else None,
            "norms": ",".join(self.norms) if self.norms != usual else None,
        }


def choices(words: Words, answer: str, true: int | None, lines: Sequence[str]) -> Choices:
    """Show the choices and return what is chosen.

    answer: how the network's own answer is called among the classes. true: the class of the digit, where it is known.
    lines: the gradients that can be drawn.
    """
    for key, value in DEFAULTS.items():
        st.session_state.setdefault(key, value)
    st.session_state.setdefault("norms_no_c", [line for line in st.session_state["norms"] if line != "c"])

    def label_name(label: str | int) -> str:
        if label == state.AUTO:
            return answer
        return words("step.label_true" if label == true else "step.label_class", digit=label)

    label = state.remember(
        st.selectbox,
        words("step.label"),
        [state.AUTO, *range(10)],
        format_func=label_name,
        key="label",
        filter_mode=None,
    )
    order = state.remember(
        st.segmented_control,
        words("step.order"),
        ["index", "similarity"],
        format_func=lambda order: words(f"step.order_{order}"),
        key="order",
        required=True,
    )
    lines = [line for line in NORMS if line in lines]
    norms = state.remember(
        st.pills,
        words("step.gradients"),
        lines,
        selection_mode="multi",
        format_func=lambda line: words(f"norm.{line}.name"),
        key="norms" if "c" in lines else "norms_no_c",
    )
    return Choices(None if label == state.AUTO else label, order, tuple(norms), tuple(lines))
