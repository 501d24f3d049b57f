"""Training in a browser: start a run, watch it, come back, stop it, go on, open what came of it; folds as one group."""

import re

import pytest

from rnnviz.training import runs

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = 120_000  # milliseconds; a worker takes seconds to load torch, more on a busy machine


@pytest.fixture
def home(app, monkeypatch, runs_folder):
    monkeypatch.setenv("RNNVIZ_RUNS", str(runs_folder))
    yield runs_folder
    for run in runs.listed():
        runs.request_stop(run)


def open_train(open_page, preset="bundled", **options):
    return open_page(f"/train?preset={preset}", wait=".st-key-start button", **options)


def setting(page, group: str, label: str, value: str) -> None:
    """Write a number into the form."""
    page.locator(f".st-key-group_{group} summary").click()
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def started(page, count: int = 1) -> list[runs.Run]:
    """Return the runs that a click on the start button makes."""
    before = {run.id for run in runs.listed()}
    page.locator(".st-key-start button").click()
    until(page, lambda: len(runs.listed()) >= len(before) + count)
    return [run for run in runs.listed() if run.id not in before]


def progress(page) -> int:
    """Return the update that the page says the run has reached."""
    found = re.search(r"update ([\d,]+) of", page.locator(".st-key-live").inner_text())
    return int(found[1].replace(",", "")) if found else 0


def until(page, condition, timeout=LONG) -> None:
    """Wait until something is true, looking at the page now and then."""
    for _ in range(timeout // 200):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError(page.locator(".st-key-live").inner_text())


def test_a_run_is_started_watched_left_found_again_stopped_continued_and_opened(open_page, home):
    page = open_train(open_page)
    setting(page, "learns", "Epochs", "400")
    (run,) = started(page)
    until(page, lambda: progress(page) > 0)
    first = progress(page)
    until(page, lambda: progress(page) > first)  # the numbers move

    page.reload()
    page.wait_for_selector(f".st-key-stop_{run.id} button", timeout=LONG)  # the link knows the run
    after_reload = progress(page)
    until(page, lambda: progress(page) > after_reload)

    page.locator(f".st-key-stop_{run.id} button").click()
    until(page, lambda: run.state.state == "stopped")
    page.wait_for_selector(f".st-key-resume_{run.id} button", timeout=LONG)
    reached = run.state.step
    assert 0 < reached < run.state.steps

    page.locator(f".st-key-resume_{run.id} button").click()
    until(page, lambda: run.state.state == "running" and run.state.step >= reached and run.state.phase == "training")
    assert run.state.resumed_from == reached
    page.wait_for_selector(f".st-key-stop_{run.id} button", timeout=LONG)
    page.locator(f".st-key-stop_{run.id} button").click()
    until(page, lambda: run.state.state == "stopped")

    page.locator(f".st-key-open_{run.id} button").click()
    page.wait_for_selector(".reading-line", timeout=LONG, state="attached")
    page.wait_for_function("id => new URL(location).searchParams.get('net') === `run:${id}`", arg=run.id)
    assert "trained on the bundled digits" in page.locator("[data-testid=stMain]").inner_text()


def test_a_double_click_starts_one_run(open_page, home):
    page = open_train(open_page)
    before = len(runs.listed())
    page.locator(".st-key-start button").dblclick()
    until(page, lambda: len(runs.listed()) > before)
    page.wait_for_timeout(1500)
    assert len(runs.listed()) == before + 1


def test_nonsense_is_refused_with_a_reason_before_it_starts(open_page, home):
    page = open_train(open_page)
    setting(page, "learns", "Epochs", "0")
    page.wait_for_selector(".st-key-choose [data-testid=stAlert]")
    assert "Epochs" in page.locator(".st-key-choose [data-testid=stAlert]").inner_text()
    assert page.locator(".st-key-start button").is_disabled()


def test_three_folds_of_the_bundled_digits_become_one_group_with_its_mean(open_page, home):
    page = open_train(open_page)
    setting(page, "learns", "Epochs", "6")
    page.get_by_role("radio", name="Cross-validation").click()
    field = page.get_by_label("k", exact=True)
    field.fill("3")
    field.press("Enter")
    page.wait_for_function("() => document.querySelector('.st-key-start button').innerText.includes('3')")
    folds = started(page, 3)
    group = folds[0].plan.group.id
    until(page, lambda: all(run.state.state == "finished" for run in folds))

    page = open_page(f"/runs?runs={group}", wait=".st-key-group, [data-testid=stMain] table")
    text = page.locator("[data-testid=stMain]").inner_text()
    reached = [next(row["accuracy"] for row in reversed(run.metrics) if "accuracy" in row) for run in folds]
    assert f"{sum(reached) / 3:.2%}" in text
    assert "±" in text
