"""Our components as Streamlit treats them: called with every update, and let go of."""

from pathlib import Path

import pytest

import rnnviz.ui

pytestmark = [pytest.mark.browser]

UI = Path(rnnviz.ui.__file__).parent
SLIDER = {"label": "a", "low": 0, "high": 9, "step": 1, "value": 5, "help": "", "heard": None}


@pytest.fixture
def component(chromium):
    """A page with one component in it: `component(file, html)`, then `update(data)`, `overtaken()` and `gone()`."""
    page = chromium.new_page()

    def component(file: str, html: str = ""):
        page.evaluate(
            """async ([source, html]) => {
              const file = new Blob([source], { type: 'text/javascript' });
              const { default: run } = await import(URL.createObjectURL(file));
              const parentElement = document.body.appendChild(document.createElement('div'));
              parentElement.innerHTML = html;
              window.Plotly = { react() {} };
              window.told = [];
              const letGo = [];
              const setStateValue = (...all) => told.push(all);
              window.update = (data) => letGo.push(run({ data, parentElement, setStateValue }));
              window.overtaken = () => letGo.shift()();
              window.gone = () => (parentElement.remove(), letGo.pop()());
            }""",
            [(UI / file).read_text("utf-8"), (UI / html).read_text("utf-8") if html else ""],
        )
        return page

    yield component
    page.close()


@pytest.mark.parametrize("updates_before", [1, 2])
def test_charts_stay_when_an_update_is_overtaken_and_go_with_their_place(component, updates_before):
    page = component("charts/charts.js")
    chart = {"name": "loss", "title": "Loss", "alt": "", "figure": '{"data": [], "layout": {}}', "follow": None}
    for _ in range(updates_before):
        page.evaluate("data => update(data)", {"charts": [chart], "theme": "dark"})
    page.evaluate("overtaken()")
    assert page.locator(".charts figure").count() == 1
    page.evaluate("data => update(data)", {"charts": [chart], "theme": "dark"})
    assert page.locator(".charts").count() == 1
    page.evaluate("window.root = document.querySelector('.charts'); gone()")
    assert not page.evaluate("window.root.isConnected || Boolean(window.root.parentElement)")


def test_a_slider_tells_once_also_after_an_update_that_was_overtaken(component):
    page = component("slider/slider.js", "slider/slider.html")
    page.evaluate("data => update(data)", SLIDER)
    page.evaluate("overtaken()")
    page.evaluate("data => update(data)", SLIDER)
    page.get_by_role("slider").press("ArrowRight")
    page.wait_for_function("told.length > 0")
    page.wait_for_timeout(300)
    (told,) = page.evaluate("told")
    assert told[1][0] == 6
