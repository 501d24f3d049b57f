"""The Compare page: every number the traces' own, every sentence true of them, and what it does when in trouble."""

import base64

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from rnnviz import checkpoints, digits, figures, initial, measures, record
from rnnviz.text import Words
from rnnviz.ui import compare, reading
from rnnviz.ui.cache import Reader
from rnnviz.ui.reading import Reading, View
from tests.test_pages import home, link, no_mnist, open_page, trained

__all__ = ["home", "no_mnist"]

DEFAULT = ["rnn-64", "gru-64", "lstm-64"]


@pytest.fixture
def fed(monkeypatch, no_mnist) -> list[dict]:
    """What the browser is given, run after run."""
    feeds = []
    monkeypatch.setattr(reading, "stepper", lambda feed, key: feeds.append(feed) or feed["step"])
    return feeds


def page(**values: str) -> AppTest:
    app = open_page("compare.py", **values)
    assert not app.exception
    return app


def drawn(sheet: dict, name: str) -> np.ndarray:
    """Return the numbers of a column as the browser decodes them."""
    column = next(column for column in sheet["columns"] if column["name"] == name)
    values = np.frombuffer(base64.b64decode(column["z"]), np.int8).reshape(-1, column["cells"])
    return values / 100 * column["top"]


def line(sheet: dict, name: str) -> np.ndarray:
    return np.array(next(norm["x"] for norm in sheet["norms"] if norm["name"] == name), float)


def reader(cell: str = "lstm", name: str = "a", accuracy: dict | None = None, order="rows", delay=0, **sizes) -> Reader:
    network = initial.network(cell, input_size=28 if order == "rows" else 1, hidden_size=6, seed=2, **sizes)
    card = checkpoints.Card(name, cell, accuracy=accuracy or {})
    return Reader(name, name, network, card, order, delay)


# ---- Numbers


def test_one_network_of_each_kind_reads_the_digit_and_every_number_is_its_traces_own(fed):
    page(digit="7")
    image, _ = digits.sample(7)
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == DEFAULT
    for name, sheet in zip(DEFAULT, fed[-1]["sheets"], strict=True):
        trace = record(checkpoints.load(name), image)
        for signal in (column["name"] for column in sheet["columns"]):
            values = trace[signal] if signal in ("x", "probs") else trace[signal][0]
            np.testing.assert_allclose(drawn(sheet, signal), np.tanh(values) if signal == "c" else values, atol=0.00501)
        np.testing.assert_allclose(line(sheet, "h"), measures.gradient_norms(trace, "h", relative=True), atol=5e-5)
        assert sheet["passed"]["row"] == measures.decision_step(trace) + 1


def test_the_gradient_axis_is_one_and_holds_the_lines_of_all(fed):
    page(digit="7", norms="h,c,x,jacobian")
    sheets = fed[-1]["sheets"]
    low, high = sheets[0]["axis"]["range"]
    assert all(sheet["axis"] == sheets[0]["axis"] for sheet in sheets)
    values = np.concatenate([line(sheet, norm["name"]) for sheet in sheets for norm in sheet["norms"]])
    assert low <= np.nanmin(values)
    assert np.nanmax(values) <= high
    every = [
        figures.Norm(
            name, measures.gradient_norms(record(checkpoints.load(net), digits.sample(7)[0]), name, relative=True)
        )
        for net, name in [("rnn-64", "h"), ("gru-64", "h"), ("lstm-64", "h"), ("lstm-64", "c")]
    ]
    page(digit="7")
    np.testing.assert_allclose(fed[-1]["sheets"][0]["axis"]["range"], figures.log_axis(every).range)


def test_columns_with_one_role_have_one_place(fed):
    page(nets="gru-64,lstm-64,rnn-64")
    slots = [{column["slot"]: column["name"] for column in sheet["columns"]} for sheet in fed[-1]["sheets"]]
    assert slots[0] == {"x": "x", "h": "h", "i": "r", "f": "z", "g": "n", "probs": "probs"}
    assert slots[1] == {name: name for name in ("x", "h", "i", "f", "g", "o", "c", "probs")}
    assert set(slots[2]) == {"x", "h", "probs"}
    assert [slot for slot, _ in fed[-1]["views"]] == ["h", "i", "f", "g", "o", "c"]
    assert dict(fed[-1]["views"])["f"] == "Update gate z · Forget gate f"


def test_the_loss_is_each_ones_answer_or_one_class_for_all(fed):
    image, _ = digits.sample(7)
    page(digit="7", label="4")
    for name, sheet in zip(DEFAULT, fed[-1]["sheets"], strict=True):
        trace = record(checkpoints.load(name), image, 4)
        np.testing.assert_allclose(line(sheet, "h"), measures.gradient_norms(trace, "h", relative=True), atol=5e-5)


def test_a_network_of_several_layers_shows_its_top_one(fed):
    page(digit="7", nets="lstm-2x64,gru-64")
    trace = record(checkpoints.load("lstm-2x64"), digits.sample(7)[0])
    np.testing.assert_allclose(drawn(fed[-1]["sheets"][0], "h"), trace["h"][1], atol=0.00501)


def test_networks_that_read_more_rows_or_pixel_by_pixel_stand_beside_those_that_do_not(fed, home):
    delayed, pixels = trained(cell="gru", delay=9), trained(cell="rnn_tanh", reading="pixels")
    app = page(digit="7", nets=f"{delayed},{pixels},lstm-64", norms="h,jacobian")
    feed = fed[-1]
    assert [sheet["rows"] for sheet in feed["sheets"]] == [37, 28, 28]
    assert feed["rows"] == len(feed["say"]) == app.session_state["step"] == 37
    assert all(len(sheet["says"]) == 37 for sheet in feed["sheets"])
    assert Words("en")("compare.rests", rows=28) in feed["sheets"][1]["says"][36]
    assert Words("en")("compare.rests", rows=28) not in feed["sheets"][1]["says"][27]
    x = digits.as_sequences(digits.sample(7)[0], "pixels")
    trace = record(checkpoints.load(pixels), x)
    np.testing.assert_allclose(drawn(feed["sheets"][1], "h"), trace["h"][0][27::28], atol=0.00501)


# ---- Words


@pytest.mark.parametrize("language", ["en", "zh"])
def test_at_every_row_each_answer_is_said_and_whether_they_agree(language):
    words = Words(language)
    image, label = digits.sample(7)
    traces = [record(checkpoints.load(name), image) for name in ("rnn-64", "lstm-64")]
    lead = compare.together(words, traces, label)
    told = [compare.answers(words, trace, label, rows=28) for trace in traces]
    for t in range(28):
        given = [int(trace["probs"][t].argmax()) for trace in traces]
        last = "_last" if t == 27 else ""
        form = "agree" if given[0] == given[1] else "disagree"
        assert words(f"compare.{form}{last}", row=t + 1, rows=28, k=given[0]) in lead[t]
        assert all(f"“{answer}”" in each[t] for answer, each in zip(given, told, strict=True))
    for trace, each in zip(traces, told, strict=True):
        right, wrong = (words(f"compare.{verdict}") for verdict in ("right", "wrong"))
        assert (right in each[-1]) == (trace.prediction == label)
        assert (wrong in each[-1]) == (trace.prediction != label)
        assert right not in each[-2]
    assert not any(words("compare.right") in each for each in compare.answers(words, traces[0], None, rows=28))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("accuracies", "phrase"),
    [((0.981, 0.99), "similar"), ((0.973, 0.99), "unlike"), ((0.99, None), "unknown"), ((None, None), "unknown")],
)
def test_whether_networks_read_similarly_well_is_said_as_it_is(accuracies, phrase, language):
    words = Words(language)
    readers = [
        reader(name=name, accuracy={"mnist": share} if share else {})
        for name, share in zip("ab", accuracies, strict=True)
    ]
    (told,) = compare.fairness(words, readers)
    known = [share for share in accuracies if share is not None]
    unknown = [name for name, share in zip("ab", accuracies, strict=True) if share is None]
    numbers = {"worst": "a", "best": "b", "low": known[0], "high": known[-1]} if not unknown else {}
    assert told == words(f"compare.{phrase}", networks=words("compare.comma").join(unknown), **numbers)


def test_that_networks_read_different_sequences_is_said():
    words, accuracy = Words("en"), {"mnist": 0.99}
    alike = [reader(accuracy=accuracy), reader("gru", accuracy=accuracy)]
    assert words("compare.differently") not in compare.fairness(words, alike)[0]
    for other in (reader("gru", accuracy=accuracy, delay=9), reader("gru", accuracy=accuracy, order="pixels")):
        assert words("compare.differently") in compare.fairness(words, [alike[0], other])[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_heading_tells_cell_size_accuracy_and_what_is_missing(language):
    words, image = Words(language), digits.sample(7)[0]
    for name, absent in (("rnn-64", "no_gates"), ("gru-64", "no_cell"), ("lstm-2x64", "")):
        network, card = checkpoints.load(name), checkpoints.card(name)
        shown = Reader(name, name, network, card, "rows", 0)
        trace = record(network, image)
        read = Reading(name, network, trace, View(layer=network.num_layers - 1))
        caption = compare.caption(words, name, shown, read, None, rows=28)
        assert f"{card.accuracy['mnist']:.1%}" in caption.html
        assert f"{card.accuracy['uci']:.1%}" in caption.html
        assert words(f"cell.{network.cell}") in caption.html
        assert (words("compare.top_layer") in caption.html) == (network.num_layers > 1)
        assert caption.absent == (words(f"compare.{absent}") if absent else "")
        assert words("compare.since", row=caption.decided) not in caption.html  # the ending is not given away


def test_the_states_of_a_relu_network_say_how_far_their_colours_reach():
    words, shown = Words("en"), reader("rnn_relu", recurrent="identity")
    trace = record(shown.network, 3.0 * digits.sample(7)[0])
    read = Reading("a", shown.network, trace, View())
    assert trace["h"].max() > 1
    top = reading.top("h", trace["h"][0])
    assert words("compare.scale", top=top) in compare.described(words, shown, read)


def test_a_name_that_people_gave_is_no_markup():
    shown = reader(name="<b>*a*</b>", accuracy={"mnist": 0.9})
    read = Reading("a", shown.network, record(shown.network, digits.sample(7)[0]), View())
    assert "&lt;b&gt;" in compare.caption(Words("en"), shown.title, shown, read, None, 28).html
    (told,) = compare.fairness(Words("en"), [shown, reader(name="b", accuracy={"mnist": 0.99})])
    assert r"\<b\>\*a\*" in told


def test_two_runs_of_one_name_are_told_apart(fed, home):
    one, two = trained(cell="gru"), trained(cell="lstm")
    page(nets=f"{one},{two}")
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == [f"my run ({one})", f"my run ({two})"]


# ---- Links, and what is amiss


def test_a_link_carries_what_is_looked_at(fed):
    values = {"nets": "lstm-128,gru-64", "set": "uci", "digit": "7", "step": "14", "label": "3"}
    values |= {"order": "similarity", "norms": "h,jacobian"}
    app = page(**values, lang="zh")
    assert link(app) == values | {"lang": "zh"}
    assert len(fed[-1]["sheets"]) == 2
    assert link(page()).keys() == {"set", "digit"}


@pytest.mark.parametrize(
    "nets", ["rnn-64", "rnn-64,rnn-64", "rnn-64,../../etc/passwd", "rnn-64,gru-64,lstm-64,lstm-128,x", ""]
)
def test_a_link_with_nonsense_says_so_and_shows_networks(nets, fed):
    app = page(nets=nets)
    assert any("left out: nets" in warning.value for warning in app.warning)
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == DEFAULT


def test_a_run_of_a_link_that_is_gone_is_said_and_the_others_are_kept(fed, home):
    app = page(nets="run:20200101-000000-aaaa,lstm-128,gru-64")
    assert any("left out: nets" in warning.value for warning in app.warning)
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == ["lstm-128", "gru-64"]
    page(nets="run:20200101-000000-aaaa,lstm-128")
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == DEFAULT


def test_a_damaged_network_is_told_and_the_others_are_kept(monkeypatch, fed, tmp_path):
    for name in checkpoints.names():
        (tmp_path / f"{name}.safetensors").write_bytes((checkpoints.SHIPPED / f"{name}.safetensors").read_bytes())
    (tmp_path / "gru-64.safetensors").write_bytes(b"not a network")
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path)
    app = page()
    assert "gru-64" in app.error[0].value
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == ["rnn-64", "lstm-64"]


def test_a_run_that_reads_no_digits_is_refused_and_the_others_are_kept(fed, home):
    app = page(nets=f"{trained(dataset='halves')},lstm-64,gru-64")
    assert "does not say which digit" in app.error[0].value
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == ["lstm-64", "gru-64"]


def test_one_network_or_none_asks_for_more(fed):
    app = page()
    app.multiselect(key="widget_nets").set_value(["gru-64"]).run()
    assert not app.exception
    assert app.info[0].value == Words("en")("compare.few")
    assert [sheet["name"] for sheet in fed[-1]["sheets"]] == ["gru-64"]
    count = len(fed)
    app.multiselect(key="widget_nets").set_value([]).run()
    assert not app.exception
    assert app.info[0].value == Words("en")("compare.few")
    assert len(fed) == count
    app.multiselect(key="widget_nets").set_value(["lstm-64", "lstm-128"]).run()
    assert not app.info
    assert link(app)["nets"] == "lstm-64,lstm-128"


def test_a_gradient_that_one_network_cannot_afford_is_drawn_for_the_others(fed, home, monkeypatch):
    monkeypatch.setattr(reading, "MAX_JACOBIAN", 28 * 64**2 + 1)
    page(norms="jacobian")
    finite = [np.isfinite(line(sheet, "jacobian")).any() for sheet in fed[-1]["sheets"]]
    assert finite == [True, True, False]
