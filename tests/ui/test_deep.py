"""The deep part of the page: states and gradients are autograd's, parameters add up, curves, table, links, stories."""

import re
from itertools import islice

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import text
from rnnviz.figures import power
from rnnviz.tasks import depth, small_digits
from rnnviz.tasks.depth import Recipe
from rnnviz.trace import record
from rnnviz.training import unrolled
from rnnviz.ui.parts import learning, lesson, stories
from rnnviz.ui.sequences import deep as part
from tests.ui.test_lab import numbers
from tests.what_a_page_says import charts, opened, told

WORDS = text.Words("en")
STORIES = stories.PARTS["deep"].stories
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
    """Shorten all trainings; return how many updates are left of them."""
    monkeypatch.setattr(depth, "UPDATES", AT)
    return AT


def open_deep(**link) -> AppTest:
    app = opened("sequences", part="deep", **link)
    assert not app.error
    return app


def lines(app: AppTest, chart: str) -> dict[str, np.ndarray]:
    """Return a figure's lines by name."""
    data = charts(app)[chart]["figure"]["data"]
    return {trace["name"]: numbers(trace["y"]) for trace in data if trace.get("mode", "").startswith("lines")}


def bands(app: AppTest) -> list[np.ndarray]:
    """Return what the heatmaps hold, the input first, (T, N) each."""
    found = []
    for band in charts(app)["deep_states"]["figure"]["data"]:
        z = band["z"]
        shape = [int(size) for size in z["shape"].split(",")]
        found.append(numbers(z).reshape(shape).T)
    return found


def table(app: AppTest, begins: str) -> str:
    return next(each.value for each in app.markdown if each.value.startswith(begins))


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize(("layers", "stacking"), [(1, "own"), (1, "shared"), (2, "shared"), (4, "own")])
def test_every_depth_runs_in_both_languages_and_is_described_in_words(layers, stacking, language):
    app = open_deep(depth=layers, stacking=stacking, lang=language)
    assert set(charts(app)) == {"deep_states", "deep_gradient", "deep_share", "deep_loss"}
    assert all(chart["alt"] and "nan" not in chart["alt"] for chart in charts(app).values())
    assert text.Words(language)("predict.deep.question") in told(app)
    assert len(bands(app)) == layers + 2


@pytest.mark.parametrize("stacking", depth.STACKINGS)
@pytest.mark.parametrize("cell", depth.CELLS)
def test_states_answers_and_gradients_of_every_layer_are_autograds(cell, stacking):
    recipe = Recipe(cell, 3, stacking)
    network = list(islice(depth.training(recipe, seed=2), AT + 1))[-1].network
    images, labels = small_digits.part("test")
    judge = unrolled.unroll(network, images[10])
    unrolled.backward(judge, "last", int(labels[10]))
    app = open_deep(cell=cell, stacking=stacking, seed=2, at=AT, given=11)
    shown = bands(app)
    np.testing.assert_allclose(shown[0], images[10], atol=1e-6)
    np.testing.assert_allclose(shown[-1].sum(axis=1), 1.0, atol=1e-5)
    gradients = unrolled.gradients(judge, "h")  # (L, T, H)
    drawn = lines(app, "deep_gradient")
    for k in range(3):
        states = np.stack([step["h"].detach().numpy().ravel() for step in judge.steps[k]])
        np.testing.assert_allclose(shown[1 + k], states, atol=1e-5)
        norms = np.log10(np.linalg.norm(gradients[k], axis=-1))
        np.testing.assert_allclose(drawn[f"layer {k + 1}"], norms, atol=1e-5)
    legend = next(each.proto.body for each in app.get("html") if WORDS("deep.gradient_lead") in each.proto.body)
    first, last = (power(float(np.log10(np.linalg.norm(gradients[0][t])))) for t in (0, -1))
    assert f"<b>{first} → {last}</b>" in legend


def test_the_curves_are_those_of_the_three_trainings_and_say_what_is_compared():
    recipe = Recipe(depth=2)
    found = list(islice(depth.training(recipe), AT + 1))
    app = open_deep(depth=2, at=AT)
    names = ["2 layers", "one layer of 16", f"one layer of {depth.as_wide_as(recipe).units}, as many parameters"]
    assert list(lines(app, "deep_loss")) == list(lines(app, "deep_share")) == names
    for k, name in enumerate(names):
        losses = lines(app, "deep_loss")[name]
        np.testing.assert_allclose(losses[: AT + 1], [each.losses[k] for each in found], rtol=1e-5)
        assert np.isnan(losses[AT + 1 :]).all()
        shares = lines(app, "deep_share")[name]
        np.testing.assert_allclose(
            shares[[0, 10, 19, 20]], [found[t].accuracies[k] for t in (0, 10, 10, 20)], rtol=1e-5
        )


def test_before_the_first_update_each_compared_network_has_a_point_that_is_seen():
    drawn = charts(open_deep(at=0))
    for chart in ("deep_loss", "deep_share"):
        curves = drawn[chart]["figure"]["data"]
        assert len(curves) == 3
        for curve in curves:
            assert np.isfinite(numbers(curve["y"])).sum() == 1
            assert curve["mode"] == "lines+markers"


def test_one_layer_has_nothing_to_share_and_is_one_training_whatever_is_chosen(monkeypatch):
    begun = []
    monkeypatch.setattr(
        depth, "training", lambda recipe, seed, whole=depth.training: [begun.append(recipe)] and whole(recipe, seed)
    )
    for stacking in depth.STACKINGS:
        open_deep(depth=1, stacking=stacking)
    assert begun == [Recipe(depth=1)]


@pytest.mark.parametrize("stacking", depth.STACKINGS)
@pytest.mark.parametrize("cell", depth.CELLS)
def test_the_products_beside_the_parameters_give_their_numbers_and_the_sum_is_the_networks(cell, stacking):
    shown = table(open_deep(cell=cell, stacking=stacking), f"| {WORDS('deep.parameters')}")
    rows = re.findall(r"\| ([^|]+) \| ([0-9 ·()+]+) \| ([\d,]+) \|", shown)
    counts = [int(count.replace(",", "")) for *_, count in rows]
    for (_, formula, _), count in zip(rows, counts, strict=True):
        assert eval(formula.replace("·", "*")) == count
    network = depth.begin(Recipe(cell, 3, stacking), 0)
    assert f"**{network.num_parameters:,}**" in shown
    assert sum(counts) == network.num_parameters
    assert len(rows) == (3 if stacking == "shared" else 4)


def test_the_table_of_what_depth_buys_is_what_was_measured():
    shown = table(open_deep(), f"| {WORDS('deep.column_layers')}")
    for layers in (1, 2, 3, 4):
        row = depth.measured()[Recipe(depth=layers)]
        for shares in (row.accuracies[depth.DEEP], row.accuracies[-1]):
            assert f"**{np.mean(shares):.1%}** ({min(shares):.1%}–{max(shares):.1%})" in shown
        assert f"| {layers} | {row.parameters[0]:,} |" in shown


def test_the_prediction_is_answered_by_what_was_measured():
    row = depth.measured()[Recipe()]
    answer = WORDS("predict.deep.answer")
    for shares in row.accuracies:
        assert f"{100 * min(shares):.1f} to {100 * max(shares):.1f} %" in answer


def test_the_lesson_tells_which_of_the_deep_and_the_wide_networks_are_ahead():
    known = depth.measured()
    deep, wide = ({r: np.mean(row.accuracies[k]) for r, row in known.items() if r.depth > 1} for k in (0, depth.WIDE))
    ahead = {recipe for recipe in deep if deep[recipe] > wide[recipe]}
    assert ahead == {Recipe(depth=2), Recipe(depth=2, stacking="shared")}
    for cell in depth.CELLS:
        means = {layers: np.mean(known[Recipe(cell, layers)].accuracies, axis=1) for layers in (1, 2, 3, 4)}
        assert means[4][depth.DEEP] == min(mean for row in means.values() for mean in row)
        two, four = (known[Recipe(cell, layers, "shared")] for layers in (2, 4))
        assert two.parameters[depth.DEEP] == four.parameters[depth.DEEP]
        assert deep[Recipe(cell, 4, "shared")] < deep[Recipe(cell, 2, "shared")]


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize(("cell", "layers"), [("lstm", 1), ("lstm", 4), ("gru", 1), ("gru", 4), ("layernorm_lstm", 4)])
def test_the_lesson_tells_the_range_of_what_was_measured(cell, layers, language):
    shares = 100 * np.array(depth.measured()[Recipe(cell, layers)].accuracies[depth.DEEP])
    ends = f"{min(shares):.0f} {'to' if language == 'en' else '到'} {max(shares):.0f} %"
    assert ends in text.Words(language).lesson("sequences_deep")


@pytest.mark.parametrize(
    ("cell", "low", "high"), [("rnn_tanh", 0.4, 0.6), ("lstm", 0.1, 0.2), ("layernorm_lstm", 0.4, 0.75)]
)
def test_the_lesson_tells_what_is_left_of_the_gradient_per_layer(cell, low, high):
    """At the last step of untrained networks of four layers: half with tanh, a seventh with LSTM, more normalised."""
    images, labels = small_digits.part("test")
    ratios = []
    for seed in range(3):
        network = depth.begin(Recipe(cell, 4), seed)
        for image, label in zip(images[:20], labels[:20].tolist(), strict=True):
            last = np.linalg.norm(record(network, image, label).grad["h"][:, -1], axis=-1)
            ratios.append(last[:-1] / last[1:])
    assert low < np.exp(np.log(ratios).mean()) < high


@pytest.mark.slow
def test_the_lesson_tells_what_layer_normalisation_gives_after_100_updates():
    """The normalised networks' ranges are those of two processors, which round differently: 45 to 56 and 44 to 62 %."""
    shares = {}
    for cell in ("lstm", "layernorm_lstm"):
        last = [list(islice(depth.training(Recipe(cell, 3), seed), 101))[-1].accuracies for seed in range(3)]
        shares[cell], narrow = (100 * np.array([each[k] for each in last]) for k in (depth.DEEP, depth.NARROW))
        assert narrow.mean() > shares[cell].mean()
    plain, normalised = shares["lstm"], shares["layernorm_lstm"]
    for language, to in (("en", "to"), ("zh", "到")):
        assert f"{min(plain):.0f} {to} {max(plain):.0f} %" in text.Words(language).lesson("sequences_deep")
    assert normalised.mean() > plain.mean()
    assert 40 < min(normalised) < max(normalised) < 66


def test_what_a_link_cannot_mean_is_left_out_and_said():
    app = open_deep(depth=9, stacking="odd", cell="rnn_relu", given="x1", units=16)
    assert any("left out" in each.value for each in app.warning)
    assert [app.session_state[key] for key in ("depth", "stacking", "cell", "given")] == [3, "own", "rnn_tanh", 4]


def test_settings_stand_in_the_link():
    settings = {"cell": "gru", "depth": "2", "stacking": "shared", "units": "12", "rate": "0.02", "given": "7"}
    app = open_deep(**settings, seed=3, at=2)
    assert app.session_state["link"] == {"part": "deep", **settings, "seed": "3", "at": "2"}


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_told_by_its_button_and_written_back(name, short):
    app = open_deep()
    app.button(key=f"story_{name}").click().run()
    assert not app.exception
    values = {key: str(min(value, short) if key == "at" else value) for key, value in STORIES[name].items()}
    assert app.session_state["link"] == {"part": "deep"} | values
    assert len(bands(app)) == STORIES[name].get("depth", 3) + 2


@pytest.mark.parametrize("name", STORIES)
def test_no_story_is_told_after_the_last_update(name):
    assert 0 <= STORIES[name].get("at", 0) <= depth.UPDATES
    assert STORIES[name].get("at", 0) % depth.TESTED == 0


def test_every_link_in_the_lesson_names_a_story_of_this_part_and_both_languages_name_the_same():
    named = [re.findall(r"\(#story-([^)]+)\)", text.Words(each).lesson("sequences_deep")) for each in text.LANGUAGES]
    assert sorted(named[0]) == sorted(named[1])
    assert set(named[0]) <= set(STORIES) == set(part.TOLD)


@pytest.mark.parametrize("option", lesson.OPTIONS)
def test_a_prediction_is_answered(option, short):
    app = open_deep()
    app.button(key=f"predict_deep_{option}").click().run()
    verdict = WORDS("predict.right" if option == stories.PARTS["deep"].answer else "predict.other")
    assert any(verdict in each.value for each in app.info)
