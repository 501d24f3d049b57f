"""What people call a run is shown as they wrote it on every page: no picture, no link, nothing bold comes of it."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, initial
from rnnviz.digits import mnist
from rnnviz.training import dispatch
from rnnviz.ui import live
from rnnviz.ui.markdown import escaped
from rnnviz.ui.runs import known
from tests.made_runs import SMALL, UPSCALING, made, made_group, runs_here  # noqa: F401

PAGES = Path(__file__).resolve().parents[2] / "pages"
NAME = "**x** ![i](http://evil.example/i.png) [go](http://evil)"
SIGNS = ("**x**", "![i]", "](http")
KINDS = ("markdown", "caption", "info", "warning", "error", "success", "title", "header", "subheader", "toast")


@pytest.fixture(autouse=True)
def quiet(monkeypatch, runs_here):  # noqa: F811
    """No run is dispatched, every test begins with no runs, and the bundled digits are all there is."""
    st.cache_resource.clear()
    st.cache_data.clear()
    known.refresh()
    live.refresh()
    monkeypatch.setattr(dispatch, "ensure", lambda: None)
    monkeypatch.setattr(mnist, "_folders", lambda: [Path("/nowhere")])
    monkeypatch.setattr(mnist, "_sets", {})
    monkeypatch.setattr(mnist, "fetch_in_background", lambda: None)
    bundled = digits.open_set("uci")
    monkeypatch.setattr(known, "test_digits", lambda dataset: (bundled.images, bundled.labels))


def reads() -> str:
    return made(config=SMALL, name=NAME).id


def writes() -> str:
    return made(config=UPSCALING, name=NAME).id


def explodes() -> str:
    """Make a run whose network's states grow beyond all numbers, and return its id."""
    run = made(config=replace(SMALL, cell="rnn_relu", forget_bias=None, delay=84), name=NAME)
    network = initial.network("rnn_relu", 28, 64)
    arrays = network.arrays | {"rnn.weight_hh_l0": np.full((64, 64), 60_000.0)}
    file = run.folder / "model.safetensors"
    card = checkpoints.card(file)
    checkpoints.save(type(network)("rnn_relu", arrays), file, card)
    return run.id


def damaged() -> str:
    run = made(config=UPSCALING, name=NAME)
    (run.folder / "model.safetensors").write_bytes(b"none")
    return run.id


def noted() -> str:
    return made(config=SMALL, name=NAME, note=NAME).id


def several() -> str:
    watched = replace(SMALL, watch="test"), SMALL  # measured on other digits: it is said whose on which
    return ",".join(made(config=config, name=NAME).id for config in watched)


def group() -> str:
    return made_group(name=NAME)[0].id[:-3]


def member() -> str:
    return made_group(name=NAME)[0].id


def waiting() -> str:
    return [made("queued", name=NAME).id for _ in range(3)][0]


SHOWN = {
    "step, in the caption": ("step", reads, {"net": "run:{}"}, "caption"),
    "step, where it reads no digits": ("step", writes, {"net": "run:{}"}, "error"),
    "step, where it explodes": ("step", explodes, {"net": "run:{}"}, "error"),
    "compare": ("compare", reads, {"nets": "run:{},lstm-64"}, "markdown"),
    "compare, where it reads no digits": ("compare", writes, {"nets": "run:{},lstm-64"}, "error"),
    "compare, where it explodes": ("compare", explodes, {"nets": "run:{},lstm-64"}, "error"),
    "gradients, in the caption": ("gradients", reads, {"part": "why", "subject": "run:{}"}, "caption"),
    "gradients, where it reads no digits": ("gradients", writes, {"part": "why", "subject": "run:{}"}, "error"),
    "gradients, in the proof": ("gradients", reads, {"part": "proof", "subject": "run:{}"}, "markdown"),
    "sequences, in the caption": ("sequences", writes, {"part": "upscaling", "upscaler": "run:{}"}, "caption"),
    "sequences, where it enlarges nothing": ("sequences", reads, {"part": "upscaling", "upscaler": "run:{}"}, "error"),
    "train, in the queue": ("train", waiting, {"runs": "{}"}, "markdown"),
    "runs, alone with its note": ("runs", noted, {"runs": "{}"}, "header"),
    "runs, beside another": ("runs", several, {"runs": "{}"}, "caption"),
    "runs, as a group": ("runs", group, {"runs": "{}"}, "header"),
    "runs, from a group": ("runs", member, {"runs": "{}"}, "button"),
    "runs, where its file is damaged": ("runs", damaged, {"runs": "{}"}, "warning"),
}


@pytest.mark.parametrize("where", SHOWN)
def test_a_name_is_shown_as_it_was_written(where):
    page, make, link, kind = SHOWN[where]
    said = spoken(page, make, link)
    assert any(escaped(NAME) in text for text in said[kind])
    for text in (text for texts in said.values() for text in texts):
        rest = text.replace(escaped(NAME), "")
        assert not [sign for sign in SIGNS if sign in rest], text


def spoken(page: str, make: Callable[[], str], link: dict[str, str]) -> dict[str, list[str]]:
    """Return all that a page says in Markdown, by kind of element, the words on its buttons and bars among it."""
    id = make()
    app = AppTest.from_file(str(PAGES / f"{page}.py"), default_timeout=60)
    for key, value in link.items():
        app.query_params[key] = value.format(id)
    app.run()
    assert not app.exception
    said = {kind: [each.value for each in app.get(kind)] for kind in KINDS}
    said["progress"] = [each.proto.text for each in app.get("progress")]
    return said | {"button": [each.label for each in app.button]}


def test_every_sign_of_markdown_is_escaped_and_nothing_else():
    assert escaped("a_b*c [1] $x$ :red[~y~] <b> `c` #1 1. \\") == (
        r"a\_b\*c \[1\] \$x\$ \:red\[\~y\~\] \<b\> \`c\` \#1 1\. " + "\\\\"
    )
    assert escaped("数字 7 é") == "数字 7 é"


@pytest.mark.parametrize("text", ["http://x.com", "see HTTPS://x", "www.x.com", "a@x.com", "mailto:a@x.com"])
def test_no_address_is_left_that_would_become_a_link(text):
    """Streamlit makes links of addresses in what Markdown leaves of a text; tests/e2e has them in a browser."""
    shown = escaped(text)
    assert re.sub(r"\\(?=[!-/:-@\[-`{-~])|\u2060", "", shown) == text
    assert not re.search(r"(?i)https?://|www\.|@\w", shown.replace("\\", ""))
