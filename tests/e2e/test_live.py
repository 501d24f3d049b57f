"""The live view in a browser: it changes in place, follows theme and width, and leaves the form as it was put."""

import pytest

from rnnviz.training import runs
from tests.made_runs import PRESETS, at_work, made

pytestmark = pytest.mark.browser

MARK = "() => document.querySelectorAll('.charts figure').forEach((figure, k) => { figure.dataset.mark = k; })"
MARKS = "() => [...document.querySelectorAll('.charts figure')].map(figure => figure.dataset.mark)"
OVERFLOW = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return main.scrollWidth - main.clientWidth;
}"""


@pytest.fixture
def run(app, monkeypatch, runs_folder):
    """A run in the app's folder that is half done and stays at work for the time of a test."""
    monkeypatch.setenv("RNNVIZ_RUNS", str(runs_folder))
    found = made("stopped", PRESETS["fastest"].config, share=0.5, rows=200, frames=60, preset="fastest")
    yield found
    runs.delete(found)


def open_run(open_page, run, **options):
    page = open_page(f"/train?runs={run.id}", wait=".charts .js-plotly-plot", **options)
    page.wait_for_function("() => document.querySelectorAll('.charts .js-plotly-plot').length >= 9")
    return page


def test_new_numbers_are_drawn_in_place(open_page, run):
    page = open_run(open_page, run)
    with at_work(run):
        run.write_state(runs.State(**{**vars(run.state), "state": "running", "phase": "training"}))
        page.reload()
        page.wait_for_function("() => document.querySelectorAll('.charts .js-plotly-plot').length >= 9")
        page.evaluate(MARK)
        marked = page.evaluate(MARKS)
        with open(run.folder / "metrics.jsonl", "a") as file:
            file.write('{"step": 900, "epoch": 2.1, "seconds": 99, "loss": 0.0123, "accuracy": 0.9999}\n')
        page.wait_for_function("() => document.querySelector('.numbers').innerText.includes('99.99%')")
        page.wait_for_function(
            "() => document.querySelector('.chart-loss [role=img]').getAttribute('aria-label').includes('0.0123')"
        )
        assert page.evaluate(MARKS) == marked
        run.write_state(runs.State(**{**vars(run.state), "state": "stopped", "phase": ""}))


def test_curves_are_coloured_for_the_theme_that_is_seen_also_when_it_changes(open_page, run):
    page = open_run(open_page, run, color_scheme="light")
    colour = "() => document.querySelector('.chart-loss .js-plotly-plot').data[0].line.color"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({colour})() !== light", arg=light)


def test_a_moment_of_the_training_is_chosen_by_keyboard_and_marked_on_the_curves(open_page, run):
    page = open_run(open_page, run)
    shapes = "(document.querySelector('.chart-loss .js-plotly-plot').layout.shapes ?? []).length"
    assert page.evaluate(shapes) == 0
    page.locator(".moment input").focus()
    page.keyboard.press("Home")
    page.wait_for_function(f"() => {shapes} === 1")
    assert "Update 0" in page.locator(".moment").inner_text()
    page.locator(".moment .newest").click()
    page.wait_for_function(f"() => {shapes} === 0")


@pytest.mark.parametrize("size", [(390, 844), (700, 900), (1280, 720)])
def test_nothing_overflows(open_page, run, size):
    page = open_run(open_page, run, size=size)
    assert page.evaluate(OVERFLOW) <= 0
    widths = page.evaluate("() => [...document.querySelectorAll('.charts .main-svg')].map(svg => svg.clientWidth)")
    assert all(0 < width <= size[0] for width in widths)


def test_the_start_button_stands_in_the_first_screen_of_a_projector(open_page, app):
    page = open_page("/train", wait=".st-key-start button")
    box = page.locator(".st-key-start button").bounding_box()
    assert box["y"] + box["height"] < 720


def test_a_group_of_settings_stays_open_while_they_are_changed(open_page, app):
    page = open_page("/train?preset=bundled", wait=".st-key-start button")
    page.locator(".st-key-group_network summary").click()
    units = page.get_by_label("Units", exact=True)
    units.fill("48")
    units.press("Enter")
    page.wait_for_function("() => document.querySelector('.st-key-told').innerText.includes('hidden_size=48')")
    assert units.is_visible()
    assert units.evaluate("field => field === document.activeElement")
    summary = "() => getComputedStyle(document.querySelector('.st-key-group_network summary p'), '::after').content"
    assert "48 units" in page.evaluate(summary)
