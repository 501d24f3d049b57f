"""The part about super-resolution: pictures and their numbers, what happens at each step, networks, links."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, initial, upscaling
from rnnviz.digits import mnist
from rnnviz.text import LANGUAGES, Words
from rnnviz.ui.parts import stories
from rnnviz.ui.sequences import upscaling as part
from tests.made_runs import SMALL, UPSCALING, made, runs_here  # noqa: F401
from tests.what_a_page_says import charts, opened, told

PAGE = Path(__file__).resolve().parents[2] / "pages" / "sequences.py"
IMAGE, LABEL = digits.sample(6)


@pytest.fixture(autouse=True)
def quiet(monkeypatch, runs_here):  # noqa: F811
    """No runs yet, and the bundled digits alone, as on a machine that is offline."""
    st.cache_resource.clear()
    monkeypatch.setattr(mnist, "_folders", lambda: [Path("/nowhere")])
    monkeypatch.setattr(mnist, "_sets", {})
    monkeypatch.setattr(mnist, "fetch_in_background", lambda: None)


def open_part(**link: str) -> AppTest:
    return opened("sequences", **{"part": "upscaling", "lang": "en", "digit": "6"} | link)


def numbers(chart: dict, axis: str = "z") -> np.ndarray:
    """Return a figure's numbers."""
    given = chart["figure"]["data"][0][axis]
    if isinstance(given, list):
        return np.array(given)
    values = np.frombuffer(base64.b64decode(given["bdata"]), given["dtype"])
    return values.reshape([int(size) for size in given["shape"].split(",")]) if "shape" in given else values


def slider(app: AppTest) -> dict:
    (found,) = [each.proto.json for each in app.get("bidi_component") if each.proto.component_name == "rnnviz_moment"]
    return json.loads(found)


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_and_decibels_are_those_of_the_library(language):
    app = open_part(lang=language)
    shown, words = charts(app), Words(language)
    network, low = checkpoints.load("super-3x128"), upscaling.halve(IMAGE)
    smooth, written = upscaling.bicubic(low), upscaling.upscale(network, low)
    for name, values in {
        "low": low, "true": IMAGE, "bicubic": smooth, "network": written,
        "bicubic_error": smooth - IMAGE, "network_error": written - IMAGE,
    }.items():  # fmt: skip
        np.testing.assert_allclose(numbers(shown[name]), values, atol=1e-6)
        assert shown[name]["alt"]
        assert shown[name]["follow"]["square"]
    psnr = {"bicubic": upscaling.psnr(smooth, IMAGE), "network": upscaling.psnr(written, IMAGE)}
    for name, value in psnr.items():
        assert shown[name]["title"] == words(f"upscaling.{name}", psnr=value)
    gap = abs(psnr["network"] - psnr["bicubic"])
    assert words("upscaling.farther", **psnr, gap=gap) in told(app)  # a bundled digit is smooth itself
    assert words("upscaling.uci") in told(app)
    card = checkpoints.card("super-3x128")
    assert f"{card.psnr['mnist']:.2f} dB" in told(app)
    assert f"{upscaling.BICUBIC['mnist'][0]:.2f} dB" in told(app)
    assert not app.error


def test_states_and_rows_are_those_of_the_trace_units_that_move_alike_side_by_side():
    shown = charts(open_part())
    trace = upscaling.record(checkpoints.load("super-3x128"), IMAGE)
    for layer, h in enumerate(trace["h"], start=1):
        drawn = numbers(shown[f"column_h{layer}"])
        np.testing.assert_allclose(np.sort(drawn, axis=1), np.sort(h, axis=1), atol=1e-6)
        assert np.abs(np.diff(drawn, axis=1)).mean() < np.abs(np.diff(h, axis=1)).mean()
    np.testing.assert_allclose(numbers(shown["column_written"]), trace["logits"].reshape(30, 28), atol=1e-6)
    np.testing.assert_allclose(numbers(shown["column_low"]), trace["x"], atol=1e-6)


def test_at_each_step_what_is_read_and_what_is_due_are_framed():
    shown = charts(open_part())
    assert shown["low"]["follow"]["boxes"] == [*([k + 0.5, k + 1.5] for k in range(14)), None]
    assert shown["network"]["follow"]["boxes"] == [None, *([2 * k + 0.5, 2 * k + 2.5] for k in range(14))]
    assert shown["column_h1"]["follow"]["boxes"] == [[k + 0.5, k + 1.5] for k in range(15)]
    veiled = {name for name, chart in shown.items() if chart["follow"]["veil"]}
    assert veiled == {"network", "network_error", "column_h1", "column_h2", "column_h3", "column_written"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_has_its_sentence(language):
    data, words = slider(open_part(lang=language)), Words(language)
    says = data["words"]["at"]
    assert data["steps"] == list(range(1, 16))
    assert len(set(says)) == 15
    assert says[0] == words("upscaling.says_early", step=1, steps=15, row=1)
    assert says[6] == words("upscaling.says_step", step=7, steps=15, row=7, first=11, second=12, small=6)
    assert says[14] == words("upscaling.says_blank", step=15, steps=15, first=27, second=28, small=14)


def test_without_delay_everything_is_due_at_once():
    network = initial.network("rnn_tanh", 14, 8, 2, 56, seed=1)
    seen = part.Seen("none", 0, IMAGE, upscaling.record(network, IMAGE, 0))
    assert part._due(seen) == [(2 * k + 0.5, 2 * k + 2.5) for k in range(14)]
    assert part._read(seen) == [(k + 0.5, k + 1.5) for k in range(14)]
    assert all("Nothing of the picture" not in says for says in part._sentences(Words("en"), seen))


def test_a_link_brings_back_digit_step_and_network():
    run = made(config=UPSCALING, name="large")
    app = open_part(digit="9", step="7", upscaler=f"run:{run.id}")
    assert not app.error
    assert slider(app)["at"] == 7
    wanted = {"part": "upscaling", "upscaler": f"run:{run.id}", "step": "7", "set": "uci", "digit": "9"}
    assert wanted.items() <= app.session_state["link"].items()
    assert f"{checkpoints.card(f'run:{run.id}').psnr['mnist']:.2f} dB" in told(app)


def test_the_shipped_network_and_the_last_step_go_without_saying():
    assert {"upscaler", "step"}.isdisjoint(open_part().session_state["link"])
    assert {"upscaler", "step"}.isdisjoint(open_part(upscaler="super-3x128", step="99").session_state["link"])


def test_finished_runs_stand_among_the_networks_and_those_of_another_task_do_not():
    made(config=UPSCALING, name="large")
    made(config=SMALL, name="small")
    offered = open_part().selectbox(key="widget_upscaler").options
    assert offered == ["super-3x128", "run: large"]


def test_a_run_that_classifies_is_refused_in_words():
    app = open_part(upscaler=f"run:{made(config=SMALL, name='small').id}")
    assert "small does not enlarge digits" in app.error[0].value
    assert "low" not in charts(app)


@pytest.mark.parametrize("link", ["lstm-64", "run:20200101-000000-aaaa", "../../etc/passwd"])
def test_a_link_to_what_is_no_such_network_is_said(link):
    app = open_part(upscaler=link)
    assert any("left out: upscaler" in warning.value for warning in app.warning)
    assert "network" in charts(app)


def test_a_damaged_run_is_told_and_another_network_can_be_chosen():
    run = made(config=UPSCALING)
    (run.folder / "model.safetensors").write_bytes(b"none")
    app = open_part(upscaler=f"run:{run.id}")
    assert "cannot be opened" in app.error[0].value
    app.selectbox(key="widget_upscaler").select("super-3x128").run()
    assert not app.error
    assert "network" in charts(app)


def test_a_drawing_is_halved_as_a_digit_is():
    drawing = digits.quantise(IMAGE)
    app = open_part(draw=digits.pack(drawing))
    np.testing.assert_allclose(numbers(charts(app)["low"]), upscaling.halve(drawing), atol=1e-6)
    assert app.session_state["link"]["draw"] == digits.pack(drawing)


@pytest.mark.parametrize("page", ["step.py", "compare.py", "gradients.py"])
def test_where_digits_are_classified_an_upscaler_is_not_understood(page):
    key, value = {"step.py": ("net", "super-3x128"), "compare.py": ("nets", "super-3x128,lstm-64")}.get(
        page, ("subject", "super-3x128")
    )
    app = AppTest.from_file(str(PAGE.with_name(page)), default_timeout=60)
    app.query_params[key] = value
    app.query_params["part"] = "why"
    app.run()
    assert not app.exception
    assert any(f"left out: {key}" in warning.value for warning in app.warning)


@pytest.mark.parametrize("page", ["step.py", "compare.py", "gradients.py"])
def test_where_digits_are_classified_a_run_that_upscales_is_refused_in_words(page):
    run = f"run:{made(config=UPSCALING, name='large').id}"
    key, value = {"step.py": ("net", run), "compare.py": ("nets", f"{run},lstm-64")}.get(page, ("subject", run))
    app = AppTest.from_file(str(PAGE.with_name(page)), default_timeout=60)
    for name, text in ((key, value), ("part", "why"), ("lang", "en")):
        app.query_params[name] = text
    app.run()
    assert not app.exception
    assert "does not say which digit it reads" in app.error[0].value


STORIES = stories.PARTS["upscaling"].stories


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_by_its_button_whatever_was_read_before(name):
    app = open_part(draw=digits.pack(digits.quantise(IMAGE)))
    app.button(key=f"story_{name}").click().run()
    assert not app.exception
    assert not app.error
    wanted = {key: f"{STORIES[name][key]}" for key in ("set", "digit")}
    assert wanted.items() <= {key: f"{value}" for key, value in app.session_state["link"].items()}.items()
    if wanted["set"] == "uci":
        image, _ = digits.open_set("uci")[int(wanted["digit"])]
        np.testing.assert_allclose(numbers(charts(app)["true"]), image, atol=1e-6)
        assert "asked" not in app.session_state
    else:
        assert app.session_state["asked"] == int(wanted["digit"])  # MNIST is not here: it is told, and comes
        app.button(key="story_upscaling-bundled").click().run()
        assert "asked" not in app.session_state


def test_both_lessons_link_to_all_stories():
    for language in LANGUAGES:
        named = re.findall(r"\(#story-([^)]+)\)", Words(language).lesson("sequences_upscaling"))
        assert sorted(named) == sorted(STORIES)


@pytest.mark.parametrize("option", ["a", "b"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_prediction_has_its_answer(language, option):
    app, words = open_part(lang=language), Words(language)
    assert words("predict.upscaling.question") in told(app)
    assert words("predict.upscaling.answer") not in told(app)
    app.button(key=f"predict_upscaling_{option}").click().run()
    verdict = words("predict.right" if option == "b" else "predict.other")
    assert words.join([verdict, words("predict.upscaling.answer")]) in [each.value for each in app.info]
    assert f"{checkpoints.card('super-3x128').psnr['mnist']:.2f} dB" in words("predict.upscaling.answer")
