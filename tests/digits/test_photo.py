import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from rnnviz.digits import DrawingProblem, from_drawing, from_photo
from rnnviz.digits.photo import MAX_BYTES, MAX_PIXELS
from tests.digits.drawings import drawings, raster

WIDTH, HEIGHT = 1200, 900
DIGITS = [drawings("normal")[k] for k in range(3, 500, 50)]


def photo(
    strokes, pen=20, ink=40, ground=215, shadow=0.5, noise=6, corner=(500, 300), height=260, size=(WIDTH, HEIGHT)
):
    """Return a made-up photo, uint8 (H, W): a digit on a ground in uneven light, a little blurred and noisy."""
    random = np.random.RandomState(7)
    canvas = raster(strokes, pen)
    rows, columns = (np.flatnonzero(canvas.any(axis=axis)) for axis in (1, 0))
    digit = Image.fromarray(canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    digit = digit.resize((max(1, round(height * digit.width / digit.height)), height), Image.Resampling.BICUBIC)
    page = Image.new("L", size)
    page.paste(digit, corner)
    cover = np.asarray(page.filter(ImageFilter.GaussianBlur(1.5))) / 255
    y, x = np.mgrid[: size[1], : size[0]]
    light = 1 - shadow * (x / size[0] + y / size[1]) / 2
    seen = (ground + (ink - ground) * cover) * light + random.normal(0, noise, cover.shape)
    return np.clip(seen, 0, 255).astype(np.uint8)


def encoded(pixels, kind="JPEG", **settings):
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, kind, **settings)
    return file.getvalue()


def likeness(image, strokes):
    """Return the correlation of an image with the drawing its photo was made of, moved by a pixel at most."""
    drawn = from_drawing(strokes=strokes)
    moved = [np.roll(image, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
    return max(np.corrcoef(drawn.ravel(), other.ravel())[0, 1] for other in moved)


def assert_reads(data, strokes, least=0.9):
    image = from_photo(data)
    assert image.shape == (28, 28)
    assert np.isin(image, np.arange(16) / 15).all()
    assert likeness(image, strokes) > least


def reason(data):
    with pytest.raises(DrawingProblem) as caught:
        from_photo(data)
    words = str(caught.value)
    assert " must " in words
    assert "Got " in words
    return caught.value.reason


KINDS = {
    "dark ink in even light": {"shadow": 0, "noise": 3},
    "dark ink in a shadow": {"shadow": 0.7},
    "pencil": {"ink": 140, "noise": 4},
    "white chalk on a board": {"ink": 225, "ground": 45},
    "noise": {"noise": 20},
    "a thin pen": {"pen": 8},
    "a small digit in a corner": {"height": 80, "corner": (1050, 60)},
    "a digit that fills the photo": {"height": 800, "corner": (250, 50)},
    "an upright photo": {"size": (HEIGHT, WIDTH)},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("digit", range(10))
def test_a_photo_is_read_as_the_drawing_it_shows(kind, digit):
    strokes, _, label = DIGITS[digit]
    assert label == digit
    assert_reads(encoded(photo(strokes, **KINDS[kind]), quality=80), strokes)


@pytest.mark.parametrize("quality", [10, 30, 95])
def test_the_artefacts_of_jpeg_do_not_matter(quality):
    strokes, _, _ = DIGITS[5]
    assert_reads(encoded(photo(strokes), quality=quality), strokes)


@pytest.mark.parametrize("digit", [2, 4, 7])
def test_specks_are_left_out(digit):
    strokes, _, _ = DIGITS[digit]
    pixels = photo(strokes)
    random = np.random.RandomState(1)
    for x, y in zip(random.randint(5, WIDTH - 5, 30), random.randint(5, HEIGHT - 5, 30), strict=True):
        pixels[y : y + 4, x : x + 4] = 30
    assert_reads(encoded(pixels), strokes, least=0.85)


@pytest.mark.parametrize("digit", [0, 3, 8])
def test_the_table_around_the_page_is_left_out(digit):
    strokes, _, _ = DIGITS[digit]
    pixels = photo(strokes)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels[(y - 0.05 * x > 800) | (x + 0.03 * y < 80)] = 60
    assert_reads(encoded(pixels), strokes)
    surrounded = np.random.RandomState(2).normal(70, 5, (1300, 1700)).astype(np.uint8)
    surrounded[200:1100, 250:1450] = photo(strokes)
    assert_reads(encoded(surrounded), strokes)


@pytest.mark.parametrize("digit", [1, 6])
def test_a_line_around_the_page_is_left_out(digit):
    strokes, _, _ = DIGITS[digit]
    pixels = photo(strokes)
    for part in (np.s_[50:56, 50:-50], np.s_[-56:-50, 50:-50], np.s_[50:-50, 50:56], np.s_[50:-50, -56:-50]):
        pixels[part] = 50
    assert_reads(encoded(pixels), strokes)


def test_a_digit_of_two_strokes_that_do_not_meet_keeps_both():
    strokes = [
        np.array([[60.0, 40], [50, 130], [110, 110], [150, 160], [120, 220], [50, 220]]),
        np.array([[85.0, 40], [150, 38]]),
    ]
    assert_reads(encoded(photo(strokes, pen=12)), strokes)


def test_an_even_picture_such_as_a_screenshot_is_read_in_either_colours():
    strokes, pen, _ = DIGITS[5]
    canvas = raster(strokes, pen)
    for pixels in (canvas, 255 - canvas, np.clip(canvas, 30, 200)):
        for data in (encoded(pixels, "PNG"), encoded(pixels)):
            assert_reads(data, strokes)


@pytest.mark.mnist
def test_an_mnist_digit_saved_as_a_picture_is_read(mnist_images):
    for image in mnist_images[:20]:
        found = from_photo(encoded((image * 255).astype(np.uint8), "PNG"))
        moved = [np.roll(found, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]
        assert max(np.corrcoef(image.ravel(), other.ravel())[0, 1] for other in moved) > 0.75


@pytest.mark.parametrize("orientation", [1, 2, 3, 4, 5, 6, 7, 8])
def test_a_photo_taken_sideways_is_turned_as_its_exif_says(orientation):
    strokes, _, _ = DIGITS[4]
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = Image.fromarray(photo(strokes))
    stored = image if undo is None else image.transpose(undo)
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_reads(encoded(stored, exif=exif), strokes)


def test_every_kind_of_png_and_jpeg_is_read():
    strokes, _, _ = DIGITS[3]
    pixels = photo(strokes, noise=0)
    grey = Image.fromarray(pixels)
    sixteen = Image.fromarray(gaussian_filter(pixels.astype(float), 1).astype(np.uint16) * 257)
    pictures = [grey, sixteen, *(grey.convert(mode) for mode in ("LA", "RGB", "RGBA", "P"))]
    for data in [encoded(picture, "PNG") for picture in pictures] + [
        encoded(grey.convert(mode), "JPEG", quality=90) for mode in ("L", "RGB", "CMYK")
    ]:
        assert_reads(data, strokes)


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_ground_is_read(ink):
    strokes, pen, _ = DIGITS[2]
    pixels = np.full((280, 280, 4), ink, np.uint8)
    pixels[..., 3] = raster(strokes, pen)
    assert_reads(encoded(pixels, "PNG"), strokes)
    palette = Image.fromarray(np.where(raster(strokes, pen) > 127, 1, 0).astype(np.uint8), "P")
    palette.putpalette([128, 128, 128, ink, ink, ink])
    assert_reads(encoded(palette, "PNG", transparency=0), strokes)


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (1, 4000), (4000, 1), (600, 400)])
@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_blank_picture_of_any_size_has_no_ink(size, grey):
    assert reason(encoded(Image.new("L", size, grey), "PNG")) == "photo-ink"


@pytest.mark.parametrize("noise", [3, 25])
def test_a_blank_page_in_a_shadow_has_no_ink(noise):
    assert reason(encoded(photo([np.zeros((1, 2))], ink=215, noise=noise))) == "photo-ink"


def test_a_coin_is_no_digit():
    pixels = photo([np.zeros((1, 2))], ink=215)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels[(y - 400) ** 2 + (x - 600) ** 2 < 100**2] = 60
    assert reason(encoded(pixels)) == "photo-ink"


def test_a_file_that_is_no_picture_is_of_no_known_format():
    for data in (b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", bytes(1000)):
        assert reason(data) == "photo-format"


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "WEBP"])
def test_other_formats_are_refused_whatever_the_file_is_called(kind):
    assert reason(encoded(photo(DIGITS[0][0]), kind)) == "photo-format"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_file_that_ends_too_soon_is_a_problem_and_nothing_else(kind):
    data = encoded(photo(DIGITS[0][0]), kind)
    assert reason(data[: len(data) // 2]) == "photo-format"
    for length in range(0, 600, 7):
        assert reason(data[:length]) == "photo-format"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_damaged_file_is_read_or_a_problem_and_nothing_else(kind):
    data = encoded(raster(*DIGITS[0][:2]), kind)
    random = np.random.RandomState(3)
    for _ in range(60):
        damaged = bytearray(data)
        for place in random.randint(0, len(data), 10):
            damaged[place] = random.randint(256)
        try:
            from_photo(bytes(damaged))
        except DrawingProblem as problem:
            assert problem.reason.startswith("photo-")  # noqa: PT017 - either outcome is right


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [6000, 12_000, 60_000])
def test_a_picture_with_too_many_pixels_is_refused_before_it_is_decoded(side, monkeypatch):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    assert side**2 > MAX_PIXELS
    assert reason(bomb) == "photo-size"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert reason(bomb) == "photo-size"


def test_a_file_with_too_many_bytes_is_refused_before_it_is_opened(monkeypatch):
    monkeypatch.setattr("PIL.Image.open", None)
    assert reason(bytes(MAX_BYTES + 1)) == "photo-size"
