"""Reads one digit from a photo: ink on paper, chalk on a board, in uneven light, with more around it than the digit.

The light is the median of the surroundings; ink is what differs from it. Of the connected parts of the ink, those
that reach the photo's border (table, page edge, fingers), frames and specks are left out. What remains is treated
like a canvas: its pen is made MNIST's, then its place and size.
"""

import io

import numpy as np

from .drawing import DrawingProblem, quantise, to_mnist_geometry, with_mnist_pen

MAX_BYTES = 5 * 2**20
MAX_PIXELS = 25_000_000  # phones take 12 or 24 million
FORMATS = ("PNG", "JPEG")
LONGER = 800  # most pixels of the longer side while ink is looked for
SHORTER = 280  # fewest pixels of the longer side
EVEN = 0.01  # a picture most of which is this close to its median was never a photo: its light is even
COARSE = 64  # pixels of the longer side while uneven light is measured
AROUND = 21  # coarse pixels across which the median is the light: wider than any pen, narrower than the page
STEP = 0.4  # where the light falls by more than this share within two coarse pixels, a thing ends: page, table, board
CONTRASTS = (0.5, 0.35, 0.25, 0.18, 0.12)  # of ink to its ground, tried from ink to pencil
JOIN = 4  # pixels within which broken lines count as one part
SMALLEST = 32  # pixels of a digit's longer side
SPECK = 0.06  # parts with less ink than this share of the main part are dirt
NEAR = 0.35  # parts of a digit lie at most this share of its longer side apart


def from_photo(data: bytes) -> np.ndarray:
    """Return the digit on a photo, the bytes of a PNG or JPEG file, as `from_drawing` does: (28, 28), 16 levels.

    The ink may be darker or brighter than its ground and the light uneven. The digit must not touch the photo's border:
    what does is taken for the table. Raises DrawingProblem with the reason "photo-format", "photo-size" or "photo-ink".
    """
    grey = _grey(data)
    light, doubtful = _light(grey)
    dark = _digit(_contrast(light, grey), doubtful)
    bright = _digit(_contrast(1 - light, 1 - grey), doubtful)
    # Where page and table meet, paper can look like ink on the table: ink differs more.
    ink = max(dark, bright, key=lambda ink: np.mean(np.abs(light - grey)[ink > 0.5]) if ink.any() else 0)
    if not ink.any():
        raise _no_ink("none")
    try:
        return quantise(to_mnist_geometry(with_mnist_pen(ink)))
    except DrawingProblem as problem:
        raise _no_ink("a blob") from problem


def _no_ink(got: str) -> DrawingProblem:
    """Return the problem of a photo without a digit."""
    message = (
        f"A photo must show one digit with some plain ground around it. Got {got}. "
        "Move closer, use a darker pen, and keep the digit off the photo's border."
    )
    return DrawingProblem("photo-ink", message)


def _grey(data: bytes) -> np.ndarray:
    """Return the photo upright and grey, float (H, W) in [0, 1], its longer side 280 to 800 pixels.

    Only the header is read before the size is known to be harmless.
    """
    from PIL import Image, ImageOps

    if len(data) > MAX_BYTES:
        raise _too_large(f"{len(data):,} bytes")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height <= MAX_PIXELS:
            # A JPEG is decoded at an eighth, a quarter or half of its size when that suffices.
            image.draft(None, _working_size(image.size))
            return _floats(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large("many more") from error
    except Exception as error:  # decoders raise whatever a broken file leads them to, SyntaxError included
        raise DrawingProblem(
            "photo-format", "A photo must be a whole PNG or JPEG file. Got something else. Save it again as JPEG."
        ) from error
    raise _too_large(f"{width} x {height} pixels")


def _too_large(got: str) -> DrawingProblem:
    """Return the problem of a photo that is too large to decode."""
    limits = f"{MAX_BYTES // 2**20} MB and {MAX_PIXELS // 10**6} million pixels"
    return DrawingProblem("photo-size", f"A photo must have at most {limits}. Got {got}. Make it smaller.")


def _floats(image) -> np.ndarray:
    """Return a PIL image of any mode as grey float (H, W) in [0, 1], its longer side 280 to 800 pixels."""
    from PIL import Image

    transparent = "A" in image.getbands() or "transparency" in image.info
    if image.mode.startswith("I"):  # 16 bits; shrinking wants 8 or floats
        image = Image.fromarray(np.asarray(image, np.float32) / 257)
    elif image.mode != "RGBA":  # a copy of a large photo is worth avoiding
        image = image.convert("RGBA" if transparent else "L")
    size = _working_size(image.size)
    shrink = max(size) < max(image.size)
    image = image.resize(size, Image.Resampling.BOX if shrink else Image.Resampling.BICUBIC)
    if image.mode == "RGBA":
        image = _on_ground(image)
    return np.clip(np.asarray(image, float) / 255, 0, 1)


def _working_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return (width, height) of the photo while ink is looked for: its longer side is 280 to 800 pixels."""
    scale = np.clip(max(size), SHORTER, LONGER) / max(size)
    return tuple(max(1, round(n * float(scale))) for n in size)


def _on_ground(image):
    """Return a transparent image, grey, on the ground its ink stands out from: black under bright ink, else white."""
    from PIL import Image

    grey, alpha = image.convert("L"), image.getchannel("A")
    opaque = np.asarray(alpha, np.float32)
    bright = (np.asarray(grey) * opaque).sum() > 127 * opaque.sum()
    return Image.composite(grey, Image.new("L", image.size, 0 if bright else 255), alpha)


def _light(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the brightness of the ground as if there were no ink, (H, W) in [0, 1], and where not to trust it, bool.

    That is where the light jumps, because the page ends there, or the table, or the board; and where it differs from a
    photo that has no edge there.
    """
    from PIL import Image
    from scipy.ndimage import maximum_filter, median_filter, minimum_filter

    ground = np.median(grey)
    if np.mean(np.abs(grey - ground) < EVEN) > 0.6:
        return np.full_like(grey, ground), np.zeros(grey.shape, bool)
    height, width = grey.shape
    scale = COARSE / max(grey.shape)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    coarse = np.asarray(Image.fromarray(grey.astype(np.float32)).resize(size, Image.Resampling.BOX))
    light = median_filter(coarse, AROUND, mode="nearest")
    brightest = maximum_filter(light, 3)
    jump = brightest - minimum_filter(light, 3) > STEP * brightest
    fine = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR), float)
        for plane in (light, jump.astype(np.float32))
    ]
    light = np.clip(fine[0], 0, 1)
    edge = maximum_filter(grey, 7) - minimum_filter(grey, 7)
    return light, (fine[1] > 0.25) | (edge < np.abs(light - grey) / 2)


def _contrast(light: np.ndarray, grey: np.ndarray) -> np.ndarray:
    """Return how much darker than its ground each pixel is, (H, W), in shares of the ground's brightness, 0 to 1.

    It is 0 where that is no more than noise.
    """
    from scipy.ndimage import gaussian_filter

    darker = gaussian_filter(light - grey, 1)
    noise = 1.4826 * np.median(np.abs(darker - np.median(darker)))
    return np.where(darker > 5 * noise, np.clip(darker / np.maximum(light, 0.25), 0, 1), 0)


def _digit(contrast: np.ndarray, doubtful: np.ndarray) -> np.ndarray:
    """Return the ink of the digit alone, (H, W) in [0, 1], 1 where the ink is as strong as its median; or zeros.

    A first pass takes the strongest ink that could be a digit, which tells how strong the ink is. The edge of a line
    is where half of that is reached, or more if half of it joins the digit to the lines of the paper.
    """
    for least in CONTRASTS:
        first = _parts(contrast > least, doubtful)
        if first.any():
            level = np.median(contrast[first])
            break
    else:
        return np.zeros_like(contrast)
    for share in (0.5, 0.6, 0.75):
        digit = _parts(contrast > share * level, doubtful)
        if digit.any():
            # The pen's edge is at one half of `ink`, wherever the threshold had to be.
            return np.clip(contrast / (2 * share * level), 0, 1) * _near(digit)
    return np.where(first, np.clip(contrast / level, 0, 1), 0)


def _near(digit: np.ndarray) -> np.ndarray:
    """Return the mask (H, W) grown by two pixels, which keeps the soft edge of the lines."""
    from scipy.ndimage import maximum_filter

    return maximum_filter(digit, size=5)


def _parts(ink: np.ndarray, doubtful: np.ndarray) -> np.ndarray:
    """Return the pixels (H, W) of the mask `ink` that belong to the digit; none when nothing looks like one."""
    from scipy.ndimage import find_objects, label, maximum_filter

    labels = label(maximum_filter(ink, size=2 * JOIN + 1))[0] * ink
    amount = np.bincount(labels.ravel())
    amount[0] = 0  # part 0 is the ground
    # (parts, 2 axes, start and stop)
    boxes = np.array([[(0, 0)] * 2, *([(s.start, s.stop) for s in part] for part in find_objects(labels))])
    amount[_is_cut_off(labels, doubtful)] = 0
    amount[_frames(boxes, amount, ink.shape)] = 0
    main = int(np.argmax(amount))
    if not amount[main] or np.ptp(boxes[main], axis=1).max() < SMALLEST:
        return np.zeros_like(ink)
    return np.isin(labels, _family(main, boxes, amount))


def _is_cut_off(labels: np.ndarray, doubtful: np.ndarray) -> np.ndarray:
    """Return which parts of `labels` (H, W), (parts,) bool, reach the photo's border or have a doubtful outline.

    A digit may lie close to the edge of its page; what owes a quarter of its outline to such an edge is no digit.
    """
    from scipy.ndimage import minimum_filter

    border = np.ones(labels.shape, bool)
    border[2:-2, 2:-2] = False
    outline = labels * (minimum_filter(labels, 3) == 0)
    length = np.bincount(outline.ravel(), minlength=labels.max() + 1)
    doubts = np.bincount(outline[doubtful], minlength=len(length))
    return (np.bincount(labels[border], minlength=len(length)) > 0) | (doubts > length / 4)


def _frames(boxes: np.ndarray, amount: np.ndarray, shape: tuple[int, int]) -> list[int]:
    """Return the numbers of the parts that are lines around the page: they span most of it and hold another part."""
    frames = []
    for k in np.flatnonzero((np.ptp(boxes, axis=2) > 0.6 * np.array(shape)).all(axis=1)):
        held = (boxes[:, :, 0] > boxes[k, :, 0]) & (boxes[:, :, 1] < boxes[k, :, 1])
        if (held.all(axis=1) & (amount > 0.1 * amount[k])).any():
            frames.append(int(k))
    return frames


def _family(main: int, boxes: np.ndarray, amount: np.ndarray) -> list[int]:
    """Return the numbers of the parts that make the digit: the main one, and parts near it that are not specks."""
    family, (low, high) = [main], boxes[main].T
    others = [k for k in np.argsort(-amount) if k != main and amount[k] > SPECK * amount[main]]
    for k in others:
        gap = np.maximum(np.maximum(boxes[k, :, 0] - high, low - boxes[k, :, 1]), 0).max()
        if gap <= NEAR * (high - low).max():
            family.append(int(k))
            low, high = np.minimum(low, boxes[k, :, 0]), np.maximum(high, boxes[k, :, 1])
    return family
