"""The lab: its figures show the numbers of autograd, or of measures proved against it; links, stories, bad input."""

import base64
import re
import threading

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, initial, learn, load, measures, record, text
from rnnviz.digits import mnist
from rnnviz.figures import power
from rnnviz.training import proof as training_proof
from rnnviz.training import unrolled
from rnnviz.training.config import Config
from rnnviz.ui import state
from rnnviz.ui.lab import fan as fan_part
from rnnviz.ui.lab import proof as proof_part
from rnnviz.ui.parts import growing, lesson, stories
from tests.cells.examples import CELLS
from tests.what_a_page_says import charts, opened, told

PARTS = [part for part in stories.of_page("gradients") if part != "recall"]


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    """A machine without MNIST and without training runs; nothing is known from earlier tests."""
    status = mnist.Status(state="failed", folder=tmp_path, bad=(), progress=0.0, error="offline")
    monkeypatch.setattr(mnist, "status", lambda *_: status)
    monkeypatch.setattr(mnist, "fetch_in_background", lambda: None)
    monkeypatch.setenv("RNNVIZ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(growing, "FIRST", 60.0)  # everything at the first look
    st.cache_resource.clear()
    st.cache_data.clear()


def open_lab(**link: str) -> AppTest:
    return opened("gradients", **link)


def numbers(values) -> np.ndarray:
    """Return an array as Plotly's JSON holds it."""
    if isinstance(values, dict):
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).astype(float)
    return np.array([np.nan if value is None else value for value in values], float)


def lines(app: AppTest, chart: str) -> dict[str, np.ndarray]:
    """Return a figure's lines by name."""
    data = charts(app)[chart]["figure"]["data"]
    return {trace["name"]: numbers(trace["y"]) for trace in data if trace.get("mode") == "lines" and "name" in trace}


def html(app: AppTest, begins: str) -> str:
    return next(each.proto.body for each in app.get("html") if each.proto.body.startswith(begins))


def autograd(network, x: np.ndarray, label: int):
    judge = unrolled.unroll(network, x)
    unrolled.backward(judge, "last", label)
    return judge


def log10_norms(rows: np.ndarray) -> np.ndarray:
    return np.log10(np.linalg.norm(rows, axis=-1))


# ---- All parts


@pytest.mark.parametrize("language", text.LANGUAGES)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_runs_in_both_languages_with_figures_described_in_words(part, language):
    app = open_lab(part=part, lang=language)
    assert not app.error
    assert part == "proof" or charts(app)
    for chart in charts(app).values():
        assert chart["alt"]
        assert "nan" not in chart["alt"]
    assert text.Words(language)(f"predict.{part}.question") in told(app)


@pytest.mark.parametrize("start", state.STARTS)
@pytest.mark.parametrize("cell", CELLS)
def test_every_untrained_network_that_a_link_can_name_opens_or_is_left_out(cell, start):
    app = open_lab(part="exploding", subject=f"fresh:{cell}:{start}")
    left_out = "subject" in app.session_state["link_ignored"]
    assert left_out == (start == "forget" and "lstm" not in cell)
    app.session_state["part"] = "proof"
    app.run()
    assert not app.exception


def test_another_file_under_the_same_name_is_another_subject():
    from tests.test_pages import trained

    name = trained(cell="lstm")
    app = open_lab(part="why", subject=name, digit="6")
    before = lines(app, "spectra")
    network = initial.network("lstm", hidden_size=5, seed=8)
    card = checkpoints.Card(name[4:], "lstm", training=Config(hidden_size=5).to_dict())
    checkpoints.save(network, checkpoints.path(name), card)
    app.run()
    image, label = digits.open_set("uci")[6]
    spectra = measures.step_spectra(checkpoints.load(name), record(checkpoints.load(name), image, label))
    drawn = lines(app, "spectra")[text.Words("en")("why.largest")]
    np.testing.assert_allclose(drawn, np.log10(spectra.largest), atol=1e-5)
    assert (drawn != before[text.Words("en")("why.largest")]).any()


STORIES = [name for name, (part, _) in stories.STORIES.items() if part in PARTS]


@pytest.mark.parametrize("name", STORIES)
def test_every_story_can_be_told_by_a_link_and_written_back(name):
    part, values = stories.STORIES[name]
    link = {key: ",".join(value) if isinstance(value, list) else f"{value}" for key, value in values.items()}
    app = open_lab(part=part, **link)
    assert not app.error
    assert not app.session_state["link_ignored"]
    written = {"part": part} if part != "fan" else {}
    written |= {
        key: value.removesuffix(".0") for key, value in link.items() if values[key] != stories.PARTS[part].defaults[key]
    }
    kept = app.session_state["link"]
    assert {key: kept[key] for key in kept if key not in ("set", "digit")} == written


def test_every_link_in_a_lesson_names_a_story_and_both_languages_name_the_same():
    for part in PARTS:
        named = [
            re.findall(r"\(#story-([^)]+)\)", text.Words(each).lesson(f"gradients_{part}")) for each in text.LANGUAGES
        ]
        assert sorted(set(named[0])) == sorted(set(named[1]))
        assert set(named[0]) <= set(stories.STORIES)
        assert all(stories.STORIES[name][0] == part for name in named[0])


def test_a_part_keeps_its_settings_while_another_is_shown():
    app = open_lab(part="exploding", gain="1.8")
    app.session_state["part"] = "fan"
    app.run()
    assert app.session_state["gain"] == 1.0
    app.session_state["part"] = "exploding"
    app.run()
    assert app.session_state["gain"] == 1.8
    assert not app.exception


def test_what_a_link_cannot_mean_is_left_out_and_said():
    app = open_lab(gain="-1", cells="lstm,transformer", depth="9", part="nonsense", subject="fresh:lstm:elsewhere")
    assert not app.exception
    assert any("left out" in warning.value for warning in app.warning)
    assert app.session_state["part"] == "fan"
    assert app.session_state["cells"] == ["rnn_tanh"]


@pytest.mark.parametrize("part", ["unrolled", "exploding"])
def test_what_would_give_the_answer_away_is_veiled_until_a_prediction_or_a_wish_to_see(part):
    def veiled(app) -> bool:
        return any("blur" in each.proto.body for each in app.get("html"))

    assert veiled(open_lab(part=part))
    assert not veiled(open_lab(part=part, seed="3"))
    for key in (f"unveil_{part}", f"predict_{part}_a"):
        app = open_lab(part=part)
        app.button(key=key).click().run()
        assert not veiled(app)
    app.session_state["part"] = "fan"
    app.run()
    app.session_state["part"] = part
    app.run()
    assert not veiled(app)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("option", lesson.OPTIONS)
def test_a_prediction_is_answered_and_shown(part, option):
    app = open_lab(part=part)
    app.button(key=f"predict_{part}_{option}").click().run()
    assert not app.exception
    words = text.Words("en")
    verdict = words("predict.right" if option == stories.PARTS[part].answer else "predict.other")
    assert any(verdict in info.value and words(f"predict.{part}.answer") in info.value for info in app.info)


# ---- The fan


@pytest.mark.parametrize(("reading", "delay"), [("rows", 0), ("rows", 28), ("permuted", 0)])
@pytest.mark.parametrize(("cell", "start"), [("rnn_tanh", "orthogonal"), ("lstm", "forget"), ("gru", "default")])
def test_the_fans_lines_are_medians_of_autograds_norms(cell, start, reading, delay, monkeypatch):
    monkeypatch.setattr(fan_part, "SEEDS", dict.fromkeys(digits.ORDERS, 2))
    monkeypatch.setattr(fan_part, "DIGITS", dict.fromkeys(digits.ORDERS, 3))
    app = open_lab(cells=cell, starts=start, gain="1.1", bias="5", reading=reading, delay=str(delay))
    images, labels = fan_part.probes(3)
    begun = fan_part.beginning(cell, start, 1.1, 5.0)
    for name in begun.states:
        found = []
        for seed in range(2):
            for x, label in zip(digits.as_sequences(images, reading, delay), labels, strict=True):
                judge = autograd(begun.network(x.shape[1], seed), x, int(label))
                found.append(log10_norms(unrolled.gradients(judge, name)[0]))
        expected = np.quantile(np.array(found) - np.array(found)[:, -1:], 0.5, axis=0, method="inverted_cdf")
        (line,) = lines(app, f"fan_{name}").values()
        np.testing.assert_allclose(line, expected, rtol=1e-6, atol=2e-5)  # the figure holds float32
    assert set(charts(app)) == {f"fan_{name}" for name in begun.states}


def test_the_number_beside_a_name_is_the_lines_first_value():
    app = open_lab(cells="lstm", starts="default,forget", bias="5")
    legend = html(app, '<p class="part-lead">')
    for line in lines(app, "fan_h").values():
        assert f"<b>{power(float(line[0]))}</b>" in legend


def test_marks_stand_where_a_gradient_leaves_what_can_be_checked_and_what_floats_hold():
    norms = np.linspace(-400.0, 0.0, 801)[None]  # half a decade a step
    line = fan_part.line("x", norms, "rnn_tanh", "default", "light")
    at = {mark: norms[0, step - 1] for mark, (step,) in line.marks.items()}
    assert at["resolution"] == -10.5
    assert at["float32"] == -45.0
    assert at["float64"] == -323.5
    assert not fan_part.line("x", norms[:, 780:], "rnn_tanh", "default", "light").marks


def test_exact_zeros_are_marked_apart_at_the_foot():
    app = open_lab(cells="rnn_relu", starts="identity")
    data = charts(app)["fan_h"]["figure"]["data"]
    (zeros,) = [trace for trace in data if trace.get("name") == "zero"]
    assert zeros["marker"]["symbol"] == "x-thin-open"
    assert len(zeros["x"]) >= 1
    assert "Exactly zero" in told(app)


def test_where_the_first_steps_get_exactly_nothing_the_number_is_that_of_the_first_that_gets_something():
    app = open_lab(cells="rnn_relu", starts="identity")
    (line,) = lines(app, "fan_h").values()
    first = int(np.flatnonzero(np.isfinite(line))[0])
    value = power(float(line[first]))
    assert text.Words("en")("fan.from_step", value=value, step=first + 1) in html(app, '<p class="part-lead">')


def test_h_and_c_stand_on_one_axis():
    found = charts(open_lab(cells="lstm", starts="default,forget", bias="5"))
    assert len({tuple(chart["figure"]["layout"]["yaxis"]["range"]) for chart in found.values()}) == 1


def test_curves_that_do_not_fit_are_named():
    app = open_lab(cells="rnn_tanh,lstm,gru", starts="default,orthogonal,identity")
    assert "6 of 9 curves" in told(app)
    assert "identity × 1" in told(app)


def test_nothing_chosen_is_said_and_a_start_without_its_gate_is_left_out():
    app = open_lab(cells="rnn_tanh", starts="forget")
    assert text.Words("en")("fan.nothing") in told(app)
    app = open_lab(cells="rnn_tanh,lstm", starts="forget")
    assert list(lines(app, "fan_h")) == ["LSTM, forget bias 1"]
    assert text.Words("en")("fan.no_gate") in told(app)


def test_networks_that_grow_beyond_all_numbers_are_left_out_and_said(monkeypatch):
    monkeypatch.setattr(fan_part, "SEEDS", dict.fromkeys(digits.ORDERS, 1))
    monkeypatch.setattr(fan_part, "DIGITS", dict.fromkeys(digits.ORDERS, 1))
    app = open_lab(cells="rnn_relu", starts="identity", gain="3", reading="permuted")
    assert text.Words("en")("fan.overflow") in told(app)


def test_results_that_two_sessions_want_are_computed_once():
    found = []

    def work():
        for k in range(3):
            found.append(k)
            yield k

    shared = growing.Growing(work, 3)
    growing.grow([shared], 10.0)
    growing.grow([shared], 10.0)
    assert shared.found == found == [0, 1, 2]
    assert shared.done


def test_what_is_slow_grows_a_little_at_a_time(monkeypatch):
    clock = iter(np.arange(0.0, 100.0, 0.5))
    monkeypatch.setattr(growing.time, "monotonic", lambda: float(next(clock)))
    works = [growing.Growing(lambda: iter(range(9)), 9) for _ in range(2)]
    growing.grow(works, 1.2)
    assert [len(work.found) for work in works] == [2, 2]


def test_a_session_waits_for_another_ones_first_result():
    """Whoever opens a page while another session computes its first result must not find it empty."""
    began, go = threading.Event(), threading.Event()

    def work():
        began.set()
        go.wait(10)
        yield from range(3)

    shared = growing.Growing(work, 3)
    first = threading.Thread(target=growing.grow, args=([shared], 0.0))
    first.start()
    began.wait(10)
    second = threading.Thread(target=growing.grow, args=([shared], 0.0))
    second.start()
    go.set()
    second.join(10)
    assert shared.found
    first.join(10)


def test_work_that_fails_fails_for_who_asked_and_begins_anew_for_the_next():
    left = [1]

    def work():
        yield 0
        if left:
            left.pop()
            raise MemoryError("full")
        yield 1

    shared = growing.Growing(work, 2)
    with pytest.raises(MemoryError, match="full"):
        growing.grow([shared], 10.0)
    assert not shared.found
    assert not shared.done
    growing.grow([shared], 10.0)
    assert shared.found == [0, 1]


# ---- Why, for one network and digit


SUBJECTS = [
    "fresh:rnn_tanh:orthogonal",
    "fresh:rnn_relu:default",
    "fresh:lstm:forget",
    "fresh:gru:default",
    "lstm-2x64",
]


def subject(name: str, delay: int = 0):
    """Return the network that a link names, with what it reads and the class, as the lab opens them."""
    image, label = digits.open_set("uci")[6]
    if not name.startswith("fresh:"):
        return load(name), image, label
    _, cell, start = name.split(":")
    options = {"forget": {"forget_bias": 5.0}, "orthogonal": {"recurrent": "orthogonal", "gain": 1.2}}.get(start, {})
    return initial.network(cell, seed=3, **options), digits.as_sequences(image, "rows", delay), label


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_roads_are_autograds_norms(name):
    delay = 7 if name.startswith("fresh:") else 0
    app = open_lab(part="why", subject=name, gain="1.2", bias="5", seed="3", delay=str(delay), digit="6")
    network, x, label = subject(name, delay)
    judge = autograd(network, x, label)
    roads, words = lines(app, "roads"), text.Words("en")
    for state_name, key in (("h", "measured_h"), ("c", "measured_c")):
        if state_name in network.kind.states:
            norms = log10_norms(unrolled.gradients(judge, state_name)[-1])
            np.testing.assert_allclose(roads[words(f"why.{key}")], norms - norms[-1], rtol=0, atol=1e-5)
    h = [step["h"] for step in unrolled.unroll(network, x).steps[-1]]
    rows = [torch.stack(torch.autograd.grad(unit, h, retain_graph=True, materialize_grads=True)) for unit in h[-1]]
    theirs = torch.linalg.matrix_norm(torch.stack(rows, dim=1), ord=2).log10().numpy()
    np.testing.assert_allclose(roads[words("why.jacobian")], theirs, rtol=0, atol=1e-5)
    assert (words("why.bound") in roads) == network.cell.startswith("rnn_")
    spectra = measures.step_spectra(network, record(network, x, label))
    drawn = lines(app, "spectra")
    np.testing.assert_allclose(drawn[words("why.largest")], np.log10(spectra.largest), rtol=0, atol=1e-5)
    np.testing.assert_allclose(drawn[words("why.radius")], np.log10(spectra.radius), rtol=0, atol=1e-5)


def test_a_layer_can_be_chosen_and_stands_in_the_link():
    app = open_lab(part="why", subject="lstm-2x64", level="1", digit="6")
    network, x, label = subject("lstm-2x64")
    judge = autograd(network, x, label)
    norms = log10_norms(unrolled.gradients(judge, "h")[0])
    line = lines(app, "roads")[text.Words("en")("why.measured_h")]
    np.testing.assert_allclose(line, norms - norms[-1], rtol=0, atol=1e-5)
    assert app.session_state["link"]["level"] == "1"


def test_smallest_singular_values_are_numbers_marks_or_exact_zeros():
    app = open_lab(part="why", subject="fresh:rnn_relu:default", digit="6")
    data = charts(app)["smallest"]["figure"]["data"]
    assert any(trace.get("name") == "zero" for trace in data)
    assert text.Words("en")("mark.spectra_zero.read") in told(app)
    assert text.Words("en")("mark.spectra_resolution.read") not in told(app)


def test_half_lives_are_counted_over_all_units():
    app = open_lab(part="why", subject="lstm-64", digit="6")
    network, x, label = subject("lstm-64")
    half_lives = measures.half_lives(record(network, x, label))
    counts = charts(app)["half_lives"]["figure"]["data"][0]["y"]
    edges = [0, 0.5, 1, 2, 4, 8, 16, 32, 64, np.inf]
    assert counts == np.histogram(half_lives, edges)[0].tolist()
    assert sum(counts) == 64


def test_a_drawing_that_cannot_be_read_leaves_the_part_standing():
    app = open_lab(part="why", subject="gru-64")
    app.session_state["source"] = "link"
    app.session_state["draw"] = digits.pack(digits.quantise(digits.sample(5)[0]))
    app.run()
    assert not app.exception
    assert app.session_state["link"]["draw"] == app.session_state["draw"]


def test_a_run_that_is_gone_is_said_and_another_network_is_shown():
    app = open_lab(part="why", subject="run:20200101-000000-aaaa")
    assert any("left out: subject" in warning.value for warning in app.warning)
    assert charts(app)


def test_a_damaged_network_is_told_in_words(monkeypatch, tmp_path):
    for name in checkpoints.names():
        (tmp_path / f"{name}.safetensors").write_bytes((checkpoints.SHIPPED / f"{name}.safetensors").read_bytes())
    (tmp_path / "gru-64.safetensors").write_bytes(b"not a network")
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    app = open_lab(part="why", subject="gru-64")
    assert "gru-64" in app.error[0].value


# ---- BPTT unrolled


@pytest.mark.parametrize("name", ["rnn-64", "lstm-64", "gru-64", "fresh:rnn_tanh:orthogonal"])
def test_shares_and_truncation_are_autograds(name):
    app = open_lab(part="unrolled", subject=name, window="7", gain="1.2", seed="3", digit="6")
    network, x, label = subject(name)
    judge = unrolled.unroll(network, x, separate=True)
    unrolled.backward(judge, "last", label)
    parts = np.array([W.grad.numpy().ravel() for W in judge.W_hh[-1]])
    total = parts.sum(axis=0)
    shares = numbers(charts(app)["shares"]["figure"]["data"][0]["y"])
    np.testing.assert_allclose(shares, parts @ total / (total @ total), rtol=0, atol=1e-6)
    kept, words = lines(app, "kept"), text.Words("en")
    cut = np.cumsum(parts[::-1], axis=0)
    length = np.linalg.norm(cut, axis=1) / np.linalg.norm(total)
    np.testing.assert_allclose(kept[words("unrolled.length")], length, rtol=0, atol=1e-6)
    cosine = cut[6] @ total / np.linalg.norm(cut[6]) / np.linalg.norm(total)
    said = words("unrolled.kept", window=7, length=length[6], cosine=cosine)
    assert said in told(app)


def test_clipping_says_the_norm_that_autograd_has_and_the_factor():
    app = open_lab(part="unrolled", subject="rnn-64", clip="0.1", digit="6")
    network, x, label = subject("rnn-64")
    module = torch.nn.RNN(28, 64).double()
    head = torch.nn.Linear(64, 10).double()
    named = {
        **{f"rnn.{k}": v for k, v in module.named_parameters()},
        **{f"head.{k}": v for k, v in head.named_parameters()},
    }
    with torch.no_grad():
        for key, parameter in named.items():
            parameter.copy_(torch.tensor(network.arrays[key]))
    torch.nn.functional.cross_entropy(head(module(torch.tensor(x))[0][-1:]), torch.tensor([label])).backward()
    norm = torch.nn.utils.clip_grad_norm_(list(named.values()), 0.1).item()
    assert learn.norm(learn.gradients(network, record(network, x, label))) == pytest.approx(norm, rel=1e-10)
    assert f"**{power(np.log10(norm))}**" in told(app)
    assert norm > 0.1
    assert f"**{0.1 / norm:.3g}**" in told(app)


def test_a_window_longer_than_the_sequence_is_the_whole_sequence():
    app = open_lab(part="unrolled", subject="rnn-64", window="500")
    assert app.session_state["window"] == 28
    assert "100%" in told(app)


@pytest.mark.parametrize("cell", ["peephole_lstm", "layernorm_lstm"])
def test_clipping_is_there_for_cells_with_parameters_of_their_own(cell):
    assert "clip" in charts(open_lab(part="unrolled", subject=f"fresh:{cell}:default"))


# ---- Exploding


def test_the_descents_are_those_of_learn_from_the_same_weights():
    app = open_lab(part="exploding", cells="rnn_tanh", seed="4", gain="1.3", rate="0.2", clip="0.5")
    images, labels = fan_part.probes(20)
    network = initial.network("rnn_tanh", hidden_size=32, seed=4, recurrent="orthogonal", gain=1.3)
    words = text.Words("en")
    for clip, name in ((None, words("exploding.without")), (0.5, words("exploding.with", clip=0.5))):
        batch = list(zip(images, labels.tolist(), strict=True))
        steps = list(learn.train(network, [batch] * 101, learn.SGD(0.2), clip=clip))
        np.testing.assert_allclose(lines(app, "loss")[name], [step.loss for step in steps], rtol=1e-6)
        np.testing.assert_allclose(lines(app, "norm")[name], np.log10([step.norm for step in steps]), atol=1e-6)


def test_another_cell_can_be_chosen_to_explode():
    app = open_lab(part="exploding")
    before = lines(app, "loss")
    app.button_group(key="widget_exploding_cell").set_value("rnn_tanh").run()
    assert app.session_state["link"]["cells"] == "rnn_tanh"
    assert lines(app, "loss").keys() == before.keys()
    assert any((lines(app, "loss")[name] != before[name]).any() for name in before)


def test_a_new_seed_is_another_network_and_the_same_seed_the_same():
    app = open_lab(part="exploding")
    before = charts(app)["loss"]
    app.button(key="new_seed").click().run()
    assert app.session_state["link"]["seed"] == "1"
    assert charts(app)["loss"] != before
    app.session_state["seed"] = 0
    app.run()
    assert charts(app)["loss"] == before


def test_a_threshold_that_the_slider_does_not_have_is_brought_to_the_nearest_in_slider_words_and_link():
    app = open_lab(part="unrolled", clip="0.3")
    assert app.session_state["clip"] == app.session_state["widget_clip"] == 0.2
    assert app.session_state["link"]["clip"] == "0.2"


def test_numbers_that_a_slider_does_not_have_are_brought_to_the_nearest_it_has():
    app = open_lab(part="exploding", rate="0.123", clip="900")
    assert not app.exception
    assert app.session_state["rate"] == 0.1
    assert app.session_state["clip"] == 10.0


def test_a_loss_beyond_all_measure_is_drawn_on_a_logarithmic_axis_and_told_in_powers():
    app = open_lab(part="exploding", cells="rnn_relu", gain="3", rate="1")
    words = text.Words("en")
    assert words("exploding.beyond_without") in told(app)
    figure = charts(app)["loss"]["figure"]
    assert figure["layout"]["yaxis"]["range"][1] < 400  # powers of ten
    assert "inf" not in html(app, '<p class="part-lead">')
    assert not re.search(r"\d{12}", told(app))


# ---- Prove it


def test_the_button_proves_what_is_shown():
    app = open_lab(part="proof", subject="rnn-64")
    app.button(key="prove").click().run()
    assert not app.exception
    assert "All equal" in app.success[0].value
    table = html(app, '<table class="proof">')
    assert table.count("✓") >= 6
    assert "✕" not in table


def test_a_proof_that_fails_is_shown_as_failed(monkeypatch):
    checks = (training_proof.Check("h", 10, 0.25), training_proof.Check("x", 10, 1e-15))
    found = training_proof.Proof(checks, training_proof.Differences(5, 5, 2, 1e-12, 1e-10), "2.0", 1.0)
    monkeypatch.setattr(proof_part, "prove", lambda *_: found)
    app = open_lab(part="proof")
    app.button(key="prove").click().run()
    assert "Not all equal" in app.error[0].value
    assert html(app, '<table class="proof">').count("✕") == 1
    assert any("5 of these 5" in info.value for info in app.info)
    assert text.Words("en")("proof.kinks", count=2) in told(app)


def test_what_cannot_be_compared_is_no_proof(monkeypatch):
    found = training_proof.Proof(
        (training_proof.Check("h", 0, 0.0),), training_proof.Differences(0, 0, 0, 0.0, 1e-10), "2", 1
    )
    monkeypatch.setattr(proof_part, "prove", lambda *_: found)
    app = open_lab(part="proof")
    app.button(key="prove").click().run()
    assert not app.success
    assert text.Words("en")("proof.nothing") in told(app)
    assert "✓" not in html(app, '<table class="proof">')


def test_a_network_too_large_to_be_proved_is_told_so(monkeypatch):
    monkeypatch.setattr(training_proof, "MAX_WORK", 1000)
    app = open_lab(part="proof")
    app.button(key="prove").click().run()
    assert text.Words("en")("proof.too_large") in told(app)


def test_a_proof_that_failed_is_not_asked_for_again_by_itself(monkeypatch):
    calls = []

    def fails(*_):
        calls.append(1)
        raise training_proof.ProofFailed("no torch")

    monkeypatch.setattr(proof_part, "prove", fails)
    app = open_lab(part="proof")
    app.button(key="prove").click().run()
    app.run()
    assert len(calls) == 1


def test_a_judge_that_does_not_answer_is_told_in_words(monkeypatch):
    def fails(*_):
        raise training_proof.ProofFailed("no torch")

    monkeypatch.setattr(proof_part, "prove", fails)
    app = open_lab(part="proof")
    app.button(key="prove").click().run()
    assert not app.exception
    assert text.Words("en")("proof.failed") in app.error[0].value


def test_a_judge_at_work_for_others_is_told_in_words(monkeypatch):
    monkeypatch.setattr(proof_part, "WAIT", 0.0)
    proof_part._judge.acquire()
    try:
        app = open_lab(part="proof")
        app.button(key="prove").click().run()
        assert text.Words("en")("proof.busy") in told(app)
    finally:
        proof_part._judge.release()


def test_without_torch_the_button_is_off_and_says_why(monkeypatch):
    monkeypatch.setattr(proof_part.importlib.util, "find_spec", lambda name: None)
    app = open_lab(part="proof")
    assert app.button(key="prove").disabled
    assert text.Words("en")("proof.no_torch") in told(app)
