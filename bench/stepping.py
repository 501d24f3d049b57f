"""How smooth is the reading line? The app in headless Chromium: frames per second of a sweep, and what a step costs.

    python bench/stepping.py

Prints, for one run of the app: the frames per second that the browser reaches with nothing to do and while the line
plays through all rows, and their ratio; milliseconds of script per frame; bytes received while playing; milliseconds
from a key to the moved line, and from a new digit to the redrawn figure. Needs chromium or Chrome on the PATH.
"""

import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tests.conftest import browser_path  # noqa: E402
from tests.e2e.conftest import FLAGS, serve  # noqa: E402
from tests.e2e.test_step import probe  # noqa: E402

FRAMES = """ms => new Promise(done => {
  const times = []; let start = null;
  const tick = now => { start ??= now; times.push(now); now - start < ms ? requestAnimationFrame(tick) : done(times); };
  requestAnimationFrame(tick);
})"""

# Milliseconds from a key to the line's new place.
STEP = """() => new Promise(done => {
  const line = document.querySelector('.reading-line');
  const start = performance.now();
  const moved = new MutationObserver(() => { moved.disconnect(); done(performance.now() - start); });
  moved.observe(line, {attributes: true});
  document.querySelector('.js-plotly-plot').dispatchEvent(
    new KeyboardEvent('keydown', {key: window.__row() < 28 ? 'ArrowRight' : 'Home', bubbles: true, cancelable: true}));
})"""

NEW_DIGIT = """() => new Promise(done => {
  const chart = document.querySelector('.st-key-reading .js-plotly-plot');
  const before = chart.data[0].meta, start = performance.now();
  const tick = () => chart.data[0].meta !== before ? done(performance.now() - start) : requestAnimationFrame(tick);
  document.querySelector('.st-key-pick_forward button').click();
  tick();
})"""


def rate(times: list[float]) -> float:
    return 1000 * (len(times) - 1) / (times[-1] - times[0])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, url = serve(Path(folder) / "log.txt")
        browser = playwright.chromium.launch(executable_path=browser_path(), args=FLAGS)
        try:
            measure(browser, url)
        finally:
            browser.close()
            process.terminate()
            process.wait(10)


def measure(browser, url: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(url)
    page.wait_for_selector(".reading-line", state="attached")
    page.wait_for_timeout(2000)
    probe(page)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Performance.enable")
    received = []
    session.on("Network.webSocketFrameReceived", lambda frame: received.append(len(frame["response"]["payloadData"])))

    idle = rate(page.evaluate(FRAMES, 2000))
    page.locator(".play").click()
    before, steps = script_seconds(session), page.evaluate("window.__row()")
    playing = rate(page.evaluate(FRAMES, 3000))
    steps = page.evaluate("window.__row()") - steps
    spent = script_seconds(session) - before
    print(f"frames per second: {idle:.1f} idle, {playing:.1f} playing, ratio {playing / idle:.3f}")
    print(f"script per frame while playing: {1000 * spent / (3 * playing):.2f} ms over {steps} steps")
    print(f"bytes received while playing: {sum(received)}")
    page.locator(".play").click()
    page.wait_for_timeout(1000)
    keys = [page.evaluate(STEP) for _ in range(20)]
    print(f"key to moved line: median {statistics.median(keys):.1f} ms, largest {max(keys):.1f} ms (n=20)")
    digits = []
    for _ in range(10):
        digits.append(page.evaluate(NEW_DIGIT))
        page.wait_for_timeout(400)
    print(f"click to redrawn figure: median {statistics.median(digits):.0f} ms, largest {max(digits):.0f} ms (n=10)")


def script_seconds(session) -> float:
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration")


if __name__ == "__main__":
    main()
