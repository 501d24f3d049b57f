"""The embedding: product and row, the gradient of the rows that were read, vectors that move, the snippet in torch."""

import re

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest
from torch.nn import functional as F

from rnnviz import figures, text
from rnnviz.tasks import words
from rnnviz.tasks.words import Recipe, pair
from rnnviz.ui.parts import growing, stories
from rnnviz.ui.sequences import embedding
from tests.tasks.test_words import HELLO, Twin
from tests.ui.test_lab import numbers
from tests.what_a_page_says import charts, opened, told

STORIES = [name for name, (part, _) in stories.STORIES.items() if part == "embedding"]


@pytest.fixture(autouse=True)
def everything_at_the_first_look(monkeypatch):
    monkeypatch.setattr(growing, "FIRST", 60.0)
    st.cache_resource.clear()


def open_part(**link: str) -> AppTest:
    return opened("sequences", **{"part": "embedding"} | link)


def table(app: AppTest) -> tuple[list[list[str]], str]:
    """Return the cells of the matrix and its product, row by row, and the sentences below."""
    body = next(each.proto.body for each in app.get("html") if '<div class="lookup"' in each.proto.body)
    rows = re.findall(r"<tr class=.*?</tr>", body)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    return cells, body[body.index("lookup-told") :]


def learnt_by_torch(recipe: Recipe, updates: int) -> Twin:
    twin = Twin(recipe, 4)
    optimiser = torch.optim.Adam(twin.parameters(), lr=recipe.rate)
    places, labels = torch.tensor(HELLO.places(HELLO.word)), torch.tensor(HELLO.labels)
    for _ in range(updates):
        optimiser.zero_grad()
        F.cross_entropy(twin(places, 4), labels).backward()
        optimiser.step()
    optimiser.zero_grad()
    return twin


def written(values: np.ndarray) -> list[str]:
    return [f"{value:.3f}".replace("-", "−") for value in values]


@pytest.mark.parametrize("updates", [0, 6])
@pytest.mark.parametrize("dim", [2, 5])
@pytest.mark.parametrize("steps", [1, 2, 4, 5])
def test_matrix_product_row_and_gradient_are_nn_embeddings(updates, dim, steps):
    app = open_part(at=f"{updates}", dim=f"{dim}", steps=f"{steps}", letter="4")
    twin = learnt_by_torch(Recipe(encoding="embedding", dim=dim), updates)
    read, labels = torch.tensor(HELLO.places(HELLO.word))[:steps], torch.tensor(HELLO.labels)[:steps]
    F.cross_entropy(twin(read, 4), labels).backward()
    matrix = twin.embedding.weight.detach().numpy()
    gradient = twin.embedding.weight.grad.numpy()
    rows, says = table(app)
    for k, row in enumerate(rows[:4]):
        assert row[:2] == [HELLO.letters[k], "1" if k == 3 else "0"]
        assert row[2 : 2 + dim] == written(matrix[k])
        expected = [
            "0" if not g else ("−" if g < 0 else "+") + figures.power(np.log10(abs(g))) for g in gradient[k].tolist()
        ]
        assert row[2 + dim :] == expected
    looked_up = written(twin.embedding(torch.tensor(3)).detach().numpy())
    assert rows[4][1 : 1 + dim] == rows[5][1 : 1 + dim] == looked_up
    assert "equal to the last bit" in says
    occurred = len(set(read.tolist()))
    told_of = f"{occurred} rows have a gradient, {4 - occurred} have exactly none"
    assert f"“{'hello'[:steps]}”: {told_of if occurred < 4 else 'every row has a gradient'}" in says


def test_the_product_is_written_out_with_its_numbers():
    rows, says = table(open_part(letter="2", at="3"))
    firsts = [row[2] for row in rows[:4]]
    terms = [f"{one}·{f'({value})' if '−' in value else value}" for one, value in zip("0100", firsts, strict=True)]
    assert f"{' + '.join(terms)} = {firsts[1]}." in says


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("link", [{}, {"dim": "5", "steps": "4"}, {"corpus": "sentences", "steps": "3"}])
def test_the_snippet_runs_in_torch_and_shows_what_it_says(language, link, capsys):
    app = open_part(lang=language, **link)
    found: dict = {}
    exec(app.code[0].value, found)
    places = (HELLO.places("hello") if "corpus" not in link else np.array(words.EXAMPLE))[: int(link.get("steps", 2))]
    assert found["read"].tolist() == places.tolist()
    assert found["embedding"].weight.shape == (9 if "corpus" in link else 4, int(link.get("dim", 2)))
    rows = found["embedding"].weight.grad.any(dim=1).nonzero().flatten().tolist()
    assert rows == sorted(set(places.tolist()))
    assert "tensor" in capsys.readouterr().out


def traces(app: AppTest) -> list[dict]:
    return charts(app)["moving"]["figure"]["data"]


def test_points_and_their_ways_are_the_vectors_over_the_updates():
    app = open_part(at="6")
    recipe = Recipe(encoding="embedding", dim=2)
    paths = np.array([learnt_by_torch(recipe, k).embedding.weight.detach().numpy() for k in range(7)])
    *ways, begun, now = traces(app)
    assert len(ways) == 4
    for k, way in enumerate(ways):
        np.testing.assert_allclose(np.stack([numbers(way["x"]), numbers(way["y"])], axis=1), paths[:, k], atol=1e-6)
    np.testing.assert_allclose(numbers(begun["x"]), paths[0, :, 0], atol=1e-6)
    np.testing.assert_allclose(numbers(now["y"]), paths[6, :, 1], atol=1e-6)
    assert now["text"] == list("helo")
    assert now["marker"]["line"]["width"] == [0, 0, 3, 0]


@pytest.mark.parametrize("dim", ["2", "4"])
def test_the_axes_stay_while_the_points_move(dim):
    layouts = [charts(open_part(at=at, dim=dim))["moving"]["figure"]["layout"] for at in ("0", "7", "80")]
    for axis in ("xaxis", "yaxis"):
        assert layouts[0][axis]["range"] == layouts[1][axis]["range"] == layouts[2][axis]["range"]
    app = open_part(at="7", dim=dim)
    low, high = layouts[0]["xaxis"]["range"]
    assert all(low < x < high for trace in traces(app) for x in numbers(trace["x"]))
    assert ("Of 4 numbers the two principal components" in told(app)) == (dim == "4")


def test_sentences_say_how_close_kinds_are_and_how_low_the_loss_can_get():
    app = open_part(corpus="sentences", spread="0.2", rate="0.03", at="200")
    assert "**8 of 8** nouns and verbs" in told(app)
    recipe = Recipe(encoding="embedding", dim=2, spread=0.2, rate=0.03)
    steps = [step for step, _ in zip(recipe.train_on_sentences(), range(201), strict=False)]
    close = words.closeness(steps[-1].network.arrays["project.weight"].T)
    assert f"**{close.ratio:.2f}** times" in told(app)
    drawn = numbers(charts(app)["ratio"]["figure"]["data"][0]["y"])
    assert drawn[200] == pytest.approx(close.ratio, abs=1e-6)
    loss, least = charts(app)["loss"]["figure"]["data"][:2]
    np.testing.assert_allclose(numbers(loss["y"]), [step.loss for step in steps], atol=1e-6)
    np.testing.assert_allclose(numbers(least["y"]), words.UNPREDICTABLE, atol=1e-6)
    assert traces(app)[-1]["text"] == text.Words("en")("embedding.language").split()
    rows, says = table(app)
    assert len(rows) == 11
    assert "“cat sees”: 2 rows have a gradient, 7 have exactly none" in says


@pytest.mark.parametrize("language", text.LANGUAGES)
def test_the_tiny_language_has_a_name_for_every_word(language):
    names = text.Words(language)("embedding.language").split()
    assert len(set(names)) == len(words.KINDS)


def test_a_corpus_brings_what_suits_it_and_begins_anew():
    app = open_part(at="30", letter="4")
    app.segmented_control(key="widget_corpus").set_value("sentences").run()
    assert not app.exception
    now = app.session_state
    assert (now["rate"], now["spread"], now["at"], now["letter"]) == (0.03, 0.2, 0, 1)
    app.segmented_control(key="widget_corpus").set_value("word").run()
    assert app.session_state["link"] == {"part": "embedding", "letter": "1"}


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("name", STORIES)
def test_every_story_can_be_told_by_a_link_and_written_back(name, language, monkeypatch):
    monkeypatch.setattr(embedding, "UPDATES", dict.fromkeys(embedding.UPDATES, 8))  # the vectors are tested above
    values = {key: min(value, 8) if key == "at" else value for key, value in stories.STORIES[name][1].items()}
    app = open_part(lang=language, **{key: f"{value}" for key, value in values.items()})
    assert not app.error
    assert not app.session_state["link_ignored"]
    defaults = stories.PARTS["embedding"].defaults
    kept = {key: value for key, value in app.session_state["link"].items() if key not in ("lang", "part")}
    assert kept == {key: f"{value}" for key, value in values.items() if value != defaults[key]}
    for chart in charts(app).values():
        assert chart["alt"]
        assert "nan" not in chart["alt"]


def test_every_link_in_the_lesson_names_a_story_and_every_story_is_told_there():
    for language in text.LANGUAGES:
        named = re.findall(r"\(#story-([^)]+)\)", text.Words(language).lesson("sequences_embedding"))
        assert sorted(named) == sorted(STORIES)


@pytest.mark.parametrize("option", ["a", "b", "c"])
def test_the_prediction_is_answered_by_the_sentences(option):
    app = open_part()
    app.button(key=f"predict_embedding_{option}").click().run()
    assert not app.exception
    assert "**8 of 8**" in told(app)
    assert any(text.Words("en")("predict.embedding.answer") in info.value for info in app.info)


@pytest.mark.parametrize(
    ("word", "target"),
    [("a", "b"), ("abcdefghijkl", "mnopqrstuvwx"), ("<b>&$", "&$<b>"), ("猫狗", "狗猫"), ("a b", "b .")],
)
def test_own_words_are_looked_up_and_letters_that_are_only_said_have_no_gradient(word, target):
    app = open_part(word=word, target=target, letter="24", steps="12", at="5")
    asked = pair(word, target)
    rows, says = table(app)
    assert len(rows) == len(asked.letters) + 2
    assert app.session_state["letter"] == min(24, len(asked.letters))
    silent = len(set(asked.target) - set(asked.word))
    assert (f"{silent} have exactly none" if silent else "every row has a gradient") in says
    assert app.session_state["link_ignored"] == (["letter"] if len(asked.letters) < 24 else [])
    assert "<b>" not in says


def test_a_word_that_cannot_be_learnt_is_refused_in_words():
    app = open_part()
    app.text_input(key="widget_target").set_value("abc").run()
    assert not app.exception
    assert any("equally long" in warning.value for warning in app.warning)
    assert charts(app)


def test_what_a_link_cannot_mean_is_left_out_and_said():
    app = open_part(corpus="novel", dim="1", spread="9", letter="0", steps="99")
    assert set(app.session_state["link_ignored"]) == {"corpus", "dim", "spread", "letter", "steps"}
    assert len(table(app)[0]) == 6


def test_until_the_training_is_made_the_figure_waits_and_says_so(monkeypatch):
    monkeypatch.setattr(growing, "FIRST", 0.0)
    monkeypatch.setattr(embedding, "MAKING", 0.0)
    app = open_part(corpus="sentences")
    assert "of 200" in told(app)
    assert "moving" not in charts(app)
    assert table(app)
