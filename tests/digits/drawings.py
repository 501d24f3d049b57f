"""Reads the frozen drawings of `drawings.npz`, and rasters a drawing as the canvas would."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CANVAS = 280  # px
CONDITIONS = ("normal", "off-centre", "small", "thin")
FINER = 4  # the raster is drawn this much larger and averaged, which gives the canvas's soft edges


@cache
def _arrays():
    with np.load(Path(__file__).with_name("drawings.npz")) as file:
        return dict(file, points=np.cumsum(file["steps"], axis=0, dtype=np.int32))


def drawings(condition):
    """Return the 500 drawings of a condition as a list of (strokes, pen, label).

    `strokes` is a list of float arrays (n, 2), x and y in pixels of the 280 x 280 canvas; `pen` is a width in pixels.
    """
    arrays = _arrays()
    of_stroke, of_drawing = arrays["stroke_offsets"], arrays["drawing_offsets"]
    chosen = []
    for k in np.flatnonzero(arrays["condition"] == CONDITIONS.index(condition)):
        bounds = of_stroke[of_drawing[k] : of_drawing[k + 1] + 1]
        strokes = [arrays["points"][a:b] / 10 for a, b in pairwise(bounds)]
        chosen.append((strokes, arrays["pen"][k] / 10, int(arrays["label"][k])))
    return chosen


def raster(strokes, pen, size=CANVAS):
    """Return the canvas with the strokes on it, uint8 (size, size), white on black, round caps and joints."""
    canvas = Image.new("L", (size * FINER, size * FINER))
    brush = ImageDraw.Draw(canvas)
    radius = FINER * pen / 2
    for stroke in strokes:
        points = [(float(x), float(y)) for x, y in np.asarray(stroke) * FINER]
        brush.line(points, fill=255, width=max(1, round(2 * radius)))
        for x, y in points:
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(canvas.reduce(FINER))
