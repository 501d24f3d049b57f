"""The unrolled graph of a small network, drawn in the browser: values as they come to be, gradients as they come back.

`graph.js` plays and keeps the place, `drawing.js` draws, `panel.js` tells a number's arithmetic, `layout.js` says what
stands where. Everything is sent once; Python hears of the place some time after it has come to rest.
"""

from pathlib import Path

import streamlit as st

from .... import arithmetic
from ....arithmetic import Box, Graph, Node
from ....figures import style
from ....text import Words
from ... import state
from ...callbacks import answered
from .. import tiny
from ..tiny import Tiny
from .formulas import formulas, gradients

_HERE = Path(__file__).parent
_SCRIPTS = ("layout.js", "numbers.js", "panel.js", "drawing.js", "graph.js")

_component = st.components.v2.component(
    "rnnviz_graph",
    html=(_HERE / "graph.html").read_text("utf-8"),
    css=(_HERE / "graph.css").read_text("utf-8"),
    js="\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS),
)

_FAMILIES = {"rnn_tanh": "rnn", "rnn_relu": "rnn", "rnn_sigmoid": "rnn", "lstm": "lstm", "gru": "gru"}
_WORDS = (
    "play", "pause", "previous", "next", "speed", "forward", "backward", "place", "graph", "panel", "computed",
    "gradient", "sum", "given_input", "given_parameter", "given_start", "given_target", "no_way", "beside", "begins",
    "shared", "target", "scale_value", "scale_gradient", "free", "rest", "asked", "bias",
)  # fmt: skip
_RANGES = {
    "gate": ("gate", 0.0, 1.0), "probability": ("probability", 0.0, 1.0), "error": ("mistake", 0.0, 2.0),
    "state": ("state", -1.0, 1.0), "sum": ("state", -2.0, 2.0),
}  # fmt: skip
"""How values are coloured: a scale and the values at its ends."""
_KINDS = {
    "preactivation": "sum", "scores": "sum", "gate": "gate", "probabilities": "probability", "loss": "error",
}  # fmt: skip


def moments(made: Graph) -> tuple[list[list[Box]], list[list[Box]]]:
    """Return the moments of the way forward and those of the way back; after the latter come the weights' sums.

    The way back leaves out what does not reach the loss: probabilities, since it takes the scores themselves, and the
    scores of steps without a target. Beside squared errors there are no probabilities at all.
    """
    squared = any(box.signal == "e" for box in made.boxes)
    forward = [moment for moment in made.moments if not squared or moment[0].signal != "p"]
    reaching = [[box for box in moment if box.nodes[0].shares or box.signal == "loss"] for moment in forward]
    return forward, [moment for moment in reversed(reaching) if moment]


def graph(words: Words, shown: Tiny, key: str) -> Graph:
    """Show the graph at the moment `st.session_state["stage"]`, from 1, with the number "node" looked at; return it.

    Either may be None: all values are there then, and a number that has much to tell is looked at. What is no moment
    and no number of this network is left out, and said.
    """
    now = st.session_state
    made, network = _computed(tiny.identity(), tuple(sorted(now["edits"].items())), shown)
    forward, backward = moments(made)
    last = len(forward) + len(backward) + 1
    _find_again(made, last, key)

    def told() -> None:
        if found := state.told(key, "told"):
            stage, now["node"], _ = found
            now["stage"] = None if stage == len(forward) else stage
            state.heard()

    data = network | {
        "captions": _captions(words, shown, forward, backward),
        "words": {name: words(f"byhand.{name}") for name in _WORDS},
        "stage": now["stage"],
        "node": now["node"],
    }
    _component(data=data, key=key, default={"told": None}, on_told_change=answered(told), height="content")
    return made


@st.cache_resource(show_spinner=False, max_entries=16)  # of up to 5 MB each
def _computed(identity: str, edits: tuple[tuple[str, float], ...], _shown: Tiny) -> tuple[Graph, dict[str, object]]:
    """Return the graph of a network, which identity and edits name, and what is drawn of it; both are only read."""
    made = arithmetic.graph(_shown.network, _shown.x, _shown.label, _shown.loss)
    return made, _network(_shown, made)


def _find_again(made: Graph, last: int, key: str) -> None:
    """Let go of a moment and a number that this network does not have; whoever saw the end goes on seeing it."""
    now = st.session_state
    moved, before = tiny.moved(), now.get(f"{key}_last")
    now[f"{key}_last"] = last
    if moved and now["stage"] is not None and before != last:
        now["stage"] = last if now["stage"] == before else None
    wrong = {
        "stage": now["stage"] is not None and not 1 <= now["stage"] <= last,
        "node": now["node"] is not None and now["node"] not in made,
    }
    for name in [name for name, is_wrong in wrong.items() if is_wrong]:
        now[name] = None
        if not moved:
            state.ignore(name)


def _network(shown: Tiny, made: Graph) -> dict[str, object]:
    """Return all nodes and what they have to do with one another, as indices, and how they look."""
    number = {name: k for k, name in enumerate(made)}
    boxes = [*made.boxes, *_given(made)]
    box_of = {node.name: k for k, box in enumerate(boxes) for node in box.nodes}
    forward, backward = moments(made)
    place = {id(box): k for k, box in enumerate(boxes)}
    groups = {name: k for k, name in enumerate(made.parameters)}
    group_of = {node.name: groups[name] for name, nodes in made.parameters.items() for node in nodes.flat}
    several = shown.network.num_layers > 1
    nodes = [_node(node, number, box_of, group_of, several) for node in made.values()]
    return {
        "cell": _FAMILIES.get(shown.network.cell, "peephole"),
        "units": shown.network.hidden_size,
        "layers": shown.network.num_layers,
        "steps": shown.steps,
        "nodes": nodes,
        "boxes": [
            {
                "signal": box.signal,
                "layer": box.layer,
                "step": box.step,
                "kind": _KINDS.get(box.stage, "state"),
                "nodes": [number[node.name] for node in box.nodes],
            }
            for box in boxes
        ],
        "forward": [[place[id(box)] for box in moment] for moment in forward],
        "backward": [[place[id(box)] for box in moment] for moment in backward],
        "groups": [{"name": name} | style.parameter(name) for name in made.parameters],
        "targets": _targets(shown),
        "scales": style.SCALES,
        "ranges": _RANGES,
    }


def _given(made: Graph) -> list[Box]:
    """Return boxes of what nothing computes and no moment reads: initial states and targets."""
    found: dict[tuple, list[Node]] = {}
    for node in made.values():
        if node.stage in (arithmetic.START, arithmetic.TARGET):
            found.setdefault((node.letter, node.stage, node.layer, node.step), []).append(node)
    return [Box(*place, tuple(nodes)) for place, nodes in found.items()]


def _node(node: Node, number: dict, box_of: dict, group_of: dict, several: bool) -> dict[str, object]:
    def factors(found) -> list[int]:
        return [-1 - number[f.node.name] if f.complement else number[f.node.name] for f in found]

    told: dict[str, object] = {
        "name": node.name,
        "letter": node.letter,
        "below": ",".join(part for part in (node.sub, "" if node.step is None else str(node.step + 1)) if part),
        "index": ",".join(str(i + 1) for i in node.index),
        "value": _short(node.value),
        "gradient": _short(node.gradient),
        "stage": node.stage,
        "terms": [[_short(term.scale), factors(term.factors)] for term in node.terms],
        "shares": [
            [number[s.later.name], _short(s.derivative), _short(s.scale), factors(s.others)] for s in node.shares
        ],
    }
    if several and node.layer is not None:
        told["above"] = f"({node.layer + 1})"
    if node.function:
        told["function"] = node.function
    if node.picked is not None:
        told["picked"] = node.picked
    if node.name in group_of:
        told["group"] = group_of[node.name]
    if node.name in box_of:
        told["box"] = box_of[node.name]
    return told


def _short(value: float) -> float:
    """Return a number with more digits than are ever shown, and fewer than float64 has."""
    return float(f"{value:.9g}")


def _targets(shown: Tiny) -> list[int | None]:
    """Return the class that every step is to answer, None for none."""
    if shown.loss == "mse":
        return [None] * shown.steps
    return [int(y) if y >= 0 else None for y in shown.numbers["y"]]


def _captions(words: Words, shown: Tiny, forward: list[list[Box]], backward: list[list[Box]]) -> list[dict[str, str]]:
    """Return, for every moment, what happens in words and the formula."""

    def told(moment: list[Box], way: str) -> dict[str, str]:
        first = moment[0]
        stage = "total" if first.signal == "loss" else "preactivation_one" if first.signal == "a" else first.stage
        says = words(f"byhand.{way}_{stage}")
        if first.step is not None:
            at = words("byhand.at_step", step=first.step + 1)
            if first.layer is not None and shown.network.num_layers > 1:
                at = words("byhand.at_layer", step=first.step + 1, layer=first.layer + 1)
            says = words("byhand.moment", at=at, says=says)
        if way == "backward":
            return {"says": says, "formula": gradients(moment, shown.network.num_layers > 1)}
        signals = [box.signal for box in moment]
        return {"says": says, "formula": formulas(shown.network.cell, signals, shown.loss, first.layer, first.step)}

    found = [told(moment, "forward") for moment in forward] + [told(moment, "backward") for moment in backward]
    return [*found, {"says": words("byhand.backward_weights", steps=shown.steps), "formula": ""}]
