"""Turns what a hand drew into what MNIST looks like: (28, 28), values in [0, 1], bright ink on dark.

MNIST's own geometry, measured on its images: the digit's longer side is 20 pixels, its centre of mass lies at pixel
index 14, and the pen is about 2.3 pixels wide. A network trained on MNIST has seen nothing else, so a drawing is
brought to the same place, size and pen before the network reads it.
"""

import base64

import numpy as np

SIDE = 28  # pixels of a digit image, both ways
BOX = 20  # pixels of a digit's longer side
CENTRE = 14  # pixel index of the centre of mass
LEVELS = 16  # grey levels of a drawing; 4 bits, so that a whole drawing fits into a link
PEN = 0.13  # pen width as a share of the longer side of the centre lines; after scaling, 20 * 0.13 / 1.13 = 2.3 pixels

FINER = 16  # strokes are drawn this much finer than the 20 pixels they end on
WORK = 200  # pixels of a raster's longer side while its pen is measured and changed
FAINT = 1e-6  # less is no ink; it would be lost in single precision
CANVAS = 280  # pixels of the canvas's shorter side when nobody tells
MAX_POINTS = 50_000  # a drawing with more is a scribble, and would keep a server busy
DOT = 0.04  # centre lines shorter than this share of the canvas are a dot
FULL = 0.6  # more ink than this share of the canvas is no drawing
CODE_LENGTH = 523  # characters of 28 * 28 * 4 bits in base64


class DrawingProblem(ValueError):
    """A drawing or photo that no digit can be read from; `reason` is one of `REASONS`."""

    REASONS = ("empty", "dot", "full", "edge", "photo-format", "photo-size", "photo-ink")

    def __init__(self, reason: str, message: str):
        super().__init__(message)
        self.reason = reason

    def __reduce__(self):
        return type(self), (self.reason, str(self))


def from_drawing(
    pixels: np.ndarray | None = None,
    strokes: list[np.ndarray] | None = None,
    normalise: bool = True,
    size: tuple[float, float] | None = None,
) -> np.ndarray:
    """Return a drawing as (28, 28) float64 in [0, 1] in MNIST's geometry, quantised to 16 levels.

    `pixels` is the canvas, bright ink on dark, uint8 (H, W) or (H, W, 3 or 4); alpha is ignored. `strokes` is a list
    of (N, 2) arrays, x and y in canvas pixels: when there are any, they are drawn anew with MNIST's pen and `pixels`
    only tells the canvas's size, as `size` (W, H) does. Without strokes the pen is measured on the pixels and changed
    to MNIST's. `normalise=False` shrinks the whole canvas to 28 x 28 and does nothing else.

    Raises DrawingProblem when there is no digit to read, ValueError when the arguments are not what they must be.
    """
    if pixels is None and strokes is None:
        raise ValueError("from_drawing must have pixels or strokes. Got neither. Pass the canvas or its paths.")
    if pixels is not None:
        pixels = _checked_pixels(pixels)
        size = size or pixels.shape[::-1]
    if not normalise:
        return _whole_canvas(pixels)
    strokes = _checked_strokes(strokes or [])
    if strokes:
        return quantise(to_mnist_geometry(_draw(strokes, size)))
    if pixels is None:
        raise DrawingProblem("empty", "A drawing must have ink. Got no strokes. Draw a digit first.")
    return quantise(to_mnist_geometry(with_mnist_pen(_digit_in(pixels))))


def to_mnist_geometry(ink: np.ndarray) -> np.ndarray:
    """Return `ink` (H, W), in [0, 1], as (28, 28) float64: longer side 20 pixels, centre of mass at pixel index 14.

    Everything that is not black counts as ink. The digit is shrunk bicubically: grey levels and the soft outermost rows
    come out as in MNIST (brightest pixel of such a row: 0.92 on average in MNIST, 0.91 here; 0.96 with BOX; LANCZOS
    rings). The centre of mass is moved by whole pixels, as in MNIST, so it ends within half a pixel of 14.

    Raises DrawingProblem("empty") when there is no ink.
    """
    ink = np.asarray(ink, float)
    if ink.ndim != 2 or not (np.isfinite(ink).all() and ink.min(initial=0) >= 0 and ink.max(initial=0) <= 1):
        raise ValueError(f"ink must be (H, W) in [0, 1]. Got shape {ink.shape}. Scale it and drop other axes.")
    ink = np.where(ink < FAINT, 0, ink)
    if not ink.any():
        raise DrawingProblem("empty", "A drawing must have ink. Got an all-black image. Draw a digit first.")
    return _centred(_resized(_cropped(ink), BOX))


def quantise(image: np.ndarray) -> np.ndarray:
    """Return `image`, in [0, 1], rounded to the nearest of 16 levels k / 15."""
    image = np.asarray(image, float)
    if not (np.isfinite(image).all() and image.min(initial=0) >= 0 and image.max(initial=0) <= 1):
        raise ValueError("image must be in [0, 1]. Got values outside it or not finite. Divide by its maximum.")
    return np.rint(image * (LEVELS - 1)) / (LEVELS - 1)


def pack(image: np.ndarray) -> str:
    """Return `image` (28, 28), quantised, as 523 characters that are safe in a URL: 4 bits a pixel in base64."""
    if np.shape(image) != (SIDE, SIDE):
        raise ValueError(f"image must have shape {(SIDE, SIDE)}. Got {np.shape(image)}. Pass one digit.")
    levels = np.rint(quantise(image) * (LEVELS - 1)).astype(np.uint8).ravel()
    return base64.urlsafe_b64encode(levels[0::2] << 4 | levels[1::2]).decode().rstrip("=")


def unpack(text: str) -> np.ndarray:
    """Return the image (28, 28) that `pack` turned into `text`; raises ValueError for anything `pack` never writes."""
    problem = ValueError(
        f"A packed drawing must be {CODE_LENGTH} characters of base64. Got something else. Draw it anew."
    )
    if not isinstance(text, str) or len(text) != CODE_LENGTH:
        raise problem
    try:
        pairs = np.frombuffer(base64.b64decode(text + "=", altchars=b"-_", validate=True), np.uint8)
    except ValueError as error:
        raise problem from error
    image = np.stack([pairs >> 4, pairs & 15], axis=1).reshape(SIDE, SIDE) / (LEVELS - 1)
    # Base64 has several spellings of the same bytes; one drawing has one link.
    if pack(image) != text:
        raise problem
    return image


def with_mnist_pen(ink: np.ndarray) -> np.ndarray:
    """Return `ink` (H, W), in [0, 1], as an image whose pen will be MNIST's 2.3 pixels once it is 20 pixels long.

    The edge of the ink is moved in or out by the same distance everywhere. Where a line is so thin that it would
    vanish, it keeps two fifths of its width. Raises DrawingProblem("dot") when the ink is a blob and not a line.
    """
    ink = np.pad(_resized(_cropped(ink), WORK), WORK // 4)
    # A pen finer than a pixel never reaches 1.
    depth = _depth(ink > ink.max() / 2)
    pen = _pen_width(depth)
    centre_lines = _longer_side(depth > 0) - pen
    if centre_lines < pen / 2:
        raise DrawingProblem("dot", "A drawing must have lines. Got one blob. Draw a larger digit or a finer pen.")
    shrink = (pen - PEN * centre_lines) / 2
    return np.clip(depth - np.minimum(shrink, 0.6 * _local_depth(depth, pen)) + 0.5, 0, 1)


def _depth(inside: np.ndarray) -> np.ndarray:
    """Return how deep inside the ink each pixel's centre lies, (H, W), in pixels; negative outside."""
    from scipy.ndimage import distance_transform_edt

    return np.where(inside, distance_transform_edt(inside) - 0.5, 0.5 - distance_transform_edt(~inside))


def _pen_width(depth: np.ndarray) -> float:
    """Return the width of the pen in pixels: twice the median depth along the middle of the lines."""
    from scipy.ndimage import maximum_filter

    middle = (depth > 0) & (depth == maximum_filter(depth, size=5))
    # The middle of a line an even number of pixels wide lies between pixels, and comes out 1 too thin: 0.5 on average.
    return 2 * float(np.median(depth[middle])) + 0.5


def _local_depth(depth: np.ndarray, pen: float) -> np.ndarray:
    """Return half the width of the line around each pixel, (H, W), in pixels."""
    from scipy.ndimage import maximum_filter

    return np.maximum(maximum_filter(depth, size=2 * round(pen / 2) + 1), 0)


def _longer_side(inside: np.ndarray) -> int:
    """Return the longer side, in pixels, of the smallest box around the True pixels."""
    return max(np.ptp(np.flatnonzero(inside.any(axis=axis))) + 1 for axis in (0, 1))


def _cropped(ink: np.ndarray) -> np.ndarray:
    """Return the smallest part of `ink` (H, W) that holds everything above 0."""
    rows, columns = (np.flatnonzero(ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _resized(ink: np.ndarray, longer_side: int) -> np.ndarray:
    """Return `ink` (H, W), in [0, 1], with its longer side `longer_side` pixels and both directions scaled alike."""
    from PIL import Image

    scale = longer_side / max(ink.shape)
    height, width = (int(np.ceil(n * scale - 1e-6)) for n in ink.shape)
    # A margin keeps the edge soft (PIL repeats nothing there), and makes room for rounding the shorter side up.
    margin = int(np.ceil(4 / scale)) + 1
    left, top = (margin - (target / scale - n) / 2 for target, n in ((width, ink.shape[1]), (height, ink.shape[0])))
    source = Image.fromarray(np.pad(ink, margin).astype(np.float32))
    box = (left, top, left + width / scale, top + height / scale)
    return np.clip(np.asarray(source.resize((width, height), Image.Resampling.BICUBIC, box=box), float), 0, 1)


def _centred(digit: np.ndarray) -> np.ndarray:
    """Return `digit` (h, w), at most 20 x 20, on (28, 28) zeros with its centre of mass nearest to pixel index 14."""
    image = np.zeros((SIDE, SIDE))
    corner = []
    for axis, length in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        start = int(np.rint(CENTRE - np.arange(length) @ mass / mass.sum()))
        corner.append(min(max(start, 0), SIDE - length))
    top, left = corner
    image[top : top + digit.shape[0], left : left + digit.shape[1]] = digit
    return image


def _draw(strokes: list[np.ndarray], size: tuple[float, float] | None) -> np.ndarray:
    """Return the strokes drawn with MNIST's pen, float (H, W) in [0, 1], 16 times finer than MNIST.

    Coordinates are scaled before anything is rounded to a pixel, so a small drawing is as precise as a large one.
    """
    from PIL import Image, ImageDraw

    points = np.vstack(strokes)
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    longer = float(extent.max())
    _check_extent(points, longer, size)
    scale = BOX * FINER / (1 + PEN) / longer
    radius = round(PEN * longer * scale / 2)
    canvas = Image.new("L", tuple(int(n) + 2 * radius + 2 for n in extent * scale))
    brush = ImageDraw.Draw(canvas)
    for stroke in strokes:
        path = np.rint((stroke - low) * scale + radius).astype(int)
        path = path[np.append(True, np.any(np.diff(path, axis=0), axis=1))]
        if len(path) > 1:
            brush.line(path.ravel().tolist(), fill=255, width=2 * radius + 1)
        for x, y in path.tolist():
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    ink = np.asarray(canvas) / 255
    if ink.sum() > FULL * (BOX * FINER) ** 2:
        raise DrawingProblem("full", "A drawing must leave room around its lines. Got a filled area. Draw one line.")
    return ink


def _check_extent(points: np.ndarray, longer: float, size: tuple[float, float] | None) -> None:
    """Raise DrawingProblem when the centre lines, (N, 2) in canvas pixels, are a dot or leave the canvas."""
    least = DOT * (min(size) if size else CANVAS)
    if longer < least:
        message = f"A drawing must be at least {least:.0f} pixels long. Got {longer:.0f}. Draw a larger digit."
        raise DrawingProblem("dot", message)
    half_pen = PEN * longer / 2
    if size and ((points < -half_pen) | (points > np.asarray(size, float) + half_pen)).any():
        raise DrawingProblem("edge", "Lines must stay on the canvas. Got one that leaves it. Draw it smaller.")


def _digit_in(pixels: np.ndarray) -> np.ndarray:
    """Return the ink of a canvas (H, W), in [0, 1], when it is a drawing and not empty, full or a dot."""
    brightest = pixels.max(initial=0)
    if brightest < 0.1:
        raise DrawingProblem("empty", "A drawing must have ink. Got an empty canvas. Draw a digit first.")
    ink = pixels / brightest
    inside = ink > 0.5
    longer = _longer_side(inside)
    if inside.mean() > FULL or (longer > min(pixels.shape) / 4 and inside.sum() > FULL * longer**2):
        raise DrawingProblem("full", "A drawing must leave room around its lines. Got a filled area. Clear it.")
    if longer < DOT * min(pixels.shape):
        raise DrawingProblem("dot", "A drawing must be larger than a dot. Got a dot. Draw a larger digit.")
    # Fainter pixels are the soft edge of a line or noise; the longer side is that of the line.
    return np.where(ink > 0.2, ink, 0)


def _whole_canvas(pixels: np.ndarray | None) -> np.ndarray:
    """Return the whole canvas (H, W) averaged down to (28, 28) and quantised, wherever the digit lies on it."""
    from PIL import Image

    if pixels is None:
        raise ValueError("normalise=False must have pixels. Got strokes alone. Pass the canvas too.")
    if pixels.max(initial=0) < 0.1:
        raise DrawingProblem("empty", "A drawing must have ink. Got an empty canvas. Draw a digit first.")
    small = Image.fromarray(pixels.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BOX)
    return quantise(np.clip(np.asarray(small, float), 0, 1))


def _checked_pixels(pixels: np.ndarray) -> np.ndarray:
    """Return uint8 (H, W) or (H, W, 3 or 4) as grey float (H, W) in [0, 1]; a coloured pen is as bright as white."""
    pixels = np.asarray(pixels)
    grey, colour = pixels.ndim == 2, pixels.ndim == 3 and pixels.shape[2] in (3, 4)
    if pixels.dtype != np.uint8 or not (grey or colour) or 0 in pixels.shape:
        raise ValueError(
            "pixels must be uint8 of shape (H, W) or (H, W, 3 or 4), bright ink on dark. "
            f"Got {pixels.dtype} {pixels.shape}. Multiply a float image by 255 and round it."
        )
    return (pixels if grey else pixels[..., :3].max(axis=2)) / 255


def _checked_strokes(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Return the strokes as float (N, 2) arrays without the empty ones."""
    strokes = [np.asarray(stroke, float) for stroke in strokes]
    strokes = [stroke for stroke in strokes if stroke.size]
    for stroke in strokes:
        if stroke.ndim != 2 or stroke.shape[1] != 2 or not (np.abs(stroke) < 1e6).all():
            raise ValueError(
                "strokes must be a list of (N, 2) arrays, finite x and y in canvas pixels. "
                f"Got shape {stroke.shape}. Put x and y side by side, one row per point."
            )
    if sum(map(len, strokes)) > MAX_POINTS:
        raise DrawingProblem("full", f"A drawing must have at most {MAX_POINTS} points. Got more. Draw one digit.")
    return strokes
