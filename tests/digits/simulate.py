"""Makes `drawings.npz`: 2,000 simulated drawings, frozen before any network was trained.

Run `python tests/digits/simulate.py` to write the file again. The drawings imitate digits drawn with a mouse or a
finger on a 280 x 280 canvas: each digit has several ways of writing it (`STYLES`), whose control points are jittered,
joined by smooth curves, turned, slanted, stretched, given a hand's tremor, sampled as unevenly as pointer events are,
and put on the canvas under one of four conditions. Nothing is chosen or dropped by what a network answers.

A drawing depends on its condition and its index alone, through `numpy.random.RandomState`, whose numbers NumPy
promises never to change.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np

CANVAS = 280  # px
PER_DIGIT = 50  # drawings per digit and condition
SEED = 20261120

# Condition -> (longer side as a fraction of the canvas, pen in px, placed near the centre).
CONDITIONS = {
    "normal": ((0.60, 0.85), (16, 24), True),
    "off-centre": ((0.40, 0.65), (16, 24), False),
    "small": ((0.18, 0.30), (8, 16), False),
    "thin": ((0.60, 0.85), (3, 6), True),
}

C = 1  # a third number in a point marks a corner: the pen turns there instead of curving


def _circle(cx, cy, rx, ry, start, turns=1.0, points=8):
    """Return control points of an ellipse, from the angle `start` (degrees, 0 = top, anticlockwise as hands go)."""
    angles = np.radians(start + np.linspace(0, 360 * turns, points + 1))
    return [(cx - rx * np.sin(a), cy - ry * np.cos(a)) for a in angles]


# Digit -> ways of writing it; a way is a list of strokes; a stroke is a list of (x, y[, C]). The digit is one unit
# high, x runs to the right, y runs down.
STYLES = {
    0: [
        [_circle(0.35, 0.5, 0.36, 0.5, 0, 1.03)],
        [_circle(0.30, 0.5, 0.24, 0.5, -10, 1.03)],
        [_circle(0.36, 0.5, 0.38, 0.5, -25, 0.98)],
        [_circle(0.32, 0.5, 0.31, 0.5, 15, 1.10)],
    ],
    1: [
        [[(0, 0), (0, 0.5), (0, 1)]],
        [[(0.12, 0), (0.07, 0.5), (0, 1)]],
        [[(-0.17, 0.22), (-0.08, 0.12), (0, 0, C), (0, 0.5), (0, 1)]],
        [[(-0.2, 0.2), (0, 0, C), (0, 0.5), (0, 1)], [(-0.22, 1), (0, 1), (0.24, 0.99)]],
        [[(-0.2, 0.34), (-0.09, 0.19), (0.02, 0, C), (0, 0.5), (0, 1)]],
    ],
    2: [
        [
            [(0.03, 0.22), (0.18, 0.03), (0.42, 0.02), (0.55, 0.2), (0.46, 0.45), (0.24, 0.75), (0.1, 0.93), (0, 0.9)]
            + [(0.08, 0.79), (0.25, 0.86), (0.42, 0.97), (0.64, 0.92)]
        ],
        [[(0.02, 0.2), (0.2, 0.02), (0.46, 0.05), (0.54, 0.26), (0.38, 0.58), (0, 1, C), (0.3, 1), (0.64, 0.99)]],
        [[(0.03, 0.14), (0.25, 0), (0.5, 0.08), (0.53, 0.26), (0.3, 0.62), (0, 0.96, C), (0.25, 0.91), (0.66, 1)]],
        [
            [(0.04, 0.25), (0.12, 0.07), (0.3, 0), (0.5, 0.08), (0.55, 0.28), (0.42, 0.52), (0.2, 0.78), (0, 1, C)]
            + [(0.62, 1)]
        ],
    ],
    3: [
        [
            [(0.03, 0.14), (0.24, 0), (0.47, 0.08), (0.49, 0.29), (0.2, 0.45, C), (0.46, 0.53), (0.57, 0.74)]
            + [(0.42, 0.95), (0.17, 0.99), (0, 0.87)]
        ],
        [
            [(0.03, 0.02), (0.28, 0.0), (0.54, 0, C), (0.38, 0.2), (0.21, 0.4, C), (0.47, 0.46), (0.58, 0.7)]
            + [(0.43, 0.94), (0.16, 0.99), (0, 0.88)]
        ],
        [
            [(0.02, 0.1), (0.2, 0), (0.44, 0.05), (0.48, 0.25), (0.36, 0.4), (0.22, 0.46), (0.27, 0.5), (0.46, 0.56)]
            + [(0.55, 0.75), (0.42, 0.95), (0.18, 1), (0, 0.9)]
        ],
        [
            [(0.05, 0.17), (0.22, 0.01), (0.43, 0.06), (0.45, 0.28), (0.3, 0.43), (0.19, 0.48), (0.24, 0.4)]
            + [(0.44, 0.5), (0.56, 0.72), (0.42, 0.95), (0.16, 0.99), (0.0, 0.9)]
        ],
    ],
    4: [
        [[(0.12, 0), (0.08, 0.28), (0.02, 0.55, C), (0.3, 0.55), (0.64, 0.53)], [(0.45, 0.18), (0.44, 0.6), (0.42, 1)]],
        [[(0.42, 0), (0.22, 0.32), (0, 0.64, C), (0.3, 0.65), (0.66, 0.63)], [(0.43, 0.02), (0.43, 0.5), (0.42, 1)]],
        [[(0.66, 0.63), (0.3, 0.64), (0, 0.64, C), (0.22, 0.32), (0.44, 0, C), (0.44, 0.5), (0.43, 1)]],
        [
            [(0.08, 0.05), (0.03, 0.3), (0.08, 0.5), (0.28, 0.52), (0.5, 0.42, C), (0.54, 0.22), (0.56, 0.03, C)]
            + [(0.5, 0.5), (0.44, 1)]
        ],
        [[(0.1, 0.05), (0.03, 0.45), (0.1, 0.56), (0.35, 0.54), (0.6, 0.5)], [(0.5, 0.1), (0.47, 0.55), (0.45, 1)]],
    ],
    5: [
        [
            [
                (0.12, 0),
                (0.1, 0.2),
                (0.08, 0.42, C),
                (0.3, 0.36),
                (0.54, 0.48),
                (0.57, 0.76),
                (0.36, 0.97),
                (0.0, 0.93),
            ],
            [(0.12, 0.01), (0.35, 0.0), (0.6, -0.01)],
        ],
        [
            [(0.56, 0), (0.35, 0.01), (0.12, 0.02, C), (0.09, 0.22), (0.07, 0.43, C), (0.3, 0.37), (0.54, 0.5)]
            + [(0.56, 0.78), (0.34, 0.98), (0, 0.92)]
        ],
        [
            [(0.58, 0.0), (0.36, 0.01), (0.15, 0.03, C), (0.1, 0.42, C), (0.34, 0.42), (0.53, 0.58), (0.5, 0.83)]
            + [(0.28, 1.0), (0.0, 0.97)]
        ],
        [
            [
                (0.6, 0.02),
                (0.38, 0),
                (0.18, 0.05),
                (0.12, 0.24),
                (0.14, 0.4, C),
                (0.36, 0.41),
                (0.55, 0.56),
                (0.55, 0.8),
            ]
            + [(0.33, 0.99), (0.02, 0.95)]
        ],
    ],
    6: [
        [
            [(0.46, 0), (0.22, 0.22), (0.05, 0.55), (0.08, 0.87), (0.3, 1), (0.52, 0.87), (0.5, 0.63), (0.3, 0.54)]
            + [(0.1, 0.68), (0.06, 0.8)]
        ],
        [
            [(0.34, 0), (0.14, 0.34), (0.02, 0.7), (0.12, 0.95), (0.36, 0.99), (0.54, 0.82), (0.46, 0.62), (0.26, 0.6)]
            + [(0.06, 0.76)]
        ],
        [
            [(0.55, 0.09), (0.42, 0), (0.2, 0.14), (0.05, 0.48), (0.06, 0.82), (0.26, 1), (0.5, 0.92), (0.54, 0.68)]
            + [(0.34, 0.52), (0.12, 0.64), (0.06, 0.76)]
        ],
        [
            [(0.18, 0), (0.06, 0.32), (0.02, 0.68), (0.14, 0.96), (0.4, 0.98), (0.54, 0.8), (0.44, 0.62), (0.22, 0.62)]
            + [(0.06, 0.74)]
        ],
    ],
    7: [
        [[(0, 0.03), (0.3, 0.01), (0.66, 0, C), (0.43, 0.5), (0.24, 1)]],
        [[(0, 0.03), (0.3, 0.01), (0.66, 0, C), (0.43, 0.5), (0.24, 1)], [(0.2, 0.51), (0.4, 0.49), (0.62, 0.46)]],
        [[(0, 0.06), (0.3, 0.03), (0.66, 0.02, C), (0.46, 0.3), (0.33, 0.6), (0.28, 1)]],
        [[(0.01, 0.18), (0.02, 0.02, C), (0.3, 0.02), (0.65, 0, C), (0.47, 0.36), (0.28, 1)]],
        [
            [(0, 0.05), (0.2, 0.0), (0.42, 0.05), (0.6, 0.03, C), (0.45, 0.34), (0.3, 1)],
            [(0.18, 0.55), (0.38, 0.52), (0.55, 0.51)],
        ],
    ],
    8: [
        [
            [(0.5, 0.13), (0.31, 0), (0.1, 0.13), (0.16, 0.35), (0.4, 0.53), (0.54, 0.77), (0.3, 1), (0.05, 0.8)]
            + [(0.18, 0.55), (0.42, 0.36), (0.51, 0.16)]
        ],
        [_circle(0.3, 0.235, 0.2, 0.235, 0, 1.02), _circle(0.3, 0.735, 0.27, 0.265, 0, 1.02)],
        [
            [(0.3, 0.47), (0.1, 0.3), (0.14, 0.07), (0.32, 0), (0.5, 0.1), (0.46, 0.32), (0.28, 0.49), (0.06, 0.7)]
            + [(0.12, 0.94), (0.34, 1), (0.54, 0.86), (0.5, 0.65), (0.3, 0.48)]
        ],
        [
            [(0.56, 0.06), (0.36, 0), (0.12, 0.1), (0.14, 0.3), (0.36, 0.5), (0.52, 0.74), (0.34, 1), (0.06, 0.88)]
            + [(0.14, 0.64), (0.36, 0.44), (0.54, 0.2), (0.56, 0.08)]
        ],
    ],
    9: [
        [
            [(0.54, 0.16), (0.36, 0), (0.11, 0.1), (0.05, 0.33), (0.22, 0.48), (0.44, 0.38), (0.54, 0.14, C)]
            + [(0.53, 0.55), (0.5, 1)]
        ],
        [
            [(0.55, 0.16), (0.36, 0), (0.11, 0.1), (0.05, 0.33), (0.22, 0.48), (0.46, 0.38), (0.55, 0.14, C)]
            + [(0.56, 0.5), (0.5, 0.83), (0.3, 0.99), (0.06, 0.92)]
        ],
        [
            [(0.52, 0.13), (0.32, 0), (0.08, 0.12), (0.06, 0.36), (0.24, 0.46), (0.46, 0.32), (0.53, 0.14, C)]
            + [(0.46, 0.55), (0.3, 1)]
        ],
        [_circle(0.3, 0.25, 0.25, 0.25, -80, 1.02), [(0.56, 0.06), (0.55, 0.5), (0.53, 1)]],
    ],
}


def curve(points, per_piece=24):
    """Return the centripetal Catmull-Rom curve through `points` (n, 2), as a dense polyline (m, 2)."""
    if len(points) == 2:
        return points[0] + np.linspace(0, 1, per_piece)[:, None] * (points[1] - points[0])
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    steps = np.sqrt(np.maximum(np.linalg.norm(np.diff(padded, axis=0), axis=1), 1e-6))
    pieces = []
    for k in range(len(points) - 1):
        p0, p1, p2, p3 = padded[k : k + 4]
        t1, t2, t3 = np.cumsum(steps[k : k + 3])
        t = np.linspace(t1, t2, per_piece)[:, None]
        a1 = ((t1 - t) * p0 + t * p1) / t1
        a2 = ((t2 - t) * p1 + (t - t1) * p2) / (t2 - t1)
        a3 = ((t3 - t) * p2 + (t - t2) * p3) / (t3 - t2)
        b1 = ((t2 - t) * a1 + t * a2) / t2
        b2 = ((t3 - t) * a2 + (t - t1) * a3) / (t3 - t1)
        pieces.append(((t2 - t) * b1 + (t - t1) * b2) / (t2 - t1))
    return np.vstack(pieces)


def smooth_stroke(stroke, random):
    """Return one stroke as a dense polyline (m, 2), its control points moved a little, corners kept sharp."""
    points = np.array([point[:2] for point in stroke], float)
    points += random.normal(0, 0.027, points.shape)
    corners = [0, *(k for k, point in enumerate(stroke) if len(point) == 3), len(stroke) - 1]
    return np.vstack([curve(points[a : b + 1]) for a, b in pairwise(corners)])


def affine(random):
    """Return a random 2 x 2 matrix: slant, then stretch, then a turn of at most 12 degrees."""
    turn = np.radians(np.clip(random.normal(0, 5), -12, 12))
    slant = np.clip(random.normal(0.12, 0.14), -0.25, 0.4)
    stretch = np.diag(random.uniform(0.8, 1.2, 2))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return rotation @ stretch @ np.array([[1, -slant], [0, 1]])


def tremor(length, random):
    """Return a slow wobble (length, 2) in units of the digit's height."""
    s = np.linspace(0, 1, length)[:, None]
    wobble = np.zeros((length, 2))
    for frequency in (2, 4, 7, 11):
        wobble += random.normal(0, 0.007 / np.sqrt(frequency), 2) * np.sin(
            2 * np.pi * (frequency * s + random.uniform(0, 1, 2))
        )
    return wobble


def sample(line, spacing, random):
    """Return the points of `line` (m, 2) that pointer events would report, about `spacing` apart, ends kept.

    Hands slow down where they turn, so points lie closer there.
    """
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    heading = np.unwrap(np.arctan2(*np.diff(line, axis=0).T[::-1]))
    turning = np.abs(np.gradient(heading)) if len(heading) > 1 else np.zeros(1)
    effort = np.concatenate([[0], np.cumsum(steps + 0.5 * spacing * np.minimum(turning, 1))])
    count = max(2, round(effort[-1] / spacing) + 1)
    at = np.linspace(0, effort[-1], count)
    at[1:-1] += random.uniform(-0.4, 0.4, count - 2) * spacing
    at = np.sort(np.clip(at, 0, effort[-1]))
    return np.stack([np.interp(at, effort, line[:, axis]) for axis in (0, 1)], axis=1)


def corner_of(box, pen, centred, random):
    """Return where the upper left corner of a drawing of size `box` (2,) goes on the canvas, in px."""
    room = CANVAS - box - pen - 2
    share = random.uniform(0.3, 0.7, 2) if centred else random.uniform(0, 1, 2)
    return pen / 2 + 1 + share * room


def drawing(condition, index):
    """Return (strokes, pen, label) of drawing `index` (0 to 499) of a condition; strokes is a list of (n, 2) in px."""
    random = np.random.RandomState([SEED, list(CONDITIONS).index(condition), index])
    sizes, pens, centred = CONDITIONS[condition]
    label = index // PER_DIGIT
    style = STYLES[label][index % len(STYLES[label])]

    lines = [smooth_stroke(stroke, random) for stroke in style]
    matrix = affine(random)
    lines = [(line + tremor(len(line), random)) @ matrix.T for line in lines]

    everything = np.vstack(lines)
    low, extent = everything.min(axis=0), np.ptp(everything, axis=0)
    scale = random.uniform(*sizes) * CANVAS / extent.max()
    pen = round(random.uniform(*pens), 1)
    origin = corner_of(extent * scale, pen, centred, random)
    lines = [(line - low) * scale + origin for line in lines]

    # A quick digit is 20 pointer events, a slow one 100, whatever its size on the screen.
    length = sum(np.linalg.norm(np.diff(line, axis=0), axis=1).sum() for line in lines)
    spacing = length / random.uniform(20, 100)
    strokes = [sample(line, spacing, random) for line in lines]
    shake = random.uniform(0, 0.5)
    strokes = [stroke + random.normal(0, shake, stroke.shape) for stroke in strokes]
    decimals = random.choice([0, 1])  # a mouse reports whole pixels, a finger on a dense screen fractions
    return [np.round(np.clip(stroke, 0, CANVAS), decimals) for stroke in strokes], pen, label


def every_drawing():
    """Return the arrays of `drawings.npz`; the offsets say where a drawing's strokes and a stroke's points begin."""
    rows = [(k, drawing(name, i)) for k, name in enumerate(CONDITIONS) for i in range(10 * PER_DIGIT)]
    strokes = [stroke for _, (strokes, _, _) in rows for stroke in strokes]
    return {
        # (points, 2), tenths of a pixel, each relative to the point before it: that compresses to less than half
        "steps": np.diff(np.round(10 * np.vstack(strokes)), axis=0, prepend=0).astype(np.int16),
        "stroke_offsets": np.cumsum([0, *map(len, strokes)]).astype(np.int32),
        "drawing_offsets": np.cumsum([0, *(len(s) for _, (s, _, _) in rows)]).astype(np.int32),
        "condition": np.array([k for k, _ in rows], np.uint8),
        "pen": np.array([round(10 * pen) for _, (_, pen, _) in rows], np.uint8),  # tenths of a pixel
        "label": np.array([label for _, (_, _, label) in rows], np.uint8),
    }


if __name__ == "__main__":
    np.savez_compressed(Path(__file__).with_name("drawings.npz"), **every_drawing())
