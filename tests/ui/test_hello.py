"""hello -> ohlol: the figures show what torch computes; own words, bad words, stories, twenty seeds."""

import re

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from torch.nn import functional as F

from rnnviz import text
from rnnviz.tasks.words import Recipe, floor, pair
from rnnviz.ui.parts import growing, stories
from rnnviz.ui.sequences import hello, letters
from tests.tasks.test_words import HELLO, Twin
from tests.ui.test_lab import numbers
from tests.what_a_page_says import charts, opened, told

STORIES = [name for name, (part, _) in stories.STORIES.items() if part == "hello"]


@pytest.fixture(autouse=True)
def everything_at_the_first_look(monkeypatch):
    monkeypatch.setattr(growing, "FIRST", 60.0)
    st.cache_resource.clear()


def open_part(**link: str) -> AppTest:
    return opened("sequences", **link)


def spelling(app: AppTest) -> str:
    """Return the table of what is read and said, without its marks."""
    return next(each.proto.body for each in app.get("html") if '<div class="spelling">' in each.proto.body)


def row(app: AppTest, name: str) -> list[str]:
    cells = re.search(f'<tr class="{name}">(.*?)</tr>', spelling(app))[1]
    return [re.sub("<.*", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", cells)]


def heatmap(app: AppTest, name: str) -> np.ndarray:
    z = charts(app)[name]["figure"]["data"][0]["z"]
    return numbers(z).reshape([int(n) for n in z["shape"].split(",")]) if isinstance(z, dict) else np.array(z)


def trained_by_torch(recipe: Recipe, updates: int) -> tuple[np.ndarray, list[np.ndarray], float]:
    """Return hidden states (T, H), the probabilities (T, K) after each update, and the last loss."""
    twin = Twin(recipe, 4)
    learns = [parameter for parameter in twin.parameters() if parameter.requires_grad]
    optimiser = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[recipe.optimiser](learns, lr=recipe.rate)
    places, labels = torch.tensor(HELLO.places(HELLO.word)), torch.tensor(HELLO.labels)
    found = []
    for update in range(updates + 1):
        logits = twin(places, 4)
        found.append(logits.softmax(-1).detach().numpy())
        loss = F.cross_entropy(logits, labels)
        if update < updates:
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    reads = twin.embedding(places) if recipe.encoding == "embedding" else F.one_hot(places, 4).double()
    return twin.rnn(reads)[0].detach().numpy(), found, loss.item()


@pytest.mark.parametrize(
    ("link", "recipe"),
    [
        ({}, Recipe()),
        ({"encoding": "embedding", "cell": "gru", "seed": "3"}, Recipe(cell="gru", encoding="embedding", seed=3)),
        ({"readout": "hidden", "biases": "1"}, Recipe(readout="hidden", biases=1)),
        (
            {"optimiser": "sgd", "rate": "0.5", "units": "5", "cell": "lstm"},
            Recipe(cell="lstm", units=5, optimiser="sgd", rate=0.5),
        ),
    ],
)
def test_all_figures_show_what_torch_learns(link, recipe):
    app = open_part(at="7", **link)
    h, probs, loss = trained_by_torch(recipe, 7)
    np.testing.assert_allclose(heatmap(app, "answers"), probs[-1].T, atol=1e-6)
    np.testing.assert_allclose(heatmap(app, "memory"), h.T, atol=1e-6)
    lines = [trace for trace in charts(app)["curves"]["figure"]["data"] if trace["mode"].startswith("lines")]
    assert len(lines) == 5
    for step, line in enumerate(lines):
        chances = [each[step, HELLO.labels[step]] for each in probs]
        np.testing.assert_allclose(numbers(line["y"])[:8], chances, atol=1e-6)
    assert f"Update 7: the loss is {loss:.3f}" in spelling(app)
    assert row(app, "said") == [HELLO.letters[k] for k in probs[-1].argmax(axis=1)]


def test_hello_is_learnt_step_by_step_and_the_curves_end_at_the_update_shown():
    app = open_part()
    assert row(app, "read") == list("hello")
    assert row(app, "wanted") == list("ohlol")
    assert "steps are right" in spelling(app)
    for update in range(1, 7):
        app.button(key="learning_step").click().run()
        assert app.session_state["at"] == update
    assert row(app, "said") == list("ohlol")
    since = int(re.search(r"All right since update (\d+)", spelling(app))[1])
    before = open_part(at=str(since - 1))
    assert row(before, "said") != list("ohlol")
    app.button(key="learning_restart").click().run()
    known = numbers(charts(app)["loss"]["figure"]["data"][0]["y"])
    assert np.isfinite(known).sum() == 1
    assert charts(app)["loss"]["figure"]["data"][0]["mode"] == "lines+markers"  # a point alone would not be seen


def test_going_to_the_end_and_another_seed():
    app = open_part()
    app.button(key="learning_end").click().run()
    assert app.session_state["at"] == hello.UPDATES
    first = spelling(app)
    app.button(key="learning_seed").click().run()
    assert app.session_state["link"]["seed"] == "1"
    assert spelling(app) != first


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("name", STORIES)
def test_every_story_can_be_told_by_a_link_and_written_back(name, language, monkeypatch):
    monkeypatch.setattr(hello, "UPDATES", 8)  # what the trainings come to is tested above and below
    values = {key: min(value, 8) if key == "at" else value for key, value in stories.STORIES[name][1].items()}
    app = open_part(lang=language, **{key: f"{value}" for key, value in values.items()})
    assert not app.error
    assert not app.session_state["link_ignored"]
    defaults = stories.PARTS["hello"].defaults
    kept = {key: value for key, value in app.session_state["link"].items() if key != "lang"}
    assert kept == {key: f"{value}" for key, value in values.items() if value != defaults[key]}
    for chart in charts(app).values():
        assert chart["alt"]
        assert "nan" not in chart["alt"]


def test_every_link_in_the_lesson_names_a_story_and_every_story_is_told_there():
    for language in text.LANGUAGES:
        named = re.findall(r"\(#story-([^)]+)\)", text.Words(language).lesson("sequences_hello"))
        assert sorted(named) == sorted(STORIES)


@pytest.mark.parametrize("option", ["a", "b", "c"])
def test_the_prediction_is_answered_by_the_floor(option):
    app = open_part()
    app.button(key=f"predict_hello_{option}").click().run()
    assert not app.exception
    assert any(text.Words("en")("predict.hello.answer") in info.value for info in app.info)
    assert "floor 0.341" in charts(app)["loss"]["figure"]["data"][1]["name"]


@pytest.mark.parametrize(
    ("word", "target", "letters"), [("hello", "ohlol", 4), ("ab", "ba", 2), ("一二三四五六", "二三四五六一", 6)]
)
def test_the_floor_is_derived_for_the_letters_on_screen(word, target, letters):
    app = open_part(readout="hidden", word=word, target=target, at="80")
    lowest = floor(letters)
    assert f"= {lowest:.3f}$" in told(app)
    assert f"= {np.exp(-lowest):.3f}$" in told(app)
    line = numbers(charts(app)["loss"]["figure"]["data"][1]["y"])
    np.testing.assert_allclose(line, lowest, rtol=1e-6)
    losses = numbers(charts(app)["loss"]["figure"]["data"][0]["y"])
    assert np.nanmin(losses) > lowest
    assert "Why the loss" not in told(open_part(word=word, target=target))


def test_a_stuck_unit_is_named_with_its_numbers():
    app = open_part(readout="hidden", at="80")
    h, probs, _ = trained_by_torch(Recipe(readout="hidden"), 80)
    assert probs[-1].argmax(axis=1).tolist() == [3, 0, 2, 2, 2]
    assert f"{h[3, 2]:.3f} and {h[3, 3]:.3f}" in told(app)
    assert "Why step 4 hardly learns.** It says l and should say o" in told(app)
    assert "hardly learns" not in told(open_part(readout="hidden", seed="1", at="80"))


def test_twenty_seeds_are_trained_and_counted():
    app = open_part(readout="hidden", many="1")
    assert "16 of 20 seeds learn it" in told(app)
    assert "seeds 0, 4, 10, 16" in told(app)
    good, bad = charts(app)["soon"]["figure"]["data"][1:]
    assert len(numbers(good["y"])) == 16
    assert numbers(bad["x"]).tolist() == [0, 4, 10, 16]
    seed = int(numbers(good["x"])[0])
    since = int(numbers(good["y"])[0])
    assert f"since update {since}." in spelling(open_part(readout="hidden", seed=str(seed), at="80"))
    assert "soon" not in charts(open_part())


def test_a_toggle_stands_in_the_link():
    app = open_part()
    app.toggle(key="widget_many").set_value(True).run()
    assert app.session_state["link"]["many"] == "1"
    assert "20 of 20 seeds" in told(app)


@pytest.mark.parametrize(
    ("word", "target"),
    [("你好世界", "好世界你"), ("👍🏽🇨🇳é", "🇨🇳é👍🏽"), ("to be or not", "be or not to"), ("12", "21"), ("a", "a"),
     ("<b>&$", "&$<b>"), ("|*_`", "`*|_"), ("abcdefghijkl", "lkjihgfedcba")],
)  # fmt: skip
def test_any_letters_and_words_are_read_and_kept_in_the_link(word, target):
    app = open_part(word=word, target=target, at="20", readout="hidden")
    assert not app.session_state["link_ignored"]
    asked = pair(word, target)
    assert len(row(app, "read")) == len(asked.word)
    assert app.session_state["link"]["word"] == word
    assert heatmap(app, "answers").shape == (len(asked.letters), len(asked.word))
    assert "<b>" not in spelling(app)


@pytest.mark.parametrize(
    ("word", "target", "says"),
    [
        ("", "abc", "at least one"),
        ("abc", "ab", "abc: 3, ab: 2. Both must be equally long"),
        ("a b", "ab", "equally long"),
        ("a" * 14, "b" * 14, "too long"),
    ],
)
def test_words_that_cannot_be_learnt_are_refused_in_words(word, target, says):
    app = open_part(at="5")
    app.text_input(key="widget_word").set_value(word)
    app.text_input(key="widget_target").set_value(target)
    app.run()
    assert not app.exception
    assert any(says in warning.value for warning in app.warning)
    assert row(app, "read") == list("hello")  # the last good figures stay, pale
    assert any("opacity" in each.proto.body for each in app.get("html"))
    app.text_input(key="widget_word").set_value("ab")
    app.text_input(key="widget_target").set_value("ba")
    app.run()
    assert charts(app)
    assert row(app, "read") == ["a", "b"]


def test_typed_words_are_no_formulas_in_the_legend():
    app = open_part(word="foo_bar x^(2) <i>", target="x^(2) <i> foo_bar")
    legend = next(each.proto.body for each in app.get("html") if "part-legend" in each.proto.body)
    assert "foo_bar" in legend
    assert "x^(2)" in legend
    assert not re.search("<su[bp]>|<i>", legend)


def test_settings_that_do_not_matter_make_no_other_training(monkeypatch):
    begun, watched = [], hello._watched
    monkeypatch.setattr(hello, "_watched", lambda *of: [begun.append(of)] and watched(*of))
    for units in ("5", "9"):
        open_part(readout="hidden", units=units)
    assert len(begun) == 1
    for units in ("5", "9"):
        open_part(units=units)
    assert len(begun) == 3


def test_what_a_link_cannot_mean_is_left_out_and_said():
    app = open_part(word="a" * 13, target="", cell="rnn_relu", readout="none", rate="0.11")
    assert set(app.session_state["link_ignored"]) == {"word", "target", "cell", "readout"}
    assert any("left out" in warning.value for warning in app.warning)
    assert row(app, "read") == list("hello")
    assert app.session_state["rate"] == 0.1


def test_an_optimiser_brings_its_usual_rate():
    app = open_part()
    app.segmented_control(key="widget_optimiser").set_value("sgd").run()
    assert app.session_state["rate"] == letters.USUAL["sgd"]
    assert app.session_state["link"]["optimiser"] == "sgd"


def test_a_rate_that_is_far_too_high_shows_what_it_does_and_no_traceback():
    app = open_part(optimiser="sgd", rate="5", at="80", cell="lstm", word="aaaaaaaaaaaa", target="abcdefghijkl")
    assert not app.error
    assert charts(app)


def test_the_lesson_tells_the_floor_of_a_softmax_made_twice():
    best = torch.tensor([[1.0, 0.0, 0.0, 0.0]])  # the first softmax can give no more
    loss = F.cross_entropy(best, torch.tensor([0])).item()
    for language in text.LANGUAGES:
        assert f"\\ln(1 + 3/e) = {loss:.3f}$" in text.Words(language).lesson("sequences_hello")
