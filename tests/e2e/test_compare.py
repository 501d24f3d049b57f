"""The Compare page in a browser: one line through all networks, columns that align, one digit for all of them."""

import re

import numpy as np
import pytest

from rnnviz import checkpoints, digits, measures, record
from rnnviz.text import Words
from rnnviz.ui import compare
from tests.e2e.test_step import THREE, expect_says, phone, probe, stroke

pytestmark = [pytest.mark.browser, pytest.mark.mnist]

DEFAULT = ["rnn-64", "gru-64", "lstm-64"]

OFFSETS = """() => [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].map(chart => {
  const top = chart.querySelector('.svg-container').getBoundingClientRect().top;
  const full = chart._fullLayout;
  const axes = Object.keys(full).filter(k => k.startsWith('yaxis')).map(k => full[k]).filter(a => a.visible);
  const rows = chart.data[0].y.length;
  return [...chart.querySelectorAll('.reading-line')].map(line => {
    const box = line.getBoundingClientRect();
    const middle = (box.top + box.bottom) / 2 - top;
    const miss = row => Math.min(...axes.map(a => Math.abs(middle - a._offset - a.l2p(row))));
    const row = Array.from({ length: rows }, (_, t) => t + 1).reduce((a, b) => (miss(b) < miss(a) ? b : a));
    return { row, miss: miss(row) };
  });
})"""

PLACES = """() => [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].map(chart => {
  const left = chart.querySelector('.svg-container').getBoundingClientRect().left, full = chart._fullLayout;
  const names = chart.data.filter(t => t.type === 'heatmap').map(t => t.name).concat('norms');
  const axis = k => full['xaxis' + (k ? k + 1 : '')];
  return Object.fromEntries(names.map((name, k) => [name, [left + axis(k)._offset, axis(k)._length]]));
})"""


HIDDEN = """() => {
  const bar = document.querySelector('.st-key-stepper').getBoundingClientRect().top;
  const chart = [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].at(-1);
  const top = chart.querySelector('.svg-container').getBoundingClientRect().top;
  const axis = chart._fullLayout.yaxis, rows = chart.data[0].y.length;
  return Array.from({ length: rows }, (_, t) => t + 1).filter(t => top + axis._offset + axis.l2p(t + 0.5) > bar).length;
}"""
"""How many rows of the last network lie behind the controls."""


def opened(open_page, query: str = "set=mnist&digit=18", **options):
    page = probe(open_page(f"/compare?{query}", **options))
    wait_for_sheets(page, 3)
    return page


def wait_for_sheets(page, count: int) -> None:
    page.wait_for_function(
        """count => { const charts = [...document.querySelectorAll('.st-key-reading .js-plotly-plot')];
          return charts.length === count && charts.every(chart => chart.querySelector('.reading-line')); }""",
        arg=count,
    )


def wait_for_rows(page, *rows: int) -> None:
    """Wait until the line of each sheet stands on its row, to within a pixel."""
    page.wait_for_function(
        f"""rows => {{ const sheets = ({OFFSETS})();
          return sheets.length === rows.length
            && sheets.every((lines, k) => lines.length && lines.every(l => l.row === rows[k] && l.miss <= 1)); }}""",
        arg=list(rows),
        timeout=8000,
    )


def answers(page) -> list[str]:
    return page.locator(".each .answer").all_inner_texts()


def traces(image) -> list:
    return [record(checkpoints.load(name), image) for name in DEFAULT]


def at(page, sheet: int, row: int) -> tuple[float, float]:
    """Return where a row of a sheet's hidden state is on the screen, scrolled into view."""
    page.locator(".st-key-reading .js-plotly-plot").nth(sheet).scroll_into_view_if_needed()
    return tuple(
        page.evaluate(
            """([sheet, row]) => {
              const chart = document.querySelectorAll('.st-key-reading .js-plotly-plot')[sheet];
              const box = chart.querySelector('.svg-container').getBoundingClientRect();
              const x = chart._fullLayout.xaxis2, y = chart._fullLayout.yaxis2;
              return [box.left + x._offset + x._length / 2, box.top + y._offset + y.l2p(row)];
            }""",
            [sheet, row],
        )
    )


def test_three_networks_are_read_in_step_and_say_what_the_library_computes(open_page):
    page = opened(open_page, "set=mnist&digit=18&step=14")
    image, label = digits.sample(18, "mnist")
    words, read = Words("en"), traces(image)
    told = [compare.answers(words, trace, label, 28) for trace in read]
    lead = compare.together(words, read, label)
    page.locator("input.row").focus()
    for row in (14, 15, 16):
        expect_says(page, lead[row - 1])
        assert answers(page) == [each[row - 1] for each in told]
        page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    expect_says(page, lead[-1])
    assert answers(page) == [each[-1] for each in told]
    for k, trace in enumerate(read):
        values = page.evaluate(
            """k => document.querySelectorAll('.st-key-reading .js-plotly-plot')[k].data
                 .find(t => t.name === 'h').z.map(row => Array.from(row))""",
            k,
        )
        np.testing.assert_allclose(values, trace["h"][0], atol=0.006)


@pytest.mark.parametrize("size", [(1460, 900), (1280, 720), (1024, 768), (700, 900), (390, 844)])
def test_the_lines_of_all_networks_lie_on_the_same_row_at_every_width(open_page, size):
    page = opened(open_page, size=size)
    page.locator("input.row").focus()
    for key, row in (("Home", 1), ("ArrowRight", 2), ("End", 28)):
        page.keyboard.press(key)
        wait_for_rows(page, row, row, row)


@pytest.mark.parametrize(
    ("size", "nets"),
    [
        ((1280, 720), "gru-64,lstm-64"),
        ((1280, 720), "lstm-128,rnn-64"),
        ((1280, 720), "rnn-64,gru-64,lstm-64"),
        ((1460, 900), "rnn-64,gru-64,lstm-64,lstm-128"),
        ((1024, 768), "rnn-64,gru-64"),
    ],
)
def test_all_networks_are_seen_at_once(open_page, size, nets):
    page = probe(open_page(f"/compare?set=mnist&digit=18&nets={nets}", size=size))
    wait_for_sheets(page, len(nets.split(",")))
    page.wait_for_function(f"({HIDDEN})() === 0")


def test_four_networks_on_a_small_screen_lack_no_more_than_the_last_rows(open_page):
    page = probe(open_page("/compare?set=mnist&digit=18&nets=rnn-64,gru-64,lstm-64,lstm-128"))
    wait_for_sheets(page, 4)
    page.wait_for_function(f"({HIDDEN})() <= 8")


def test_what_stands_above_a_network_is_not_said_again(open_page):
    page = opened(open_page, "set=mnist&digit=18&nets=gru-64,lstm-64,lstm-128")
    titles = """() => [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].map(chart =>
      chart.layout.annotations.map(a => a.text).filter(Boolean).length)"""
    page.wait_for_function(f"({titles})().join() === '7,5,0'")
    for k in range(3):
        boxes = [page.locator(f".st-key-head_{k} .{half}").bounding_box() for half in ("who", "scores")]
        assert abs(boxes[0]["y"] - boxes[1]["y"]) < 8
        assert boxes[0]["x"] + boxes[0]["width"] < boxes[1]["x"]


def test_the_words_in_an_empty_stretch_lie_over_the_line(open_page):
    page = opened(open_page)
    above = """() => [...document.querySelectorAll('.reading-note')].every(note =>
      note.previousElementSibling && !note.parentNode.querySelector('.reading-note ~ .reading-line'))"""
    assert page.locator(".reading-note").count() == 2
    assert page.evaluate(above)


@pytest.mark.parametrize("size", [(1460, 900), (1280, 720), (1024, 768), (700, 900), (390, 844)])
def test_columns_with_one_role_stand_under_one_another(open_page, size):
    page = opened(open_page, "set=mnist&digit=18&nets=gru-64,lstm-128,rnn-64", size=size)
    gru, lstm, rnn = page.evaluate(PLACES)
    for other, names in ((gru, {"r": "i", "z": "f", "n": "g"}), (rnn, {})):
        for name in ("x", "h", "probs", "norms", *names):
            np.testing.assert_allclose(other[name], lstm[names.get(name, name)], atol=0.6, err_msg=name)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_play_moves_all_lines_together_and_sends_nothing(open_page):
    page = opened(open_page)
    page.wait_for_timeout(1500)
    received = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda frame: received.append(len(frame["response"]["payloadData"])))
    page.locator(".speed").select_option("4")
    page.locator(".play").click()
    frames = page.evaluate(
        f"""() => new Promise(done => {{ const frames = [], look = {OFFSETS};
          const frame = () => frames.push(look().flat()) < 40 ? requestAnimationFrame(frame) : done(frames);
          requestAnimationFrame(frame); }})"""
    )
    for lines in frames:
        assert len(lines) == 3
        assert len({line["row"] for line in lines}) == 1
        assert max(line["miss"] for line in lines) <= 1
    assert len({lines[0]["row"] for lines in frames}) > 2
    assert sum(received) < 1000
    wait_for_rows(page, 28, 28, 28)
    page.wait_for_function("!document.querySelector('.playing')")


def test_pointing_at_one_network_moves_the_line_of_all(open_page):
    page = opened(open_page, size=(1280, 1100))
    page.mouse.move(*at(page, 1, 9))
    wait_for_rows(page, 9, 9, 9)
    page.mouse.move(5, 5)
    wait_for_rows(page, 28, 28, 28)
    page.mouse.click(*at(page, 2, 6))
    page.mouse.move(5, 5)
    wait_for_rows(page, 6, 6, 6)


def test_a_drag_keeps_to_the_figure_in_which_it_began(open_page):
    page = opened(open_page, size=(1280, 1100))
    page.mouse.move(*at(page, 2, 6))
    page.mouse.down()
    page.mouse.move(*at(page, 2, 12), steps=5)
    wait_for_rows(page, 12, 12, 12)
    page.mouse.move(*at(page, 2, 1), steps=10)
    page.mouse.move(*at(page, 1, 20), steps=5)
    page.mouse.up()
    page.mouse.move(5, 5)
    wait_for_rows(page, 1, 1, 1)


def test_when_each_decided_is_said_once_the_line_has_passed_that_row(open_page):
    page = opened(open_page, "set=mnist&digit=18&step=1")
    told = page.locator(".each .passed")
    assert told.all_inner_texts() == ["", "", ""]
    page.keyboard.press("End")
    for k, trace in enumerate(traces(digits.sample(18, "mnist")[0])):
        told.nth(k).filter(has_text=re.compile(rf"row {measures.decision_step(trace) + 1}\b")).wait_for()


def test_the_hint_stands_in_the_line_of_words_and_takes_no_room(open_page):
    page = opened(open_page)
    hint, controls = page.locator(".hint"), page.locator(".controls")
    assert hint.inner_text() == Words("en")("compare.hint")
    before = controls.bounding_box()
    page.keyboard.press("ArrowLeft")
    assert not hint.is_visible()
    assert page.locator(".says").bounding_box()["width"] > 100
    assert abs(controls.bounding_box()["y"] - before["y"]) < 2


def test_a_new_digit_and_a_drawing_change_all_networks(open_page):
    page = opened(open_page, "set=mnist&digit=18&step=28")
    page.get_by_role("button", name="Next digit").first.click()
    image, label = digits.sample(19, "mnist")
    shown = """x => [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].every(chart =>
      chart.data[0].z.every((row, t) => Array.from(row).every((v, k) => Math.abs(v - x[t][k]) < 0.006)))"""
    page.wait_for_function(shown, arg=image.tolist(), timeout=8000)
    expect_says(page, compare.together(Words("en"), traces(image), label)[-1])
    stroke(page, THREE)
    page.wait_for_function("location.search.includes('draw=')")
    image = digits.unpack(re.search(r"draw=([\w-]+)", page.url)[1])
    page.wait_for_function(shown, arg=image.tolist(), timeout=8000)
    expect_says(page, compare.together(Words("en"), traces(image), None)[-1])


def test_what_is_no_digit_gets_a_friendly_word_and_no_answer(open_page):
    page = opened(open_page)
    stroke(page, [(120, 120), (121, 120)])
    expect_says(page, Words("en")("problem.dot"))
    assert answers(page) == ["", "", ""]
    assert page.locator(".play").is_disabled()


def test_a_digit_drawn_on_the_step_page_is_here_at_the_same_row(open_page):
    page = probe(open_page("/?set=mnist&digit=18"))
    stroke(page, THREE)
    page.wait_for_function("location.search.includes('draw=')")
    code = re.search(r"draw=([\w-]+)", page.url)[1]
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("location.search.includes('step=27')")
    page.get_by_role("link", name="Compare").click()
    wait_for_sheets(page, 3)
    wait_for_rows(page, 27, 27, 27)
    expect_says(page, compare.together(Words("en"), traces(digits.unpack(code)), None)[26])
    page.get_by_role("link", name="Step through").click()
    page.wait_for_function("document.querySelectorAll('.st-key-reading .js-plotly-plot').length === 1")
    page.wait_for_function("window.__row?.() === 27")
    assert page.locator(".each .answer").count() == 0


def test_another_choice_of_networks_keeps_the_row_and_stands_in_the_link(open_page):
    page = opened(open_page, "set=mnist&digit=18&step=14")
    page.locator(".st-key-widget_nets button[aria-label='Remove gru-64']").last.click()
    wait_for_sheets(page, 2)
    page.locator(".st-key-widget_nets input").click()
    page.get_by_role("option", name="lstm-128", exact=True).click()
    wait_for_sheets(page, 3)
    wait_for_rows(page, 14, 14, 14)
    page.wait_for_function("location.search.includes('nets=rnn-64%2Clstm-64%2Clstm-128')")
    assert page.locator(".network .name").all_inner_texts() == ["rnn-64", "lstm-64", "lstm-128"]
    other = probe(open_page(page.url[page.url.index("/compare") :]))
    wait_for_sheets(other, 3)
    wait_for_rows(other, 14, 14, 14)
    assert answers(other) == answers(page)


def test_one_slot_enlarged_is_enlarged_for_all(open_page):
    page = opened(open_page, "set=mnist&digit=18&nets=gru-64,lstm-64,rnn-64")
    page.locator(".view").select_option("f")
    page.wait_for_function(
        """() => [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].slice(0, 2).every((chart, k) => {
          const names = chart.data.filter(t => t.type === 'heatmap' && t.visible).map(t => t.name);
          return names.join() === ['x,z,probs', 'x,f,probs'][k]; })"""
    )
    gru, lstm, _ = page.evaluate(PLACES)
    assert gru["z"] == pytest.approx(lstm["f"], abs=0.6)
    wait_for_rows(page, 28, 28, 28)


def test_the_dark_theme_reaches_all_figures(open_page):
    page = opened(open_page, color_scheme="light")
    colours = (
        "() => [...document.querySelectorAll('.st-key-reading .js-plotly-plot')].map(c => c.data[0].colorscale[0][1])"
    )
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => ({colours})().every((colour, k) => colour !== light[k])", arg=light, timeout=8000)
    wait_for_rows(page, 28, 28, 28)


def test_each_figure_is_named_and_described_in_numbers(open_page):
    page = opened(open_page)
    charts = page.locator(".st-key-reading .js-plotly-plot")
    for k, name in enumerate(DEFAULT):
        chart = charts.nth(k)
        assert chart.get_attribute("aria-label").startswith(f"{name}:")
        described = page.locator(f"#{chart.get_attribute('aria-describedby')}").text_content()
        assert "Hidden state: 64 units by 28 rows" in described


def test_chinese_is_complete_on_screen(open_page):
    page = opened(open_page, "lang=zh&set=mnist&digit=18", locale="en-US")
    image, label = digits.sample(18, "mnist")
    expect_says(page, compare.together(Words("zh"), traces(image), label)[-1])
    text = page.locator("[data-testid=stMain]").inner_text()
    names = {"RNN", "GRU", "LSTM", "MNIST", "rnn", "gru", "lstm", "tanh", "English", "Home", "End", "PyTorch"}
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


def test_a_phone_shows_bands_of_every_network_and_a_finger_scrubs_all(open_page):
    page = phone(open_page, "/compare?set=mnist&digit=18")
    wait_for_sheets(page, 3)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate(f"({OFFSETS})().map(lines => lines.length)") == [2, 2, 2]
    page.locator(".st-key-sheet_1 .js-plotly-plot").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    x, y = at(page, 1, 8)
    page.touchscreen.tap(x, y)
    wait_for_rows(page, 8, 8, 8)
