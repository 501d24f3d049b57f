"""hello -> ohlol in a browser: trained to the right letters, with own words, by keyboard, on a phone, from a link."""

import re

import pytest

pytestmark = [pytest.mark.browser]

DRAWN = ".chart-answers .js-plotly-plot"
SAID = """() => [...document.querySelectorAll(".spelling .said td")]
  .map((cell) => cell.firstChild.textContent).join(" ")"""
SLOW = 60_000


def open_part(open_page, query="", **options):
    return open_page(f"/sequences{query}", wait=DRAWN, **options)


def until(page, code: str, argument=None):
    page.wait_for_function(code, arg=argument, timeout=SLOW)


def until_said(page, letters: str):
    until(page, f"letters => ({SAID})() === letters", " ".join(letters))


def test_hello_is_trained_to_the_right_letters_update_by_update(open_page):
    page = open_part(open_page)
    assert page.evaluate(SAID) != "o h l o l"
    for update in range(1, 6):
        page.get_by_role("button", name="One update").click()
        until(page, "at => new URL(location.href).searchParams.get('at') === at", f"{update}")
    until_said(page, "ohlol")
    page.get_by_text(re.compile(r"All right since update \d")).wait_for()
    page.get_by_role("button", name="Restart").click()
    until(page, "() => !new URL(location.href).searchParams.has('at')")
    until(page, f"() => ({SAID})() !== 'o h l o l'")


def test_it_plays_to_the_end_and_a_new_seed_is_another_network(open_page):
    page = open_part(open_page)
    page.get_by_role("button", name="Play").click()
    until(page, "() => new URL(location.href).searchParams.get('at') === '80'")
    until_said(page, "ohlol")
    before = page.locator(".spelling p").inner_text()
    page.get_by_role("button", name="New seed").click()
    until(page, "() => new URL(location.href).searchParams.get('seed') === '1'")
    until(page, "before => document.querySelector('.spelling p').innerText !== before", before)


def test_the_slider_goes_through_the_updates_by_keyboard(open_page):
    page = open_part(open_page, "?at=20")
    slider = page.get_by_role("slider", name="Updates made")
    slider.focus()
    page.keyboard.press("Home")
    until(page, "() => document.querySelector('.spelling p').innerText.startsWith('Update 0:')")
    page.keyboard.press("ArrowRight")
    until(page, "() => document.querySelector('.spelling p').innerText.startsWith('Update 1:')")


def test_own_words_are_learnt_and_a_link_reproduces_the_screen(open_page):
    page = open_part(open_page)
    for label, word in (("Word to read", "猫狗🐟"), ("Word to say", "🐟猫狗")):
        page.get_by_label(label).fill(word)
        page.keyboard.press("Enter")
        until(page, "word => [...new URL(location.href).searchParams.values()].includes(word)", word)
    page.get_by_role("button", name="To the end").click()
    until_said(page, "🐟猫狗")
    until(page, "() => new URL(location.href).searchParams.get('at') === '80'")
    again = open_part(open_page, page.url[page.url.index("?") :])
    until_said(again, "🐟猫狗")
    verdict = "() => document.querySelector('.spelling p').innerText"
    assert again.evaluate(verdict) == page.evaluate(verdict)


def test_words_of_two_lengths_are_refused_in_words_and_mended(open_page):
    page = open_part(open_page)
    page.get_by_label("Word to say").fill("abc")
    page.keyboard.press("Enter")
    page.get_by_text("Both must be equally long").wait_for()
    until(page, "() => getComputedStyle(document.querySelector('.spelling')).opacity === '0.35'")
    assert page.locator(".spelling .read td").count() == 5  # of the last good words
    page.get_by_label("Word to read").fill("cab")
    page.keyboard.press("Enter")
    page.locator(DRAWN).wait_for()
    until(page, "() => document.querySelectorAll('.spelling .read td').length === 3")
    until(page, "() => getComputedStyle(document.querySelector('.spelling')).opacity === '1'")


def test_a_link_in_the_lesson_shows_the_floor_and_twenty_seeds_come_in(open_page):
    page = open_part(open_page)
    page.locator(".st-key-lesson a[href='#story-hello-seeds']").click()
    page.get_by_text("16 of 20 seeds learn it").wait_for(timeout=SLOW)
    page.locator(".chart-soon .js-plotly-plot").wait_for()
    page.get_by_text("Why step 4 hardly learns.").wait_for()
    until(page, "() => document.querySelector('.chart-loss .js-plotly-plot')._fullData.length === 2")


@pytest.mark.parametrize("query", ["?at=5", "?at=80&word=abcdefghijkl&target=lkjihgfedcba&readout=hidden&many=1"])
def test_a_phone_shows_all_without_scrolling_sideways(open_page, query):
    page = open_part(open_page, query, size=(390, 844), device_scale_factor=2, has_touch=True, is_mobile=True)
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate("""() => [...document.querySelectorAll('.charts .js-plotly-plot, .spelling')]
      .every((each) => each.getBoundingClientRect().right <= innerWidth)""")


def test_the_dark_theme_has_its_own_colours(open_page):
    colour = f"() => document.querySelector('{DRAWN}').data[0].colorscale[0][1]"
    light, dark = open_part(open_page), open_part(open_page, color_scheme="dark")
    until(dark, f"light => ({colour})() !== light", light.evaluate(colour))
