"""The app as users run it, in a real browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests.conftest import browser_path

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

FAILED = pytest.StashKey[bool]()


def serve(log: Path, **environment: str) -> tuple[subprocess.Popen, str]:
    """Start the app on a free port; return the process and its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=out, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return process, url
        except OSError:
            time.sleep(0.25)
    process.kill()
    raise RuntimeError(f"the app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory) -> Iterator[Path]:
    """Where the app keeps its training runs; nothing of it is at work when the tests are over."""
    folder = tmp_path_factory.mktemp("app") / "runs"
    yield folder
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get("RNNVIZ_RUNS") == str(folder):
                process.kill()


@pytest.fixture(scope="session")
def app(runs_folder) -> Iterator[str]:
    """The address of one running app for all tests; none of them may leave an error in its log."""
    log = runs_folder.with_name("log.txt")
    process, url = serve(log, RNNVIZ_RUNS=str(runs_folder), RNNVIZ_SLOTS="1")
    yield url
    process.terminate()
    process.wait(10)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def fresh_app(tmp_path) -> Iterator[str]:
    """The address of an app that nobody has visited and that has no MNIST; it may leave no error in its log."""
    log = tmp_path / "log.txt"
    process, url = serve(log, RNNVIZ_DATA=str(tmp_path))
    yield url
    process.terminate()
    process.wait(10)
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        yield browser
        browser.close()


class Answers:
    """What the server sends to a page that is yet to be opened; it can be held back, as on a slow line."""

    def __init__(self, page):
        self.held: list | None = None
        self._page = page
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, route) -> None:
        self._browser, server = route, route.connect_to_server()
        server.on_message(self._pass_on)
        route.on_message(server.send)

    def _pass_on(self, message) -> None:
        if self.held is None:
            self._browser.send(message)
        else:
            self.held.append(message)

    def hold(self) -> None:
        self.held = []

    def wait(self) -> None:
        """Until those to one run are all there."""
        while not any(ForwardMsg.FromString(message).HasField("script_finished") for message in self.held):
            self._page.wait_for_timeout(50)

    def release(self) -> None:
        held, self.held = self.held, None
        for message in held:
            self._browser.send(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


def what_it_told(page, told: list[bytes]) -> str:
    """Return a page's address and what it told the server last, for whoever reads of a failure."""
    lines = [f"{page.url} told {len(told)} times, last:"]
    for message in map(BackMsg.FromString, told[-4:]):
        run = message.rerun_script
        values = " ".join(f"{widget.id.split('-')[-1]}={_value(widget)!r}" for widget in run.widget_states.widgets)
        lines.append(f"  {run.query_string} {run.fragment_id and 'in a fragment'} {values}")
    return "\n".join(lines)


def _value(widget) -> str:
    return " ".join(str(getattr(widget, widget.WhichOneof("value"))).split())[:80]


def is_error(message) -> bool:
    """Return whether a message of the browser's console tells of an error of ours."""
    # Opened at /train, Streamlit asks for its own addresses below /train first, and then above.
    return message.type == "error" and "/_stcore/" not in message.location["url"]


def settled(element) -> None:
    """Bring an element into view and wait until it stays where it is: what an expander holds moves while it opens."""
    element.evaluate("""async (element) => {
      for (let still = 0, last = NaN; still < 20; ) {
        element.scrollIntoView({ block: "center" });
        await new Promise(requestAnimationFrame);
        const { top } = element.getBoundingClientRect();
        still = top === last ? still + 1 : 0;
        last = top;
      }
    }""")


@pytest.fixture
def open_page(chromium, app, request) -> Iterator:
    """Open an address of the app in a fresh browser context; errors in the page's console fail the test."""
    contexts, errors, at_home = [], [], (app, "blob:", "data:")  # a page that asks elsewhere would not work offline
    told = {}

    def open_page(path: str = "/", size=(1280, 720), wait=".reading-line", **options):
        width, height = size
        context = chromium.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        messages = told[page] = []
        page.on("websocket", lambda socket: socket.on("framesent", lambda message: messages.append(message)))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if is_error(message) else None)
        page.on("request", lambda request: request.url.startswith(at_home) or errors.append(request.url))
        page.goto(app + path)
        page.wait_for_selector(wait, timeout=60_000, state="attached")
        page.wait_for_selector("[data-test-script-state=notRunning]", timeout=60_000)  # all of it has been sent
        return page

    yield open_page
    if request.node.stash.get(FAILED, False):
        for page, messages in told.items():
            print(what_it_told(page, messages))
    for context in contexts:
        context.close()
    assert not errors
