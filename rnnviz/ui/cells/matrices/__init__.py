"""The numbers of a small network in fields that can be changed: parameters as torch shapes them, inputs, targets."""

from pathlib import Path

import streamlit as st

from ....arithmetic import Graph
from ....figures import style
from ....text import Words
from ... import state
from ...callbacks import answered
from .. import tiny
from ..tiny import Tiny

_HERE = Path(__file__).parent

_component = st.components.v2.component(
    "rnnviz_matrices",
    html=(_HERE / "matrices.html").read_text("utf-8"),
    css=(_HERE / "matrices.css").read_text("utf-8"),
    js=(_HERE / "matrices.js").read_text("utf-8"),
)


def matrices(words: Words, shown: Tiny, made: Graph, backward: bool, key: str) -> None:
    """Show the fields; changes are made in the session's edits. backward: whether gradients stand below at first."""
    now = st.session_state

    def edited() -> None:
        if found := state.told(key, "edits"):
            now[f"{key}_heard"] = found["count"]
            if found["network"] == tiny.identity():  # a field of another network has another meaning
                done = [tiny.edit(place, value) for place, value in found["edits"].items()]
                now["tiny_refused"] = not all(done)

    groups = [_parameter(words, shown, made, name) for name in made.parameters]
    groups += [_inputs(words, shown, made), _targets(words, shown, made)]
    data = {
        "network": tiny.identity(),
        "heard": now.get(f"{key}_heard", 0),
        "groups": groups,
        "total": _total(words, shown),
        "largest": tiny.LARGEST,
        "backward": backward,
        "words": {"invalid": words("matrices.invalid")},
    }
    _component(data=data, key=key, default={"edits": None}, on_edits_change=answered(edited), height="content")
    if now.pop("tiny_refused", False):
        st.warning(words("matrices.refused"), icon=":material/block:")


def shape_of(name: str, shown: Tiny) -> tuple[str, str]:
    """Return the shape of a parameter in letters, "(4H, D)", and its numbers multiplied, "4·2 × 3"."""
    network = shown.network
    H, blocks = network.hidden_size, len(network.kind.blocks)
    if name.startswith("head"):
        first, rows = "K", str(network.num_classes)
    else:
        count = 3 if "weight_ch" in name else blocks
        first, rows = ("H", str(H)) if count == 1 else (f"{count}H", f"{count}·{H}")
    if network.arrays[name].ndim == 1:
        return f"({first})", rows
    columns = "D" if name.endswith("weight_ih_l0") else "H"
    return f"({first}, {columns})", f"{rows} × {network.arrays[name].shape[1]}"


def _parameter(words: Words, shown: Tiny, made: Graph, name: str) -> dict[str, object]:
    letters, product = shape_of(name, shown)
    values, seeded, nodes = shown.network.arrays[name], shown.seeded[name], made.parameters[name]
    count = values.size
    H = shown.network.hidden_size

    def cell(index: tuple[int, ...]) -> dict[str, object]:
        label = f"{nodes[index].symbol}, {name}[{', '.join(map(str, index))}]"
        return _cell(nodes[index].name, label, values[index], seeded[index], nodes[index].gradient)

    def gate(row: int) -> str:
        sub = nodes[row].sub if values.ndim == 1 else nodes[row, 0].sub
        return sub[-1] if not row % H and (name.startswith("rnn.weight_ch") or _gated(shown, name)) else ""

    indices = [[(j,)] if values.ndim == 1 else [(j, k) for k in range(values.shape[1])] for j in range(len(values))]
    return {
        "name": name,
        "title": f"<code>{name}</code>",
        "says": words("matrices.shape", shape=letters, product=product, count=count)
        if product != str(count)
        else words("matrices.shape_plain", shape=letters, count=count),
        "kind": "number",
        "colours": style.parameter(name),
        "rows": [{"label": gate(row[0][0]), "cells": [cell(index) for index in row]} for row in indices],
    }


def _gated(shown: Tiny, name: str) -> bool:
    return name.startswith("rnn") and len(shown.network.kind.blocks) > 1


def _inputs(words: Words, shown: Tiny, made: Graph) -> dict[str, object]:
    def cell(t: int, d: int) -> dict[str, object]:
        node = made[f"x.{t}.{d}"]
        return _cell(node.name, node.symbol, shown.x[t, d], shown.seeded["x"][t, d], node.gradient)

    return {
        "name": "x",
        "title": words("matrices.inputs"),
        "says": words("matrices.inputs_shape", steps=shown.steps, features=shown.x.shape[1]),
        "kind": "number",
        "rows": [
            {"label": _step(t), "cells": [cell(t, d) for d in range(shown.x.shape[1])]} for t in range(shown.steps)
        ],
    }


def _targets(words: Words, shown: Tiny, made: Graph) -> dict[str, object]:
    y, seeded = shown.numbers["y"], shown.seeded["y"]
    group: dict[str, object] = {"name": "y", "title": words("matrices.targets"), "kind": "number"}
    if shown.loss == "mse":

        def cell(t: int, k: int) -> dict[str, object]:
            node = made[f"y.{t}.{k}"]
            label = words("matrices.target", step=t + 1, k=k + 1)
            return _cell(node.name, label, y[t, k], seeded[t, k], node.gradient)

        rows = [{"label": _step(t), "cells": [cell(t, k) for k in range(tiny.OUTPUTS)]} for t in range(shown.steps)]
        return group | {"says": words("matrices.targets_mse"), "rows": rows}
    last = shown.loss == "last"
    none = [] if last else [[tiny.NO_TARGET, words("matrices.none")]]
    rows = [
        {
            "label": _step(t),
            "cells": [_cell(f"y.{t}", words("matrices.class", step=t + 1), int(y[t]), int(seeded[t]), None)],
        }
        for t in range(shown.steps)
        if not last or t == shown.steps - 1
    ]
    options = [*none, *([k, str(k + 1)] for k in range(tiny.OUTPUTS))]
    return group | {
        "says": words(f"matrices.targets_{shown.loss}"),
        "kind": "class",
        "options": options,
        "rows": rows,
    }


def _step(t: int) -> str:
    return f"t={t + 1}"


def _cell(place: str, label: str, value: float, seeded: float, gradient: float | None) -> dict[str, object]:
    told = None if gradient is None else _brief(gradient)
    return {"place": place, "label": label, "value": value, "changed": bool(value != seeded), "slope": told}


def _brief(value: float) -> str:
    """Return a gradient in few letters."""
    if value == 0:
        return "0"
    text = f"{value:.3f}" if abs(value) >= 0.0005 else f"{value:.0e}".replace("e-0", "e-")
    return text.replace("-", "−")


def _total(words: Words, shown: Tiny) -> str:
    """Return how many numbers there are, what they add up from, and where they are shared."""
    counts = [array.size for name, array in shown.network.arrays.items() if name != "h0"]
    layers = "" if shown.network.num_layers == 1 else words("matrices.own_layers")
    told = words(
        "matrices.total", groups=len(counts), sum=" + ".join(map(str, counts)), total=sum(counts), steps=shown.steps
    )
    return words.join([told, layers] if layers else [told])
