"""Networks that read the same digit: what is shown of each, what each answers, and whether comparing them is fair."""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st

from .. import checkpoints, measures
from ..figures import style
from ..text import Words
from ..trace import Trace, record
from . import cache, frame, reading
from .cache import Reader
from .choices import Choices
from .markdown import escaped
from .reading import Caption, Reading, View, offered

FIRST = ("rnn-64", "gru-64", "lstm-64")
"""The networks that greet: one of each kind, of one size."""
SIMILAR = 0.01
"""Accuracies that lie closer together than this are called similar."""


def opened(words: Words, nets: Sequence[str]) -> list[Reader]:
    """Return those of the networks that can be opened and read digits; say of the others why not."""
    readers = []
    for name in nets:
        try:
            reader = cache.reader(name)
        except (checkpoints.CheckpointError, OSError, KeyError) as error:
            frame.log(error)
            st.error(words("problem.network", network=name), icon=":material/error:")
            continue
        if reader.reads_digits:
            readers.append(reader)
        else:
            st.error(words("problem.no_digits", network=escaped(reader.title)), icon=":material/error:")
    return readers


def read(words: Words, readers: Sequence[Reader], image: np.ndarray) -> tuple[list[Reader], list[Trace]]:
    """Return those of the networks that can read the image, with their traces; say of the others why not."""
    found = []
    for reader in readers:
        try:
            found.append((reader, record(reader.network, reader.sequence(image))))
        except OverflowError:
            st.error(words("problem.overflow", network=escaped(reader.title)), icon=":material/trending_up:")
    return [reader for reader, _ in found], [trace for _, trace in found]


def readings(
    words: Words, readers: Sequence[Reader], traces: Sequence[Trace], chosen: Choices, label: int | None
) -> list[Reading]:
    """Return what stands under one another: each network's top layer, with what is said of it.

    traces: of one image, by network. label: the true class, where it is known.
    """
    read = []
    for reader, trace in zip(readers, traces, strict=True):
        top = reader.network.num_layers - 1
        view = View(
            layer=top,
            order=cache.similarity_order(reader.name, top) if chosen.order == "similarity" else None,
            norms=tuple(line for line in chosen.norms if line in offered(reader.network, trace)),
            stride=reader.stride,
        )
        read.append(Reading(reader.name, reader.network, trace, view))
    rows = max((each.rows for each in read), default=0)
    return [
        replace(each, caption=caption(words, name, reader, each, label, rows))
        for each, name, reader in zip(read, names(readers), readers, strict=True)
    ]


# ---- Which network it is


def names(readers: Sequence[Reader]) -> list[str]:
    """Return what networks are called beside each other: two runs of one name are told apart."""
    titles = [reader.title for reader in readers]
    return [f"{each.title} ({each.name})" if titles.count(each.title) > 1 else each.title for each in readers]


def caption(words: Words, name: str, reader: Reader, read: Reading, label: int | None, rows: int) -> Caption:
    """Return what is said of one of the networks. rows: of the longest figure among them, this one's rests there."""
    decided = measures.decision_step(read.by_rows)
    kind, colours = reader.network.kind, {theme: cells[reader.network.cell] for theme, cells in style.CELLS.items()}
    return Caption(
        name=name,
        html=_heading(name, colours, described(words, reader, read), scored(words, reader)),
        colours=colours,
        says=answers(words, read.by_rows, label, rows),
        decided=decided + 1,
        passed=words("compare.since", row=decided + 1),
        absent="" if "c" in kind.states else words("compare.no_cell" if kind.gates else "compare.no_gates"),
    )


def _heading(name: str, colours: dict[str, str], about: Sequence[str], scores: Sequence[str]) -> str:
    hues = ";".join(f"--{theme}:{colour}" for theme, colour in colours.items())
    about, scores = (escape(" · ".join(parts)) for parts in (about, scores))
    who = f'<div class="who"><h3 class="name">{escape(name)}</h3><p>{about}</p></div>'
    return f'<div class="network" style="{hues}">{who}<p class="scores">{scores}</p></div>'


def described(words: Words, reader: Reader, read: Reading) -> list[str]:
    """Return the cell, the size, and how it reads where that is not row by row."""
    network = reader.network
    numbers = {"units": network.hidden_size, "layers": frame.layers(words, network)}
    parts = [words("compare.network", cell=words(f"cell.{network.cell}"), **numbers)]
    if network.num_layers > 1:
        parts.append(words("compare.top_layer"))
    if reader.order != "rows" or reader.delay:
        parts.append(words(f"shown.{reader.order}", delay=reader.delay))
    if (top := reading.top("h", read.by_rows["h"][read.view.layer])) > 1.0:
        parts.append(words("compare.scale", top=top))
    return parts


def scored(words: Words, reader: Reader) -> list[str]:
    """Return how well the network reads each set of digits that it was measured on."""
    accuracy = reader.card.accuracy
    told = [words(f"compare.{name}", share=accuracy[name]) for name in frame.SCORED if name in accuracy]
    return told or [words("compare.unscored")]


# ---- Whether it is fair


def fairness(words: Words, readers: Sequence[Reader]) -> list[str]:
    """Return sentences, in Markdown, on what sets networks apart besides their cells."""
    if len(readers) < 2:
        return []
    told = []
    known = {
        escaped(name): reader.card.accuracy.get("mnist") for name, reader in zip(names(readers), readers, strict=True)
    }
    unknown = [name for name, share in known.items() if share is None]
    if unknown:
        told.append(words("compare.unknown", networks=words("compare.comma").join(unknown)))
    else:
        worst, best = min(known, key=known.get), max(known, key=known.get)
        numbers = {"worst": worst, "best": best, "low": known[worst], "high": known[best]}
        told.append(words("compare.similar" if known[best] - known[worst] <= SIMILAR else "compare.unlike", **numbers))
    if len({(reader.order, reader.delay) for reader in readers}) > 1:
        told.append(words("compare.differently"))
    return [words.join(told)]


# ---- What they answer


def answers(words: Words, trace: Trace, label: int | None, rows: int) -> list[str]:
    """Return what one network answers at each of so many rows: short, since its name stands before it."""
    own = len(trace)
    says = []
    for t in range(rows):
        at = min(t, own - 1)
        p = trace["probs"][at]
        first, second = np.argsort(p)[::-1][:2]
        form = "sure" if p[first] > 0.99 else "now" if p[second] >= 0.005 else "alone"
        parts = [words(f"compare.{form}", k1=first, p1=p[first], k2=second, p2=p[second])]
        if at == own - 1 and label is not None:
            parts.append(words("compare.right" if first == label else "compare.wrong"))
        if t >= own:
            parts.append(words("compare.rests", rows=own))
        says.append(words.join(parts))
    return says


def together(words: Words, traces: Sequence[Trace], label: int | None) -> list[str]:
    """Return at each row, as many as the longest trace has, whether the networks agree, and on what."""
    if len(traces) == 1:
        return reading.sentences(words, traces[0], label)
    rows = max(map(len, traces))
    says = []
    for t in range(rows):
        given = {int(trace["probs"][min(t, len(trace) - 1)].argmax()) for trace in traces}
        form = "agree" if len(given) == 1 else "disagree"
        last = "_last" if t == rows - 1 else ""
        parts = [words(f"compare.{form}{last}", row=t + 1, rows=rows, k=min(given))]
        if last and label is not None:
            parts.append(words("stepper.right") if given == {label} else words("compare.truth", label=label))
        says.append(words.join(parts))
    return says
