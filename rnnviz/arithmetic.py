"""Every number of a small network, forward and backward, with the arithmetic that makes it.

A graph of scalars, in the spirit of micrograd: a node's value is a sum of products of earlier nodes, and a function of
that; its gradient is a sum too, with one term for each way in which the node reaches the loss. `trace.record` computes
the same numbers with arrays, thousands of times as fast; tests hold the two, and torch, to one another.

>>> from rnnviz import arithmetic, initial
>>> network = initial.network("rnn_tanh", input_size=2, hidden_size=2, num_classes=2)
>>> graph = arithmetic.graph(network, [[1.0, 0.5], [-1.0, 0.5]], label=1)
>>> node = graph["h_l0.1.0"]  # the first unit of h_2
>>> node.value, [term.value for term in node.terms], node.gradient, [share.value for share in node.shares]
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .network import Network
from .trace import record

LETTERS = {"l": "L", "loss": "L", "m": "tanh c", "logits": "ŷ"}
"""Signals that a formula calls otherwise."""
PARAMETER, INPUT, START, TARGET = "parameter", "input", "start", "target"
"""Stages of nodes that nothing computes."""
STAGES = (
    "input",
    "preactivation",
    "gate",
    "candidate",
    "cell",
    "squashed",
    "hidden",
    "scores",
    "probabilities",
    "loss",
)
"""Stages of what is read and computed at a step; in which order, a cell's formulas say."""


@dataclass(eq=False)
class Node:
    """One scalar of the network, or of its way from the inputs to the loss."""

    name: str
    """What it is called in a graph: a parameter by torch's name and its index, "rnn.weight_hh_l0.0.1"; an input
    "x.<step>.<feature>"; anything else "<signal>[_l<layer>].<step>.<index>", all counted from 0, with the step "start"
    for an initial state; the mean over the steps is "loss"."""
    letter: str
    """The letter of a formula, "W", "h", "a"."""
    sub: str
    """What stands below it besides the step: "hf" in W_hf, "f" in the pre-activation a_f."""
    stage: str
    layer: int | None = None
    step: int | None = None
    """From 0; -1 for an initial state, None for what belongs to no step."""
    index: tuple[int, ...] = ()
    """Its place in the vector or, within its gate's block, in the matrix; from 0."""
    value: float = 0.0
    function: str | None = None
    """What is done to the sum: "tanh", "sigmoid", "relu", "square"; "softmax" and "cross_entropy" take all terms."""
    terms: tuple["Term", ...] = ()
    """What is summed. Nothing for what is given."""
    shares: list["Share"] = field(default_factory=list)
    """What its gradient is the sum of: one for each way to the loss; none where it does not matter to it."""
    gradient: float = 0.0
    """dL/d(value), by all ways."""
    picked: int | None = None
    """Of "softmax" and "cross_entropy": which of the terms is asked for."""

    @property
    def symbol(self) -> str:
        """As in a formula, counted from 1: "W_hf[1,2]", "h_2[1]", "a_f,2[1]", with layers "h_2[1]^(1)"."""
        below = ",".join(part for part in (self.sub, "" if self.step is None else str(self.step + 1)) if part)
        return self.letter + (f"_{below}" if below else "") + (
            f"[{','.join(str(i + 1) for i in self.index)}]" if self.index else ""
        ) + ("" if self.layer is None else f"^({self.layer + 1})")  # fmt: skip

    @property
    def total(self) -> float:
        """The sum of the terms, before the function."""
        return sum(term.value for term in self.terms)


class Factor(NamedTuple):
    """A node in a product, or what it leaves of 1."""

    node: Node
    complement: bool = False

    @property
    def value(self) -> float:
        return 1.0 - self.node.value if self.complement else self.node.value


class Term(NamedTuple):
    """A product of nodes, times a number."""

    factors: tuple[Factor, ...]
    scale: float = 1.0

    @property
    def value(self) -> float:
        return self.scale * math.prod(factor.value for factor in self.factors)


class Share(NamedTuple):
    """One way from a node to the loss: the gradient in a later node, times that node's derivative in this one."""

    later: Node
    derivative: float
    others: tuple[Factor, ...] = ()
    """Where the later node is a sum of products: what this one is multiplied by."""
    scale: float = 1.0
    """And by which number; where others and scale are all, their product is the derivative."""

    @property
    def value(self) -> float:
        return self.later.gradient * self.derivative


class Box(NamedTuple):
    """A vector of nodes that are computed together: one signal of one layer at one step."""

    signal: str
    """"x", "a", "a_f", "f", "m", "c", "h", "logits", "p", "loss", ..."""
    stage: str
    layer: int | None
    step: int | None
    nodes: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Graph(Mapping[str, Node]):
    """All nodes by name, and in which order they come to be."""

    nodes: Mapping[str, Node]
    boxes: tuple[Box, ...]
    """In the order of the computation; backward it is the reverse."""
    parameters: Mapping[str, np.ndarray]
    """Under torch's names, arrays of nodes in the shapes of the tensors."""

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def __iter__(self):
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def loss(self) -> Node:
        return self.nodes["loss"]

    @property
    def moments(self) -> list[list[Box]]:
        """The boxes of one stage together: the gates of a step, the pre-activations that can be computed at once."""
        found: list[list[Box]] = []
        for box in self.boxes:
            last = found[-1][-1] if found else None
            together = last and (last.stage, last.layer, last.step) == (box.stage, box.layer, box.step)
            if together:
                found[-1].append(box)
            else:
                found.append([box])
        return found


def graph(network: Network, x, label, loss: str = "last") -> Graph:
    """Return the arithmetic of `network` reading x (T, D), label and loss as in `trace.record`, but not "dot".

    A class of -1 is no target, a step without one has no loss. Raises ValueError for what `record` refuses, and for a
    cell with a normalisation or a projected input, whose arithmetic is not told here.
    """
    if network.cell not in CELLS or network.projection:
        raise ValueError(f"network must have a cell of {', '.join(CELLS)} and no projection. Got {network.cell!r}.")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}. Got {loss!r}.")
    trace = record(network, x, label, loss=loss)
    building = _Building(network)
    states = [building.start(k, network.h0[k]) for k in range(network.num_layers)]
    errors = []
    for t, x_t in enumerate(trace["x"]):
        building.step = t
        below = building.given("x", INPUT, x_t)
        for k in range(network.num_layers):
            building.layer = k
            states[k] = CELLS[network.cell](building, below, *states[k])
            below = states[k][0]
        building.layer = None
        scores = building.scores(below)
        errors += LOSSES[loss](building, scores, trace.label if loss == "last" else np.asarray(label), len(trace))
    building.step = None
    building.sum("loss", "loss", [[Term((Factor(error),), 1.0 / len(errors)) for error in errors]])
    return building.finished()


# ---- The cells, as in their papers; a vector is a list of nodes


def _rnn(activation: str):
    def cell(at: "_Building", x, h):
        a = at.affine("a", "h", x, h)
        return (at.apply("h", "hidden", activation, a),)

    return cell


def _lstm(at: "_Building", x, h, c):
    a_i, a_f, a_g, a_o = (at.affine(f"a_{block}", block, x, h) for block in "ifgo")
    i, f, o = (at.apply(gate, "gate", "sigmoid", a) for gate, a in (("i", a_i), ("f", a_f), ("o", a_o)))
    g = at.apply("g", "candidate", "tanh", a_g)
    c = at.sum("c", "cell", at.products((f, c), (i, g)))
    m = at.apply("m", "squashed", "tanh", c)
    return at.sum("h", "hidden", at.products((o, m))), c


def _peephole(at: "_Building", x, h, c):
    a_i, a_f = (at.affine(f"a_{block}", block, x, h, peephole=c) for block in "if")
    a_g = at.affine("a_g", "g", x, h)
    i, f = (at.apply(gate, "gate", "sigmoid", a) for gate, a in (("i", a_i), ("f", a_f)))
    g = at.apply("g", "candidate", "tanh", a_g)
    c = at.sum("c", "cell", at.products((f, c), (i, g)))
    a_o = at.affine("a_o", "o", x, h, peephole=c)  # it sees the new cell
    o = at.apply("o", "gate", "sigmoid", a_o)
    m = at.apply("m", "squashed", "tanh", c)
    return at.sum("h", "hidden", at.products((o, m))), c


def _gru(at: "_Building", x, h):
    a_r, a_z = (at.affine(f"a_{block}", block, x, h) for block in "rz")
    s = at.affine("s", "n", None, h)  # W_hn h_{t-1} + b_hn, what the reset gate is for
    r, z = (at.apply(gate, "gate", "sigmoid", a) for gate, a in (("r", a_r), ("z", a_z)))
    a_n = at.affine("a_n", "n", x, None, more=at.products((r, s)))
    n = at.apply("n", "candidate", "tanh", a_n)
    return (at.sum("h", "hidden", at.products((_one_minus(z), n), (z, h))),)


CELLS = {
    "rnn_tanh": _rnn("tanh"),
    "rnn_relu": _rnn("relu"),
    "rnn_sigmoid": _rnn("sigmoid"),
    "lstm": _lstm,
    "gru": _gru,
    "peephole_lstm": _peephole,
    "peephole_lstm_full": _peephole,
}
"""The cells whose arithmetic is told: one step's new states, the hidden state first, of an input and the old ones."""


# ---- The losses of one step


def _last(at: "_Building", scores, label, T: int) -> list[Node]:
    return _cross_entropy(at, scores, label) if at.step == T - 1 else []


def _every(at: "_Building", scores, labels, T: int) -> list[Node]:
    label = int(labels[at.step])
    return _cross_entropy(at, scores, label) if label >= 0 else []


def _cross_entropy(at: "_Building", scores, label: int) -> list[Node]:
    """L_t = log(sum of exp ŷ) - ŷ of the target: of the scores themselves, not of rounded probabilities."""
    return at.together("l", "loss", "cross_entropy", scores, [label])


def _mse(at: "_Building", scores, targets, T: int) -> list[Node]:
    y = at.given("y", TARGET, targets[at.step])
    differences = [[Term((Factor(ours),)), Term((Factor(goal),), -1.0)] for ours, goal in zip(scores, y, strict=True)]
    squares = at.sum("e", "loss", differences, "square")
    return at.sum("l", "loss", [[Term((Factor(square),), 1.0 / len(squares)) for square in squares]])


LOSSES = {"last": _last, "every": _every, "mse": _mse}


# ---- The functions and their derivatives


def _sigmoid(a: float) -> float:
    return 1.0 / (1.0 + math.exp(-a)) if a > -700 else 0.0  # beyond it, exp overflows


FUNCTIONS = {
    "tanh": (math.tanh, lambda a, value: 1.0 - value * value),
    "sigmoid": (_sigmoid, lambda a, value: value * (1.0 - value)),
    "relu": (lambda a: max(a, 0.0), lambda a, value: float(a > 0.0)),
    "square": (lambda a: a * a, lambda a, value: 2.0 * a),
}
"""Of one number: the function, and its derivative by argument and value. ReLU's at exactly 0 is 0, as in PyTorch."""


def _one_minus(nodes: Sequence[Node]) -> list[Factor]:
    return [Factor(node, complement=True) for node in nodes]


def _factor(node: Node | Factor) -> Factor:
    return node if isinstance(node, Factor) else Factor(node)


class _Building:
    """A graph in the making: its methods add a vector of nodes at the current layer and step, and return it."""

    def __init__(self, network: Network):
        self.network = network
        self.layer: int | None = None
        self.step: int | None = None
        self.nodes: dict[str, Node] = {}
        self.boxes: list[Box] = []
        self.parameters = {name: self._tensor(name, array) for name, array in network.arrays.items() if name != "h0"}

    def start(self, layer: int, h0: np.ndarray) -> list[list[Node]]:
        """The states before the first step: h_0, and a cell state of zeros."""
        self.layer, self.step = layer, -1
        zeros = np.zeros_like(h0)
        states = [self.given(name, START, h0 if name == "h" else zeros) for name in self.network.kind.states]
        self.layer = None
        return states

    def given(self, signal: str, stage: str, values: Iterable[float]) -> list[Node]:
        """Numbers that nothing computes."""
        return self._box(signal, stage, [self._node(signal, stage, j, float(v)) for j, v in enumerate(values)])

    def affine(self, signal: str, block: str, x, h, peephole=None, more=None) -> list[Node]:
        """W_ih x + b_ih + W_hh h + b_hh of one block; without x or h, without its half; P c added, and what is more."""
        H, k = self.network.hidden_size, self.layer
        blocks = self.network.kind.blocks
        first = blocks.index(block) * H if block in blocks else 0  # a plain RNN has one block
        rows = []
        for j in range(H):
            terms = []
            for half, inputs in (("ih", x), ("hh", h)):
                if inputs is not None:
                    W, b = (self.parameters[f"rnn.{kind}_{half}_l{k}"][first + j] for kind in ("weight", "bias"))
                    terms += [*self._row(W, inputs), Term((Factor(b),))]
            if peephole is not None:
                P = self.parameters[f"rnn.weight_ch_l{k}"]["ifo".index(block) * H + j]
                terms += [Term((Factor(P), Factor(peephole[j])))] if isinstance(P, Node) else self._row(P, peephole)
            rows.append(terms + (more[j] if more else []))
        return self.sum(signal, "preactivation", rows)

    def scores(self, h) -> list[Node]:
        """ŷ = W h + b, and beside it the probabilities, softmax(ŷ)."""
        W, b = self.parameters["head.weight"], self.parameters["head.bias"]
        rows = [[*self._row(W[k], h), Term((Factor(b[k]),))] for k in range(len(b))]
        scores = self.sum("logits", "scores", rows)
        self.together("p", "probabilities", "softmax", scores, range(len(scores)))
        return scores

    def products(self, *pairs) -> list[list[Term]]:
        """Products unit by unit, to be added up."""
        return [
            [Term(tuple(map(_factor, factors))) for factors in of_unit]
            for of_unit in zip(*(zip(*p, strict=True) for p in pairs), strict=True)
        ]

    def apply(self, signal: str, stage: str, function: str, nodes: Sequence[Node]) -> list[Node]:
        """A function of each number."""
        return self.sum(signal, stage, [[Term((Factor(node),))] for node in nodes], function)

    def sum(self, signal: str, stage: str, rows: Sequence[Sequence[Term]], function: str | None = None) -> list[Node]:
        """Sums of terms, and a function of them."""
        found = []
        for j, terms in enumerate(rows):
            node = self._node(signal, stage, j if len(rows) > 1 or signal not in ("l", "loss") else None)
            node.terms, node.function, slope = tuple(terms), function, 1.0
            node.value = node.total
            if function:
                of, derivative = FUNCTIONS[function]
                node.value = of(node.total)
                slope = derivative(node.total, node.value)
            for term in terms:
                for place, factor in enumerate(term.factors):
                    others = term.factors[:place] + term.factors[place + 1 :]
                    scale = -term.scale if factor.complement else term.scale
                    local = slope * scale * math.prod(other.value for other in others)
                    factor.node.shares.append(Share(node, local, others, scale))
            found.append(node)
        return self._box(signal, stage, found)

    def together(self, signal: str, stage: str, function: str, scores: Sequence[Node], picks) -> list[Node]:
        """Softmax or cross-entropy of all scores, for each of the classes that are asked for."""
        values = [score.value for score in scores]
        top = max(values)
        powers = [math.exp(value - top) for value in values]
        probs = [power / sum(powers) for power in powers]
        found = []
        for pick in picks:
            node = self._node(signal, stage, pick if function == "softmax" else None)
            node.terms, node.function, node.picked = tuple(Term((Factor(score),)) for score in scores), function, pick
            if function == "softmax":
                node.value = probs[pick]
            else:
                node.value = top + math.log(sum(powers)) - values[pick]
                rest = sum(p for k, p in enumerate(probs) if k != pick)  # 1 - p would be 0 for a network that is sure
                for k, score in enumerate(scores):
                    score.shares.append(Share(node, -rest if k == pick else probs[k]))
            found.append(node)
        return self._box(signal, stage, found)

    def finished(self) -> Graph:
        """Return the graph, with its gradients: from the loss back to what was there first."""
        loss = self.nodes["loss"]
        loss.gradient = 1.0
        for node in reversed(self.nodes.values()):
            # What leads to scores that no loss asks for is no way.
            node.shares = [share for share in node.shares if share.later.shares or share.later is loss]
            if node.shares:
                node.gradient = sum(share.value for share in node.shares)
        return Graph(self.nodes, tuple(self.boxes), self.parameters)

    @staticmethod
    def _row(weights: Sequence[Node], inputs: Sequence[Node]) -> list[Term]:
        return [Term((Factor(w), Factor(node))) for w, node in zip(weights, inputs, strict=True)]

    def _box(self, signal: str, stage: str, nodes: list[Node]) -> list[Node]:
        if stage not in (START, TARGET):
            self.boxes.append(Box(signal, stage, self.layer, self.step, tuple(nodes)))
        return nodes

    def _node(self, signal: str, stage: str, index: int | None, value: float = 0.0) -> Node:
        letter, _, sub = signal.partition("_")
        letter = LETTERS.get(letter, letter)
        layer = "" if self.layer is None else f"_l{self.layer}"
        step = "" if self.step is None else ".start" if self.step < 0 else f".{self.step}"
        name = f"{signal}{layer}{step}{'' if index is None else f'.{index}'}"
        node = Node(name, letter, sub, stage, self.layer, self.step, () if index is None else (index,), value)
        self.nodes[name] = node
        return node

    def _tensor(self, name: str, array: np.ndarray) -> np.ndarray:
        """Return a parameter's nodes in its shape; each is named for its gate, as in PyTorch's documentation."""
        room, _, rest = name.partition(".")
        kind, _, which = rest.partition("_")
        H, blocks = self.network.hidden_size, self.network.kind.blocks
        nodes = np.empty(array.shape, dtype=object)
        for index in np.ndindex(array.shape):
            letter, sub, layer, inner = ("b" if kind == "bias" else "W"), "", None, index
            if room == "rnn":
                half, _, level = which.partition("_l")
                layer, row = int(level), index[0]
                if half == "ch":
                    letter, sub = "P", "ifo"[row // H]
                else:
                    sub = half if len(blocks) == 1 else half[0] + blocks[row // H]
                inner = (row % H, *index[1:])
            else:
                sub = "y" if kind == "bias" else "hy"
            full = ".".join([name, *map(str, index)])
            nodes[index] = self.nodes[full] = Node(
                full, letter, sub, PARAMETER, layer, None, inner, float(array[index])
            )
        return nodes
