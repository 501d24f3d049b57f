"""The formulas of a cell in vectors, as HTML: what stands over the unrolled graph while a moment is shown.

Written with %t for the step and %p for the one before; _{...} is set below, ^{...} above the line.
"""

import re
from collections.abc import Sequence
from html import escape

from ....arithmetic import PARAMETER, Box, Factor, Node, Share

_ACTIVATIONS = {"rnn_tanh": "tanh", "rnn_relu": "ReLU", "rnn_sigmoid": "σ"}
_CELL_STATE = "c_{%t} = f_{%t} ⊙ c_{%p} + i_{%t} ⊙ g_{%t}"
_OF_LSTM = {"c": _CELL_STATE, "h": "h_{%t} = o_{%t} ⊙ tanh c_{%t}"}
_OF_CELL = {
    "lstm": _OF_LSTM,
    "peephole_lstm": _OF_LSTM,
    "peephole_lstm_full": _OF_LSTM,
    "gru": {
        "s": "s_{%t} = W_{hn} h_{%p} + b_{hn}",
        "a_n": "a_{n,%t} = W_{in} x_{%t} + b_{in} + r_{%t} ⊙ s_{%t}",
        "h": "h_{%t} = (1 − z_{%t}) ⊙ n_{%t} + z_{%t} ⊙ h_{%p}",
    },
}
_OF_ALL = {
    "a": "a_{%t} = W_{ih} x_{%t} + b_{ih} + W_{hh} h_{%p} + b_{hh}",
    "g": "g_{%t} = tanh(a_{g,%t})",
    "n": "n_{%t} = tanh(a_{n,%t})",
    "m": "tanh c_{%t}",
    "logits": "ŷ_{%t} = W_{hy} h_{%t} + b_{y}",
    "p": "p_{%t} = softmax(ŷ_{%t})",
    "e": "e_{%t} = (ŷ_{%t} − y_{%t})^{2}",
}
_AFFINE = "a_{•,%t} = W_{i•} x_{%t} + b_{i•} + W_{h•} h_{%p} + b_{h•}"
_PEEPHOLES = {"a_i": "c_{%p}", "a_f": "c_{%p}", "a_o": "c_{%t}"}


def formulas(cell: str, signals: Sequence[str], loss: str, layer: int | None, step: int | None) -> str:
    """Return what computes some signals of one step, as HTML; layer and step count from 0."""
    found, together = [], {}
    for signal in signals:
        if (known := _OF_CELL.get(cell, {}).get(signal) or _OF_ALL.get(signal)) is not None:
            found.append(known)
        elif signal.startswith("a_"):  # alike for several gates: told once
            times = {"peephole_lstm": " ⊙ ", "peephole_lstm_full": " "}.get(cell)
            seen = f" + P_{{•}}{times}{_PEEPHOLES[signal]}" if times and signal in _PEEPHOLES else ""
            together.setdefault(_AFFINE + seen, []).append(signal[2:])
        elif signal == "h":
            found.append(f"h_{{%t}} = {_ACTIVATIONS[cell]}(a_{{%t}})")
        elif signal == "l":
            mean = "L_{%t} = (1/K) Σ_{k} e_{%t}[k]"
            found.append(mean if loss == "mse" else "L_{%t} = ln Σ_{k} exp ŷ_{%t}[k] − ŷ_{%t}[y_{%t}]")
        elif signal == "loss":
            found.append("L = L_{T}" if loss == "last" else "L = (1/N) Σ_{t} L_{t}")
        elif signal != "x":
            found.append(f"{signal}_{{%t}} = σ(a_{{{signal},%t}})")
    told = [
        text.replace("•", names[0]) if len(names) == 1 else f"{text}  (• = {', '.join(names)})"
        for text, names in together.items()
    ]
    return ", &ensp;".join(_html(text, layer, step) for text in told + found)


def gradients(boxes: Sequence[Box], several: bool) -> str:
    """Return what the gradients in some boxes are the sums of, as HTML; several: whether there are several layers.

    It is read off the graph, so that it has the terms that there are: none from a next step after the last.
    """
    if boxes[0].signal == "loss":
        return _html("∂L/∂L = 1", None, None)
    found, gates = [], [box for box in boxes if box.nodes[0].shares[0].later.function == "sigmoid"]
    if len(gates) > 1:  # alike: told once
        names = ", ".join(box.signal[2:] for box in gates)
        below, above = _places(gates[0].nodes[0], several)
        found.append(
            f"∂L/∂a_{{•{below}}}{above} = ∂L/∂•_{{{below[1:]}}}{above} ⊙ •(1 − •)  (• = {names})",
        )
    for box in boxes:
        if len(gates) < 2 or box not in gates:
            parts = " + ".join(_ways(box.nodes[0], several)) or "0"
            found.append(f"∂L/∂{_vector(box.nodes[0], several)} = {parts}".replace("+ −", "− "))
    return ", &ensp;".join(_html(text, None, None) for text in found)


def _ways(node: Node, several: bool) -> list[str]:
    """Return the terms of a gradient; the units of one later vector have one together, and so have all its gates."""
    through: dict[tuple, list[Node]] = {}
    found: dict[str, None] = {}
    for share in node.shares:
        later = share.later
        weight = next((f.node for f in share.others if f.node.stage == PARAMETER), None)
        if weight is None:
            found[_elementwise(share, several)] = None
        else:
            of_vector = through.setdefault((weight.letter, weight.sub[:1], later.letter, later.layer, later.step), [])
            if all(known.sub != weight.sub for known, _ in of_vector):
                of_vector.append((weight, later))
    for products in through.values():
        weight, later = products[0]
        if len(products) == 1:
            gradient = f"∂L/∂{_vector(later, several)}"
            diagonal = len(weight.index) == 1
            product = (
                f"P_{{{weight.sub}}} ⊙ {gradient}" if diagonal else f"{_matrix(weight, weight.sub, several)} {gradient}"
            )
            found[product] = None
            continue
        below, above = _places(later, several)
        gates = ", ".join(each.sub[-1] for each, _ in products)
        found[f"Σ_{{•}} {_matrix(weight, f'{weight.sub[:1]}•', several)} ∂L/∂a_{{•{below}}}{above}  (• = {gates})"] = (
            None
        )
    return list(found)


def _elementwise(share: Share, several: bool) -> str:
    later, self = share.later, _vector(share.later, several)
    gradient = f"∂L/∂{self}"
    if later.function == "cross_entropy":
        return f"{gradient} (p_{{{later.step + 1}}} − onehot(y_{{{later.step + 1}}}))"
    if later.function == "square":
        sign = "−" if share.scale < 0 else ""
        return f"{sign}{gradient} ⊙ 2(ŷ_{{{later.step + 1}}} − y_{{{later.step + 1}}})"
    if later.function == "tanh":
        return (
            f"{gradient} ⊙ (1 − {self}^{{2}})"
            if len(later.letter) == 1 and "^" not in self
            else f"{gradient} ⊙ (1 − ({self})^{{2}})"
        )
    if later.function == "sigmoid":
        return f"{gradient} ⊙ {self} ⊙ (1 − {self})"
    if later.function == "relu":
        return f"{gradient} ⊙ ReLU′"
    if not share.others:
        return gradient if share.scale == 1 else f"{gradient} / {round(1 / share.scale)}"
    others = " ⊙ ".join(_factor(other, several) for other in share.others)
    return f"{'−' if share.scale < 0 else ''}{gradient} ⊙ {others}"


def _factor(factor: Factor, several: bool) -> str:
    symbol = _vector(factor.node, several)
    return f"(1 − {symbol})" if factor.complement else symbol


def _matrix(weight: Node, sub: str, several: bool) -> str:
    above = f"({weight.layer + 1})⊤" if several and weight.layer is not None else "⊤"
    return f"{weight.letter}_{{{sub}}}^{{{above}}}"


def _vector(node: Node, several: bool) -> str:
    below, above = _places(node, several)
    return f"{node.letter}_{{{(node.sub + below).lstrip(',')}}}{above}"


def _places(node: Node, several: bool) -> tuple[str, str]:
    """Return a node's step and layer as they stand below, after a comma, and above the line."""
    above = f"^{{({node.layer + 1})}}" if several and node.layer is not None else ""
    return ("" if node.step is None else f",{node.step + 1}"), above


def _html(text: str, layer: int | None, step: int | None) -> str:
    if layer:  # it reads the layer below
        text = text.replace("x_{%t}", f"h_{{%t}}^{{({layer})}}")
    if step is not None:
        text = text.replace("%t", str(step + 1)).replace("%p", str(step))
    text = re.sub(r"\^\{([^}]*)\}", r"<sup>\1</sup>", escape(text))
    return re.sub(r"_\{([^}]*)\}", lambda below: below[1] and f"<sub>{below[1]}</sub>", text)
