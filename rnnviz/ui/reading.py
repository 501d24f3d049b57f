"""The reading figure on a page: a trace's views in columns, and the line that moves through all of them."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from .. import figures, measures
from ..figures import style
from ..network import Network
from ..text import Words
from ..trace import Signals, Trace
from .stepper import stepper

NORMS = ("h", "c", "x", "jacobian")
STATES = {"h": "h", "i": "i", "r": "i", "f": "f", "z": "f", "g": "g", "n": "g", "o": "o", "c": "c"}
"""The slot in which a layer's signal stands. Signals with one role stand under one another: i and r let in, f and z
keep the old, g and n are the candidates."""
MAX_JACOBIAN = 16_000_000
"""Numbers in the step Jacobians of one trace, 128 MB: a network that reads pixel by pixel may have far more."""


@dataclass(frozen=True)
class View:
    """What of a trace is looked at, and how."""

    layer: int = 0
    """From 0."""
    order: np.ndarray | None = None
    """The units (H,) in the order they stand in; None for their own."""
    norms: tuple[str, ...] = ("h", "c")
    """Which gradients are drawn; a cell without a cell state leaves "c" out."""
    stride: int = 1
    """Time steps per row of the figure: 1, or as many pixels as a row has for a network that reads pixel by pixel."""


@dataclass(frozen=True)
class Caption:
    """What is said of a network that stands under another one."""

    name: str
    html: str
    """The heading: elements of the classes "who" and "scores" in one of the class "network"."""
    colours: Mapping[str, str]
    """Of its cell, by theme."""
    says: Sequence[str]
    """A sentence per row."""
    decided: int
    """From 1."""
    passed: str
    """What is said beside its sentence once the line has passed that row."""
    absent: str = ""
    """What stands in the place of columns that it does not have."""


@dataclass(frozen=True)
class Reading:
    """A network's pass over an image, and what of it is looked at."""

    name: str
    """The network's."""
    network: Network
    trace: Trace
    """Of all steps, whatever the view's stride is."""
    view: View
    caption: Caption | None = None
    """None for a network that is alone."""

    @cached_property
    def by_rows(self) -> Trace:
        """What stands in the rows of the figure."""
        return by_rows(self.trace, self.view.stride)

    @property
    def rows(self) -> int:
        return len(self.by_rows)


def by_rows(trace: Trace, stride: int) -> Trace:
    """Return what a trace holds at every stride-th step, with the inputs since the one before side by side.

    Its gradients are those steps' own; that of x is left out, since a row of pixels has no single exponent.
    """
    if stride == 1:
        return trace
    last = slice(stride - 1, None, stride)
    steps = {name: array[last] for name, array in trace.signals.items() if name in ("logits", "probs")}
    layers = {name: array[:, last] for name, array in trace.signals.items() if name not in ("x", "logits", "probs")}
    x = trace["x"].reshape(len(trace) // stride, -1)
    grad, mantissa = (
        Signals({name: array[:, last] for name, array in signals.items() if name not in ("x", "logits")})
        for signals in (trace.grad, trace.mantissa)
    )
    signals = Signals(layers | steps | {"x": x})
    return replace(trace, signals=signals, grad=grad, mantissa=mantissa, exponent=trace.exponent[:, last])


def columns(trace: Trace, view: View) -> dict[str, np.ndarray]:
    """Return the heatmaps (T, N) by signal name, in the order they stand in; the cell state as tanh(c)."""
    names = [name for name in STATES if name in trace.signals]
    order = _order(trace, view)
    states = {name: trace[name][view.layer][:, order] for name in names}
    if "c" in states:
        states["c"] = np.tanh(states["c"])
    return {"x": trace["x"], **states, "probs": trace["probs"]}


def offered(network: Network, trace: Trace) -> list[str]:
    """Return the gradients that can be drawn: of c where there is one, of the Jacobian where it is affordable."""
    fits = {"c": "c" in trace.grad, "jacobian": jacobian_fits(network, len(trace))}
    return [name for name in NORMS if fits.get(name, True)]


def jacobian_fits(network: Network, steps: int) -> bool:
    """Return whether the Jacobians of so many steps may be computed."""
    return steps * (network.hidden_size * len(network.kind.states)) ** 2 < MAX_JACOBIAN


def norms(network: Network, trace: Trace, view: View) -> list[figures.Norm]:
    """Return the chosen gradient norms, log10, relative to the last row (the Jacobian's last is 1 by itself).

    trace: of all steps, whatever the view's stride is.
    """
    chosen = []
    for name in NORMS:
        if name not in view.norms or (name == "c" and "c" not in trace.grad):
            continue
        if name == "jacobian":
            log10 = measures.jacobian_norms(network, trace, view.layer)[view.stride - 1 :: view.stride]
        elif name == "x" and view.stride > 1:
            log10 = _of_rows(measures.gradient_norms(trace, "x"), view.stride)
        else:
            log10 = measures.gradient_norms(trace, name, view.layer, relative=True)[view.stride - 1 :: view.stride]
        chosen.append(figures.Norm(name, log10))
    return chosen


def _of_rows(log10: np.ndarray, stride: int) -> np.ndarray:
    """Return log10 of the norm of each row of pixels, relative to the last row's, given that of every pixel."""
    pixels = log10.reshape(-1, stride)
    top = pixels.max(axis=1)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        rows = top + 0.5 * np.log10((10.0 ** (2.0 * (pixels - top[:, None]))).sum(axis=1))
    return rows - rows[-1] if np.isfinite(rows[-1]) else np.full_like(rows, np.nan)


def top(name: str, values: np.ndarray) -> float:
    """Return the value at the upper end of a column's scale: 1, or a round number above ReLU's unbounded states."""
    high = style.KINDS[name].high
    largest = float(np.abs(values).max())
    if largest <= high:
        return high
    power = 10.0 ** np.floor(np.log10(largest))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= largest)


def reading_line(
    words: Words, readings: Sequence[Reading], says: Sequence[str], step: int, origin: str = "", problem: str = ""
) -> int:
    """Show a figure per network, with one stepper for all, and return the row (from 1) at which the line rests.

    readings: of one image, in the order in which they stand under one another, with a gradient axis in common. says:
    a sentence per row, as many as the longest of them has. origin: where the image comes from; one that is drawn or
    dropped is shown from its last row, whatever row was looked at before. problem: why there is nothing to read, in
    the reader's words; the figures are then veiled.
    """
    lines = [norms(each.network, each.trace, each.view) for each in readings]
    axis = figures.log_axis([line for drawn in lines for line in drawn])
    with st.container(key="reading", gap=None):
        places = [_mount(words, place, each) for place, each in enumerate(readings)]
    sheets = [
        _sheet(words, each, drawn, axis) | place for each, drawn, place in zip(readings, lines, places, strict=True)
    ]
    feed = {
        "sheets": sheets,
        "rows": len(says),
        "say": list(says),
        "views": _views(words, sheets),
        "words": {
            key: words(f"stepper.{key}")
            for key in ("group", "previous", "next", "play", "pause", "row", "speed", "view", "all_views")
        }
        | {"hint": words("compare.hint" if readings[0].caption else "stepper.hint")},
        "scales": style.SCALES,
        "lines": style.LINES,
    }
    feed["id"] = _digest(feed)
    feed |= {"step": step, "origin": origin, "problem": problem}
    with st.container(key="stepper"):
        return stepper(feed, key="stepper_component")


def _mount(words: Words, place: int, reading: Reading) -> dict[str, str]:
    """Show a network's figure, under its heading where it has one; return where the browser finds them."""
    identity = f"{reading.name}|{words.language}|{reading.view.layer}"
    # The session's first theme: the stepper recolours the figure, and another figure would have to be mounted.
    theme = st.session_state.setdefault("figure_theme", st.context.theme.type or "light")
    chart, head = f"sheet_{place}", f"head_{place}"
    if reading.caption:
        with st.container(key=head):
            st.html(reading.caption.html)
    with st.container(key=chart):
        st.plotly_chart(
            _skeleton(identity, words.language, tuple(columns(reading.by_rows, reading.view)), reading.rows, theme),
            key=f"figure_{identity}",
            theme=None,
            config={"displayModeBar": False, "scrollZoom": False, "doubleClick": False},
            alt=_role(words, reading),
        )
    return {"figure": identity, "chart": chart, "head": head}


def _role(words: Words, reading: Reading) -> str:
    """Return what a figure is, in a few words."""
    return words("compare.chart", network=reading.caption.name) if reading.caption else words("stepper.chart")


class _Sent(go.Figure):
    """A figure that is converted once, however often it is sent."""

    def to_dict(self) -> dict:
        if "_converted" not in self.__dict__:
            self.__dict__["_converted"] = super().to_dict()
        return self.__dict__["_converted"]


@st.cache_resource(show_spinner=False, max_entries=256)
def _skeleton(identity: str, language: str, names: tuple[str, ...], rows: int, theme: str) -> go.Figure:
    """Return the figure that every session shows: axes and empty traces; the numbers come through the stepper.

    The same for all digits, since a figure that is sent again is mounted again: blank for a moment, its line lost.
    """
    empty = {name: np.zeros((rows, 10 if name == "probs" else 1)) for name in names}
    slots = _slots("c" in names)
    nothing = [figures.Norm(slot, np.full(rows, np.nan)) for slot in slots]
    hovers = _hovers(Words(language), empty)
    return _Sent(figures.reading(empty, nothing, figures.log_axis([]), hovers, theme, identity))


def _slots(cell_state: bool) -> list[str]:
    """Return the gradients that a figure has lines for."""
    return [name for name in NORMS if name != "c" or cell_state]


def _sheet(words: Words, reading: Reading, lines: Sequence[figures.Norm], axis: figures.LogAxis) -> dict:
    """Return all that the browser needs to show a trace in a figure that is there already."""
    trace, view, caption = reading.by_rows, reading.view, reading.caption
    given = {line.name: line.log10 for line in lines}
    rows = list(range(1, len(trace) + 1))
    zeros = figures.exact_zeros(lines)
    sheet = {
        "rows": len(trace),
        "columns": [_column(words, name, values, bool(caption)) for name, values in columns(trace, view).items()],
        "norm_column": {"slot": "norms", "kind": "norms", "titles": _titles(words, "norms")},
        "order": [int(unit) + 1 for unit in _order(trace, view)],
        "norms": [
            {
                "name": name,
                "title": words(f"norm.{name}.name"),
                "short": words(f"norm.{name}.short"),
                "x": _finite(given[name]) if name in given else [None] * len(rows),
                "y": rows,
                "text": [figures.power(v) for v in given[name]] if name in given else None,
            }
            for name in _slots("c" in trace.grad)
        ],
        "zeros": {"name": "zero", "x": [axis.range[0]] * len(zeros), "y": zeros, "text": None},
        "axis": axis._asdict(),
        "role": _role(words, reading),
        "alt": words.join(descriptions(words, trace, view, lines)),
    }
    if caption:
        sheet |= {
            "name": caption.name,
            "colours": dict(caption.colours),
            "says": list(caption.says),
            "passed": {"row": caption.decided, "says": caption.passed},
            "absent": caption.absent,
        }
    return sheet | {"id": _digest(sheet)}


def _digest(feed: dict) -> str:
    return hashlib.sha1(json.dumps(feed, sort_keys=True).encode()).hexdigest()


def _views(words: Words, sheets: Sequence[dict]) -> list[tuple[str, str]]:
    """Return the slots that can be enlarged, each with the names of the columns that stand in it."""
    titles: dict[str, dict[str, None]] = {}
    for column in (column for sheet in sheets for column in sheet["columns"] if column["kind"] == "state"):
        titles.setdefault(column["slot"], {})[column["titles"][0]] = None
    return [(slot, " · ".join(titles[slot])) for slot in STATES if slot in titles]


def _column(words: Words, name: str, values: np.ndarray, brief: bool) -> dict:
    kind = {"x": "digit", "probs": "answer"}.get(name, "state")
    high = top(name, values)
    return {
        "name": name,
        "slot": STATES.get(name, name),
        "kind": kind,
        "cells": values.shape[1],
        "scale": style.KINDS[name].scale,
        "titles": _titles(words, name, brief and kind == "state"),
        "low": style.KINDS[name].low * high,
        "top": high,
        "z": base64.b64encode(figures.hundredths(values / high).tobytes()).decode(),
    }


def _titles(words: Words, name: str, brief: bool = False) -> list[str]:
    """Return a column's titles, the longest first; brief: with a word for where columns are narrow."""
    lengths = ("long", "short", "brief", "symbol") if brief else ("long", "short", "symbol")
    return [words(f"column.{name}.{length}") for length in lengths]


def _hovers(words: Words, shown: dict[str, np.ndarray]) -> dict[str, str]:
    hovers = {name: words(f"column.{name}.hover") for name in shown}
    hovers |= {f"norm_{name}": words(f"norm.{name}.hover") for name in NORMS}
    return {key: text + "<extra></extra>" for key, text in (hovers | {"zero": words("norm.zero.hover")}).items()}


def _order(trace: Trace, view: View) -> np.ndarray:
    return np.arange(trace["h"].shape[-1]) if view.order is None else view.order


def _finite(log10: np.ndarray) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in log10]


# ---- In words


def sentences(words: Words, trace: Trace, label: int | None) -> list[str]:
    """Return what to say at each row: where the answer stands, and, once passed, since when it has stood."""
    decided, rows = measures.decision_step(trace), len(trace)
    says = []
    for t, p in enumerate(trace["probs"]):
        first, second = np.argsort(p)[::-1][:2]
        last = t == rows - 1
        form = "sure" if p[first] > 0.99 else "now" if p[second] >= 0.005 else "alone"
        numbers = {"row": t + 1, "rows": rows, "k1": first, "p1": p[first], "k2": second, "p2": p[second]}
        parts = [words(f"stepper.{form}_last" if last else f"stepper.{form}", **numbers)]
        if t >= decided:
            parts.append(words("stepper.decided", row=decided + 1) if decided else words("stepper.decided_first"))
        if last and label is not None:
            parts.append(words("stepper.right") if first == label else words("stepper.wrong", label=label))
        says.append(words.join(parts))
    return says


def descriptions(words: Words, trace: Trace, view: View, lines: Sequence[figures.Norm]) -> list[str]:
    """Return one sentence with numbers per view, for those who cannot see it."""
    inked = np.flatnonzero(trace["x"].any(axis=1))
    rows = len(trace)
    told = []
    if len(inked):
        told.append(words("column.x.alt", first=inked[0] + 1, last=inked[-1] + 1, rows=rows))
    for name, values in columns(trace, view).items():
        if name in ("x", "probs"):
            continue
        if style.KINDS[name] == style.GATE:
            low, high = measures.gate_saturation(trace, name)[view.layer, -1]
            told.append(words("gate.alt", gate=words(f"column.{name}.long"), low=low, high=high))
        else:
            numbers = {"units": values.shape[1], "rows": rows, "low": values.min(), "high": values.max()}
            told.append(words(f"column.{name}.alt", share=float((np.abs(values[-1]) > 0.5).mean()), **numbers))
    answer, decided = trace.prediction, measures.decision_step(trace) + 1
    told.append(words("column.probs.alt", answer=answer, probability=trace["probs"][-1, answer], decided=decided))
    curves = [_curve(words, line) for line in lines]
    if curves:
        told.append(words("column.norms.alt", lines="; ".join(curves)))
    return told


def _curve(words: Words, line: figures.Norm) -> str:
    at = int(np.nanargmin(line.log10)) if not np.isnan(line.log10).all() else 0
    first, low = figures.power(line.log10[0]), figures.power(line.log10[at])
    return words(f"norm.{line.name}.alt", first=first, low=low, at=at + 1)
