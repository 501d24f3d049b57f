"""How to read each view: its name, its scale, one line of words, and what its numbers are at the row in hand."""

import re
from collections.abc import Sequence
from html import escape

import streamlit as st

from .. import measures
from ..figures import style
from ..text import Words
from ..trace import Trace
from .reading import NORMS, Reading, View, columns, top


def how_to_read(words: Words, readings: Sequence[Reading], row: int) -> None:
    """Show the legend; row (from 1) is where the reading line rests. Only a network that is alone has numbers there."""
    alone = len(readings) == 1
    cards: dict[str, str] = {}
    for each in readings:
        for name in columns(each.by_rows, each.view):
            if name not in cards:
                cards[name] = _card(words, each.by_rows, each.view, name, row if alone else None)
    drawn = {name for each in readings for name in each.view.norms if name != "c" or "c" in each.trace.grad}
    lines = [name for name in NORMS if name in drawn]
    st.subheader(words("step.how"), anchor=False)
    st.html(f'<div class="legend">{"".join(cards.values())}{_norms(words, lines)}</div>')
    st.caption(words("stepper.keys"))


def _card(words: Words, trace: Trace, view: View, name: str, row: int | None) -> str:
    kind = style.KINDS[name]
    now = ""
    if kind == style.GATE and row is not None:
        low, high = measures.gate_saturation(trace, name)[view.layer, row - 1]
        now = f'<p class="now">{escape(words("gate.now", row=row, low=low, high=high))}</p>'
    high = top(name, columns(trace, view)[name])
    ends = f"<span>{kind.low * high:g}</span>{_bar(kind.scale)}<span>{high:g}</span>"
    return (
        f"<section><h4>{escape(words(f'column.{name}.long'))}</h4>"
        f'<div class="scale">{ends}</div><p>{escape(words(f"column.{name}.read"))}</p>{now}</section>'
    )


def _bar(scale: str) -> str:
    """Return the scale as a bar whose colours follow the page's colour scheme."""
    light, dark = (style.SCALES[theme][scale] for theme in ("light", "dark"))
    stops = [f"light-dark({a}, {b}) {100 * place:g}%" for (place, a), (_, b) in zip(light, dark, strict=True)]
    return f'<b aria-hidden="true" style="background:linear-gradient(90deg, {", ".join(stops)})"></b>'


def _norms(words: Words, lines: list[str]) -> str:
    items = []
    for name in lines:
        colour = "; ".join(f"--{theme}:{colours[name]}" for theme, colours in style.LINES.items())
        items.append(
            f'<li style="{colour}"><i class="{style.DASHES[name]}"></i>'
            f"<span><b>{formula(words(f'norm.{name}.name'))}</b> {formula(words(f'norm.{name}.read'))}</span></li>"
        )
    title, read = escape(words("column.norms.long")), escape(words("column.norms.read"))
    return f'<section class="norms"><h4>{title}</h4><p>{read}</p><ul>{"".join(items)}</ul></section>'


def formula(text: str) -> str:
    """Return text as HTML with h_t and h_(t−1) set as h with a subscript, and (a)^(T−t) as a power."""
    lowered = re.sub(r"_(?:\(([^)]*)\)|([^\W²]+))", r"<sub>\1\2</sub>", escape(text))
    return re.sub(r"\^\(([^)]*)\)", r"<sup>\1</sup>", lowered)
