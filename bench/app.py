"""How fast is the app? Every figure beside a baseline that is measured in the same run, in turns with it.

    python bench/app.py [--only step] [--write docs/benchmarks.md]

step     one row further: in the app, and with Streamlit's own means (bench/baselines/resent.py)
stroke   pen up to the new answer, and the canvas alone (bench/baselines/canvas.py)
paint    a first visit to a fresh server with a fresh browser, and `streamlit hello`
users    reruns and memory with 1, 10 and 30 users, and with Streamlit's garbage collection after every run

Needs Linux and chromium or Chrome on the PATH; everything stays on 127.0.0.1. Ratios hold from machine to machine,
milliseconds do not.
"""

import argparse
import asyncio
import base64
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import users  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.conftest import browser_path  # noqa: E402
from tests.e2e.conftest import FLAGS  # noqa: E402
from tests.e2e.test_step import THREE, probe, stroke  # noqa: E402

KEYS, SWEEPS, STROKES, VISITS = 15, 3, 10, 5
LEVELS, LEVEL_S = (1, 10, 30), 12


class Row(NamedTuple):
    """One line of the table."""

    what: str
    app: str
    baseline: str
    n: int
    ratio: str = ""
    goal: str = ""
    met: bool | None = None
    """None where there is no goal."""
    why: str = ""
    """Why a goal is missed; said only when it is."""


# ---- Servers and browsers


@contextmanager
def serving(*command: str, home: Path = ROOT) -> Iterator[tuple[int, str]]:
    """Run `streamlit *command` on a free port; give its process id and address, and end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = [f"--server.port={port}", "--server.address=127.0.0.1", "--server.headless=true"]
    flags += ["--browser.gatherUsageStats=false", "--server.fileWatcherType=none"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", *command, *flags], cwd=home, env=environment, stdout=log, stderr=log
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(f"{url}/_stcore/health", process)
            yield process.pid, url
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(url: str, process: subprocess.Popen) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {process.args}")


@contextmanager
def browsing() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def baseline(name: str) -> str:
    return str(ROOT / "bench" / "baselines" / f"{name}.py")


def open_page(browser: Browser, url: str, ready: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_selector(ready, state="attached")
    page.wait_for_timeout(2000)
    page.mouse.click(2, 2)  # the first deed takes the greeting away
    return page


# __watch(event, selector, attribute): from the user's next event to the first change of an element's attribute (of its
# text, if none is named) and to the frame after it; milliseconds, in __took. Sees into shadow roots.
WATCH = """
window.__watch = (type, selector, attribute) => {
  const find = node => {
    for (const element of node.querySelectorAll('*')) {
      if (element.matches(selector)) return element;
      const inner = element.shadowRoot && find(element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  const root = find(document).getRootNode();
  const look = () => {
    const element = root.querySelector(selector);
    return element && (attribute ? element.getAttribute(attribute) : element.textContent);
  };
  const before = look();
  let start = null;
  window.__took = null;
  window.addEventListener(type, event => {
    start = event.timeStamp;
  }, {capture: true, once: true});
  const observer = new MutationObserver(() => {
    const now = look();
    if (start === null || !now || now === before) return;
    observer.disconnect();
    const changed = performance.now() - start;
    requestAnimationFrame(() => window.__took = {changed, framed: performance.now() - start});
  });
  observer.observe(root, {subtree: true, childList: true, characterData: true, attributes: true});
};
"""


def timed(page: Page, act: Callable[[], None], event: str, selector: str, attribute: str = "") -> dict[str, float]:
    """Return the milliseconds from the event that `act` causes to the change, and to the frame after it."""
    page.evaluate("args => window.__watch(...args)", [event, selector, attribute])
    act()
    return page.wait_for_function("window.__took").json_value()


def count_bytes(page: Page) -> list[int]:
    """Return a list that grows by the size of every websocket message that the page receives."""
    received = []

    def note(event: dict) -> None:
        frame = event["response"]
        data = frame["payloadData"]
        received.append(len(data) if frame["opcode"] == 1 else len(base64.b64decode(data)))

    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", note)
    return received


# ---- Step

FRAMES = """ms => new Promise(done => {
  const times = []; let start = null;
  const tick = now => { start ??= now; times.push(now); now - start < ms ? requestAnimationFrame(tick) : done(times); };
  requestAnimationFrame(tick);
})"""


def step() -> list[Row]:
    with ExitStack() as stack:
        _, ours = stack.enter_context(serving("run", "app.py"))
        _, theirs = stack.enter_context(serving("run", baseline("resent")))
        browser = stack.enter_context(browsing())
        app = open_page(browser, ours, ".reading-line")
        resent = open_page(browser, theirs, ".shapelayer path")
        return [*sweep_rows(probe(app)), *key_rows(app, resent)]


def sweep_rows(page: Page) -> list[Row]:
    session, received = page.context.new_cdp_session(page), count_bytes(page)
    session.send("Performance.enable")
    idle, playing, script, down = [], [], [], []
    for _ in range(SWEEPS):
        idle.append(frame_rate(page, 2000))
        page.locator(".play").click()
        received.clear()
        spent, row = script_seconds(session), page.evaluate("window.__row()")
        playing.append(frame_rate(page, 3000))
        rows = page.evaluate("window.__row()") - row
        script.append(1000 * (script_seconds(session) - spent) / rows)
        down.append(sum(received))
        page.locator(".play").click()
        page.keyboard.press("Home")
        page.wait_for_timeout(1000)
    fps, at_rest, cost = (statistics.median(values) for values in (playing, idle, script))
    why = "the page at rest reaches no more than the baseline here" if at_rest < 56 else "steps cost frames"
    return [
        Row("script per row while playing", f"{cost:.1f} ms", "", SWEEPS, "", "≤ 16.7 ms", cost <= 16.7),
        Row(
            "frames per second while playing; at rest",
            f"{fps:.1f}",
            f"{at_rest:.1f}",
            SWEEPS,
            f"{fps / at_rest:.2f}",
            "≥ 55",
            fps >= 55,
            why,
        ),
        Row("bytes received while playing", f"{max(down)}", "", SWEEPS, "", "0", max(down) == 0),
    ]


def frame_rate(page: Page, milliseconds: int) -> float:
    times = page.evaluate(FRAMES, milliseconds)
    return 1000 * (len(times) - 1) / (times[-1] - times[0])


def script_seconds(session) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration")


def key_rows(app: Page, resent: Page) -> list[Row]:
    app.locator("input.row").focus()
    app.keyboard.press("Home")
    resent.locator(".stSlider input").focus()
    pages = {"app": (app, ".reading-line", "style"), "resent": (resent, ".shapelayer path", "d")}
    received = {name: count_bytes(page) for name, (page, _, _) in pages.items()}
    app.wait_for_timeout(1000)
    took, down = {name: [] for name in pages}, {name: [] for name in pages}
    for _ in range(KEYS):
        for name, (page, selector, attribute) in pages.items():
            received[name].clear()
            took[name].append(
                timed(page, lambda page=page: page.keyboard.press("ArrowRight"), "keydown", selector, attribute)
            )
            page.wait_for_timeout(300)  # shorter than the app's rest: several rows, one message to Python
            down[name].append(sum(received[name]))
    if app.evaluate("window.__row()") != KEYS + 1:
        raise RuntimeError("not every key moved the line by a row")

    def medians(end: str) -> list[float]:
        return [statistics.median(turn[end] for turn in turns) for turns in took.values()]

    (changed, their_changed), (framed, their_framed) = medians("changed"), medians("framed")
    goal = ("≥ 8×", their_framed / framed >= 8, "on the app's side it is one frame's wait")
    ours_down, theirs_down = (statistics.median(sizes) for sizes in down.values())
    return [
        ratio_row("key to the marked row in the page", changed, their_changed, KEYS, their_changed / changed),
        ratio_row("key to the next frame after that", framed, their_framed, KEYS, their_framed / framed, *goal),
        Row("bytes received per step", f"{ours_down:,.0f}", f"{theirs_down:,.0f}", KEYS),
    ]


def ratio_row(what: str, ours: float, theirs: float, n: int, ratio: float, *goal) -> Row:
    return Row(what, f"{ours:,.0f} ms", f"{theirs:,.0f} ms", n, f"{ratio:.2f}×", *goal)


# ---- Stroke


def strokes() -> list[Row]:
    with ExitStack() as stack:
        _, ours = stack.enter_context(serving("run", "app.py"))
        _, theirs = stack.enter_context(serving("run", baseline("canvas")))
        browser = stack.enter_context(browsing())
        pages = {
            "further": (open_page(browser, f"{ours}/?net=lstm-128", ".reading-line"), ".says"),
            "first": (open_page(browser, ours, ".reading-line"), ".says"),
            "floor": (open_page(browser, theirs, ".st-key-canvas canvas >> nth=-1"), ".st-key-says"),
        }
        times = {name: [] for name in pages}
        for _ in range(STROKES):
            for name, (page, selector) in pages.items():
                times[name].append(one_stroke(page, selector))
    further, first, floor = (statistics.median(values) for values in times.values())
    return [
        stroke_row("pen up to the new words", further, floor, "the rerun and one redrawing of the figure come on top"),
        stroke_row("the same, first stroke, another network", first, floor, "a new figure is built, sent and mounted"),
    ]


def stroke_row(what: str, ours: float, floor: float, why: str) -> Row:
    return ratio_row(what, ours, floor, STROKES, ours / floor, "≤ 1.5×", ours <= 1.5 * floor, why)


def one_stroke(page: Page, selector: str) -> float:
    """Draw a 3 on an empty canvas and clear it again; return the milliseconds from pen up to other words."""
    took = timed(page, lambda: stroke(page, THREE), "pointerup", selector)
    page.wait_for_timeout(500)
    timed(page, page.get_by_role("button", name="Clear the canvas").first.click, "click", selector)
    page.wait_for_timeout(500)
    return took["framed"]


# ---- First visit

READ = """() => {
  if (!document.querySelector('.reading-line')) return false;
  const find = node => [...node.querySelectorAll('*')].some(element => element.matches('.says')
    ? element.textContent : element.shadowRoot && find(element.shadowRoot));
  return find(document) && performance.now();
}"""
HELLO = "() => [...document.querySelectorAll('h1')].some(h => h.textContent.includes('Welcome')) && performance.now()"


def paint() -> list[Row]:
    times = {"app": [], "hello": []}
    for _ in range(VISITS):
        times["app"].append(first_visit(READ, "run", "app.py"))
        with tempfile.TemporaryDirectory() as folder:  # not this app's settings
            times["hello"].append(first_visit(HELLO, "hello", home=Path(folder)))
    app, hello = (statistics.median(values) for values in times.values())
    return [ratio_row("first visit: navigation to digit, line and words", app, hello, VISITS, app / hello)]


def first_visit(drawn: str, *command: str, home: Path = ROOT) -> float:
    """Return the milliseconds from a fresh browser's navigation to a fresh server until `drawn` holds."""
    with serving(*command, home=home) as (_, url), browsing() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(url, wait_until="commit")
        return page.wait_for_function(drawn).json_value()


# ---- Users and memory


class Server:
    """A server with users on it, and what was measured at each level of them."""

    def __init__(self, process: int, url: str):
        self.process, self.url = process, url
        self.users = []
        self.times, self.memory = {}, {0: megabytes(process)}

    async def level(self, count: int) -> None:
        await users.join(self.users, count, self.url)
        self.times[count] = await users.level(self.users, LEVEL_S)
        self.memory[count] = megabytes(self.process)


def load() -> list[Row]:
    with ExitStack() as stack:
        app = Server(*stack.enter_context(serving("run", "app.py")))
        collecting = Server(*stack.enter_context(serving("run", "app.py", "--runner.postScriptGC=true")))
        asyncio.run(all_levels(app, collecting))
        torch = "torch" in Path(f"/proc/{app.process}/maps").read_text()
    return [
        *(row for count in LEVELS for row in rerun_rows(count, app.times[count], collecting.times[count])),
        *memory_rows(app, collecting),
        Row(
            "torch in the server's memory", "yes" if torch else "no", "", 1, "", "no", not torch, "something imports it"
        ),
    ]


async def all_levels(*servers: Server) -> None:
    for count in LEVELS:
        for server in servers:
            await server.level(count)


def rerun_rows(count: int, ours: list[float], theirs: list[float]) -> list[Row]:
    app, collecting = 1000 * users.p95(ours), 1000 * users.p95(theirs)
    what = f"rerun, 95th percentile, {count} user{'s' if count > 1 else ''}"
    if count < LEVELS[-1]:
        return [ratio_row(what, app, collecting, len(ours), collecting / app)]
    light = "a collection is dear where much is loaded (torch), and this server loads little"
    busy = "the reruns of all users share one Python process, and the users run on the same cores"
    middle = [1000 * statistics.median(times) for times in (ours, theirs)]
    return [
        ratio_row(f"rerun, median, {count} users", *middle, len(ours), middle[1] / middle[0]),
        ratio_row(what, app, collecting, len(ours), collecting / app, "≥ 10×", collecting / app >= 10, light),
        Row("the same, in itself", f"{app:,.0f} ms", "", len(ours), "", "≤ 300 ms", app <= 300, busy),
    ]


def memory_rows(app: Server, collecting: Server) -> list[Row]:
    rows = []
    for count, memory in app.memory.items():
        what = f"memory, {count} user{'s' if count > 1 else ''}" if count else "memory after the start"
        goal = ("≤ 300 MB", memory <= 300, "") if count == LEVELS[-1] else ()
        rows.append(Row(what, f"{memory:.0f} MB", f"{collecting.memory[count]:.0f} MB", 1, "", *goal))
    first, last = LEVELS[0], LEVELS[-1]
    each = [(server.memory[last] - server.memory[first]) / (last - first) for server in (app, collecting)]
    return [*rows, Row("memory per further user", f"{each[0]:.1f} MB", f"{each[1]:.1f} MB", 1)]


def megabytes(process: int) -> float:
    """Return the resident memory of a process, in millions of bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6


# ---- The table

SECTIONS = {"step": step, "stroke": strokes, "paint": paint, "users": load}
HEADS = ("", "rnnviz", "baseline", "ratio", "goal", "met", "n")

DOCUMENT = """# Benchmarks

Measured on {date} with Python {python}, Streamlit {streamlit} and Chromium {chromium} (headless, software rendering)
on {cores} cores. Ratios hold from machine to machine; milliseconds, frames and megabytes are this machine's. Medians,
except where the table says percentile; n is how often each side was measured, in turns.

```sh
python bench/app.py --write docs/benchmarks.md
```

{table}

{missed}

The baselines:

* steps: the same figure sent again by `st.plotly_chart` in a fragment, with an `st.slider`, one mark moved
  (`bench/baselines/resent.py`);
* strokes: a page with the same canvas and one line of text (`bench/baselines/canvas.py`), up to the first frame after
  the words have changed;
* first visit: `streamlit hello` until its heading is there, servers and browsers fresh on both sides;
* users: this app with Streamlit's default, a garbage collection after every run (`--runner.postScriptGC=true`). Users
  are websockets without a browser: each loads the page, then asks for another digit, waits until the script has
  finished, and thinks for a second.
"""


def table(rows: list[Row]) -> str:
    """Return the rows as a table in Markdown that can be read as it is."""
    cells = [HEADS, *((row.what, row.app, row.baseline, row.ratio, row.goal, met(row), str(row.n)) for row in rows)]
    widths = [max(len(line[k]) for line in cells) for k in range(len(HEADS))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in cells
    ]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def met(row: Row) -> str:
    return "" if row.met is None else "yes" if row.met else "no"


def missed(rows: list[Row]) -> str:
    """Return a sentence for every goal that was missed."""
    lines = [
        f"* Missed: {row.what}, {row.ratio or row.app} (goal {row.goal}): {row.why}."
        for row in rows
        if row.met is False
    ]
    return "\n".join(lines) or "All goals were met."


def document(rows: list[Row]) -> str:
    with browsing() as browser:
        chromium = browser.version.split(".")[0]
    facts = {"date": date.today(), "python": platform.python_version(), "streamlit": version("streamlit")}
    cores = len(os.sched_getaffinity(0))
    return DOCUMENT.format(**facts, chromium=chromium, cores=cores, table=table(rows), missed=missed(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS, help="measure this alone")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table, with what it was measured on")
    options = parser.parse_args()
    rows = []
    for name, measure in SECTIONS.items():
        if options.only in (None, name):
            print(f"measuring: {name} …", file=sys.stderr)
            rows += measure()
    print(table(rows))
    print(missed(rows))
    if options.write:
        old = options.write.read_text("utf-8") if options.write.exists() else ""
        others = old[old.index("\n## ") :] if "\n## " in old else ""  # the tables of the other benchmarks
        options.write.write_text(document(rows) + others, "utf-8")


if __name__ == "__main__":
    main()
