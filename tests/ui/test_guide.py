"""The reading guide: every question has its answer in both languages, and every link opens what it names."""

from urllib.parse import parse_qs, urlsplit

import pytest

from rnnviz import checkpoints, text
from rnnviz.ui import frame, state
from rnnviz.ui.guide.questions import READING
from rnnviz.ui.parts import stories
from tests.what_a_page_says import opened, told

LINKS = sorted({(page, *link.items()) for questions in READING.values() for q in questions for page, link in q.links})


@pytest.mark.parametrize("lang", text.LANGUAGES)
def test_every_question_is_shown_with_its_answer_and_its_links(lang):
    app, words = opened("guide", part="questions", lang=lang), text.Words(lang)
    said = told(app)
    for questions in READING.values():
        for question in questions:
            assert words(f"reading.{question.name}.question") in said
            assert words(f"reading.{question.name}.answer") in said
            assert question.links
    addresses = {part.partition(")")[0] for part in said.split("](")[1:]}
    for address in addresses:
        parsed = urlsplit(address)
        assert parsed.path in frame.PAGES
        assert parse_qs(parsed.query).get("lang", ["en"]) == [lang]


@pytest.mark.parametrize(("page", "link"), [(page, dict(link)) for page, *link in LINKS])
def test_a_link_of_the_reading_guide_opens_what_it_names(page, link):
    for key, value in link.items():
        state.LINK[key](value)  # ValueError for what no page understands
    if "part" in link:
        assert stories.PARTS[link["part"]].page == page
    app = opened(page, **link)
    assert not app.exception
    assert not app.session_state["link_ignored"]
    for key, value in link.items():
        assert app.session_state[key] == state.LINK[key](value), key


def test_the_parts_of_the_guide_are_opened_by_links():
    for part in stories.of_page("guide"):
        app = opened("guide", part=part)
        assert not app.exception
        assert app.session_state["part"] == part


def test_a_link_to_a_part_of_another_page_says_so():
    app = opened("cells", part="hello")
    assert app.session_state["part"] == "byhand"
    assert app.session_state["link_ignored"] == ["part"]
    assert not opened("cells", part="terms").session_state["link_ignored"]


@pytest.mark.parametrize("lang", text.LANGUAGES)
def test_every_network_that_is_shipped_is_listed_with_what_it_is_judged_by(lang):
    app, words = opened("guide", part="networks", lang=lang), text.Words(lang)
    (table,) = app.table
    listed = table.value.set_index(words("guide.network"))
    assert sorted(listed.index) == checkpoints.names(None)
    for name in listed.index:
        card, row = checkpoints.card(name), listed.loc[name]
        scores = {words("guide.mnist"): "–", words("guide.uci"): "–", words("guide.psnr"): "–"}
        if card.task == "upscale":
            scores[words("guide.psnr")] = f"{card.psnr['mnist']:.2f} dB"
        else:
            for key in ("mnist", "uci"):
                scores[words(f"guide.{key}")] = f"{card.accuracy[key]:.2%}"
        assert {key: row[key] for key in scores} == scores
    assert listed.loc["super-3x128", words("guide.psnr")] == "29.19 dB"
