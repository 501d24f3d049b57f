"""The parts of the page Cells after the first, in a browser: sliders, stages, exercises, training, phone, themes."""

import pytest

pytestmark = [pytest.mark.browser]

SLOW = 60_000
PARTS = ["terms", "neuron", "activations", "scratch", "rnncell"]
POINT = """() => {
  const traces = document.querySelector('.chart-act_value .js-plotly-plot')?._fullData ?? [];
  return traces.filter((trace) => trace.mode === 'markers').at(-1)?.x[0];
}"""


def open_part(open_page, part: str, query: str = "", **options):
    page = open_page(f"/cells?part={part}{query}", wait=".st-key-lesson", **options)
    page.wait_for_selector(":is(.charts .js-plotly-plot .main-svg, table.terms)", timeout=SLOW)
    page.wait_for_selector("[data-test-script-state='notRunning']", timeout=SLOW)
    return page


def until(page, code: str, argument=None):
    page.wait_for_function(code, arg=argument, timeout=SLOW)


def asked(page, key: str, value: str):
    """Wait until the address says so."""
    until(page, "([key, value]) => new URL(location.href).searchParams.get(key) === value", [key, value])


def test_the_point_moves_on_the_curve_with_keys_and_while_the_slider_is_dragged(open_page):
    page = open_part(open_page, "activations", "&point=-3")
    until(page, f"() => ({POINT})() === -3")
    slider = page.get_by_role("slider", name="Pre-activation a")
    slider.focus()
    page.keyboard.press("Home")
    until(page, f"() => ({POINT})() === -6")
    asked(page, "point", "-6")
    box = slider.bounding_box()
    left, middle = box["x"] + 8, box["y"] + box["height"] / 2
    page.mouse.move(left, middle)
    page.mouse.down()
    last = -6.0
    for share in (0.25, 0.5, 0.75):
        page.mouse.move(left + share * (box["width"] - 16), middle, steps=4)
        until(page, f"last => ({POINT})() > last + 1", last)  # before the button is let go
        last = page.evaluate(POINT)
    page.mouse.up()
    asked(page, "point", "3")


def test_a_neuron_goes_through_its_stages_and_its_loss_falls(open_page):
    page = open_part(open_page, "neuron", "&stage=1")
    for stage in ("2", None, "4"):  # the third is the one that the part begins with
        page.get_by_role("button", name="Next stage").click()
        until(page, "stage => new URL(location.href).searchParams.get('stage') === stage", stage)
    page.get_by_text("With the new weights the loss is").wait_for()
    page.get_by_role("button", name="10 updates").click()
    asked(page, "at", "10")
    losses = "() => Array.from(document.querySelector('.chart-neuron_loss .js-plotly-plot')?._fullData[0].y ?? [])"
    until(page, f"() => ({losses})().length === 11")
    found = page.evaluate(losses)
    assert all(later < earlier for earlier, later in zip(found, found[1:], strict=False))


def test_a_link_in_the_lesson_leaves_one_row_of_terms(open_page):
    page = open_part(open_page, "terms")
    filled = """() => [...document.querySelectorAll('table.terms tbody tr')]
      .filter((row) => row.lastElementChild.textContent).length"""
    assert page.evaluate(filled) == 5
    page.locator(".st-key-lesson a[href='#story-terms-last']").click()
    until(page, f"() => ({filled})() === 2")  # the last loss, and the sums
    asked(page, "loss", "last")


def test_a_mistake_is_red_until_its_line_is_found(open_page):
    page = open_part(open_page, "terms", "&mistake=state")
    page.locator("table.mistake td.wrong").first.wait_for()
    assert page.locator("table.mistake td.wrong").count() == 1
    box = page.get_by_role("combobox", name="Which line is wrong?")
    box.click()
    box.fill("dW_hh +=")
    page.keyboard.press("Enter")
    page.get_by_text("With that line set right").wait_for(timeout=SLOW)
    tables = page.locator("table.mistake")
    assert tables.count() == 2
    assert tables.nth(1).locator("td.wrong").count() == 0
    assert tables.nth(1).locator("td.sound").count() == 5


def test_a_link_to_an_exercise_brings_the_exercise_into_view(open_page):
    page = open_part(open_page, "terms")
    page.locator(".st-key-lesson a[href='#story-mistake-leak']").click()
    asked(page, "mistake", "leak")
    page.locator("table.mistake td.wrong").first.wait_for(timeout=SLOW)
    until(
        page,
        """() => {
          const top = document.querySelector('.st-key-figure_mistake').getBoundingClientRect().top;
          return top > 40 && top < 200;
        }""",
    )


def test_a_link_that_is_clicked_before_the_page_listens_is_followed_all_the_same(open_page):
    page = open_part(open_page, "terms", "#story-mistake-leak")  # where the browser itself has gone
    asked(page, "mistake", "leak")
    assert "#" not in page.url
    page.locator("table.mistake td.wrong").first.wait_for(timeout=SLOW)


def test_the_way_to_an_exercise_goes_on_when_the_page_moves_under_it(open_page):
    page = open_part(open_page, "terms", "&mistake=leak")
    page.wait_for_selector(".st-key-lesson a[href='#story-mistake-leak']", state="attached")
    page.evaluate(
        """() => {
          document.querySelector(".st-key-lesson a[href='#story-mistake-leak']").click();
          // As where the page is laid out anew: a smooth scroll then stops.
          const scroller = document.querySelector('[data-testid=stMain]');
          setTimeout(() => scroller.scrollTo({ top: 0, behavior: 'instant' }), 50);
        }"""
    )
    until(
        page,
        """() => {
          const top = document.querySelector('.st-key-figure_mistake').getBoundingClientRect().top;
          return top > 40 && top < 200;
        }""",
    )


def test_training_plays_to_its_end_and_restarts(open_page):
    page = open_part(open_page, "scratch", "&steps=3")
    page.get_by_text("After 0 updates: loss").wait_for()
    page.get_by_role("button", name="One update").click()
    page.get_by_text("After 1 updates: loss").wait_for(timeout=SLOW)
    page.get_by_role("button", name="Play").click()
    page.get_by_text("After 150 updates: loss").wait_for(timeout=SLOW)
    page.get_by_text("right answers 100%").wait_for()
    page.get_by_role("button", name="Restart").click()
    page.get_by_text("After 0 updates: loss").wait_for(timeout=SLOW)


def test_a_layer_more_is_drawn_and_computed(open_page):
    page = open_part(open_page, "rnncell")
    slider = page.get_by_role("slider", name="L: num_layers")
    slider.focus()
    page.keyboard.press("ArrowRight")
    asked(page, "depth", "2")
    until(page, "() => document.querySelectorAll('table.rnncell-last tbody tr').length === 2")
    assert page.locator("table.rnncell td.wrong").count() == 0
    page.get_by_text("= (2, 1, 2)").first.wait_for()


@pytest.mark.parametrize("part", PARTS)
def test_a_phone_shows_every_part_without_scrolling_sideways(open_page, part):
    query = "&mistake=mean" if part == "terms" else ""
    options = {"size": (390, 844), "device_scale_factor": 2, "has_touch": True, "is_mobile": True}
    page = open_part(open_page, part, query, **options)
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("part", ["neuron", "rnncell"])
def test_the_dark_theme_has_its_own_colours(open_page, part):
    colour = """() => document.querySelector('.charts .js-plotly-plot')?._fullData
      ?.find((trace) => trace.marker && trace.marker.color !== 'rgba(0,0,0,0)')?.marker.color"""
    light, dark = open_part(open_page, part), open_part(open_page, part, color_scheme="dark")
    until(light, f"() => ({colour})()")
    until(dark, f"light => ({colour})() && ({colour})() !== light", light.evaluate(colour))
