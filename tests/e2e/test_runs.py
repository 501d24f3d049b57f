"""The Runs page in a browser: found, ticked, compared, opened, followed while they train; on a phone, by keyboard."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from rnnviz import digits
from rnnviz.training import runs
from tests.e2e.conftest import serve
from tests.made_runs import SMALL, at_work, made, made_group

pytestmark = pytest.mark.browser

FOCUSED = """() => {
  let element = document.activeElement;
  while (element.shadowRoot) element = element.shadowRoot.activeElement;
  return element.textContent;
}"""
# What reaches beyond a phone's right edge; a matrix of settings and a command scroll by themselves.
BEYOND = """() => {
  const inside = (root) =>
    [...root.querySelectorAll('*')].flatMap((e) => [e, ...(e.shadowRoot ? inside(e.shadowRoot) : [])]);
  return inside(document.querySelector('[data-testid=stMain]'))
    .filter((element) => element.getBoundingClientRect().right > 392 && !element.closest('pre, .matrix'))
    .map((element) => `${element.tagName} ${element.textContent.slice(0, 40)}`)
    .slice(0, 5);
}"""


@pytest.fixture(scope="module")
def made_here(tmp_path_factory):
    """A running app with runs of several kinds; returns its address and the runs by name."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNVIZ_RUNS", str(folder / "runs"))
        found = {
            name: made(state, replace(SMALL, seed=seed), name=name)
            for seed, (name, state) in enumerate(
                {"first": "finished", "second": "finished", "third": "stopped"}.items()
            )
        }
        found["fold"], *_, failed = made_group("kfold", 3, name="folds")
        with failed.hold():
            failed.write_state(replace(failed.state, state="failed", reason="lost"))
        labels = digits.open_set("uci").labels[-360:]
        answers = labels.copy()
        answers[5] = (answers[5] + 1) % 10
        np.savez(found["first"].folder / "answers.npz", predicted=answers, confidence=np.full(360, 0.75, np.float16))
        process, url = serve(folder / "log.txt", RNNVIZ_RUNS=str(folder / "runs"))
        yield url, found
    process.terminate()
    process.wait(10)
    assert "Traceback" not in (folder / "log.txt").read_text()


@pytest.fixture
def visit(chromium, made_here):
    contexts, errors = [], []

    def visit(path: str = "/runs", size=(1280, 720), wait="tr[data-click]", **options):
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(made_here[0] + path)
        page.wait_for_selector(wait, timeout=30_000)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not errors


def row(page, name: str):
    return page.locator("tr[data-click]", has=page.get_by_role("button", name=name, exact=True))


def test_ticked_runs_are_compared_and_stay_ticked_on_the_way_back(visit, made_here):
    page, found = visit(), made_here[1]
    for name in ("first", "third"):
        row(page, name).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_role("heading", name="2 runs beside each other").wait_for()
    page.wait_for_function("location.search.includes('runs=')")
    assert all(found[name].id in page.url for name in ("first", "third"))
    drawn = "document.querySelector('.chart-comparison .js-plotly-plot')?.data.map(line => line.name)"
    page.wait_for_function(f"{drawn}?.length === 4")
    assert set(page.evaluate(drawn)) == {"first", "third"}
    page.get_by_role("button", name="All runs").click()
    row(page, "third").wait_for()
    assert row(page, "third").get_by_role("checkbox").is_checked()
    assert not row(page, "second").get_by_role("checkbox").is_checked()


def test_a_run_opens_by_keyboard_and_a_wrong_digit_opens_in_the_step_page_at_itself(visit, made_here):
    page, run = visit(), made_here[1]["first"]
    row(page, "first").get_by_role("button").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="first", exact=True).wait_for()
    page.wait_for_function("location.search.includes('runs=')")
    wrong = page.locator("li.wrong a").first
    wrong.wait_for()
    assert "Test digit 1442:" in wrong.get_attribute("aria-label")
    wrong.click()
    page.wait_for_selector(".reading-line", state="attached", timeout=30_000)
    page.wait_for_function("location.search.includes('digit=1442')")
    assert f"net=run%3A{run.id}" in page.url
    page.go_back()
    page.get_by_role("heading", name="first", exact=True).wait_for()


def test_a_run_at_work_is_followed_without_losing_tick_focus_or_place(visit, made_here, monkeypatch):
    home = made_here[1]["first"].folder.parent
    monkeypatch.setenv("RNNVIZ_RUNS", str(home))
    run = made("running", share=0.25, name="at work")
    with at_work(run):
        page = visit(size=(1280, 400))
        row(page, "second").get_by_role("checkbox").check()
        row(page, "third").get_by_role("button").focus()
        page.evaluate("document.querySelector('[data-testid=stMain]').scrollTo(0, 120)")
        assert "training 2" in row(page, "at work").inner_text()
        with open(run.folder / "metrics.jsonl", "a") as file:
            file.write(json.dumps({"step": 57, "epoch": 3.0, "seconds": 9.0, "loss": 0.5}) + "\n")
        page.locator("tr", has_text="training 75%").wait_for(timeout=10_000)
        assert row(page, "second").get_by_role("checkbox").is_checked()
        assert page.evaluate(FOCUSED) == "third"
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 120
        run.write_state(replace(run.state, state="stopped", ended=time.time()))
    page.locator("tr", has_text="at work").locator("text=stopped").wait_for(timeout=10_000)
    runs.delete(run)


def test_at_most_eight_boxes_are_ticked(visit, made_here, monkeypatch):
    monkeypatch.setenv("RNNVIZ_RUNS", str(made_here[1]["first"].folder.parent))
    extra = [made(name=f"extra {k}") for k in range(6)]
    page = visit()
    boxes = page.locator("input[data-tick]")
    for k in range(8):
        boxes.nth(k).check()
    assert boxes.nth(8).is_disabled()
    boxes.nth(0).uncheck()
    assert boxes.nth(8).is_enabled()
    for run in extra:
        runs.delete(run)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_overflows_a_phone(visit, made_here, language):
    found = made_here[1]
    group = found["fold"].id.rpartition("-")[0]
    for ids in ("", found["first"].id, group, f"{found['first'].id},{found['third'].id}"):
        path = f"/runs?lang={language}" + (f"&runs={ids}" if ids else "")
        page = visit(path, (390, 844), has_touch=True, is_mobile=True)
        page.wait_for_timeout(800)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate(BEYOND) == []
