"""The frame around every page: navigation, language, style, and what the link said."""

import logging
from pathlib import Path

import streamlit as st

from ..network import Network
from ..text import LANGUAGES, Words
from ..training.config import DATASETS
from . import state
from .cache import Reader
from .markdown import escaped

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCORED = ("mnist", "uci", "uci_test")
"""The sets of digits that a network's card may tell its accuracy on."""
PAGES = ("step", "compare", "gradients", "cells", "sequences", "train", "runs", "guide")


def route() -> None:
    """Show the page that the address names."""
    words = state.open_link()
    page = _navigation(words)
    st.session_state["routed"] = True
    try:
        page.run()
    except Exception as error:  # the last net: a page never shows a traceback
        log(error)
        st.error(words("problem.unexpected"), icon=":material/error:")


def open_page(name: str) -> Words:
    """Set up a page and return its words; the first line of every file in pages/.

    On a fresh server a deep link runs the page's file without app.py: then the page is asked for again, once. Its
    widgets would have names that no later run knows, and all of them would be built anew at the first answer.
    """
    words = state.open_link()
    if not st.session_state.pop("routed", False):
        _navigation(words)
        if not st.session_state.get("asked_again"):
            st.session_state["asked_again"] = True
            st.rerun()
    title = f"{words(f'page.{name}')} · {words('app.name')}"
    st.set_page_config(page_title=title, page_icon=HERE / "icon.png", layout="wide")
    st.html(HERE / "frame.css")
    follow()
    if st.session_state.get("page") != name:
        st.session_state["page"], st.session_state["entered"] = name, True
    return words


def go(page: str, **values: object) -> None:
    """Ask for another page, with values for its session; for a button's on_click.

    A button that is read where it is drawn loses its click when the page is run again before it comes to that.
    """
    st.session_state.update(values)
    st.session_state["go"] = page


def open_in_step(run_id: str, digit_set: str | None = None, index: int | None = None) -> None:
    """Ask for the Step page with a run's network, reading the digit of that index if one is given."""
    st.session_state.pop("layer", None)  # another network may have fewer layers
    _from_the_end(digit_set, index)
    go("step", net=f"run:{run_id}", label=state.AUTO)


def open_in_upscaling(run_id: str, digit_set: str | None = None, index: int | None = None) -> None:
    """Ask for the part on super-resolution with a run's network, as `open_in_step` asks for the Step page."""
    _from_the_end(digit_set, index)
    go("sequences", part="upscaling", part_prepared="upscaling", upscaler=f"run:{run_id}")


def _from_the_end(digit_set: str | None, index: int | None) -> None:
    """Have what was read shown at its last row; and have that digit read, if one is given."""
    st.session_state.pop("step", None)
    if index is not None:
        for key in ("draw", "asked"):
            st.session_state.pop(key, None)
        st.session_state.update(set=digit_set, digit=index, source="sample", show="all")


def follow() -> None:
    """Go to the page that was asked for, if any."""
    if page := st.session_state.pop("go", None):
        st.switch_page(ROOT / "pages" / f"{page}.py")


def title(words: Words, key: str) -> None:
    """Show a page's title, and the choice of language beside it."""
    with st.container(horizontal=True, vertical_alignment="center", key="title"):
        st.title(words(key), anchor=False, width="stretch")
        state.remember(
            st.segmented_control,
            words("app.language"),
            list(LANGUAGES),
            format_func=LANGUAGES.get,
            key="lang",
            required=True,
            label_visibility="collapsed",
            width="content",
        )


def link_notice(words: Words) -> None:
    """Say what of the link was not understood, until the reader does something."""
    if ignored := st.session_state.get("link_ignored"):
        st.warning(words("link.ignored", keys=", ".join(ignored)), icon=":material/link_off:")


def _navigation(words: Words):
    pages = [
        # No icons: the page's favicon would be fetched from a font server on the internet.
        st.Page(ROOT / "pages" / f"{name}.py", title=words(f"page.{name}"), default=name == PAGES[0])
        for name in PAGES
    ]
    return st.navigation(pages, position="top")


def about(words: Words, reader: Reader) -> str:
    """Return who reads: name, cell, size, how, and how well, in one line of Markdown."""
    network, training, accuracy = reader.network, reader.card.training, reader.card.accuracy
    numbers = {"units": network.hidden_size, "layers": layers(words, network)}
    parts = [words("shown.network", network=escaped(reader.title), cell=words(f"cell.{network.cell}"), **numbers)]
    if reader.order != "rows" or reader.delay:
        parts.append(words(f"shown.{reader.order}", delay=reader.delay))
    if "seed" in training and (dataset := training.get("dataset", "mnist")) in DATASETS:
        known = words(f"dataset.{dataset}")
        parts.append(words("shown.trained", data=known, seed=training["seed"]))
    if {"mnist", "uci"} <= accuracy.keys():
        parts.append(words("shown.accuracy", mnist=accuracy["mnist"], uci=accuracy["uci"]))
    else:
        parts += [words(f"shown.accuracy_{name}", share=accuracy[name]) for name in SCORED if name in accuracy]
    return " · ".join(parts)


def layers(words: Words, network: Network) -> str:
    """Return what follows the number of units where there are several layers of them."""
    if network.shared:
        return words("shown.shared", count=network.num_layers)
    return words("shown.layers", count=network.num_layers) if network.num_layers > 1 else ""


def log(error: Exception) -> None:
    """Write to the server's log what a page tells in its own words."""
    logging.getLogger("rnnviz").error("%s: %s", type(error).__name__, error, exc_info=error)
