"""The reading guide: what the five tutorials ask, in a sentence each, and where in the app the answer is to be seen."""

from typing import NamedTuple
from urllib.parse import urlencode

import streamlit as st

from ...text import Words
from .. import state
from ..parts import stories


class Question(NamedTuple):
    """A question of a tutorial; its words are `reading.<name>.question` and `.answer`."""

    name: str
    links: tuple[tuple[str, dict[str, str]], ...]
    """Where it is answered: a page, and what a link to it says."""


def _preset(name: str) -> tuple[str, dict[str, str]]:
    return "train", {"preset": name}


def _part(part: str, **link: str) -> tuple[str, dict[str, str]]:
    return stories.PARTS[part].page, {"part": part, **link}


READING: dict[str, tuple[Question, ...]] = {
    "000": (
        Question("state", (_part("byhand"), _part("neuron"))),
        Question("groups", (_part("byhand", depth="2"), _part("rnncell"))),
        Question("middle", (("step", {"net": "rnn-64", "step": "14"}), _part("byhand", loss="every"))),
        Question("loss", (_part("byhand", loss="last"), _part("terms"))),
        Question("bptt", (_part("terms"), _part("unrolled"))),
        Question("travel", (_part("fan"), _part("why"), _part("recall"))),
        Question("many_to_one", (("step", {"net": "rnn-64"}), _preset("rnn-64-mnist"), _part("shapes"))),
    ),
    "001": (
        Question("gates", (("step", {"net": "lstm-64"}), _part("byhand", cell="lstm"))),
        Question("candidate", (_part("byhand", cell="lstm"),)),
        Question("rate", (_preset("lstm-64-mnist"), _preset("rnn-64-mnist"))),
        Question("relief", (_part("fan"), _part("recall"), _part("exploding"))),
    ),
    "002": (
        Question("five", (_part("terms"),)),
        Question("scratch", (_part("scratch"),)),
        Question("wrong", (_part("terms", mistake="state"),)),
        Question("activations", (_part("activations"),)),
        Question("shapes", (_part("shapes"),)),
        Question("normalised", (_part("deep"), _preset("layernorm-64"))),
    ),
    "003": (
        Question("stacked", (_preset("deep-lstm"), _preset("deep-lstm-toy"), _part("deep"))),
        Question("shared", (_part("deep", stacking="shared"), _preset("deep-lstm-shared"))),
        Question("peephole", (_part("byhand", cell="peephole_lstm"), _preset("peephole-lstm"))),
        Question("neuron", (_part("neuron"),)),
        Question("upscaling", (_part("upscaling"),)),
    ),
    "004": (
        Question("loop", (_part("rnncell"),)),
        Question("hello", (_part("hello"),)),
        Question("floor", (_part("hello", readout="hidden"),)),
        Question("embedding", (_part("embedding"),)),
        Question("three_layers", (_preset("rnn-3x64-mnist"), _preset("irnn-64"))),
        Question("folds", (_preset("rnn-3x64"),)),
    ),
}
"""The questions by the number of the tutorial."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    st.markdown(words("reading.intro"))
    for source, questions in READING.items():
        st.subheader(words(f"reading.source_{source}"), anchor=f"source-{source}")
        for question in questions:
            asked = words(f"reading.{question.name}.question")
            answer = words(f"reading.{question.name}.answer")
            links = " · ".join(f"[{_named(words, *link)}]({_address(words, *link)})" for link in question.links)
            st.markdown(f"**{asked}**  \n{answer}  \n→ {links}")
    return {}


def _named(words: Words, page: str, link: dict[str, str]) -> str:
    """Return what a link is called: the page, and the part, network or settings that it opens."""
    detail = words(f"part.{link['part']}") if "part" in link else link.get("preset") or link.get("net")
    more = [words(f"cell.{link['cell']}")] if "cell" in link else []
    return " · ".join([words(f"page.{page}"), detail, *more])


def _address(words: Words, page: str, link: dict[str, str]) -> str:
    """Return the address, beside this page's own; in the language that is read here."""
    lang = {} if words.language == state.browser_language() else {"lang": words.language}
    return f"{page}?{urlencode(link | lang)}"
