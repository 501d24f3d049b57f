"""Numbers as the parts of this page show them: in formulas, in sentences and in tables."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np
import streamlit as st

from ...figures import style
from ..legend import formula


def tex(value: float, digits: int = 4) -> str:
    """Return a number for a formula: some digits, powers of ten where it is very small or large."""
    value = float(value) + 0.0  # no minus before a zero
    if not np.isfinite(value):
        return r"\infty" if value > 0 else r"-\infty" if value < 0 else r"\text{nan}"
    if value and not 1e-3 <= abs(value) < 1e5:
        power = int(np.floor(np.log10(abs(value))))
        return rf"{value / 10.0**power:.3g}\cdot 10^{{{power}}}"
    return f"{value:.{digits}g}"


def factor(value: float, digits: int = 4) -> str:
    """Return a number for a product or a sum in a formula: in brackets where it begins with a minus."""
    text = tex(value, digits)
    return f"({text})" if text.startswith("-") else text


def row(values: Sequence[float], digits: int = 3) -> str:
    """Return a row of numbers, in brackets, for a formula."""
    return matrix([values], digits)


def column(values: Sequence[float], digits: int = 3) -> str:
    """Return a column of numbers for a formula."""
    return matrix([[value] for value in values], digits)


def matrix(rows: Sequence[Sequence[float]], digits: int = 3) -> str:
    """Return a matrix of numbers for a formula."""
    inner = r"\\".join("&".join(tex(value, digits) for value in each) for each in rows)
    return rf"\begin{{bmatrix}}{inner}\end{{bmatrix}}"


def aligned(lines: Sequence[str]) -> str:
    """Return formulas below one another, aligned at their "&"."""
    return r"\begin{aligned}" + r" \\ ".join(lines) + r"\end{aligned}"


def plain(value: float, digits: int = 4) -> str:
    """Return a number for a sentence or a table, with a true minus."""
    value = float(value) + 0.0  # no minus before a zero
    if not np.isfinite(value):
        return "∞" if value > 0 else "−∞" if value < 0 else "–"
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, power = f"{value:.2e}".split("e")
        return f"{mantissa}·10{''.join(_RAISED[letter] for letter in str(int(power)))}".replace("-", "−")
    return f"{value:.{digits}g}".replace("-", "−")


_RAISED = dict(zip("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", strict=True))


def tinted(value: float, largest: float) -> str:
    """Return a style that colours a cell by sign and size, as states are coloured: blue above 0, orange below.

    largest: the size that is coloured fullest. Not as full as in a heatmap: a number has to be read on it.
    """
    if not largest or not np.isfinite(value) or not value:
        return ""
    share = round(8 + 52 * min(1.0, abs(value) / largest))
    ends = [style.SCALES[theme]["state"][3 if value > 0 else 1][1] for theme in ("light", "dark")]
    return f"background:color-mix(in srgb, light-dark({ends[0]}, {ends[1]}) {share}%, transparent)"


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], name: str, styles: Sequence[Sequence[str]] | None = None,
    caption: str = "",
) -> None:  # fmt: skip
    """Show a table of texts with subscripts as h_t; the first column holds the rows' names.

    name: its CSS class. styles: one per cell but those of the first column, "" for none; "class:<name>" is a class,
    "class:<name>;<style>" both.
    """
    body = []
    for k, cells in enumerate(rows):
        looks = styles[k] if styles else [""] * (len(cells) - 1)
        inner = "".join(
            f"<td{_attribute(look)}>{formula(cell)}</td>" for cell, look in zip(cells[1:], looks, strict=True)
        )
        body.append(f'<tr><th scope="row">{formula(cells[0])}</th>{inner}</tr>')
    heads = "".join(f'<th scope="col">{formula(cell)}</th>' for cell in head)
    told = f"<caption><span>{escape(caption)}</span></caption>" if caption else ""
    st.html(
        f'<div class="numbers-box"><table class="numbers {name}">{told}<thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def _attribute(look: str) -> str:
    of_class, _, style = look.partition(";") if look.startswith("class:") else ("", "", look)
    found = f' class="{of_class.removeprefix("class:")}"' if of_class else ""
    return found + (f' style="{style}"' if style else "")


def style_sheet() -> None:
    """Bring the style sheet of tables and formulas."""
    st.html(Path(__file__).with_name("numbers.css"))
