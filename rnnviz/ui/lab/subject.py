"""What the parts about one network look at: a network, untrained or trained, and the digit that it reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from ... import checkpoints, digits
from ...network import Network
from ...text import Words
from ...trace import Trace, record
from .. import cache, frame, picker, state
from ..markdown import escaped
from ..parts import stories
from ..parts.lesson import lesson, predict
from ..slider import slider
from .fan import beginning

FRESH = (
    "fresh:rnn_tanh:default",
    "fresh:rnn_tanh:orthogonal",
    "fresh:rnn_relu:default",
    "fresh:rnn_relu:identity",
    "fresh:rnn_sigmoid:default",
    "fresh:gru:default",
    "fresh:lstm:default",
    "fresh:lstm:forget",
    "fresh:peephole_lstm:default",
    "fresh:layernorm_lstm:default",
)
"""Untrained networks that are offered; a link opens any other."""


ENLARGED = 7
"""Pixels of the screen per pixel of the digit."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and the sequence that it has read."""

    name: str
    """What the link calls it."""
    title: str
    network: Network
    trace: Trace
    level: int
    """The layer that is looked at, from 0."""
    order: str
    """How it reads: one of `digits.ORDERS`."""
    delay: int
    """How many blank rows follow the digit."""
    version: tuple
    """What is another for other weights under one name: the settings of an untrained network, the age of a file."""

    @property
    def key(self) -> tuple:
        """What is another for every other subject: for caches."""
        return *self.reader, self.level, self.trace.label, self.trace["x"].tobytes()

    @property
    def reader(self) -> tuple:
        """The same for the network and how it reads, whatever the digit is."""
        return self.name, self.version, self.order, self.delay


def part(words: Words, name: str, told: Sequence[str], look: Callable[[Words, Subject], None]) -> dict[str, object]:
    """Show a part that looks at one network, and return what the address has to hold.

    told: the stories that have a button. look: shows the figures of what was chosen. The question stands above figures
    that would give its answer away, below others.
    """
    stories.buttons(words, told)
    left, right = st.columns([1, 3.4], gap="medium")
    seen, link = choose(words, left, right)
    if stories.PARTS[name].veiled:
        with right:
            predict(words, name)
    with right, st.container(key="part_figure", gap="xsmall"):
        if seen:
            look(words, seen)
    if not stories.PARTS[name].veiled:
        predict(words, name)
    lesson(words, name)
    return stories.link(name) | link


def choose(words: Words, left, right) -> tuple[Subject | None, dict[str, object]]:
    """Show canvas and picker on the left, the choice of a network on the right; return what is looked at, and its link.

    left, right: the page's columns. Where there is nothing to look at, the page says why.
    """
    with left, st.container(key="source"):
        digit = st.container(key="lab_digit")
        with st.expander(words("subject.change"), icon=":material/draw:", key="lab_picker"):
            shown = picker.pick(words, misread_by="lstm-64")
        if shown.image is not None:
            enlarged = np.kron(shown.image, np.ones((ENLARGED, ENLARGED)))
            digit.image(enlarged, words("column.x.long"), width=28 * ENLARGED)
    with right:
        subject = _choose(words, shown)
    now = st.session_state
    label, several = now.get("label", state.AUTO), subject is not None and subject.network.num_layers > 1
    told = {"label": None if label == state.AUTO else label, "level": now.get("level") if several else None}
    if not now["subject"].startswith("fresh:"):  # a trained network brings its own
        told["delay"] = None
    return subject, picker.link(shown) | told


def _choose(words: Words, shown: picker.Shown) -> Subject | None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="choices"):
        name = _network(words)
        try:
            network, title, about, order, delay = _opened(words, name)
        except (checkpoints.CheckpointError, OSError, KeyError) as error:
            frame.log(error)
            st.error(words("problem.network", network=name), icon=":material/error:")
            return None
        if network.input_size != (28 if order == "rows" else 1) or network.num_classes != 10:
            st.error(words("problem.no_digits", network=escaped(title)), icon=":material/error:")
            return None
        level = _level(words, network)
        label = _label(words, shown.label)
    if shown.image is None:
        st.warning(shown.problem, icon=":material/draw:")
        return None
    st.caption(f"**{shown.caption}** · {about}")
    try:
        trace = record(network, digits.as_sequences(shown.image, order, delay), label)
    except OverflowError:
        st.warning(words("subject.overflow"), icon=":material/trending_up:")
        return None
    return Subject(name, title, network, trace, level, order, delay, _version(name))


def _version(name: str) -> tuple:
    if name.startswith("fresh:"):
        return tuple(st.session_state[key] for key in ("gain", "bias", "seed"))
    return (cache.version(name),)


def _network(words: Words) -> str:
    now = st.session_state
    offered = [*FRESH, *checkpoints.names(), *cache.run_names()]
    if now["subject"] not in offered:
        if not now["subject"].startswith("fresh:") and not cache.opens(now["subject"]):
            state.ignore("subject")
            now["subject"] = FRESH[0]
        else:
            offered = [*offered, now["subject"]]
    name = state.remember(
        st.selectbox,
        words("subject.network"),
        offered,
        format_func=lambda name: _name(words, name),
        key="subject",
        filter_mode=None,
        width=300,
    )
    if name.startswith("fresh:"):
        start = name.split(":")[2]
        if start in ("orthogonal", "identity"):
            slider(words("fan.gain"), 0.5, 3.0, 0.05, "gain", width=150)
        if start == "forget":
            slider(words("fan.bias"), -2.0, 8.0, 0.5, "bias", width=150)
        slider(words("fan.delay"), 0, 84, 7, "delay", width=150)
        state.remember(st.number_input, words("subject.seed"), 0, 9999, key="seed", width=90)
    return name


def _name(words: Words, name: str) -> str:
    if not name.startswith("fresh:"):
        return cache.title(words, name)
    _, cell, start = name.split(":")
    return words(f"subject.{start}", cell=words(f"cell.{cell}"))


def _opened(words: Words, name: str) -> tuple[Network, str, str, str, int]:
    """Return a network, its name, who it is, and how it reads: in which order, and how many blank rows follow."""
    if not name.startswith("fresh:"):
        reader = cache.reader(name)
        return reader.network, reader.title, frame.about(words, reader), reader.order, reader.delay
    _, cell, start = name.split(":")
    now = st.session_state
    begun = beginning(cell, start, now["gain"], now["bias"])
    network = begun.network(28, now["seed"])
    told = {"cell": words(f"cell.{cell}"), "gain": now["gain"], "bias": now["bias"]}
    title = words(f"start.{start}_of", **told)
    about = words("subject.untrained", title=title, units=network.hidden_size, seed=now["seed"])
    return network, title, about, "rows", now["delay"]


def _level(words: Words, network: Network) -> int:
    """Ask for the layer where there are several, and return it, from 0: the top one unless another was chosen."""
    now, layers = st.session_state, network.num_layers
    if layers == 1:
        return 0
    if now.setdefault("level", layers) > layers:
        now["level"] = layers
    level = state.remember(
        st.segmented_control, words("step.layer"), list(range(1, layers + 1)), key="level", required=True
    )
    if level == layers:  # not chosen: another network's top layer has another number
        del now["level"]
    return level - 1


def _label(words: Words, true: int | None) -> int | None:
    """Ask for the class that the loss is taken for: the true one where it is known, unless another is chosen."""
    st.session_state.setdefault("label", state.AUTO)

    def name(label: str | int) -> str:
        if label == state.AUTO:
            return words("subject.label_answer") if true is None else words("step.label_true", digit=true)
        return words("step.label_class", digit=label)

    chosen = state.remember(
        st.selectbox, words("step.label"), [state.AUTO, *range(10)], format_func=name, key="label", filter_mode=None,
        width=180,
    )  # fmt: skip
    return true if chosen == state.AUTO else chosen
