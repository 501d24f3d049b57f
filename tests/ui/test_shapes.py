"""The five shapes on the page: what is drawn is what the network does; links, stories, own input and bad input."""

import json
import re
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import learn, text
from rnnviz.figures import power
from rnnviz.tasks import parity, pictures, reversal, shapes, small_digits
from rnnviz.tasks.shapes import SHAPES
from rnnviz.trace import record
from rnnviz.ui.parts import learning, lesson, stories
from rnnviz.ui.sequences import diagrams
from rnnviz.ui.sequences import shapes as part
from tests.what_a_page_says import charts, opened, told

WORDS = text.Words("en")
STORIES = stories.PARTS["shapes"].stories
AT = 20
"""Updates that these tests train."""


@pytest.fixture(autouse=True)
def all_at_once(monkeypatch, tmp_path):
    """Trainings of earlier tests are forgotten; what is asked for is there at the first look."""
    monkeypatch.setenv("RNNVIZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(learning, "PATIENCE", 300.0)
    st.cache_resource.clear()
    st.cache_data.clear()


@pytest.fixture
def short(monkeypatch) -> int:
    """Shorten all trainings; return how many updates are left of them. What they reach is tested with the tasks."""
    for name in SHAPES:
        monkeypatch.setitem(SHAPES, name, replace(SHAPES[name], updates=AT))
    return AT


def open_shapes(**link) -> AppTest:
    app = opened("sequences", part="shapes", **link)
    assert not app.error
    return app


def drawings(app: AppTest) -> dict[str, dict]:
    """Return what the drawings are told, by kind."""
    found = [
        json.loads(each.proto.json)
        for each in app.get("bidi_component")
        if each.proto.component_name == "rnnviz_diagrams"
    ]
    return {each["kind"]: each for each in found}


def trained(shape: str, updates: int = AT, **changed):
    """Return the networks after some updates, and how it went, as the page trains them."""
    settings = SHAPES[shape].settings._replace(**changed)
    found = list(islice(shapes.training(shape, settings), updates + 1))
    return found[-1].networks, found


def digit(number: int):
    images, labels = small_digits.part("test")
    return images[number - 1], int(labels[number - 1])


def gradient_told(app: AppTest) -> str:
    return next(each.value for each in app.caption if "\\partial W" in each.value)


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_runs_in_both_languages_and_is_described_in_words(shape, language):
    app, words = open_shapes(shape=shape, at=AT, lang=language), text.Words(language)
    drawn = drawings(app)
    assert drawn["choice"]["chosen"] == shape
    assert [each["title"] for each in drawn["choice"]["shapes"]] == [words(f"shapes.name.{name}") for name in SHAPES]
    assert drawn["unrolled"]["alt"]
    assert set(charts(app)) == {"shape_loss", "shape_accuracy"}
    assert words(f"shapes.what.{shape}") in told(app)
    assert "nan" not in told(app)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_choice_has_an_arrow_only_where_the_example_uses_it(shape):
    """Steps with an input or an output are those of the drawing with contents, in kind and order."""
    small = drawings(open_shapes(shape=shape, at=0))["choice"]["shapes"]
    empty = next(each["columns"] for each in small if each["name"] == shape)
    full = drawings(open_shapes(shape=shape, at=0))["unrolled"]["columns"]

    def kinds(columns) -> list[tuple]:
        each = [("x" in c, "y" in c, c["part"], c["fed"], c["handed"]) for c in columns]
        return [now for k, now in enumerate(each) if not k or now != each[k - 1]]

    assert kinds(full) == kinds(empty)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_curves_are_those_of_the_training_up_to_the_update(shape):
    found = trained(shape)[1]
    app = open_shapes(shape=shape, at=AT)
    loss, share = (charts(app)[name]["figure"] for name in ("shape_loss", "shape_accuracy"))
    tests = [each.accuracy for each in found if each.accuracy is not None]
    assert f"**{found[-1].loss:.3f}**" in told(app)
    assert f"**{tests[-1]:.1%}**" in told(app)
    for figure in (loss, share):
        moment = next(each for each in figure["layout"]["shapes"] if each.get("yref") == "paper")
        assert moment["x0"] == AT
        assert figure["layout"]["xaxis"]["range"] == [0, SHAPES[shape].updates]


@pytest.mark.parametrize(("shape", "view"), [("one_to_one", pictures.at_once), ("many_to_one", pictures.by_rows)])
def test_a_picture_is_read_as_the_network_reads_it(shape, view):
    (network,), _ = trained(shape)
    image, label = digit(7)
    trace = record(network, view(image), label)
    app = open_shapes(shape=shape, at=AT, given=7)
    columns = drawings(app)["unrolled"]["columns"]
    assert len(columns) == len(trace)
    np.testing.assert_allclose([each["h"] for each in columns], trace["h"][0], atol=0.006)
    pixels = columns[0]["x"]["pixels"] if shape == "one_to_one" else [each["x"]["pixels"][0] for each in columns]
    np.testing.assert_allclose(pixels, image, atol=0.006)
    last = columns[-1]["y"]
    assert (last["text"], last["right"]) == (str(trace.prediction), trace.prediction == label)
    assert last["note"] == f"{trace['probs'][-1].max():.0%}"
    gradients = learn.gradients(network, trace)
    for name in ("weight_ih", "weight_hh"):
        length = np.linalg.norm(gradients[f"rnn.{name}_l0"])
        value = power(np.log10(length)) if length else WORDS("shapes.zero")
        assert f"W_{{{name[-2:]}}}\\rVert$ = {value}" in gradient_told(app)
    assert (WORDS("shapes.zero") in gradient_told(app)) == (shape == "one_to_one")


def test_the_next_digit_that_is_misread_is_the_next_one():
    (network,), _ = trained("one_to_one")
    wrong = np.flatnonzero(pictures.answers(network, pictures.at_once, "test") != small_digits.part("test").labels) + 1
    app = open_shapes(shape="one_to_one", at=AT, given=int(wrong[0]))
    for expected in (wrong[1], wrong[2]):
        app.button(key="shape_misread").click().run()
        assert app.session_state["given"] == expected
        assert drawings(app)["unrolled"]["columns"][-1]["y"]["right"] is False
    app.session_state["given"] = int(wrong[-1])
    app.button(key="shape_misread").click().run()
    assert app.session_state["given"] == wrong[0]


def test_a_painted_picture_is_read_stands_in_the_link_and_goes_with_its_digit():
    (network,), _ = trained("many_to_one")
    picture = np.zeros((8, 8))
    picture[:, 3:5] = 1.0
    trace = record(network, picture)
    app = open_shapes(at=AT, given=9, picture=small_digits.pack(picture))
    assert app.session_state["link"]["picture"] == small_digits.pack(picture)
    shown = drawings(app)["unrolled"]
    assert shown["pictures"][0]["pixels"] == picture.tolist()
    last = shown["columns"][-1]["y"]
    assert (last["text"], last["right"], last["note"]) == (
        str(trace.prediction), None, f"{trace['probs'][-1].max():.0%}"
    )  # fmt: skip
    gradient = np.linalg.norm(learn.gradients(network, trace)["rnn.weight_hh_l0"])
    assert power(np.log10(gradient)) in gradient_told(app)
    undone = app.button(key="shape_unpaint").click().run()
    assert undone.session_state["given"] == 9
    assert "picture" not in undone.session_state["link"]
    app = open_shapes(at=AT, given=9, picture=small_digits.pack(picture))
    app.session_state["given"] = 10
    app.run()
    assert app.session_state["picture"] is None
    app = open_shapes(picture="0" * 63 + "z")
    assert any("left out" in each.value for each in app.warning)


def test_what_is_drawn_from_a_label_stands_beside_the_mean_of_the_class():
    (network,), _ = trained("one_to_many")
    app = open_shapes(shape="one_to_many", at=AT, given=8)
    shown = drawings(app)["unrolled"]
    mine, mean = (np.array(each["pixels"]) for each in shown["pictures"])
    np.testing.assert_allclose(mine, pictures.drawn(network)[8], atol=0.006)
    np.testing.assert_allclose([each["y"]["pixels"][0] for each in shown["columns"]], mine)
    images, labels = small_digits.part("train")
    np.testing.assert_allclose(mean, images[labels == 8].mean(axis=0), atol=0.006)
    nearest = small_digits.nearest_class(pictures.drawn(network)[8:9])[0]
    assert f"**{nearest}**" in told(app)
    assert [each for each in shown["columns"] if "x" in each] == shown["columns"][:1]


def test_the_level_that_no_drawing_gets_below_is_the_loss_of_the_class_means():
    images, labels = small_digits.part("train")
    means = np.stack([images[labels == label].mean(axis=0) for label in labels])
    level = charts(open_shapes(shape="one_to_many"))["shape_loss"]["figure"]["layout"]["shapes"][-1]["y0"]
    assert level == pytest.approx(((images - means) ** 2).mean())
    for shape, classes in (("one_to_one", 10), ("aligned", 2), ("encoder_decoder", 5)):
        level = charts(open_shapes(shape=shape))["shape_loss"]["figure"]["layout"]["shapes"][-1]["y0"]
        assert level == pytest.approx(np.log(classes))


def test_own_bits_are_read_one_by_one():
    (network,), _ = trained("aligned")
    bits = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1])
    trace = record(network, parity.sequence(bits), parity.parities(bits), loss="every")
    app = open_shapes(shape="aligned", at=AT, given="11010011101")
    columns = drawings(app)["unrolled"]["columns"]
    answers = trace["logits"].argmax(axis=1)
    assert [int(each["y"]["text"]) for each in columns] == answers.tolist()
    assert [each["y"]["right"] for each in columns] == (answers == parity.parities(bits)).tolist()
    assert f"**{(answers == parity.parities(bits)).sum()} of 11**" in told(app)
    assert WORDS("shapes.parity_longer", longest=8) in told(app)


@pytest.mark.parametrize("word", ["dab", "abcdabc"])
def test_an_own_word_is_written_by_the_decoder_given_its_own_signs(word):
    networks, _ = trained("encoder_decoder")
    pair = reversal.Pair(*networks)
    written = reversal.write(pair, word)
    app = open_shapes(shape="encoder_decoder", at=AT, given=word)
    columns = drawings(app)["unrolled"]["columns"]
    read, wrote = columns[: len(word)], columns[len(word) :]
    assert [each["x"]["text"] for each in read] == list(word)
    assert not any("y" in each for each in read)
    signs = [each["y"]["text"] for each in wrote]
    assert signs == [reversal.text([sign]) or "end" for sign in written.signs]
    assert [each["x"]["text"] for each in wrote] == ["start", *signs[:-1]]
    np.testing.assert_allclose([each["h"] for each in wrote], written.states, atol=0.006)
    meant = [*word[::-1], "end"]
    assert [each["y"]["right"] for each in wrote] == [
        t < len(meant) and sign == meant[t] for t, sign in enumerate(signs)
    ]
    assert (WORDS("shapes.word_longer", longest=4) in told(app)) == (len(word) > 4)
    taught = reversal.lesson(pair, word)
    length = np.linalg.norm(taught.gradients.encoder["rnn.weight_hh_l0"])
    assert power(np.log10(length)) in gradient_told(app)


@pytest.mark.parametrize("known", [True, False])
def test_whether_a_word_was_learnt_from_is_said(known):
    word = next(each for each in reversal.words("train" if known else "test") if len(each) == 4)
    app = open_shapes(shape="encoder_decoder", given=word)
    assert WORDS("shapes.word_known" if known else "shapes.word_new") in told(app)


@pytest.mark.parametrize(("shape", "given"), [("aligned", "10201"), ("encoder_decoder", "hello")])
def test_what_cannot_be_read_is_said_and_the_rest_stays(shape, given):
    app = open_shapes(shape=shape, given=given)
    assert "unrolled" not in drawings(app)
    assert any("Type up to" in each.value for each in app.info)
    assert len(charts(app)) == 2


def test_what_a_link_cannot_mean_is_left_out_and_said():
    app = open_shapes(shape="pentagon", given="seven", cell="transformer", units="900")
    assert any("left out" in each.value for each in app.warning)
    assert app.session_state["shape"] == "many_to_one"
    assert app.session_state["given"] == part.FIRST["many_to_one"]
    app = open_shapes(shape="encoder_decoder", cell="lstm")  # a cell, but not one that hands all over
    assert app.session_state["cell"] == "gru"
    assert any("cell" in each.value for each in app.warning)
    for shape, given in (("one_to_many", "77"), ("one_to_one", "99999"), ("many_to_one", "0")):
        app = open_shapes(shape=shape, given=given)
        assert app.session_state["given"] == part.FIRST[shape]
        assert app.session_state["link_ignored"] == ["given"]


def test_a_link_holds_what_is_not_the_shapes_own():
    app = open_shapes(shape="aligned", cell="gru", units=8, rate=0.02, given="101", seed=3, at=2)
    expected = {"part": "shapes", "shape": "aligned", "cell": "gru", "units": "8", "rate": "0.02", "given": "101"}
    assert app.session_state["link"] == expected | {"seed": "3", "at": "2"}
    assert open_shapes(shape="aligned").session_state["link"] == {"part": "shapes", "shape": "aligned"}


def test_settings_of_ones_own_have_no_promise():
    assert "which seeds 0, 1 and 2 all reach" in told(open_shapes(shape="aligned"))
    assert "all reach" not in told(open_shapes(shape="aligned", units=8))


def test_another_shape_begins_with_its_own_settings_and_keeps_the_seed(monkeypatch):
    state = {**stories.PARTS["shapes"].defaults, "seed": 7, "units": 8, "at": 50, "given": 3, "playing": True}
    monkeypatch.setattr(st, "session_state", state)
    part._take("aligned")
    assert state["shape"] == "aligned"
    assert (state["units"], state["given"], state["at"], state["seed"]) == (None, None, 0, 7)
    assert not state["playing"]


@pytest.mark.parametrize("name", STORIES)
def test_every_story_can_be_told_by_its_button_or_link_and_written_back(name, short):
    app = open_shapes()
    if name in part.TOLD:
        app.button(key=f"story_{name}").click().run()
    else:
        app = open_shapes(**STORIES[name])
    assert not app.exception
    link = app.session_state["link"]
    defaults = stories.PARTS["shapes"].defaults
    values = STORIES[name] | {"at": min(STORIES[name].get("at", 0), short)}
    written = {key: str(value) for key, value in values.items() if value != defaults[key]}
    assert link == {"part": "shapes"} | written
    assert len(drawings(app)) == 2


@pytest.mark.parametrize("name", STORIES)
def test_no_story_is_told_after_the_last_update(name):
    assert 0 <= STORIES[name].get("at", 0) <= SHAPES[STORIES[name]["shape"]].updates


def test_every_link_in_the_lesson_names_a_story_of_this_part_and_both_languages_name_the_same():
    named = [re.findall(r"\(#story-([^)]+)\)", text.Words(each).lesson("sequences_shapes")) for each in text.LANGUAGES]
    assert sorted(named[0]) == sorted(named[1])
    assert set(named[0]) <= set(STORIES)


@pytest.mark.parametrize("option", lesson.OPTIONS)
def test_a_prediction_is_answered_and_shown(option, short):
    app = open_shapes()
    app.button(key=f"predict_shapes_{option}").click().run()
    verdict = WORDS("predict.right" if option == "c" else "predict.other")
    assert any(verdict in each.value for each in app.info)
    assert app.session_state["shape"] == "aligned"
    assert app.session_state["at"] == short


def test_all_shapes_are_drawn():
    assert list(diagrams.SHAPES) == list(SHAPES)
