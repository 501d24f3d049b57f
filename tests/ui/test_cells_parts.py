"""The parts of the page Cells after the first: both languages, links, stories, predictions, bad input."""

import re

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import text
from rnnviz.ui.parts import lesson, stories
from tests.what_a_page_says import charts, opened, told

PARTS = ["terms", "neuron", "activations", "scratch", "rnncell"]
PREDICTED = [part for part in PARTS if stories.PARTS[part].answer]
STORIES = [name for part in PARTS for name in stories.PARTS[part].stories]


@pytest.fixture(autouse=True)
def nothing_known():
    st.cache_resource.clear()
    st.cache_data.clear()


def open_cells(**link: str) -> AppTest:
    return opened("cells", **link)


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_in_both_languages_with_figures_described_in_words(part, language):
    app = open_cells(part=part, lang=language)
    assert not app.error
    assert text.Words(language).lesson(f"cells_{part}").strip() in told(app)
    for chart in charts(app).values():
        assert chart["alt"]
        assert "nan" not in chart["alt"]


@pytest.mark.parametrize("name", STORIES)
def test_every_story_can_be_told_by_a_link_and_written_back(name):
    part, values = stories.STORIES[name]
    link = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in values.items()}
    app = open_cells(part=part, **link)
    assert not app.error
    assert not app.session_state["link_ignored"]
    written = {key: value for key, value in link.items() if values[key] != stories.PARTS[part].defaults[key]}
    assert written.items() <= app.session_state["link"].items()


@pytest.mark.parametrize("name", [name for name in STORIES if f"story.{name}" in text.phrases()])
def test_every_story_that_has_a_name_has_a_button_that_tells_it(name):
    part, values = stories.STORIES[name]
    app = open_cells(part=part)
    app.button(key=f"story_{name}").click().run()
    assert not app.exception
    assert not app.error
    assert all(app.session_state[key] == value for key, value in values.items())


@pytest.mark.parametrize("part", PARTS)
def test_every_link_in_a_lesson_names_a_story_and_both_languages_name_the_same(part):
    named = [re.findall(r"\(#story-([^)]+)\)", text.Words(each).lesson(f"cells_{part}")) for each in text.LANGUAGES]
    assert named[0]
    assert sorted(set(named[0])) == sorted(set(named[1]))
    assert all(stories.STORIES[name][0] == part for name in named[0])


@pytest.mark.parametrize("part", PREDICTED)
@pytest.mark.parametrize("option", lesson.OPTIONS)
def test_a_prediction_is_answered(part, option):
    app = open_cells(part=part)
    app.button(key=f"predict_{part}_{option}").click().run()
    assert not app.exception
    words = text.Words("en")
    verdict = words("predict.right" if option == stories.PARTS[part].answer else "predict.other")
    assert any(verdict in info.value and words(f"predict.{part}.answer") in info.value for info in app.info)
