"""Every number of a small network in a browser: its arithmetic, its fields, playing, keys, links, phone, dark theme."""

import re

import pytest

from rnnviz import arithmetic
from rnnviz.figures import style
from rnnviz.ui.cells import tiny
from tests.e2e.conftest import Answers

pytestmark = [pytest.mark.browser]

SLOW = 30_000
UNIT = ".drawing .unit"
HEAR = """says => {
  window.heard = [];
  new MutationObserver(() => window.heard.push(says.textContent)).observe(says, { childList: true });
}"""


def open_part(open_page, query: str = "", **options):
    page = open_page(f"/cells{query}", wait=UNIT, **options)
    page.wait_for_selector(".matrices [data-place]")
    return page


def graph(cell: str = "rnn_tanh", loss: str = "last", edits: dict | None = None, **sizes: int) -> arithmetic.Graph:
    sizes = {"units": 2, "steps": 3, "features": 2, "depth": 1} | sizes
    shown = tiny.build(cell, loss, 0, tiny.seeded(cell=cell, loss=loss, seed=0, **sizes), edits or {})
    return arithmetic.graph(shown.network, shown.x, shown.label, shown.loss)


def unit(page, made: arithmetic.Graph, name: str):
    """Return a node's unit on the graph."""
    return page.locator(f"{UNIT}[data-node='{list(made).index(name)}']")


def number(text: str) -> float:
    """Return a number as the page writes it; a power of ten is set above the line."""
    text = text.strip().removeprefix("=").strip().replace("−", "-")
    mantissa, _, power = text.partition("·10")
    return float(mantissa) * 10 ** int(power or 0)


def numbers(locator) -> list[float]:
    return [number(text) for text in locator.all_text_contents()]


def until(page, code: str, argument=None):
    page.wait_for_function(code, arg=argument, timeout=SLOW)


def in_address(page, key: str, value: str | None):
    until(page, "([key, value]) => new URL(location.href).searchParams.get(key) === value", [key, value])


def computed(page) -> tuple[list[float], list[float]]:
    """Return the results of the rows on how a number is made, and of those on its gradient."""
    blocks = page.locator(".panel .rows")
    return numbers(blocks.nth(0).locator(".result")), numbers(blocks.nth(1).locator(".result"))


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("rnn_tanh", "a_l0.1.0"),
        ("rnn_relu", "h_l0.0.0"),
        ("lstm", "c_l0.1.1"),
        ("lstm", "h_l0.2.0"),
        ("gru", "h_l0.1.1"),
        ("gru", "a_n_l0.1.0"),
        ("peephole_lstm_full", "a_o_l0.1.0"),
    ],
)
def test_a_click_on_a_number_tells_its_arithmetic_and_that_of_its_gradient(open_page, cell, name):
    page, made = open_part(open_page, f"?cell={cell}"), graph(cell)
    unit(page, made, name).click()
    node = made[name]
    made_of, taught_by = computed(page)
    terms = [term.value for term in node.terms] + ([node.total] if len(node.terms) > 1 else [])
    assert made_of == pytest.approx([*terms, *([node.value] if node.function else [])], abs=6e-5, rel=6e-3)
    shares = [share.value for share in node.shares] + ([node.gradient] if len(node.shares) > 1 else [])
    assert taught_by == pytest.approx(shares, abs=6e-5, rel=6e-3)
    assert number(page.locator(".panel .value").inner_text()) == pytest.approx(node.value, abs=6e-5)
    assert number(page.locator(".panel .slope").text_content()) == pytest.approx(node.gradient, abs=6e-5)
    in_address(page, "node", name)


def test_a_weight_in_the_arithmetic_leads_to_its_sum_over_the_steps(open_page):
    page, made = open_part(open_page, "?node=a_l0.1.0"), graph()
    weight = made["rnn.weight_hh_l0.0.1"]
    page.locator(".panel .go[aria-label='W hh [1,2]']").click()
    in_address(page, "node", weight.name)
    assert page.locator(".panel .named").inner_text() == "rnn.weight_hh_l0[0, 1]"
    rows = numbers(page.locator(".panel .rows .result"))
    assert rows == pytest.approx([*(share.value for share in weight.shares), weight.gradient], abs=6e-5)
    assert rows[0] == 0  # h_0 is zero
    # Its edges, one for every step, stand out.
    assert page.locator(".drawing path.terms").count() == 3


def test_an_edited_weight_is_followed_by_everything_and_stands_in_the_link(open_page):
    page = open_part(open_page, "?node=h_l0.2.1")
    before, after = graph(), graph(edits={"rnn.weight_hh_l0.0.1": -0.9})
    field = page.locator("[data-place='rnn.weight_hh_l0.0.1']")
    field.fill("-0.9")
    in_address(page, "edits", "rnn.weight_hh_l0.0.1:-0.9")
    shown = f"{after['h_l0.2.0'].value:.2f}".replace("-", "−")
    assert shown != f"{before['h_l0.2.0'].value:.2f}".replace("-", "−")
    unit(page, after, "h_l0.2.0").get_by_text(shown).wait_for(timeout=SLOW)
    assert unit(page, after, "loss").text_content().startswith(f"{after.loss.value:.2f}")
    assert field.input_value() == "-0.9"
    field.press("Tab")  # the field is not taken away from under the hands
    assert page.evaluate(
        """() => { let at = document.activeElement; while (at.shadowRoot) at = at.shadowRoot.activeElement;
                   return at.dataset.place; }"""
    ) == "rnn.weight_hh_l0.1.0"  # fmt: skip
    page.get_by_role("button", name="Back to the seed").click()
    in_address(page, "edits", None)
    unit(page, before, "h_l0.2.0").get_by_text(f"{before['h_l0.2.0'].value:.2f}").wait_for(timeout=SLOW)


@pytest.mark.parametrize("gap", [150, 350])
def test_fields_that_are_filled_fast_all_arrive(open_page, gap):
    page = open_part(open_page, "?cell=peephole_lstm_full&units=4&depth=2&steps=6")
    edits = {f"x.{t}.{d}": 0.3 for t in range(3) for d in range(2)}
    for place in edits:
        page.locator(f"[data-place='{place}']").fill("0.3")
        page.wait_for_timeout(gap)
    in_address(page, "edits", ",".join(f"{place}:{value}" for place, value in edits.items()))
    assert page.locator(".stAlert, .stException").count() == 0
    assert [page.locator(f"[data-place='{place}']").input_value() for place in edits] == ["0.3"] * 6
    made = graph("peephole_lstm_full", units=4, depth=2, steps=6, edits=edits)
    unit(page, made, "loss").get_by_text(f"{made.loss.value:.2f}").wait_for(timeout=SLOW)


def test_a_number_that_is_typed_just_before_a_story_does_not_change_the_storys_network(open_page):
    page = open_part(open_page)
    page.locator("[data-place='x.0.0']").fill("0.3")
    page.locator(".st-key-story_byhand-forget button").click()
    in_address(page, "cell", "lstm")
    page.wait_for_timeout(4000)  # longer than it would be told again
    assert "edits" not in page.url
    assert page.locator("[data-place='x.0.0']").input_value() == "0.5"


def test_what_is_told_while_a_story_is_under_way_does_not_undo_it(chromium, app):
    page = chromium.new_page()
    answers = Answers(page)
    page.goto(f"{app}/cells")
    field = page.locator("[data-place='x.0.0']")
    field.wait_for(timeout=60_000)
    page.wait_for_selector("[data-test-script-state='notRunning']")
    answers.hold()
    page.locator(".st-key-story_byhand-forget button").click()
    answers.wait()
    field.fill("0.3")  # told with the cell as the browser still has it
    page.wait_for_timeout(1000)
    answers.release()
    in_address(page, "cell", "lstm")
    page.wait_for_timeout(1000)
    assert "cell=lstm" in page.url
    assert "edits" not in page.url
    page.close()


def test_a_targets_field_leads_to_the_target_in_the_graph(open_page):
    page, made = open_part(open_page, "?loss=mse"), graph(loss="mse")
    page.locator("[data-place='y.1.0']").focus()
    in_address(page, "node", "y.1.0")
    assert page.locator(".panel h3 .math").inner_text() == "y2[1]"
    value = number(page.locator(".panel .value").inner_text())
    assert value == made["y.1.0"].value != made["logits.1.0"].value
    assert page.locator(".looked [data-place='y.1.0']").count() == 1


def test_a_number_that_is_none_is_refused_in_words_and_nothing_is_lost(open_page):
    page, made = open_part(open_page), graph()
    field = page.locator("[data-place='x.0.0']")
    for wrong in ("", "5000"):
        field.fill(wrong)
        page.locator(".matrices .problem").get_by_text("must be a number from −999 to 999").wait_for()
        assert field.get_attribute("aria-invalid") == "true"
        assert field.input_value() == wrong
        assert unit(page, made, "x.0.0").text_content() == "0.50"
    field.fill("0.25")
    in_address(page, "edits", "x.0.0:0.25")
    assert page.locator(".matrices .problem").is_hidden()


def test_a_target_is_chosen_and_taken_away(open_page):
    page = open_part(open_page, "?loss=every")
    page.locator("[data-place='y.0']").select_option("-1")
    in_address(page, "edits", "y.0:-1")
    page.locator(f"{UNIT}.asked").nth(2).wait_for(state="detached")
    assert page.locator(f"{UNIT}.asked").count() == 2


def test_play_goes_through_all_moments_forward_and_back_to_the_weights(open_page):
    page = open_part(open_page, "?steps=2")
    slider, says = page.locator(".place"), page.locator(".says")
    says.evaluate(HEAR)
    page.locator(".speed").select_option("4")
    page.locator(".play").click()
    says.get_by_text("Every weight has its gradient").wait_for(timeout=SLOW)
    heard = page.evaluate("() => window.heard")
    assert heard[0] == "Step 1: the network reads its input."
    assert heard.count("Backward: it begins at the loss, with 1.") == 1
    assert heard.index("Backward: it begins at the loss, with 1.") == 12  # x, a, h, y, p twice, two losses
    assert len(heard) == 22
    assert page.locator(".backward[aria-pressed='true']").count() == 1
    last = slider.get_attribute("max")
    assert slider.input_value() == last
    in_address(page, "stage", last)
    page.locator(".play .when-paused").wait_for()
    # Below every weight stands its gradient now.
    weight = graph(steps=2)["rnn.weight_ih_l0.0.0"]
    slope = page.locator("td:has([data-place='rnn.weight_ih_l0.0.0']) .slope")
    assert float(slope.inner_text().removeprefix("∂ ").replace("−", "-")) == pytest.approx(weight.gradient, abs=6e-4)


def test_a_link_brings_back_the_moment_and_the_number(open_page):
    page = open_part(open_page, "?cell=gru&loss=every&edits=x.1.0:0.25")
    page.locator(".backward").click()
    for _ in range(3):
        page.locator(".previous").click()
    made = graph("gru", "every", {"x.1.0": 0.25})
    unit(page, made, "z_l0.1.0").click()
    in_address(page, "node", "z_l0.1.0")
    says, panel = page.locator(".says").inner_text(), page.locator(".panel").inner_text()
    again = open_part(open_page, page.url[page.url.index("?") :])
    again.locator(".says").get_by_text(says).wait_for()
    assert again.locator(".panel").inner_text() == panel
    assert again.locator(".place").input_value() == page.locator(".place").input_value()
    chosen = again.locator(f"{UNIT}.chosen")
    assert chosen.get_attribute("data-node") == str(list(made).index("z_l0.1.0"))


def test_moments_show_values_come_to_be_and_gradients_come_back(open_page):
    page, made = open_part(open_page, "?stage=3"), graph()  # x_1, a_1, h_1
    assert unit(page, made, "h_l0.0.0").text_content() == f"{made['h_l0.0.0'].value:.2f}"
    assert unit(page, made, "logits.0.0").text_content() == ""
    assert unit(page, made, "h_l0.0.0").get_attribute("class").split() == ["unit", "now", "chosen"]
    page.locator(".backward").click()
    shown = unit(page, made, "a_l0.2.0").text_content()
    assert shown.replace("−", "-") == f"{made['a_l0.2.0'].gradient:.2f}"
    assert "waiting" in unit(page, made, "p.0.0").get_attribute("class")  # nothing comes back through it


def test_another_cell_is_shown_at_the_same_point_of_its_own_way(open_page):
    page = open_part(open_page)
    page.locator(".st-key-tiny [data-testid=stSelectbox]").nth(2).locator("input").click()
    page.get_by_role("option", name="5", exact=True).click()
    made = graph(steps=5)
    unit(page, made, "loss").get_by_text(f"{made.loss.value:.2f}").wait_for(timeout=SLOW)  # all values are there
    assert page.locator(".place").input_value() == str(5 * 5 + 2)
    page.locator(".backward").click()
    in_address(page, "stage", page.locator(".place").get_attribute("max"))
    page.locator(".st-key-tiny [data-testid=stSelectbox]").nth(2).locator("input").click()
    page.get_by_role("option", name="2", exact=True).click()
    page.locator(".place[max='22']").wait_for(timeout=SLOW)
    in_address(page, "stage", "22")
    page.locator(".says").get_by_text("Every weight has its gradient").wait_for(timeout=SLOW)
    assert page.locator(".stAlert").count() == 0


def test_the_graph_is_one_stop_for_tab_and_arrows_go_from_number_to_number(open_page):
    page, made = open_part(open_page), graph()
    page.locator(".speed").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    in_address(page, "node", "h_l0.1.0")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    in_address(page, "node", "h_l0.1.1")
    focused = unit(page, made, "h_l0.1.1")
    assert focused.get_attribute("aria-pressed") == "true"
    assert re.match(r"h 2 \[2\] = −0\.98", focused.get_attribute("aria-label"))
    assert page.locator(f"{UNIT}[tabindex='0']").count() == 1
    page.locator(".next").focus()
    page.keyboard.press("ArrowRight")
    in_address(page, "stage", "18")


def test_a_story_sets_the_network_and_what_is_looked_at(open_page):
    page = open_part(open_page)
    link = page.locator(".st-key-lesson a[href='#story-byhand-forget']")
    link.scroll_into_view_if_needed()
    link.click()
    in_address(page, "cell", "lstm")
    in_address(page, "node", "c_l0.1.0")
    factors = page.locator(".panel .rows").first.locator(".row").first.locator(".go")
    page.locator(".panel h3").get_by_text("c2[1]").wait_for(timeout=SLOW)
    assert factors.all_text_contents() == ["f2[1]", "c1[1]"]
    page.wait_for_function("() => document.querySelector('.st-key-part_figure').getBoundingClientRect().top < 200")


def test_a_storys_button_below_the_graph_brings_it_into_view(open_page):
    page = open_part(open_page)
    button = page.locator(".st-key-story_byhand-forget button")
    button.evaluate("each => each.scrollIntoView({ block: 'start' })")
    page.wait_for_function("() => document.querySelector('.st-key-part_figure').getBoundingClientRect().top < 0")
    button.click()
    in_address(page, "cell", "lstm")
    top = "document.querySelector('.st-key-part_figure').getBoundingClientRect().top"
    page.wait_for_function(f"() => {top} > 0 && {top} < 200", timeout=SLOW)


def test_on_a_phone_the_graph_scrolls_in_its_own_box_and_the_arithmetic_fits(open_page):
    page = open_part(open_page, "?cell=lstm&node=c_l0.1.0", size=(390, 844))
    sizes = page.locator(".scroller").evaluate("each => [each.scrollWidth, each.clientWidth]")
    assert sizes[0] > sizes[1] + 100
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    box = page.locator(".panel").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert page.locator(".panel").evaluate("each => each.scrollWidth <= each.clientWidth + 1")
    # What the link looks at has been brought into the box.
    chosen, frame = page.locator(f"{UNIT}.chosen").bounding_box(), page.locator(".scroller").bounding_box()
    assert frame["x"] <= chosen["x"] <= frame["x"] + frame["width"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edges_have_their_groups_colour_in_either_theme(open_page, theme):
    page = open_part(open_page, color_scheme=theme)
    colours = page.locator(".drawing path").evaluate_all("all => [...new Set(all.map((each) => each.style.stroke))]")
    wanted = {style.parameter(name)[theme] for name in ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight")}
    found = {"#" + "".join(f"{int(n):02X}" for n in re.findall(r"\d+", each)) for each in colours if each}
    assert found == wanted


def test_who_asks_for_less_motion_gets_still_edges(open_page):
    page = open_part(open_page, "?stage=3", reduced_motion="reduce")
    assert page.locator(".drawing path.lit").count() > 0
    names = page.locator(".drawing path.lit").evaluate_all(
        "all => all.map((each) => getComputedStyle(each).animationName)"
    )
    assert set(names) == {"none"}
