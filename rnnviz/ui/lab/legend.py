"""The legend over a part's figures: what the lines are called, with a number for each."""

import re
from collections.abc import Sequence
from html import escape

import streamlit as st

from ...figures.over_time import Line

DASHES = {"solid": (), "dash": (9, 5), "dot": (3, 4), "longdash": (15, 6), "dashdot": (9, 4, 3, 4)}
"""Plotly's dashes: pixels drawn and left out, in turn."""


def legend(lines: Sequence[Line], numbers: Sequence[str] = (), lead: str = "") -> None:
    """Show a sample and the name of every line, and what number goes with it; lead: what the numbers are."""
    numbers = numbers or [""] * len(lines)
    items = [
        f"<li>{_sample(line)}<span>{_formula(line.name)}</span>{f'<b>{escape(number)}</b>' if number else ''}</li>"
        for line, number in zip(lines, numbers, strict=True)
    ]
    st.html(f'<p class="lab-lead">{escape(lead)}</p><ul class="lab-legend">{"".join(items)}</ul>')


def _formula(name: str) -> str:
    """Return a name with h_t set as h with a subscript."""
    return re.sub(r"_(\w+)", r"<sub>\1</sub>", escape(name))


def _sample(line: Line) -> str:
    """Return a piece of the line, as a background that repeats itself."""
    stops, at = [], 0
    for place, length in enumerate(DASHES[line.dash] or (1,)):
        colour = "transparent" if place % 2 else line.colour
        stops.append(f"{colour} {at}px {at + length}px")
        at += length
    return f'<i aria-hidden="true" style="background:repeating-linear-gradient(90deg,{",".join(stops)})"></i>'
