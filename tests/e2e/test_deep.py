"""The deep part in a browser: layers added by a slider, trained by buttons, all links in the lesson; phone."""

import pytest

pytestmark = [pytest.mark.browser]

SLOW = 90_000
BANDS = """count => document.querySelector('.chart-deep_states .js-plotly-plot')
  ?._fullData?.filter((trace) => trace.type === 'heatmap').length === count"""


def open_deep(open_page, query="", **options):
    page = open_page(f"/sequences?part=deep{query}", wait=".chart-deep_states .js-plotly-plot", **options)
    page.wait_for_selector(".chart-deep_loss .js-plotly-plot .main-svg", timeout=SLOW, state="attached")
    return page


def until(page, code: str, argument=None):
    page.wait_for_function(code, arg=argument, timeout=SLOW)


def address_has(page, name: str, value: str):
    until(page, "([name, value]) => new URL(location.href).searchParams.get(name) === value", [name, value])


def test_a_layer_more_is_a_band_more_and_a_line_more(open_page):
    page = open_deep(open_page)
    until(page, BANDS, 5)
    page.get_by_role("slider", name="Layers").focus()
    page.keyboard.press("ArrowRight")
    until(page, BANDS, 6)
    address_has(page, "depth", "4")
    assert page.locator(".part-legend").first.locator("li").count() == 4


def test_it_is_trained_by_the_buttons_and_a_link_in_the_lesson_begins_another(open_page):
    page = open_deep(open_page, "&depth=2&units=8")
    page.get_by_role("button", name="One update").click()
    address_has(page, "at", "1")
    page.locator(".st-key-lesson a[href='#story-deep-four-start']").click()
    until(page, BANDS, 6)
    until(page, "() => !new URL(location.href).searchParams.has('at')")
    until(page, "() => !new URL(location.href).searchParams.has('units')")


def test_the_layers_stand_beside_the_curves_and_nothing_is_wider_than_its_place(open_page):
    page = open_deep(open_page, "&depth=4")
    until(page, BANDS, 6)
    places = "name => document.querySelector(`.chart-${name}`).getBoundingClientRect().toJSON()"
    states, gradient, loss = (page.evaluate(places, name) for name in ("deep_states", "deep_gradient", "deep_loss"))
    assert states["right"] <= gradient["left"]
    assert gradient["left"] == loss["left"]
    assert states["top"] <= gradient["top"] <= states["bottom"]


def test_a_phone_shows_all_below_one_another_without_scrolling_sideways(open_page):
    page = open_deep(open_page, size=(390, 844), has_touch=True, is_mobile=True)
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate("""() => [...document.querySelectorAll('.charts .js-plotly-plot')]
      .every((plot) => plot.getBoundingClientRect().right <= innerWidth)""")
