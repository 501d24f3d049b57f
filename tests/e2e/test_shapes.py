"""The five shapes in a browser: chosen by mouse and keys, trained by buttons, tried out; phone, dark theme."""

import pytest

pytestmark = [pytest.mark.browser]

SLOW = 90_000


def open_shapes(open_page, query="", **options):
    page = open_page(f"/sequences?part=shapes{query}", wait=".chart-shape_loss .js-plotly-plot", **options)
    page.locator(".scroller").wait_for(timeout=SLOW)
    return page


def until(page, code: str, argument=None):
    page.wait_for_function(code, arg=argument, timeout=SLOW)


def address_has(page, name: str, value: str | None):
    until(page, "([name, value]) => new URL(location.href).searchParams.get(name) === value", [name, value])


def values(page) -> list[str]:
    return page.locator(".scroller text.value").all_text_contents()


def test_a_shape_is_chosen_by_a_click_and_the_next_by_an_arrow_key(open_page):
    page = open_shapes(open_page)
    page.get_by_role("radio", name="many to many, in step").click()
    address_has(page, "shape", "aligned")
    page.get_by_role("textbox", name="Bits, up to 12").wait_for()
    chosen = page.locator(".group [aria-checked=true]")
    assert chosen.get_attribute("data-name") == "aligned"
    chosen.focus()
    page.keyboard.press("ArrowRight")
    address_has(page, "shape", "encoder_decoder")
    page.get_by_role("textbox", name="A word of the letters").wait_for()
    assert page.locator(".group [aria-checked=true]").get_attribute("data-name") == "encoder_decoder"


def test_it_is_trained_by_the_buttons_until_it_draws_what_it_is_told(open_page):
    page = open_shapes(open_page, "&shape=one_to_many")
    page.get_by_role("button", name="One update").click()
    address_has(page, "at", "1")
    page.get_by_role("button", name="To the end").click()
    page.get_by_text("the network after 300 updates").wait_for(timeout=SLOW)
    page.get_by_text("takes it for a 3: right").wait_for()
    page.get_by_role("radio", name="5", exact=True).or_(page.get_by_role("button", name="5", exact=True)).first.click()
    page.get_by_text("takes it for a 5: right").wait_for()
    address_has(page, "given", "5")
    page.get_by_role("button", name="Restart").click()
    page.get_by_text("the network after 0 updates").wait_for()


def test_playing_goes_on_by_itself(open_page):
    page = open_shapes(open_page, "&shape=one_to_one")
    page.get_by_role("button", name="Play").click()
    until(page, "() => +new URL(location.href).searchParams.get('at') > 30")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Play").wait_for()


def test_own_bits_are_answered_at_every_step_and_bad_ones_said(open_page):
    page = open_shapes(open_page, "&shape=aligned&at=10")
    field = page.get_by_role("textbox", name="Bits, up to 12")
    field.fill("1101")
    field.press("Enter")
    until(page, "() => new URL(location.href).searchParams.get('given') === '1101'")
    page.locator(".scroller text.value").nth(7).wait_for()
    page.locator(".scroller text.value").nth(8).wait_for(state="detached")
    assert values(page)[::2] == ["1", "1", "0", "1"]
    field.fill("12")
    field.press("Enter")
    page.get_by_text("Type up to 12 zeros and ones").wait_for()
    assert page.locator(".scroller").count() == 0


def test_a_digit_is_painted_on_by_mouse_and_by_keys_and_brought_back(open_page):
    page = open_shapes(open_page, "&at=10")
    pad = page.locator(".pad")
    pad.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # figures above it find their height
    box = pad.bounding_box()
    cell = box["width"] / 8
    page.mouse.move(box["x"] + cell / 2, box["y"] + cell / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 2.5 * cell, box["y"] + cell / 2, steps=6)
    page.mouse.up()
    until(page, "() => (new URL(location.href).searchParams.get('picture') ?? '').startsWith('ggg')")
    page.get_by_text("what it reads (painted)").wait_for()
    pad.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    until(page, "() => new URL(location.href).searchParams.get('picture')?.[10] === '0'")  # there was ink
    page.get_by_role("button", name="As it was").click()
    until(page, "() => !new URL(location.href).searchParams.has('picture')")


def test_a_link_in_the_lesson_trains_and_shows_the_word_backwards(open_page):
    page = open_shapes(open_page)
    page.locator(".st-key-lesson a[href='#story-shape-reverses']").click()
    page.get_by_text("It writes dcba and stops: right.").wait_for(timeout=SLOW)
    address_has(page, "at", "180")
    assert values(page)[-2:] == ["a", "end"]


@pytest.mark.parametrize("shape", ["one_to_one", "one_to_many", "many_to_one", "aligned", "encoder_decoder"])
def test_a_phone_shows_every_shape_without_scrolling_sideways(open_page, shape):
    page = open_shapes(open_page, f"&shape={shape}", size=(390, 844), has_touch=True, is_mobile=True)
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    box = page.locator(".scroller").bounding_box()
    assert box["x"] + box["width"] <= 390


def test_the_dark_theme_has_its_own_colours(open_page):
    stroke = "box => getComputedStyle(box).stroke"
    light, dark = (
        open_shapes(open_page, color_scheme=scheme).locator(".scroller .box.x").first.evaluate(stroke)
        for scheme in ("light", "dark")
    )
    assert light != dark
