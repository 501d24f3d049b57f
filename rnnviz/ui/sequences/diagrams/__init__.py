"""Unrolled networks, drawn as boxes and arrows (see `diagrams.js`): a choice of shapes, and one with its contents."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import streamlit as st

from ....figures import style
from ...callbacks import answered

_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "rnnviz_diagrams",
    html='<div class="content"></div>',
    css=(_HERE / "diagrams.css").read_text("utf-8"),
    js=(_HERE / "diagrams.js").read_text("utf-8"),
)

ENCODER, DECODER = "encoder", "decoder"


class Box(NamedTuple):
    """What stands in a box."""

    text: str | None = None
    pixels: np.ndarray | None = None
    """(R, C) in [0, 1]: a picture, or a row of one."""
    note: str = ""
    """Above an output."""
    right: bool | None = None
    """Whether an output is right; None where nobody can say."""


class Column(NamedTuple):
    """One step: its input and output, where it has one, and the hidden state between them."""

    x: Box | None = None
    y: Box | None = None
    h: np.ndarray | None = None
    """(H,), drawn where it is given."""
    part: str = ""
    """ENCODER or DECODER, where there are two networks."""
    fed: bool = False
    """Whether the input is the output of the step before."""
    handed: bool = False
    """Whether another network's last hidden state is where this one starts."""
    title: str = ""
    """Below the step, for those that begin there."""


EMPTY = Box()
_FEW = 4
SHAPES: dict[str, list[Column]] = {
    "one_to_one": [Column(EMPTY, EMPTY)],
    "one_to_many": [Column(EMPTY, EMPTY), *[Column(None, EMPTY)] * (_FEW - 1)],
    "many_to_one": [*[Column(EMPTY)] * (_FEW - 1), Column(EMPTY, EMPTY)],
    "aligned": [Column(EMPTY, EMPTY)] * _FEW,
    "encoder_decoder": [
        *[Column(EMPTY, part=ENCODER)] * (_FEW - 1),
        Column(EMPTY, EMPTY, part=DECODER, handed=True),
        *[Column(EMPTY, EMPTY, part=DECODER, fed=True)] * (_FEW - 1),
    ],
}
"""The shapes without contents; the number of steps stands for any."""


def choose(label: str, titles: Mapping[str, str], chosen: str, key: str, on_choice: Callable[[str], None]) -> None:
    """Show the shapes beside one another, one of which is chosen; on_choice is called with another's name."""

    def heard() -> None:
        name = (st.session_state.get(key) or {}).get("shape")
        if name in SHAPES:
            on_choice(name)

    shapes = [
        {"name": name, "title": titles[name], "columns": [_told(column) for column in columns]}
        for name, columns in SHAPES.items()
    ]
    told = {"kind": "choice", "label": label, "chosen": chosen, "shapes": shapes, "colours": _colours()}
    _component(data=told, key=key, on_shape_change=answered(heard), height="content")


def unrolled(
    columns: Sequence[Column],
    alt: str,
    key: str,
    pictures: Mapping[str, np.ndarray],
    paint: str = "",
    on_paint: Callable[[np.ndarray], None] | None = None,
) -> None:
    """Show a network with what went in and what came out at every step; pictures: some to stand before it, by title.

    alt: the same in words. paint: how one paints on the first picture, where one may; on_paint is called with what has
    become of it.
    """

    def heard() -> None:
        pixels = (st.session_state.get(key) or {}).get("pixels")
        size = next(iter(pictures.values())).size if pictures else 0
        if on_paint and isinstance(pixels, list) and len(pixels) == size:
            on_paint(np.clip(np.array(pixels, dtype=float), 0.0, 1.0).reshape(next(iter(pictures.values())).shape))

    shown = [{"title": title, "pixels": _rounded(pixels), "paint": ""} for title, pixels in pictures.items()]
    if shown:
        shown[0]["paint"] = paint
    steps = [_told(column) | {"t": str(t)} for t, column in enumerate(columns, 1)]
    told = {"kind": "unrolled", "alt": alt, "columns": steps, "pictures": shown, "colours": _colours()}
    _component(data=told, key=key, on_pixels_change=answered(heard), height="content")


def _told(column: Column) -> dict[str, object]:
    told = {"part": column.part, "fed": column.fed, "handed": column.handed, "title": column.title}
    told |= {name: _box(box) for name, box in (("x", column.x), ("y", column.y)) if box is not None}
    return told if column.h is None else told | {"h": _rounded(column.h)}


def _box(box: Box) -> dict[str, object]:
    told = {"right": box.right if box.right is None else bool(box.right), "note": box.note}
    if box.text is not None:
        told["text"] = box.text
    return told if box.pixels is None else told | {"pixels": _rounded(box.pixels)}


def _rounded(values: np.ndarray) -> list:
    """Return numbers with as many digits as colours can show."""
    return np.round(values, 2).tolist()


def _colours() -> dict[str, str]:
    """Return the colours of boxes and scales as custom properties that follow the page's colour scheme."""
    light, dark = style.BOXES["light"], style.BOXES["dark"]
    found = {f"--{name}": f"light-dark({light[name]}, {dark[name]})" for name in light}
    for scale in ("ink", "state"):
        stops = zip(style.SCALES["light"][scale], style.SCALES["dark"][scale], strict=True)
        found |= {f"--{scale}-{k}": f"light-dark({a}, {b})" for k, ((_, a), (_, b)) in enumerate(stops)}
    return found
