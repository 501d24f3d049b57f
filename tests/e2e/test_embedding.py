"""The embedding in a browser: a row is looked up, its gradient, vectors move with the slider, kinds come together."""

import pytest

pytestmark = [pytest.mark.browser]

DRAWN = ".chart-moving .js-plotly-plot"
POINTS = """() => { const { x, y } = document.querySelector('.chart-moving .js-plotly-plot')._fullData.at(-1);
  return Array.from(x).concat(Array.from(y)); }"""
CHOSEN = "() => [...document.querySelectorAll('.lookup .chosen :is(th, td)')].map((cell) => cell.innerText)"
WITHOUT = """() => [...document.querySelectorAll('.lookup tbody tr:not(.foot)')]
  .filter((row) => row.lastChild.className === 'zero').map((row) => row.firstChild.innerText).join('')"""
SLOW = 60_000


def open_part(open_page, query="", **options):
    return open_page(f"/sequences?part=embedding{query}", wait=DRAWN, **options)


def until(page, code: str, argument=None):
    page.wait_for_function(code, arg=argument, timeout=SLOW)


def test_another_letter_is_another_row_and_the_product_is_the_row(open_page):
    page = open_part(open_page)
    assert page.evaluate(CHOSEN)[0] == "l"
    page.locator(".st-key-widget_letter button").first.click()
    until(page, f"() => ({CHOSEN})()[0] === 'h'")
    row = page.evaluate(CHOSEN)[2:4]
    feet = page.evaluate(
        "() => [...document.querySelectorAll('.lookup .foot')].map((row) => row.innerText.split('\\t'))"
    )
    assert [foot[1:3] for foot in feet] == [row, row]
    until(page, "() => new URL(location.href).searchParams.get('letter') === '1'")


def test_only_rows_that_were_read_have_a_gradient(open_page):
    page = open_part(open_page, "&steps=1")
    assert page.evaluate(WITHOUT) == "elo"
    slider = page.get_by_role("slider", name="The loss reads the first … symbols")
    slider.focus()
    for without in ("lo", "o", "o", ""):
        page.keyboard.press("ArrowRight")
        until(page, f"without => ({WITHOUT})() === without", without)


def test_points_move_while_the_slider_goes_through_the_updates(open_page):
    page = open_part(open_page)
    before = page.evaluate(POINTS)
    ranges = "() => document.querySelector('.chart-moving .js-plotly-plot')._fullLayout.xaxis.range.join()"
    held = page.evaluate(ranges)
    slider = page.get_by_role("slider", name="Updates made")
    box = slider.bounding_box()
    left, middle = box["x"] + 8, box["y"] + box["height"] / 2
    page.mouse.move(left + 2, middle)
    page.mouse.down()
    for share in (0.2, 0.5, 0.9):
        page.mouse.move(left + share * (box["width"] - 16), middle, steps=4)
        until(page, f"before => JSON.stringify(({POINTS})()) !== JSON.stringify(before)", before)  # before it is let go
        before = page.evaluate(POINTS)
    page.mouse.up()
    assert page.evaluate(ranges) == held


def test_a_prediction_shows_nouns_beside_nouns_and_its_link_brings_them_back(open_page):
    page = open_part(open_page)
    page.get_by_role("button", name="Nouns near nouns, verbs near verbs").click()
    page.get_by_text("8 of 8 nouns and verbs").wait_for(timeout=SLOW)
    page.get_by_text("Right. The network never sees a kind").wait_for()
    until(page, "() => new URL(location.href).searchParams.get('corpus') === 'sentences'")
    page.locator(DRAWN).wait_for(timeout=SLOW)
    points = page.evaluate(POINTS)
    again = open_part(open_page, page.url[page.url.index("?") :].replace("?part=embedding", "").replace("?", "&"))
    until(again, f"points => JSON.stringify(({POINTS})()) === JSON.stringify(points)", points)


@pytest.mark.parametrize("query", ["&at=5", "&corpus=sentences&dim=8&at=20"])
def test_a_phone_shows_all_without_scrolling_sideways(open_page, query):
    page = open_part(open_page, query, size=(390, 844), device_scale_factor=2, has_touch=True, is_mobile=True)
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate("""() => [...document.querySelectorAll('.charts .js-plotly-plot, .lookup')]
      .every((each) => each.getBoundingClientRect().right <= innerWidth)""")


def test_the_dark_theme_has_its_own_colours(open_page):
    colour = f"() => document.querySelector('{DRAWN}')._fullData.at(-1).marker.color.join()"
    light, dark = open_part(open_page), open_part(open_page, color_scheme="dark")
    until(dark, f"light => ({colour})() !== light", light.evaluate(colour))
