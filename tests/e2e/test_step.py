"""The Step page in a browser: true at once, one line through every view, drawn digits, links, keys, narrow screens."""

import re

import numpy as np
import pytest

from rnnviz import checkpoints, digits, record
from rnnviz.text import Words
from rnnviz.ui.reading import sentences
from tests.digits.drawings import drawings
from tests.e2e.conftest import settled

pytestmark = [pytest.mark.browser, pytest.mark.mnist]

THREE = [(70, 60), (120, 40), (170, 70), (120, 115), (175, 150), (150, 205), (80, 200)]


def says(page) -> str:
    return page.locator(".says").inner_text()


def expect_says(page, text: str) -> None:
    page.wait_for_function("text => window.__says() === text", arg=text, timeout=8000)


def probe(page):
    """Give the page functions that look into the stepper's shadow root."""
    page.evaluate(
        """() => {
          const find = (node, selector) => {
            for (const element of node.querySelectorAll('*')) {
              if (element.matches(selector)) return element;
              const inner = element.shadowRoot && find(element.shadowRoot, selector);
              if (inner) return inner;
            }
            return null;
          };
          window.__says = () => find(document, '.says')?.textContent;
          window.__row = () => Number(find(document, 'input.row')?.value);
        }"""
    )
    return page


def stroke(page, points) -> None:
    box = page.locator(".st-key-canvas canvas").last.bounding_box()
    page.mouse.move(box["x"] + points[0][0], box["y"] + points[0][1])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x, box["y"] + y, steps=4)
    page.mouse.up()


def expected(network: str, image, label=None, language="en") -> list[str]:
    return sentences(Words(language), record(checkpoints.load(network), image), label)


def test_a_digit_stepped_through_by_the_network_is_on_screen_without_a_click(open_page):
    page = probe(open_page())
    image, label = digits.sample(18, "mnist")
    expect_says(page, expected("lstm-64", image, label)[-1])
    assert page.locator(".play").is_visible()
    assert page.locator(".reading-line").count() == 1


def test_every_row_says_what_the_library_computes(open_page):
    page = probe(open_page("/?set=mnist&digit=1247&net=gru-64"))
    image, label = digits.sample(1247, "mnist")
    wanted = expected("gru-64", image, label)
    page.locator("input.row").focus()
    page.keyboard.press("Home")
    for text in wanted:
        expect_says(page, text)
        page.keyboard.press("ArrowDown")


def test_heatmaps_hold_the_trace_of_the_network_on_screen(open_page):
    page = probe(open_page("/?set=mnist&digit=3&net=lstm-2x64&layer=1"))
    trace = record(checkpoints.load("lstm-2x64"), digits.sample(3, "mnist")[0])
    drawn = page.evaluate(
        """() => document.querySelector('.st-key-reading .js-plotly-plot').data
             .filter(t => t.type === 'heatmap').map(t => [t.name, t.z.map ? t.z.map(r => Array.from(r)) : t.z])"""
    )
    values = dict(drawn)
    assert list(values) == ["x", "h", "i", "f", "g", "o", "c", "probs"]
    np.testing.assert_allclose(values["f"], trace["f"][0], atol=0.006)
    np.testing.assert_allclose(values["h"], trace["h"][0], atol=0.006)
    np.testing.assert_allclose(values["c"], np.tanh(trace["c"][0]), atol=0.006)
    np.testing.assert_allclose(values["probs"], trace["probs"], atol=0.006)


@pytest.mark.parametrize("size", [(1460, 900), (1280, 720), (1024, 768), (700, 900), (390, 844)])
def test_the_line_lies_on_the_row_at_every_width(open_page, size):
    page = probe(open_page("/?net=lstm-128", size=size))
    page.locator("input.row").focus()
    for key, row in (("Home", 1), ("ArrowRight", 2), ("End", 28)):
        page.keyboard.press(key)
        page.wait_for_function("row => window.__row() === row", arg=row)
        page.wait_for_timeout(60)
        offsets = page.evaluate(
            """row => {
              const chart = document.querySelector('.st-key-reading .js-plotly-plot');
              const top = chart.querySelector('.svg-container').getBoundingClientRect().top;
              const full = chart._fullLayout;
              const names = Object.keys(full).filter(k => k.startsWith('yaxis'));
              const axes = names.map(k => full[k]).filter(a => a.visible);
              const rows = [...new Set(axes.map(a => a._offset + a.l2p(row)))];
              return [...document.querySelectorAll('.reading-line')].map(line => {
                const box = line.getBoundingClientRect();
                return Math.min(...rows.map(y => Math.abs((box.top + box.bottom) / 2 - top - y)));
              });
            }""",
            row,
        )
        assert offsets
        assert max(offsets) <= 1.0, (size, row, offsets)


def test_nothing_overflows_a_phone(open_page):
    page = open_page(size=(390, 844), device_scale_factor=2, has_touch=True, is_mobile=True)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator(".play").is_visible()
    assert "28 rows" in says(page)


def test_playing_moves_the_line_and_sends_nothing(open_page):
    page = probe(open_page())
    page.wait_for_timeout(1500)
    received = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda frame: received.append(len(frame["response"]["payloadData"])))
    page.locator(".speed").select_option("4")
    page.locator(".play").click()
    page.wait_for_timeout(500)
    seen = page.evaluate("window.__row()")
    assert 2 <= seen <= 27
    assert sum(received) < 1000
    page.wait_for_function("window.__row() === 28", timeout=5000)
    page.wait_for_function("!document.querySelector('.playing')")


def test_keys_move_the_line_from_anywhere_and_space_plays_from_the_chart(open_page):
    page = probe(open_page())
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("window.__row() === 27")
    chart = page.locator(".st-key-reading .js-plotly-plot")
    chart.focus()
    page.keyboard.press("Home")
    page.wait_for_function("window.__row() === 1")
    page.keyboard.press(" ")
    page.wait_for_function("window.__row() > 2")
    page.keyboard.press(" ")
    stopped = page.evaluate("window.__row()")
    page.wait_for_timeout(500)
    assert page.evaluate("window.__row()") == stopped


def rows_on_screen(page, row: int) -> dict:
    return page.evaluate(
        """row => {
          const chart = document.querySelector('.st-key-reading .js-plotly-plot');
          const box = chart.querySelector('.svg-container').getBoundingClientRect();
          const x = chart._fullLayout.xaxis2, y = chart._fullLayout.yaxis2;
          return {x: box.left + x._offset + x._length / 2, y: box.top + y._offset + y.l2p(row)};
        }""",
        row,
    )


def test_pointing_looks_and_clicking_stays(open_page):
    page = probe(open_page())
    at = rows_on_screen(page, 9)
    page.mouse.move(at["x"], at["y"])
    page.wait_for_function("window.__row() === 9")
    page.wait_for_selector(".hoverlayer .hovertext")
    assert re.search(r"row 9, unit \d+: h = [−-]?\d\.\d\d", page.locator(".hoverlayer").text_content())
    page.mouse.move(5, 5)
    page.wait_for_function("window.__row() === 28")
    page.mouse.click(at["x"], at["y"])
    page.mouse.move(5, 5)
    page.wait_for_timeout(300)
    assert page.evaluate("window.__row()") == 9


def test_dragging_over_the_digit_scrubs(open_page):
    page = probe(open_page())
    first, last = rows_on_screen(page, 5), rows_on_screen(page, 20)
    page.mouse.move(first["x"], first["y"])
    page.mouse.down()
    page.mouse.move(last["x"], last["y"], steps=8)
    page.mouse.up()
    page.mouse.move(5, 5)
    page.wait_for_timeout(200)
    assert page.evaluate("window.__row()") == 20


def test_a_drawing_is_read_by_the_network_for_drawings_and_its_link_brings_it_back(open_page):
    page = probe(open_page())
    stroke(page, THREE)
    page.wait_for_function("window.__says().includes('“3”') && !window.__says().includes('Wrong')", timeout=8000)
    page.wait_for_function("location.search.includes('draw=')")
    code = re.search(r"draw=([\w-]+)", page.url)[1]
    wanted = expected("lstm-128", digits.unpack(code))
    assert says(page) == wanted[-1]
    other = probe(open_page(f"/?draw={code}&step=14"))
    expect_says(other, wanted[13])


def test_each_stroke_updates_and_undo_and_clear_take_back(open_page):
    page = probe(open_page())
    before = says(page)
    stroke(page, [(60, 40), (190, 40)])
    page.wait_for_function("text => window.__says() !== text", arg=before)
    one = says(page)
    stroke(page, [(190, 40), (110, 210)])
    page.wait_for_function("text => window.__says() !== text", arg=one)
    two = page.evaluate("location.search")
    page.get_by_role("button", name="Undo the last stroke").first.click()
    page.wait_for_function("search => location.search !== search", arg=two)
    expect_says(page, one)
    page.get_by_role("button", name="Clear the canvas").first.click()
    expect_says(page, before)


def hold_timers(page) -> None:
    """Let the page's timers wait until `__release()` runs all that are due, one right after the other.

    So it comes when the browser has long been busy: Streamlit puts what they tell into one message.
    """
    page.evaluate(
        """() => {
          const later = window.setTimeout, held = [];
          window.setTimeout = (run, ms, ...rest) =>
            ms >= 100 ? held.push(() => run(...rest)) : later(run, ms, ...rest);
          window.__release = () => {
            window.setTimeout = later;
            for (const run of held) run();
          };
        }"""
    )


def test_a_stroke_that_ends_as_the_row_is_told_is_read(open_page):
    page = probe(open_page())
    before = says(page)
    stroke(page, [(60, 40), (190, 40)])
    page.wait_for_function("text => window.__says() !== text", arg=before)
    page.wait_for_timeout(1000)
    one = says(page)
    page.locator("input.row").focus()
    hold_timers(page)
    page.keyboard.press("End")
    stroke(page, [(190, 40), (110, 210)])
    page.evaluate("window.__release()")
    page.wait_for_function("text => window.__says() !== text", arg=one)


@pytest.mark.parametrize("button", ["Next digit", "Undo the last stroke"])
def test_a_button_that_is_clicked_as_the_row_is_told_is_obeyed(open_page, button):
    page = probe(open_page())
    before = says(page)
    stroke(page, [(60, 40), (190, 40)])
    page.wait_for_function("text => window.__says() !== text", arg=before)
    page.wait_for_timeout(1000)
    one = says(page)
    page.locator("input.row").focus()
    hold_timers(page)
    page.keyboard.press("End")
    page.evaluate("document.addEventListener('click', () => window.__release(), { capture: true, once: true })")
    page.get_by_role("button", name=button).first.click()
    page.wait_for_function("text => window.__says() !== text", arg=one)


def test_a_choice_that_is_made_as_the_row_is_told_is_followed(open_page):
    page = probe(open_page("/?set=mnist&digit=18"))
    page.locator(".st-key-widget_net input").first.click()
    option = page.get_by_role("option", name="gru-64", exact=True)
    option.wait_for()
    hold_timers(page)
    page.evaluate(
        """() => {
          document.dispatchEvent(new KeyboardEvent('keydown', { key: 'End', bubbles: true }));
          document.addEventListener('click', () => window.__release(), { capture: true, once: true });
        }"""
    )
    option.click()
    expect_says(page, expected("gru-64", *digits.sample(18, "mnist"))[-1])


@pytest.mark.parametrize(
    ("points", "words"),
    [([(120, 120), (121, 120)], "problem.dot"), ([(120, 60), (120, 150), (-60, 190)], "problem.edge")],
)
def test_what_is_no_digit_gets_a_friendly_word_and_no_class(open_page, points, words):
    page = probe(open_page())
    stroke(page, points)
    expect_says(page, Words("en")(words))
    assert page.locator(".play").is_disabled()
    assert "draw=" not in page.url
    page.get_by_role("button", name="Clear the canvas").first.click()
    page.wait_for_function("window.__says().includes('28 rows')")


def test_another_page_and_back_loses_nothing(open_page):
    page = probe(open_page("/?set=mnist&digit=42"))
    stroke(page, THREE)
    page.wait_for_function("location.search.includes('draw=')")
    page.locator("input.row").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("location.search.includes('step=2')")
    here, said = page.url, says(page)
    page.get_by_role("link", name="Guide").click()
    page.wait_for_selector("h1:has-text('Guide')")
    page.get_by_role("link", name="Step through").click()
    page.wait_for_selector(".reading-line", state="attached")
    expect_says(page, said)
    page.wait_for_function("href => location.href === href", arg=here)


def test_a_new_digit_a_new_network_and_the_theme_reach_the_same_figure(open_page):
    page = probe(open_page("/?set=mnist&digit=18&step=14", color_scheme="light"))
    page.get_by_role("button", name="Next digit").first.click()
    image, label = digits.sample(19, "mnist")
    expect_says(page, expected("lstm-64", image, label)[13])
    colour = "() => document.querySelector('.st-key-reading .js-plotly-plot').data[0].colorscale[0][1]"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({colour})() !== light", arg=light, timeout=5000)
    expect_says(page, expected("lstm-64", image, label)[13])
    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_function("document.querySelectorAll('.reading-line').length > 1")


def test_hard_ones_are_the_digits_that_the_network_misreads(open_page):
    page = probe(open_page("/?net=rnn-64&set=mnist&digit=0"))
    misread = checkpoints.card("rnn-64").misread["mnist"]
    page.locator(".st-key-widget_show input").first.click()
    page.get_by_role("option", name=re.compile("hard ones")).click()
    page.wait_for_function("index => location.search.includes(`digit=${index}`)", arg=misread[0])
    page.wait_for_function("window.__says().includes('Wrong')")
    page.get_by_role("button", name="Next digit").first.click()
    page.wait_for_function("index => location.search.includes(`digit=${index}`)", arg=misread[1])


def test_a_photo_is_read_also_beside_a_canvas_with_a_dot(open_page):
    import io

    from PIL import Image, ImageDraw

    picture = Image.new("L", (800, 600), 235)
    strokes, _, label = drawings("normal")[0]
    for line in strokes:
        ImageDraw.Draw(picture).line([tuple(p * 1.6 + (150, 60)) for p in line], fill=40, width=26, joint="curve")
    data = io.BytesIO()
    picture.save(data, "JPEG")
    page = probe(open_page())
    stroke(page, [(120, 120), (121, 120)])
    expect_says(page, Words("en")("problem.dot"))
    page.get_by_role("button", name="Photo").click()
    chooser = page.locator("[data-testid=stFileUploader] input[type=file]")
    chooser.set_input_files({"name": "digit.jpg", "mimeType": "image/jpeg", "buffer": data.getvalue()})
    wanted = expected("lstm-128", digits.from_photo(data.getvalue()))[-1]
    expect_says(page, wanted)
    assert f"“{label}”" in wanted


def test_chinese_is_complete_on_screen(open_page):
    page = probe(open_page("/?lang=zh&set=mnist&digit=18", locale="en-US"))
    image, label = digits.sample(18, "mnist")
    expect_says(page, expected("lstm-64", image, label, "zh")[-1])
    text = page.locator("[data-testid=stMain]").inner_text()
    names = {"LSTM", "MNIST", "lstm", "tanh", "English", "Home", "End"}
    icons = {
        "undo",
        "icon",
        "delete",
        "chevron",
        "left",
        "right",
        "shuffle",
        "photo",
        "camera",
        "expand",
        "more",
        "help",
    }
    assert not set(re.findall(r"[A-Za-z]{3,}", text)) - names - icons


def test_a_browser_in_chinese_is_answered_in_chinese(open_page):
    page = probe(open_page(locale="zh-CN"))
    page.wait_for_function("window.__says().includes('全部读完')")


def test_a_link_with_nonsense_says_so_and_shows_a_digit(open_page):
    page = probe(open_page("/?net=../../etc/passwd&digit=-3&draw=zzz&step=99&lang=xx&label=ten"))
    page.wait_for_function("window.__says().includes('28 rows')")
    told = page.locator("[data-testid=stAlert]").inner_text()
    for key in ("net", "digit", "draw", "step", "lang", "label"):
        assert key in told


def test_a_deep_link_on_a_fresh_server_has_its_title_and_navigation(chromium, fresh_app):
    page = chromium.new_page()
    page.goto(f"{fresh_app}/guide")
    page.wait_for_selector("h1:has-text('Guide')")
    assert page.title().startswith("Guide")
    assert page.get_by_role("link", name="Step through").is_visible()
    page.close()


def test_a_deep_link_on_a_fresh_server_is_built_once(chromium, fresh_app):
    page = chromium.new_page()
    page.goto(f"{fresh_app}/sequences?part=upscaling&set=uci&digit=6&lang=en")
    page.wait_for_function("() => new URL(location).searchParams.get('lang') === null")  # all of it is there
    index = page.locator(".st-key-widget_digit input")
    index.evaluate("element => { element.dataset.mark = 'first' }")
    page.locator(".st-key-lab_picker summary").click()
    forward = page.get_by_role("button", name="Next digit")
    settled(forward)
    forward.click()
    page.wait_for_function("() => new URL(location).searchParams.get('digit') === '7'")
    assert index.get_attribute("data-mark") == "first"
    page.close()


def touch(page, points) -> None:
    """Drag one finger along points (x, y) of the screen."""
    session = page.context.new_cdp_session(page)
    for kind, (x, y) in zip(["touchStart", *["touchMove"] * (len(points) - 1)], points, strict=True):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(15)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def phone(open_page, path="/"):
    return probe(open_page(path, size=(390, 844), device_scale_factor=2, has_touch=True, is_mobile=True))


def test_a_finger_draws_from_corner_to_corner_and_the_page_stays_put(open_page):
    page = phone(open_page)
    page.wait_for_timeout(1800)
    box = page.locator(".st-key-canvas canvas").last.bounding_box()
    corner = (box["x"] + box["width"] - 14, box["y"] + 14)  # where the canvas's own toolbar used to lie
    path = [corner, *[(corner[0] - 9 * k, corner[1] + 9 * k) for k in range(1, 24)]]
    touch(page, path)
    page.wait_for_function("location.search.includes('draw=')", timeout=8000)
    image = digits.unpack(re.search(r"draw=([\w-]+)", page.url)[1])
    assert image[:, 20:].any()
    assert image[:, :8].any()
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0


def test_a_finger_scrubs_over_the_digit_and_scrolls_beside_it(open_page):
    page = phone(open_page, "/?step=28")
    scroller = "document.querySelector('[data-testid=stMain]')"
    page.evaluate("document.querySelector('.st-key-reading').scrollIntoView()")
    page.evaluate(f"{scroller}.scrollBy(0, -80)")
    page.wait_for_timeout(500)
    box = page.locator(".st-key-reading .svg-container").bounding_box()
    x, top = box["x"] + 100, box["y"] + 60
    before = page.evaluate(f"{scroller}.scrollTop")
    touch(page, [(x, top + 12 * k) for k in range(10)])
    page.wait_for_timeout(300)
    assert page.evaluate("window.__row()") < 28
    assert page.evaluate(f"{scroller}.scrollTop") == before
    touch(page, [(box["x"] + 330, top + 150 - 14 * k) for k in range(10)])
    page.wait_for_timeout(600)
    assert page.evaluate(f"{scroller}.scrollTop") > before


def test_every_network_replaces_every_other_one_cleanly(open_page):
    page = probe(open_page("/?set=mnist&digit=18&net=rnn-64"))
    image, label = digits.sample(18, "mnist")
    order = [
        "lstm-64",
        "rnn-64",
        "gru-64",
        "rnn-64",
        "lstm-128",
        "gru-64",
        "lstm-2x64",
        "lstm-64",
        "lstm-128",
        "lstm-64",
    ]
    for name in order:
        page.locator(".st-key-widget_net input").click()
        page.get_by_role("option", name=name, exact=True).click()
        expect_says(page, expected(name, image, label)[-1])
        page.wait_for_function(
            "meta => document.querySelector('.st-key-reading .js-plotly-plot')?.data.at(-1).meta === meta",
            arg=f"{name}|en|{1 if name == 'lstm-2x64' else 0}",
        )
        page.wait_for_function("document.querySelectorAll('.reading-line').length > 0")
        shape = page.evaluate(
            """() => { const chart = document.querySelector('.st-key-reading .js-plotly-plot');
              return chart.data.filter(t => t.type === 'heatmap').map(t => [t.name, t.z[0].length, t.x ?? null]); }"""
        )
        H = checkpoints.load(name).hidden_size
        assert all(cells == {"x": 28, "probs": 10}.get(column, H) and x is None for column, cells, x in shape), shape


def test_the_canvas_toolbar_stays_hidden_after_undo(open_page):
    page = probe(open_page())
    stroke(page, [(60, 40), (190, 40)])
    stroke(page, [(190, 40), (110, 210)])
    page.wait_for_function("location.search.includes('draw=')")
    before = page.url
    page.get_by_role("button", name="Undo the last stroke").first.click()
    page.wait_for_function("href => location.href !== href", arg=before)
    page.wait_for_function(
        """() => [...document.querySelectorAll('.st-key-canvas *')].some(e => e.shadowRoot?.querySelector('.dc-toolbar')
             && getComputedStyle(e.shadowRoot.querySelector('.dc-toolbar')).display === 'none')"""
    )


def test_stepping_leaves_the_history_alone_and_back_leaves_the_page(open_page):
    page = probe(open_page("/?set=mnist&digit=18"))
    page.wait_for_timeout(500)
    entries = page.evaluate("history.length")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(500)
    page.wait_for_function("location.search.includes('step=25')")
    assert page.evaluate("history.length") == entries
    page.get_by_role("link", name="Guide").click()
    page.wait_for_selector("h1:has-text('Guide')")
    page.go_back()
    page.wait_for_selector(".reading-line", state="attached")
    page.wait_for_function("window.__row?.() === 25")
    assert "step=25" in page.url


def test_view_and_speed_outlive_a_visit_to_another_page(open_page):
    page = open_page()
    page.locator(".speed").select_option("2")
    page.locator(".view").select_option("f")
    page.get_by_role("link", name="Guide").click()
    page.wait_for_selector("h1:has-text('Guide')")
    page.get_by_role("link", name="Step through").click()
    page.wait_for_selector(".reading-line", state="attached")
    assert page.locator(".speed").input_value() == "2"
    assert page.locator(".view").input_value() == "f"


def test_a_link_carries_the_order_and_the_gradients(open_page):
    page = probe(open_page("/?set=mnist&digit=18&net=gru-64&order=similarity&norms=x,jacobian"))
    page.wait_for_function("location.search.includes('order=similarity')")
    drawn = page.evaluate(
        """() => document.querySelector('.st-key-reading .js-plotly-plot').data
             .filter(t => t.type === 'scatter' && t.x.some(v => v !== null && !Number.isNaN(v))).map(t => t.name)"""
    )
    assert drawn == ["x", "jacobian"]
    assert "norms=x%2Cjacobian" in page.url


def test_the_hint_greets_once_and_goes_with_the_first_deed(open_page):
    page = open_page()
    hint = page.locator(".hint")
    assert hint.inner_text() == Words("en")("stepper.hint")
    page.keyboard.press("ArrowLeft")
    assert not hint.is_visible()
    page.reload()
    page.wait_for_selector(".reading-line", state="attached")
    assert not page.locator(".hint").is_visible()


def test_who_wants_less_motion_gets_a_slower_line(open_page):
    assert open_page(reduced_motion="reduce").locator(".speed").input_value() == "0.25"
