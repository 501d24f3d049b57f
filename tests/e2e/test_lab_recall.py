"""Delayed recall in a browser: a pair is trained to its end, its film is stepped, and the link brings it back."""

import numpy as np
import pytest

from rnnviz.training import recall, runs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 180_000  # milliseconds; a worker takes seconds to load torch, more on a busy machine
READY = ".chart-recall_accuracy .js-plotly-plot"
LINES = "name => document.querySelector(`.chart-${name} .js-plotly-plot`).data.map(line => Array.from(line.y))"
CURSORS = "() => [...document.querySelectorAll('.cursor:not([hidden])')].map(line => parseFloat(line.style.left))"
MARK = "() => document.querySelectorAll('.charts figure').forEach((figure, k) => { figure.dataset.mark = k })"
MARKS = "() => [...document.querySelectorAll('.charts figure')].map(figure => figure.dataset.mark)"


@pytest.fixture
def home(app, monkeypatch, runs_folder):
    monkeypatch.setenv("RNNVIZ_RUNS", str(runs_folder))
    yield runs_folder
    for run in runs.listed():
        runs.request_stop(run)


def open_part(open_page, link: str = "", **options):
    page = open_page(f"/gradients?part=recall{link}", wait=READY, **options)
    page.wait_for_function(f"() => document.querySelector('{READY}').data?.length")
    show_it = page.locator(".st-key-unveil_recall button")
    if show_it.is_enabled():  # a link with settings veils nothing
        show_it.click()
        page.wait_for_function("() => document.querySelector('.st-key-unveil_recall button').disabled")
    return page


def until(page, condition, timeout=LONG) -> None:
    for _ in range(timeout // 200):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError(page.locator("[data-testid=stMain]").inner_text())


def slider(page):
    found = page.locator(".st-key-recall_when input[type=range]")
    found.focus()
    return found


def moment(page) -> str:
    return page.locator(".st-key-recall_when output").first.inner_text()


def shown(page, name: str = "fan_h") -> list[list[float]]:
    """Return the lines that stand in a figure now, without that of the exact zeros."""
    return [[np.nan if y is None else y for y in line] for line in page.evaluate(LINES, name)[:-1]]


def expected(results, road: str, step: int) -> list[list[float]]:
    """Return the norms at the last frame taken by an update, to the hundredth."""
    found = []
    for each in results:
        if road in each.norms:
            norms = each.norms[road][np.flatnonzero(each.steps <= step)[-1]].astype(float)
            found.append(np.where(np.isfinite(norms), norms, np.nan).tolist())
    return found


def alike(ours: list[list[float]], theirs: list[list[float]]) -> bool:
    return all(np.allclose(*pair, atol=0.0051, equal_nan=True) for pair in zip(ours, theirs, strict=True))


def test_a_pair_is_trained_to_its_end_stepped_with_the_keyboard_and_found_again(open_page, home):
    page = open_part(open_page, "&learners=rnn,lstm-5&seeds=1&seed=21&blank=7&updates=60")
    page.locator(".st-key-recall_rewind button").first.click()
    until(page, lambda: [run for run in runs.listed() if run.config.seed == 21])
    page.wait_for_selector(".st-key-recall_stop button", timeout=LONG)
    pair = sorted((run for run in runs.listed() if run.config.seed == 21), key=lambda run: run.id)
    until(page, lambda: all(run.state.state == "finished" for run in pair))
    page.wait_for_selector(".st-key-recall_stop", state="detached", timeout=LONG)

    results = [recall.result(run) for run in pair]
    said = page.locator(".learners section").all_inner_texts()
    assert len(said) == 2
    for text, each in zip(said, results, strict=True):
        assert f"{each.test:.0%}" in text
        assert f"{int(each.learned)} of 1 learned" in text
    until(page, lambda: "60" in moment(page))
    for road in ("h", "c"):
        for line, norms in zip(shown(page, f"fan_{road}"), expected(results, road, 60), strict=True):
            np.testing.assert_allclose(line, norms, atol=0.0051)

    before, cursors = shown(page), page.evaluate(CURSORS)
    slider(page)
    page.keyboard.press("Home")
    page.wait_for_timeout(300)
    for line, norms in zip(shown(page), expected(results, "h", 0), strict=True):
        np.testing.assert_allclose(line, norms, atol=0.0051)
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("() => new URL(location).searchParams.get('update') === '30'")
    for line, norms in zip(shown(page), expected(results, "h", 30), strict=True):
        np.testing.assert_allclose(line, norms, atol=0.0051)
    assert shown(page) != before
    assert len(cursors) == 3  # over the accuracies and two films
    assert all(now < then for now, then in zip(page.evaluate(CURSORS), cursors, strict=True))

    page.reload()
    page.wait_for_selector(READY)
    until(page, lambda: moment(page) == "Update 30")
    page.wait_for_function("() => document.querySelector('.chart-fan_c .js-plotly-plot')?.data?.length")
    for line, norms in zip(shown(page), expected(results, "h", 30), strict=True):
        np.testing.assert_allclose(line, norms, atol=0.0051)
    assert page.locator(".learners section").count() == 2


def test_the_recording_steps_as_fast_as_the_slider_and_no_figure_is_sent_again(open_page):
    page = open_part(open_page)
    page.evaluate(MARK)
    results = recall.recorded().results
    slider(page)
    page.keyboard.press("Home")
    wanted = expected(results, "h", 0)
    until(
        page,
        lambda: all(np.allclose(*pair, atol=0.0051, equal_nan=True) for pair in zip(shown(page), wanted, strict=True)),
    )
    page.wait_for_function("() => new URL(location).searchParams.get('update') === '0'")
    page.keyboard.press("End")
    page.wait_for_function("() => !new URL(location).searchParams.has('update')")
    for line, norms in zip(shown(page), expected(results, "h", 500), strict=True):
        np.testing.assert_allclose(line, norms, atol=0.0051)
    assert page.evaluate(MARKS) == [str(k) for k in range(9)]


FOCUS = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at?.type;
}"""


def follow(page, name: str) -> None:
    page.locator(f"a[href='#story-{name}']").click()


def test_links_in_the_lesson_move_the_slider_and_the_arrow_keys_go_on_from_there(open_page):
    page = open_part(open_page)
    follow(page, "recall-start")
    until(page, lambda: moment(page) == "Update 0" and page.evaluate(FOCUS) == "range")
    page.wait_for_timeout(800)  # a smooth way
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    until(page, lambda: moment(page) == "Update 100")
    page.wait_for_function("() => new URL(location).searchParams.get('update') === '100'")
    for line, norms in zip(shown(page), expected(recall.recorded().results, "h", 100), strict=True):
        np.testing.assert_allclose(line, norms, atol=0.0051)
    for _ in range(2):  # the second one changes nothing, and hands over the keyboard all the same
        follow(page, "recall-end")
        until(page, lambda: "500" in moment(page) and page.evaluate(FOCUS) == "range")
    page.keyboard.press("ArrowLeft")
    until(page, lambda: moment(page) == "Update 490")


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_after_a_link_in_the_lesson_curves_names_all_films_and_the_slider_stand_on_one_screen(open_page, lang):
    page = open_part(open_page, f"&lang={lang}")
    follow(page, "recall-opening")
    page.wait_for_function("() => new URL(location).searchParams.get('update') === '100'")
    page.wait_for_timeout(1200)  # a smooth way
    curves, names, films, bar = (
        page.locator(place).first.bounding_box()
        for place in (".st-key-part_figure", ".learners.reach", ".st-key-recall_films", ".st-key-recall_when")
    )
    assert 56 <= curves["y"] < names["y"] < films["y"]
    assert films["y"] + films["height"] <= bar["y"]
    assert bar["y"] + bar["height"] <= 721


def test_the_command_can_be_read(open_page):
    page = open_part(open_page)
    size = "code => parseFloat(getComputedStyle(code).fontSize)"
    assert page.locator(".st-key-recall_results code").last.evaluate(size) >= 13
    for place in (".st-key-recall_results", ".st-key-recall_about"):
        assert page.locator(f"{place} [data-testid=stCaptionContainer] p").last.evaluate(size) >= 15


@pytest.mark.parametrize("size", [(1280, 720), (390, 844)])
def test_nothing_overflows_and_the_verdict_comes_before_the_curves(open_page, size):
    page = open_part(open_page, size=size)
    overflow = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0
    verdict, curves = page.locator(".learners").first.bounding_box(), page.locator(READY).bounding_box()
    assert verdict["y"] + verdict["height"] <= curves["y"]
    if size[0] == 1280:
        assert verdict["y"] + verdict["height"] < 660  # all of it, without scrolling, above the slider
    page.locator(READY).scroll_into_view_if_needed()
    page.wait_for_timeout(300)
    slider_box = page.locator(".st-key-recall_when").bounding_box()
    assert slider_box["y"] + slider_box["height"] <= size[1] + 1  # in reach
