"""The legend over a part's figures: what the lines are called, with a number for each."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from ...figures.over_time import Line
from ..legend import formula

DASHES = {"solid": (), "dash": (9, 5), "dot": (3, 4), "longdash": (15, 6), "dashdot": (9, 4, 3, 4)}
"""Plotly's dashes: pixels drawn and left out, in turn."""


def legend(lines: Sequence[Line], numbers: Sequence[str] = (), lead: str = "", typed: bool = False) -> None:
    """Show a sample and the name of every line, and what number goes with it; lead: what the numbers are.

    typed: whether the names hold what a reader typed, in which h_t is no formula.
    """
    numbers, written = numbers or [""] * len(lines), escape if typed else formula
    items = [
        f"<li>{_sample(line)}<span>{written(line.name)}</span>{f'<b>{escape(number)}</b>' if number else ''}</li>"
        for line, number in zip(lines, numbers, strict=True)
    ]
    st.html(f'<p class="part-lead">{escape(lead)}</p><ul class="part-legend">{"".join(items)}</ul>')


def _sample(line: Line) -> str:
    return f'<i aria-hidden="true" style="background:{stripes(line.dash, line.colour)}"></i>'


def stripes(dash: str, colour: str) -> str:
    """Return a line's dashes as a CSS background that repeats itself: st.html lets no drawing through."""
    stops, at = [], 0
    for place, length in enumerate(DASHES[dash] or (1,)):
        stops.append(f"{'transparent' if place % 2 else colour} {at}px {at + length}px")
        at += length
    return f"repeating-linear-gradient(90deg, {', '.join(stops)})"
