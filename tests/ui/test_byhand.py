"""The part "Every number": what it sends to the browser are the network's numbers; edits, links, bad input, words."""

import json
import re

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from rnnviz import arithmetic, learn, text
from rnnviz.trace import record
from rnnviz.ui import state
from rnnviz.ui.cells import tiny
from rnnviz.ui.cells.graph import moments
from rnnviz.ui.cells.graph.formulas import formulas, gradients
from rnnviz.ui.cells.matrices import shape_of
from rnnviz.ui.parts import stories
from tests.what_a_page_says import opened, told

SIZES = {"units": 2, "steps": 3, "features": 2, "depth": 1}


def open_part(**link: str) -> AppTest:
    return opened("cells", **link)


def sent(app: AppTest, component: str) -> dict:
    """Return what a component of the part was given."""
    found = [each.proto.json for each in app.get("bidi_component") if each.proto.component_name == component]
    assert len(found) == 1
    return json.loads(found[0])


def network(cell: str = "rnn_tanh", loss: str = "last", seed: int = 0, edits: dict | None = None, **sizes: int):
    numbers = tiny.seeded(cell=cell, loss=loss, seed=seed, **SIZES | sizes)
    return tiny.build(cell, loss, seed, numbers, edits or {})


def values(data: dict) -> dict[str, tuple[float, float]]:
    return {node["name"]: (node["value"], node["gradient"]) for node in data["nodes"]}


# ---- The numbers


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("loss", tiny.LOSSES)
@pytest.mark.parametrize("cell", tiny.CELLS)
def test_the_graph_gets_the_numbers_of_the_network_that_the_link_names(cell, loss, depth):
    app = open_part(cell=cell, loss=loss, depth=str(depth), seed="3")
    assert not app.error
    assert not app.warning
    shown = network(cell, loss, seed=3, depth=depth)
    trace = record(shown.network, shown.x, shown.label, loss=loss)
    found = values(sent(app, "rnnviz_graph"))
    assert found["loss"] == pytest.approx((trace.loss, 1.0), rel=1e-8)
    for t in range(3):
        for j in range(2):
            for k in range(depth):
                assert found[f"h_l{k}.{t}.{j}"][0] == pytest.approx(trace["h"][k, t, j], rel=1e-8)
                assert found[f"h_l{k}.{t}.{j}"][1] == pytest.approx(trace.grad["h"][k, t, j], rel=1e-7, abs=1e-12)
            assert found[f"logits.{t}.{j}"][0] == pytest.approx(trace["logits"][t, j], rel=1e-8)
    for name, array in learn.gradients(shown.network, trace).items():
        for index in np.ndindex(array.shape):
            value, gradient = found[".".join([name, *map(str, index)])]
            assert value == shown.network.arrays[name][index]
            assert gradient == pytest.approx(array[index], rel=1e-7, abs=1e-12)


def test_factors_and_ways_are_sent_as_places_of_nodes():
    data = sent(open_part(cell="gru", loss="mse"), "rnnviz_graph")
    nodes = data["nodes"]
    for node in nodes:
        total = 0.0
        for scale, factors in node["terms"]:
            product = scale
            for f in factors:
                product *= nodes[f]["value"] if f >= 0 else 1 - nodes[-1 - f]["value"]
            total += product
        if node["terms"] and "function" not in node:
            assert total == pytest.approx(node["value"], abs=1e-8)
        ways = sum(nodes[later]["gradient"] * derivative for later, derivative, _, _ in node["shares"])
        assert node["name"] == "loss" or ways == pytest.approx(node["gradient"], abs=1e-8)


@pytest.mark.parametrize("loss", tiny.LOSSES)
@pytest.mark.parametrize("cell", tiny.CELLS)
def test_every_moment_has_its_boxes_and_a_caption(cell, loss):
    data = sent(open_part(cell=cell, loss=loss), "rnnviz_graph")
    assert len(data["captions"]) == len(data["forward"]) + len(data["backward"]) + 1
    assert all(caption["says"] for caption in data["captions"])
    shown = {box for moment in data["forward"] for box in moment}
    reached = {box for moment in data["backward"] for box in moment}
    for k, box in enumerate(data["boxes"]):
        waits = box["signal"] in ("h", "c", "y") and (box["step"] == -1 or box["signal"] == "y")
        drawn = not (loss == "mse" and box["signal"] == "p")
        assert (k in shown) == (drawn and not waits)
        teaches = any(data["nodes"][at]["shares"] for at in box["nodes"]) or box["signal"] == "loss"
        assert (k in reached) == (teaches and not waits)


def test_probabilities_are_no_way_back_and_the_way_back_begins_at_the_loss():
    shown = network()
    forward, backward = moments(arithmetic.graph(shown.network, shown.x, shown.label, shown.loss))
    signals = [[box.signal for box in moment] for moment in forward]
    assert signals[:5] == [["x"], ["a"], ["h"], ["logits"], ["p"]]
    assert signals[-2:] == [["l"], ["loss"]]
    assert [moment[0].signal for moment in backward[:5]] == ["loss", "l", "logits", "h", "a"]
    assert "p" not in [moment[0].signal for moment in backward]
    assert sum(moment[0].signal == "logits" for moment in backward) == 1  # the last step's alone has a loss


# ---- The seed's numbers, and edits


@pytest.mark.parametrize("cell", tiny.CELLS)
def test_a_seeds_numbers_are_round_and_stay_when_something_is_added(cell):
    small = tiny.seeded(cell=cell, loss="every", seed=5, units=2, steps=2, features=1, depth=1)
    large = tiny.seeded(cell=cell, loss="every", seed=5, units=2, steps=6, features=3, depth=2)
    for name, array in small.items():
        part = large[name][tuple(slice(size) for size in array.shape)]
        np.testing.assert_array_equal(array, part, err_msg=name)
        if name not in "xy":
            np.testing.assert_array_equal(array, np.round(array, 1))
            assert (array != 0).all()
    assert set(np.abs(large["x"]).ravel()) <= {0.5, 1.0}
    one, other = large["head.weight"]
    assert (one != other).all()
    again = tiny.seeded(cell=cell, loss="every", seed=6, units=2, steps=6, features=3, depth=2)
    assert (again["rnn.weight_hh_l0"] != large["rnn.weight_hh_l0"]).any()


def test_an_edit_in_a_link_is_in_the_network_and_goes_back_into_the_link():
    edits = "rnn.weight_hh_l0.0.1:0.75,x.2.0:-0.3,y.2:1"
    app = open_part(edits=edits)
    found = values(sent(app, "rnnviz_graph"))
    assert found["rnn.weight_hh_l0.0.1"][0] == 0.75
    assert found["x.2.0"][0] == -0.3
    assert sent(app, "rnnviz_graph")["targets"] == [None, None, 1]
    assert app.session_state["link"]["edits"] == edits
    assert text.Words("en")("tiny.changed", count=3) in told(app)


@pytest.mark.parametrize(
    "edits",
    [
        "rnn.weight_hh_l0.7.0:1",
        "rnn.weight_hh_l0.0:1",
        "rnn.weight_hh_l1.0.0:1",
        "nothing.0.0:1",
        "x.3.0:1",
        "y.0:1",
        "y.2:5",
        "y.2:-1",
        "x.0.0:999.5",
    ],
)
def test_an_edit_of_what_does_not_exist_is_left_out_and_said(edits):
    app = open_part(edits=f"{edits},x.0.0:0.2" if "x.0.0" not in edits else edits)
    assert app.session_state["link_ignored"] == ["edits"]
    assert edits.split(":")[0] not in app.session_state["edits"] or "x.0.0" in edits
    if "x.0.0" not in edits:
        assert app.session_state["edits"] == {"x.0.0": 0.2}
        assert values(sent(app, "rnnviz_graph"))["x.0.0"][0] == 0.2


def test_steps_may_go_without_a_target_but_not_all_of_them():
    app = open_part(loss="every", edits="y.0:-1")
    assert sent(app, "rnnviz_graph")["targets"][0] is None
    assert "l.0" not in values(sent(app, "rnnviz_graph"))
    app = open_part(loss="every", edits="y.0:-1,y.1:-1,y.2:-1,x.0.0:0.2")
    assert app.session_state["link_ignored"] == ["edits"]
    assert app.session_state["edits"] == {"x.0.0": 0.2}


def test_a_target_that_is_taken_away_takes_its_moments_along(session):
    session |= {"loss": "every", "node": "l.0", "stage": None}
    assert tiny.edit("y.0", -1)
    assert tiny.moved()
    assert not tiny.moved()


@pytest.fixture
def session(monkeypatch) -> dict:
    """A session in which the part is shown with its defaults."""
    now = dict(stories.PARTS["byhand"].defaults) | {"link_ignored": []}
    monkeypatch.setattr(tiny.st, "session_state", now)
    return now


def test_editing_sets_and_takes_back_one_number(session):
    assert tiny.edit("rnn.weight_hh_l0.0.1", 0.75)
    assert session["edits"] == {"rnn.weight_hh_l0.0.1": 0.75}
    assert tiny.edit("x.1.1", 2)
    assert tiny.edit("rnn.weight_hh_l0.0.1", float(network().seeded["rnn.weight_hh_l0"][0, 1]))
    assert session["edits"] == {"x.1.1": 2.0}
    for place, value in (("x.9.0", 1.0), ("x.0.0", 1e6), ("y.2", 3), ("x", 1.0), ("y.1", 0)):
        assert not tiny.edit(place, value)
    assert not tiny.edit("x.0.0", float("nan"))
    assert session["edits"] == {"x.1.1": 2.0}
    assert stories.PARTS["byhand"].defaults["edits"] == {}


def test_the_last_target_cannot_be_taken_away(session):
    session["loss"] = "every"
    assert tiny.edit("y.0", -1)
    assert tiny.edit("y.1", -1)
    assert not tiny.edit("y.2", -1)
    assert session["edits"] == {"y.0": -1.0, "y.1": -1.0}


def test_whatever_can_be_edited_can_stand_in_a_link(session):
    for value in (0.1, -0.25, 3.14159, -999, 999, 1e-4, 0.1 + 0.2):
        assert tiny.edit("x.0.1", value)
        assert state.LINK["edits"](tiny.link("byhand")["edits"]) == session["edits"]


@pytest.mark.parametrize("loss", tiny.LOSSES)
@pytest.mark.parametrize("cell", tiny.CELLS)
def test_a_link_can_change_every_number_of_the_largest_network(session, cell, loss):
    session |= {name: most for name, (_, most) in tiny.LIMITS.items()} | {"cell": cell, "loss": loss}
    numbers = tiny.chosen().seeded
    session["edits"] = {
        ".".join([name, *map(str, index)]): 0.0 if name == "y" else 0.05
        for name, array in numbers.items()
        if name != "h0"
        for index in np.ndindex(array.shape)
        if name != "y" or loss != "last" or index == (len(array) - 1,)
    }
    assert tiny.chosen().numbers["x"].max() == 0.05
    assert state.LINK["edits"](tiny.link("byhand")["edits"]) == session["edits"]


@pytest.mark.parametrize("text", ["x.0.٣:1", "x.٠.0:1", "x.0.0:١", "x.0.0:1.٥"])
def test_a_link_is_written_in_plain_digits(text):
    with pytest.raises(ValueError, match="x"):
        state.LINK["edits"](text)


@pytest.mark.parametrize("held", [{}, {"own": None}, {"own": {}}, {"own": {"edits": None}}])
def test_what_streamlit_has_let_go_of_is_told_as_nothing(monkeypatch, held):
    monkeypatch.setattr(state.st, "session_state", held)
    assert state.told("own", "edits") is None


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"units": 3}, {"x.2.0"}),
        ({"cell": "lstm"}, {"x.2.0"}),
        ({"steps": 2}, {"rnn.weight_hh_l0.0.1"}),
        ({"depth": 2}, {"rnn.weight_hh_l0.0.1", "x.2.0"}),
        ({"features": 1}, {"rnn.weight_hh_l0.0.1", "x.2.0"}),
        ({"seed": 1}, set()),
    ],
)
def test_edits_that_no_longer_mean_the_same_are_let_go_of_and_that_is_said(change, kept):
    app = open_part(edits="rnn.weight_hh_l0.0.1:0.75,x.2.0:-0.3")
    ((key, value),) = change.items()
    widget = app.number_input if key == "seed" else app.selectbox
    widget(key=f"widget_{key}").set_value(value).run()
    assert not app.exception
    assert set(app.session_state["edits"]) == kept
    assert app.session_state["link_ignored"] == []
    said = text.Words("en")("tiny.dropped", count=2 - len(kept))
    assert (said in told(app)) == (len(kept) < 2)


def test_the_seeds_numbers_come_back_with_a_button_and_a_new_seed_has_others():
    app = open_part(edits="rnn.weight_hh_l0.0.1:0.75")
    assert not app.button(key="tiny_back").disabled
    app.button(key="tiny_back").click().run()
    assert app.session_state["edits"] == {}
    assert app.button(key="tiny_back").disabled
    before = values(sent(app, "rnnviz_graph"))
    app.button(key="tiny_new_seed").click().run()
    assert app.session_state["link"]["seed"] == "1"
    assert values(sent(app, "rnnviz_graph")) != before


# ---- The place, the stories, the words


def test_a_link_names_the_moment_and_the_number_that_is_looked_at():
    data = sent(open_part(stage="30", node="rnn.weight_hh_l0.0.1"), "rnnviz_graph")
    assert (data["stage"], data["node"]) == (30, "rnn.weight_hh_l0.0.1")
    assert len(data["captions"]) == 30
    assert sent(open_part(stage="30"), "rnnviz_matrices")["backward"]
    assert not sent(open_part(stage="17"), "rnnviz_matrices")["backward"]


@pytest.mark.parametrize(
    ("link", "ignored"),
    [
        ({"stage": "31"}, "stage"),
        ({"stage": "0"}, "stage"),
        ({"node": "c_l0.1.0"}, "node"),
        ({"units": "9"}, "units"),
        ({"steps": "1"}, "steps"),
        ({"depth": "3"}, "depth"),
        ({"features": "4"}, "features"),
        ({"cell": "layernorm_lstm"}, "cell"),
        ({"edits": "x.0.0"}, "edits"),
    ],
)
def test_what_a_link_asks_for_and_is_not_to_be_had_is_said(link, ignored):
    app = open_part(**link)
    assert app.session_state["link_ignored"] == [ignored]
    assert text.Words("en")("link.ignored", keys=ignored) in told(app)
    assert not app.session_state["link"]


@pytest.mark.parametrize(("stage", "expected"), [("30", 22), ("29", None), ("17", None), (None, None)])
def test_another_network_is_shown_at_its_own_end_or_with_all_values(stage, expected):
    app = open_part(node="h_l0.2.0", **({"stage": stage} if stage else {}))
    app.selectbox(key="widget_steps").set_value(2).run()
    assert not app.exception
    assert app.session_state["link_ignored"] == []
    data = sent(app, "rnnviz_graph")
    assert (data["stage"], data["node"]) == (expected, None)
    assert expected in (None, len(data["captions"]))


@pytest.mark.parametrize("story", stories.PARTS["byhand"].stories)
@pytest.mark.parametrize("language", text.LANGUAGES)
def test_every_story_shows_what_it_names(story, language):
    app = open_part(lang=language)
    app.button(key=f"story_{story}").click().run()
    assert not app.exception
    assert app.session_state["link_ignored"] == []
    wanted = stories.PARTS["byhand"].stories[story]
    data = sent(app, "rnnviz_graph")
    assert data["node"] == wanted["node"]
    assert data["stage"] == wanted.get("stage")
    if "stage" in wanted:  # the sums of the weights, at the very end
        assert wanted["stage"] == len(data["captions"])
    assert f"#story-{story}" in text.Words(language).lesson("cells_byhand")


def test_a_prediction_shows_the_terms_that_it_is_about():
    app = open_part()
    app.button(key="predict_byhand_a").click().run()
    words = text.Words("en")
    assert words("predict.other") in told(app)
    data = sent(app, "rnnviz_graph")
    assert data["node"] == "rnn.weight_hh_l0.0.1"
    weight = next(node for node in data["nodes"] if node["name"] == data["node"])
    assert len(weight["shares"]) == 3
    assert data["nodes"][weight["shares"][0][3][0]]["value"] == 0  # h_0


# ---- The matrices


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("cell", tiny.CELLS)
def test_every_number_has_a_field_and_they_are_counted(cell, depth):
    app = open_part(cell=cell, depth=str(depth), stage="2")
    data, shown = sent(app, "rnnviz_matrices"), network(cell, depth=depth)
    fields = {cell["place"]: cell for group in data["groups"] for row in group["rows"] for cell in row["cells"]}
    parameters = {name: array for name, array in shown.network.arrays.items() if name != "h0"}
    for name, array in parameters.items():
        for index in np.ndindex(array.shape):
            assert fields[".".join([name, *map(str, index)])]["value"] == array[index]
    assert len(fields) == shown.network.num_parameters + shown.x.size + 1
    assert f"= {shown.network.num_parameters} " in data["total"]
    assert not any(field["changed"] for field in fields.values())
    for name, array in parameters.items():
        _, product = shape_of(name, shown)
        factors = [int(number) for number in re.findall(r"\d+", product)]
        assert np.prod(factors) == array.size


def test_shapes_are_told_as_torch_has_them():
    shown = network("lstm", depth=2, features=3)
    told = {name: shape_of(name, shown) for name in shown.network.arrays if name != "h0"}
    assert told["rnn.weight_ih_l0"] == ("(4H, D)", "4·2 × 3")
    assert told["rnn.weight_ih_l1"] == ("(4H, H)", "4·2 × 2")
    assert told["rnn.weight_hh_l0"] == ("(4H, H)", "4·2 × 2")
    assert told["rnn.bias_hh_l1"] == ("(4H)", "4·2")
    assert told["head.weight"] == ("(K, H)", "2 × 2")
    assert shape_of("rnn.weight_ch_l0", network("peephole_lstm")) == ("(3H)", "3·2")
    assert shape_of("rnn.weight_ch_l0", network("peephole_lstm_full")) == ("(3H, H)", "3·2 × 2")
    assert shape_of("rnn.weight_hh_l0", network("rnn_relu")) == ("(H, H)", "2 × 2")


def test_the_arithmetic_of_a_network_is_computed_once_and_anew_for_another(monkeypatch):
    st.cache_resource.clear()
    computed = []

    def counted(*network) -> arithmetic.Graph:
        computed.append(network)
        return graph(*network)

    graph = arithmetic.graph
    monkeypatch.setattr(arithmetic, "graph", counted)
    app = open_part()
    app.run()
    assert len(computed) == 1
    for count, (key, value) in enumerate([("seed", 5), ("cell", "gru"), ("steps", 4), ("loss", "mse")], 2):
        widget = app.number_input if key == "seed" else app.selectbox
        widget(key=f"widget_{key}").set_value(value).run()
        app.run()
        assert len(computed) == count
    assert values(sent(open_part(edits="x.0.0:0.2"), "rnnviz_graph"))["x.0.0"][0] == 0.2
    assert values(sent(open_part(edits="x.0.0:0.3"), "rnnviz_graph"))["x.0.0"][0] == 0.3


def test_gradients_stand_below_the_numbers_and_changes_are_marked():
    data = sent(open_part(edits="rnn.weight_hh_l0.0.1:0.75"), "rnnviz_matrices")
    shown = network(edits={"rnn.weight_hh_l0.0.1": 0.75})
    trace = record(shown.network, shown.x, shown.label)
    expected = learn.gradients(shown.network, trace)["rnn.weight_hh_l0"]
    (group,) = [group for group in data["groups"] if group["name"] == "rnn.weight_hh_l0"]
    for j, row in enumerate(group["rows"]):
        for k, cell in enumerate(row["cells"]):
            assert float(cell["slope"].replace("−", "-")) == pytest.approx(expected[j, k], abs=6e-4)
            assert cell["changed"] == ((j, k) == (0, 1))


def test_a_field_of_a_target_is_named_as_the_target_and_not_as_the_score():
    app = open_part(loss="mse")
    graph, fields = sent(app, "rnnviz_graph"), sent(app, "rnnviz_matrices")
    nodes = {node["name"]: node for node in graph["nodes"]}
    (group,) = [group for group in fields["groups"] if group["name"] == "y"]
    for cell in [cell for row in group["rows"] for cell in row["cells"]]:
        node = nodes[cell["place"]]
        assert (node["stage"], node["letter"], node["value"]) == ("target", "y", cell["value"])


# ---- The formulas


def plain(html: str) -> str:
    return re.sub(r"<sub>([^<]*)</sub>", r"_\1", re.sub(r"<sup>([^<]*)</sup>", r"^\1", html)).replace("&ensp;", "")


def told_at(shown: tiny.Tiny, signal: str, step: int, layer: int | None = 0) -> str:
    made = arithmetic.graph(shown.network, shown.x, shown.label, shown.loss)
    (box,) = [box for box in made.boxes if (box.signal, box.step, box.layer) == (signal, step, layer)]
    return plain(gradients([box], shown.network.num_layers > 1))


def test_formulas_of_the_way_forward_are_those_of_the_cell():
    assert plain(formulas("rnn_relu", ["h"], "last", 0, 1)) == "h_2 = ReLU(a_2)"
    assert plain(formulas("rnn_tanh", ["a"], "last", 0, 1)) == "a_2 = W_ih x_2 + b_ih + W_hh h_1 + b_hh"
    assert plain(formulas("lstm", ["c"], "last", 0, 1)) == "c_2 = f_2 ⊙ c_1 + i_2 ⊙ g_2"
    told = plain(formulas("lstm", ["a_i", "a_f"], "last", 1, 1))
    assert told == "a_•,2 = W_i• h_2^(1) + b_i• + W_h• h_1 + b_h•  (• = i, f)"
    assert plain(formulas("peephole_lstm", ["a_o"], "last", 0, 1)).endswith("+ P_o ⊙ c_2")
    assert plain(formulas("peephole_lstm_full", ["a_i"], "last", 0, 1)).endswith("+ P_i c_1")
    assert plain(formulas("gru", ["a_n"], "last", 0, 1)) == "a_n,2 = W_in x_2 + b_in + r_2 ⊙ s_2"
    assert plain(formulas("gru", ["r", "z"], "last", 0, 1)) == "r_2 = σ(a_r,2), z_2 = σ(a_z,2)"


def test_scores_and_targets_and_the_losses_of_one_step_and_of_all_have_names_of_their_own():
    assert plain(formulas("rnn_tanh", ["logits"], "last", None, 1)) == "ŷ_2 = W_hy h_2 + b_y"
    assert plain(formulas("rnn_tanh", ["l"], "every", None, 1)) == "L_2 = ln Σ_k exp ŷ_2[k] − ŷ_2[y_2]"
    assert plain(formulas("rnn_tanh", ["e"], "mse", None, 1)) == "e_2 = (ŷ_2 − y_2)^2"
    assert plain(formulas("rnn_tanh", ["loss"], "every", None, None)) == "L = (1/N) Σ_t L_t"
    shown = network(loss="mse")
    made = arithmetic.graph(shown.network, shown.x, shown.label, shown.loss)
    letters = {node.letter for node in made.values()}
    assert {"y", "ŷ", "L"} < letters
    assert {node.stage for node in made.values() if node.letter == "y"} == {"target"}
    assert {node.stage for node in made.values() if node.letter == "ŷ"} == {"scores"}


def test_formulas_of_the_way_back_have_the_terms_that_there_are():
    assert told_at(network(), "h", 2) == "∂L/∂h_3 = W_hy^⊤ ∂L/∂ŷ_3"
    assert told_at(network(), "h", 1) == "∂L/∂h_2 = W_hh^⊤ ∂L/∂a_3"
    assert told_at(network(loss="every"), "h", 1) == "∂L/∂h_2 = W_hy^⊤ ∂L/∂ŷ_2 + W_hh^⊤ ∂L/∂a_3"
    assert told_at(network(), "a", 1) == "∂L/∂a_2 = ∂L/∂h_2 ⊙ (1 − h_2^2)"
    assert told_at(network("rnn_relu"), "a", 1) == "∂L/∂a_2 = ∂L/∂h_2 ⊙ ReLU′"
    assert told_at(network(), "logits", 2, None) == "∂L/∂ŷ_3 = ∂L/∂L_3 (p_3 − onehot(y_3))"
    assert told_at(network("lstm"), "c", 1) == "∂L/∂c_2 = ∂L/∂tanh c_2 ⊙ (1 − (tanh c_2)^2) + ∂L/∂c_3 ⊙ f_3"
    assert told_at(network("lstm"), "f", 1) == "∂L/∂f_2 = ∂L/∂c_2 ⊙ c_1"
    told = told_at(network("gru"), "h", 1)
    assert told == "∂L/∂h_2 = ∂L/∂h_3 ⊙ z_3 + Σ_• W_h•^⊤ ∂L/∂a_•,3  (• = r, z) + W_hn^⊤ ∂L/∂s_3"
    assert told_at(network("gru"), "z", 1) == "∂L/∂z_2 = −∂L/∂h_2 ⊙ n_2 + ∂L/∂h_2 ⊙ h_1"
    two = network(depth=2)
    assert told_at(two, "h", 1) == "∂L/∂h_2^(1) = W_ih^(2)⊤ ∂L/∂a_2^(2) + W_hh^(1)⊤ ∂L/∂a_3^(1)"
