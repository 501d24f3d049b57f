"""The gradient lab in a browser: sliders, links in the lesson, predictions, streaming, the proof; phone, dark theme."""

import pytest

from tests.e2e.conftest import Answers, settled
from tests.e2e.test_step import stroke

pytestmark = [pytest.mark.browser]

FAN = ".chart-fan_h .js-plotly-plot"
FIRST = """name => {
  const plot = document.querySelector(`.chart-${name} .js-plotly-plot`);
  // The figure as it was drawn: in what was sent, arrays are still packed.
  const lines = plot?._fullData?.filter((trace) => trace.mode === "lines" && trace.fill === "none") ?? [];
  return lines.map((line) => line.y[0]);
}"""
NAMES_AND_FIGURE_IN_VIEW = """figure => {
  const [names, plot] = ['.part-legend', figure].map((each) => document.querySelector(each).getBoundingClientRect());
  return names.top > 55 && names.top < 200 && plot.bottom <= innerHeight;
}"""
IN_VIEW = """selector => {
  const box = document.querySelector(selector).getBoundingClientRect();
  return box.top > 0 && box.bottom <= innerHeight;
}"""
SLOW = 60_000


def open_lab(open_page, query="", **options):
    return open_page(f"/gradients{query}", wait=FAN if "part=" not in query else ".charts .js-plotly-plot", **options)


def first_values(page, name: str = "fan_h") -> list[float]:
    """Return what a figure's lines begin with."""
    return page.evaluate(FIRST, name)


def until(page, code: str, argument=None, timeout: int = SLOW):
    page.wait_for_function(code, arg=argument, timeout=timeout)


def lines_are(page, count: int, name: str = "fan_h"):
    until(page, f"([name, count]) => ({FIRST})(name).length === count", [name, count])


def test_the_curve_rises_while_the_slider_of_the_forget_bias_is_dragged(open_page):
    page = open_lab(open_page, "?cells=lstm&starts=forget&bias=0")
    (before,) = first_values(page)
    assert before < -5
    slider = page.get_by_role("slider", name="Forget gate's bias")
    box = slider.bounding_box()
    left, middle = box["x"] + 8, box["y"] + box["height"] / 2
    page.mouse.move(left + 0.2 * (box["width"] - 16), middle)
    page.mouse.down()
    last = before
    for share in (0.35, 0.5, 0.7):  # a bias of 1.5, 3 and 5
        page.mouse.move(left + share * (box["width"] - 16), middle, steps=4)
        until(page, f"last => ({FIRST})('fan_h')[0] > last + 0.1", last)  # before the button is let go
        (last,) = first_values(page)
    page.mouse.up()
    assert last > -1.5
    until(page, "() => new URL(location.href).searchParams.get('bias') === '5'")
    assert slider.input_value() == "5"


def test_the_slider_obeys_keys_and_what_a_story_sets(open_page):
    page = open_lab(open_page, "?cells=lstm&starts=forget&bias=5")
    (before,) = first_values(page)
    slider = page.get_by_role("slider", name="Forget gate's bias")
    slider.focus()
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    until(page, f"before => ({FIRST})('fan_h')[0] < before - 0.3", before)
    until(page, "() => new URL(location.href).searchParams.get('bias') === '2'")
    page.get_by_role("button", name="The forget gate's bias").click()
    lines_are(page, 2)
    until(page, "() => new URL(location.href).searchParams.get('bias') === '5'")
    until(
        page,
        """() => [...document.querySelectorAll('.st-key-live_bias *')]
      .some((host) => host.shadowRoot?.querySelector('input')?.value === '5')""",
    )


def test_a_slider_tells_again_what_was_not_heard(open_page):
    page = open_lab(open_page, "?cells=lstm&starts=forget&bias=5")
    slider = page.get_by_role("slider", name="Forget gate's bias")
    slider.focus()
    page.evaluate(
        """() => {
          const { send } = WebSocket.prototype;
          WebSocket.prototype.send = () => {
            WebSocket.prototype.send = send;
            window.lost = true;
          };
        }"""
    )
    page.keyboard.press("ArrowLeft")
    until(page, "() => window.lost")
    assert "bias=5" in page.url
    until(page, "() => new URL(location.href).searchParams.get('bias') === '4.5'")
    assert slider.input_value() == "4.5"


def test_answers_that_come_late_and_all_at_once_leave_the_page_alive(chromium, app):
    page = chromium.new_page()
    answers = Answers(page)
    page.goto(f"{app}/gradients?cells=lstm&starts=forget&bias=5")
    page.wait_for_selector(FAN, timeout=SLOW)
    page.wait_for_selector("[data-test-script-state='notRunning']")
    (before,) = first_values(page)
    page.get_by_role("slider", name="Forget gate's bias").focus()
    answers.hold()
    for key in [*["ArrowLeft"] * 5, *["ArrowRight"] * 5]:  # back to the figure that the browser has already
        page.keyboard.press(key)
        page.wait_for_timeout(700)
    answers.release()
    page.keyboard.press("ArrowLeft")
    until(page, "() => new URL(location.href).searchParams.get('bias') === '4.5'")
    page.keyboard.press("ArrowRight")
    until(page, f"before => ({FIRST})('fan_h')[0] === before", before)
    page.close()


def test_a_link_in_the_lesson_sets_the_figure_and_brings_it_into_view(open_page):
    page = open_lab(open_page)
    lines_are(page, 1)
    link = page.locator(".st-key-lesson a[href='#story-gated']")
    link.scroll_into_view_if_needed()
    link.click()
    lines_are(page, 3)
    until(page, "() => new URL(location.href).searchParams.get('cells') === 'rnn_tanh,lstm,gru'")
    # The names and numbers of the lines stand below the navigation, and the figure below them.
    until(page, NAMES_AND_FIGURE_IN_VIEW, FAN)
    assert page.url.count("#") == 0


def test_a_prediction_reveals_its_answer_and_the_figure(open_page):
    page = open_lab(open_page)
    page.get_by_role("button", name="About where the RNN's begins").click()
    verdict = page.get_by_text("Right. Untrained, LSTM and GRU vanish")
    verdict.wait_for()
    lines_are(page, 3)
    until(page, IN_VIEW, ".st-key-predict [data-testid=stAlert]")
    page.get_by_role("link", name="See it in the figure").click()
    until(page, NAMES_AND_FIGURE_IN_VIEW, FAN)


@pytest.mark.parametrize("story", ["gated", "rnn", "bias"])
def test_no_figure_is_wider_than_its_place_however_many_there_are(open_page, story):
    page = open_lab(open_page, "?cells=lstm,gru" if story == "rnn" else "")
    lines_are(page, 2 if story == "rnn" else 1)
    page.locator(f".st-key-story_{story} button").click()
    lines_are(page, {"gated": 3, "rnn": 1, "bias": 2}[story])
    until(
        page,
        """() => [...document.querySelectorAll('.charts figure')]
      .every((figure) => figure.querySelector('.main-svg')?.clientWidth === Math.floor(figure.clientWidth))""",
    )


def test_a_digit_is_drawn_where_the_part_offers_it_and_read(open_page):
    page = open_page("/gradients?part=why&subject=gru-64", wait=".chart-roads .js-plotly-plot")
    before = first_values(page, "roads")
    page.locator(".st-key-lab_picker summary").click()
    canvas = page.locator(".st-key-canvas canvas").last
    canvas.wait_for()
    settled(canvas)
    stroke(page, [(90, 200), (120, 120), (150, 50)])
    until(page, f"before => JSON.stringify(({FIRST})('roads')) !== JSON.stringify(before)", before)
    until(page, "() => new URL(location.href).searchParams.has('draw')")
    assert page.get_by_text("your drawing").count() == 1


def test_784_steps_come_in_as_they_are_computed_until_all_seeds_are_there(open_page):
    page = open_lab(open_page, "?cells=rnn_tanh&reading=permuted")
    until(page, "() => !document.querySelector('.st-key-part_figure [data-testid=stProgress]')")
    (first,) = first_values(page)
    assert first < -150  # far below what a float64 could hold of its square
    page.get_by_text("float32, in which networks are trained, underflows").wait_for()


def test_the_address_brings_everything_back(open_page):
    query = "?cells=rnn_relu,lstm&starts=orthogonal,forget&gain=1.3&bias=2.5&delay=21&depth=2&lang=zh"
    page = open_lab(open_page, query)
    lines_are(page, 3)
    again = open_lab(open_page, page.url[page.url.index("?") :])
    lines_are(again, 3)
    until(again, "() => !document.querySelector('.st-key-part_figure [data-testid=stProgress]')")
    until(again, "() => document.querySelector('[data-test-script-state=notRunning]')")
    until(page, f"there => JSON.stringify(({FIRST})('fan_h')) === JSON.stringify(there)", first_values(again))


def test_parts_are_chosen_by_keyboard_and_each_shows_figures(open_page):
    page = open_lab(open_page)
    for name, chart in (("2 Why", "roads"), ("3 BPTT unrolled", "shares"), ("5 Exploding", "loss")):
        page.get_by_role("radio", name=name).or_(page.get_by_role("button", name=name)).first.focus()
        page.keyboard.press("Enter")
        page.locator(f".chart-{chart} .js-plotly-plot").wait_for(timeout=SLOW)


def test_the_window_of_truncated_backpropagation_moves_the_line_and_the_sentence(open_page):
    page = open_lab(open_page, "?part=unrolled&window=5")
    page.get_by_text("Going back 5 steps keeps").wait_for()
    thumb = page.get_by_role("slider", name="Backpropagate so many steps")
    thumb.focus()
    page.keyboard.press("End")
    page.get_by_text("Going back 28 steps keeps 100%").wait_for()
    until(page, "() => new URL(location.href).searchParams.get('window') === '28'")


def test_exploding_is_trained_here_and_a_new_seed_is_another_network(open_page):
    page = open_lab(open_page, "?part=exploding")
    ends = """() => document.querySelector('.chart-loss .js-plotly-plot')._fullData
      .filter((trace) => trace.mode === 'lines').map((line) => Array.from(line.y).at(-1))"""
    both = f"() => {{ const found = ({ends})(); return found.length === 2 && found.every(Number.isFinite) && found; }}"
    without, clipped = page.wait_for_function(both, timeout=SLOW).json_value()
    assert without > 2
    assert clipped < 1.5
    page.get_by_role("button", name="New seed").click()
    until(page, f"before => {{ const found = ({both})(); return found && found[0] !== before; }}", without)
    until(page, "() => new URL(location.href).searchParams.get('seed') === '1'")


@pytest.mark.slow
def test_the_button_proves_the_gradients_in_a_second_process(open_page):
    page = open_page("/gradients?part=proof&subject=rnn-64", wait=".st-key-prove button")
    page.locator(".st-key-prove button").click()
    page.get_by_text("All equal: the largest relative difference is").wait_for(timeout=120_000)
    assert page.locator("table.proof tbody tr").count() >= 6
    assert page.locator("table.proof .wrong").count() == 0


@pytest.mark.parametrize("part", ["fan", "why", "unrolled", "exploding"])
def test_a_phone_shows_every_part_without_scrolling_sideways(open_page, part):
    query = "" if part == "fan" else f"?part={part}"
    page = open_lab(open_page, query, size=(390, 844), device_scale_factor=2, has_touch=True, is_mobile=True)
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert page.evaluate("""() => [...document.querySelectorAll('.charts .js-plotly-plot')]
      .every((plot) => plot.getBoundingClientRect().right <= innerWidth)""")


def test_the_dark_theme_has_its_own_colours(open_page):
    light = open_lab(open_page)
    dark = open_lab(open_page, color_scheme="dark")
    colour = f"() => document.querySelector('{FAN}').data.find((trace) => trace.mode === 'lines').line.color"
    until(dark, f"light => ({colour})() !== light", light.evaluate(colour))
