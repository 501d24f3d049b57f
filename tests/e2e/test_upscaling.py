"""Super-resolution in a browser: the frame moves with the slider and the keys, plays, and the link brings it back."""

import numpy as np
import pytest

from rnnviz import checkpoints, digits, upscaling
from tests.e2e.conftest import settled

pytestmark = pytest.mark.browser

LINK = "/sequences?part=upscaling&set=uci&digit=6&lang=en"
READY = ".st-key-steps .chart-column_written .main-svg"
PICTURES = ("low", "true", "bicubic", "bicubic_error", "network", "network_error")
COLUMNS = ("column_low", "column_h1", "column_h2", "column_h3", "column_written")
BOX = """name => {
  const [box, plot] = ['.box', '.js-plotly-plot'].map((kind) => document.querySelector(`.chart-${name} ${kind}`));
  if (box.hidden) return null;
  const [frame, around] = [box, plot].map((element) => element.getBoundingClientRect());
  const axis = plot._fullLayout.yaxis;
  return [frame.top, frame.bottom].map((y) => axis.p2l(y - around.top - axis._offset));
}"""
VEIL = """name => {
  const [veil, plot] = ['.veil', '.js-plotly-plot'].map((kind) => document.querySelector(`.chart-${name} ${kind}`));
  const axis = plot._fullLayout.yaxis;
  const [top, around] = [veil, plot].map((element) => element.getBoundingClientRect().top);
  return veil.hidden ? null : axis.p2l(top - around - axis._offset);
}"""
MARK = "() => document.querySelectorAll('.charts figure').forEach((figure, k) => { figure.dataset.mark = k })"
MARKS = "() => [...document.querySelectorAll('.charts figure')].map(figure => figure.dataset.mark)"
WIDE = "() => [document.documentElement.scrollWidth, innerWidth]"
SQUARE = """name => {
  const { width, height } = document.querySelector(`.chart-${name} .nsewdrag`).getBoundingClientRect();
  return width / height;
}"""
DRAWN = """() => {
  const { bdata } = document.querySelector('.chart-network .js-plotly-plot').data[0].z;
  return Array.from(new Float32Array(Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0)).buffer));
}"""


def open_part(open_page, link: str = "", **options):
    page = open_page(LINK + link, wait=READY, **options)
    page.wait_for_selector(".st-key-upscaled .chart-network_error .main-svg", state="attached")
    return page


def says(page) -> str:
    return page.locator(".st-key-upscaling_moment output").inner_text()


def slider(page):
    found = page.locator(".st-key-upscaling_moment input[type=range]")
    found.focus()
    return found


def near(page, name: str, first: float, last: float) -> bool:
    """Return whether the rows first..last are framed, within what the frame's own lines cover."""
    box = page.evaluate(BOX, name)
    slack = 0.7 if name in PICTURES else 0.25
    return box is not None and np.allclose(box, [first - 0.5, last + 0.5], atol=slack)


def test_the_keys_move_the_frame_in_every_picture_and_no_figure_is_sent_again(open_page):
    page = open_part(open_page)
    assert says(page).startswith("Step 15 of 15")
    page.evaluate(MARK)
    marks = page.evaluate(MARKS)
    slider(page)
    page.keyboard.press("Home")
    page.wait_for_function("() => document.querySelector('.chart-network .box').hidden")  # nothing is due yet
    assert says(page).startswith("Step 1 of 15: it reads row 1. Nothing")
    assert page.evaluate(VEIL, "network") == pytest.approx(0.5, abs=0.3)
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => new URL(location).searchParams.get('step') === '7'")
    assert says(page) == "Step 7 of 15: it reads row 7 and writes rows 11 and 12, which belong to row 6."
    assert near(page, "low", 7, 7)
    for name in PICTURES[1:]:
        assert near(page, name, 11, 12), name
    for name in COLUMNS:
        assert near(page, name, 7, 7), name
    assert page.evaluate(VEIL, "network") == pytest.approx(12.5, abs=0.3)
    assert page.evaluate(VEIL, "true") is None
    assert page.evaluate(MARKS) == marks
    page.reload()
    page.wait_for_selector(READY)
    page.wait_for_function("() => !document.querySelector('.chart-network .box').hidden")
    assert says(page).startswith("Step 7 of 15")
    assert near(page, "network", 11, 12)


def test_it_plays_to_the_end_and_stops_when_asked(open_page):
    page = open_part(open_page, "&step=12")
    play = page.locator(".st-key-upscaling_moment .play")
    play.click()
    assert play.inner_text() == "Pause"
    page.wait_for_function("() => !new URL(location).searchParams.get('step')", timeout=30_000)  # the last one
    assert play.inner_text() == "Play"
    assert says(page).startswith("Step 15 of 15")
    play.click()
    page.wait_for_timeout(900)
    play.click()
    stopped = says(page)
    page.wait_for_timeout(900)
    assert says(page) == stopped
    assert not stopped.startswith("Step 15")


def test_the_pictures_on_screen_are_the_networks(open_page):
    page = open_part(open_page)
    image = digits.sample(6)[0]
    written = upscaling.upscale(checkpoints.load("super-3x128"), upscaling.halve(image))
    np.testing.assert_allclose(np.reshape(page.evaluate(DRAWN), (28, 28)), written, atol=1e-6)
    assert f"Network: {upscaling.psnr(written, image):.1f} dB" in page.locator(".chart-network").inner_text()


@pytest.mark.parametrize("size", [(390, 844), (800, 900), (1280, 720)])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pictures_are_square_and_nothing_is_wider_than_the_screen(open_page, size, scheme):
    page = open_part(open_page, "&step=7", size=size, color_scheme=scheme)
    page.wait_for_function("() => !document.querySelector('.chart-network .box').hidden")
    full, wide = page.evaluate(WIDE)
    assert full <= wide
    for name in PICTURES:
        assert page.evaluate(SQUARE, name) == pytest.approx(1, abs=0.02), name
    assert near(page, "network", 11, 12)
    boxes = {name: page.locator(f".chart-{name}").bounding_box() for name in PICTURES}
    for one, other in zip(PICTURES[::2], PICTURES[1::2], strict=True):  # a picture and its difference: a pair
        assert boxes[one]["x"] == boxes[other]["x"] or boxes[one]["y"] == boxes[other]["y"]


def test_another_digit_is_chosen_and_everything_follows(open_page):
    page = open_part(open_page)
    before = page.locator(".chart-network figcaption").inner_text()
    page.locator(".st-key-lab_picker summary").click()
    forward = page.get_by_role("button", name="Next digit")
    settled(forward)
    forward.click()
    page.wait_for_function(
        "before => document.querySelector('.chart-network figcaption').textContent !== before", arg=before
    )
    image = digits.sample(7)[0]
    written = upscaling.upscale(checkpoints.load("super-3x128"), upscaling.halve(image))
    assert page.locator(".chart-network figcaption").inner_text() == f"Network: {upscaling.psnr(written, image):.1f} dB"
    page.wait_for_function("() => new URL(location).searchParams.get('digit') === '7'")


def test_whoever_cannot_see_hears_the_numbers(open_page):
    page = open_part(open_page)
    alts = page.eval_on_selector_all(".charts [role=img]", "all => all.map(each => each.getAttribute('aria-label'))")
    assert len(alts) == len(PICTURES) + len(COLUMNS)
    assert all(alts)
    assert slider(page).get_attribute("aria-valuetext") == says(page)
