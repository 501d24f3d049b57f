"""What the Runs page says of a cluster, in a browser: followed while runs wait, on a phone, whatever it is called."""

import re
import time
from dataclasses import replace

import pytest
from filelock import FileLock

from rnnviz.training import cluster
from rnnviz.training.cluster import Cluster
from rnnviz.training.engines import Machine
from tests.e2e.conftest import serve
from tests.e2e.test_runs import BEYOND
from tests.made_runs import made

pytestmark = pytest.mark.browser

HEAD, NODE = Machine("head", 8, 5), Machine("gpu-1", 16, 12, 2, 0.75)
STATUS, MACHINES = ".st-key-runs_cluster", ".st-key-cluster_machines"


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """An app that is set to use Ray, with a run that waits, and nobody who would start it; returns address and run."""
    folder = tmp_path_factory.mktemp("cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNVIZ_RUNS", str(folder / "runs"))
        run = made("queued", name="the one that waits")
        with run.hold():
            run.write_state(replace(run.state, queued=time.time() - 300))
        with FileLock(folder / "runs" / ".dispatcher.lock"):  # as if a dispatcher were at work
            process, url = serve(folder / "log.txt", RNNVIZ_RUNS=str(folder / "runs"), RNNVIZ_ENGINE="ray")
            yield url, run
            process.terminate()
            process.wait(10)
    assert "Traceback" not in (folder / "log.txt").read_text()


def say(age: float = 0.0, **values: object) -> None:
    cluster.write(
        Cluster(**{"engine": "ray", "told": time.time() - age, "slots": 12, "machines": (HEAD, NODE)} | values)
    )


@pytest.fixture
def visit(chromium, waiting):
    contexts, errors = [], []

    def visit(path: str = "/runs", size=(1280, 720), **options):
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(waiting[0] + path)
        page.wait_for_selector("tr[data-click]", timeout=30_000)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert not errors


def test_the_figures_follow_what_the_dispatcher_says_and_the_machines_stay_open(visit):
    say(at_work=5)
    page = visit()
    status = page.locator(STATUS)
    status.get_by_text("5 of 12 slots, 7 of 24 cores, 1.25 of 2 GPUs").click()
    row = page.locator(f"{MACHINES} tr", has_text="gpu-1")
    row.get_by_text("1.25 of 2").wait_for()
    say(at_work=7, machines=(HEAD, NODE._replace(free_cores=10, free_gpus=0.25), Machine("new", 4, 4)))
    status.get_by_text("Cluster of 3 machines · in use: 7 of 12 slots, 9 of 28 cores, 1.75 of 2 GPUs").wait_for()
    row.get_by_text("1.75 of 2").wait_for()
    page.locator(f"{MACHINES} tr", has_text="new").get_by_text("0 of 4").wait_for()
    say(3600)
    status.get_by_text("python -m rnnviz dispatch --engine ray --stay").wait_for()
    assert page.locator(MACHINES).count() == 0
    say(at_work=0)
    status.get_by_text("0 of 12 slots").wait_for()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_overflows_and_no_name_becomes_anything_else(visit, waiting, language, dark):
    names = ["<img src=x>", "![](http://x.com) www.x.com a@x.com", "W" * 90]
    machines = tuple(Machine(name, 64, 60, 8, 7.875) for name in names)
    say(machines=machines, troubles={waiting[1].id: f"{names[0]} {names[1]} http://x.com/y {names[2]}"})
    scheme = "dark" if dark else "light"
    page = visit(f"/runs?lang={language}", (390, 844), has_touch=True, is_mobile=True, color_scheme=scheme)
    page.locator(f"{MACHINES} summary").click()
    page.locator(f"{MACHINES} tr", has_text="<img src=x>").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(BEYOND) == []
    status = page.locator(STATUS)
    assert names[1] in re.sub("\u2060", "", status.inner_text())
    assert status.locator("img, a").count() == 0
    say(error=f"{names[0]} {names[1]}")
    page.locator(f"{STATUS} [data-testid=stAlert]").wait_for()
    assert names[1] in re.sub("\u2060", "", status.inner_text())
    assert status.locator("img, a").count() == 0


def test_the_page_is_as_it_was_where_runs_are_trained_on_this_machine(visit):
    say(engine="local", machines=(), slots=4, at_work=4)
    page = visit()
    page.get_by_text("At work: 4 of at most 4 at a time · one run waits").wait_for()
    assert page.locator(STATUS).count() == 0
