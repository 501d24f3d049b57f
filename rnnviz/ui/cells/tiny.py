"""The small network that parts of the page Cells are about: its controls, its numbers, and what is changed in them.

A seed's numbers are few and round, and the network is exactly these: nothing is rounded for show. The same seed has the
same numbers with a step, a feature or a layer more. "edits" in a link are the numbers that are no longer the seed's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from ... import initial
from ...network import Network
from ...text import Words
from ...trace import Trace, record
from .. import state
from ..callbacks import answered
from ..parts import stories
from ..parts.of_cells import TINY

CELLS = ("rnn_tanh", "rnn_relu", "rnn_sigmoid", "lstm", "gru", "peephole_lstm", "peephole_lstm_full")
LOSSES = ("last", "every", "mse")
OUTPUTS = 2
"""K: two classes, or two targets per step."""
LIMITS = {"units": (1, 4), "steps": (2, 6), "features": (1, 3), "depth": (1, 2)}
LAST_SEED = 9999
LARGEST = 999.0
"""No number is changed to one beyond it: a link has room for three digits before the point."""
NO_TARGET = -1
"""The class of a step that has none."""


@dataclass(frozen=True, eq=False)
class Tiny:
    """The small network as it is shown, and what happened while it read its inputs."""

    network: Network
    x: np.ndarray
    """(T, D), one row per time step."""
    label: int | np.ndarray
    """The target, as `record` takes it: a class; a class per step (T,), -1 for none; numbers (T, K) for "mse"."""
    loss: str
    trace: Trace
    seed: int
    seeded: Mapping[str, np.ndarray]
    """The seed's own numbers: every parameter under torch's name, "x" (T, D), and "y": a class per step (T,), -1 for
    none, or (T, K) for the loss "mse"."""
    numbers: Mapping[str, np.ndarray]
    """The same with the edits: what the network is."""

    @property
    def steps(self) -> int:
        """T."""
        return len(self.x)


def chosen() -> Tiny:
    """Return the network that the session's settings say; what in them does not exist is left out and said."""
    now = st.session_state
    _settle()
    numbers = seeded(**_sizes(), cell=now["cell"], loss=now["loss"], seed=now["seed"])
    edits = fitting(now["edits"], numbers, now["loss"])
    if len(edits) < len(now["edits"]):  # a link's: controls have let go of theirs
        now["edits"] = edits
        state.ignore("edits")
    return build(now["cell"], now["loss"], now["seed"], numbers, edits)


def build(cell: str, loss: str, seed: int, numbers: Mapping[str, np.ndarray], edits: Mapping[str, float]) -> Tiny:
    """Return the network of a seed's numbers with edits, which fit, and its trace."""
    changed = {name: array.copy() for name, array in numbers.items()}
    for place, value in edits.items():
        name, index = _split(place)
        changed[name][index] = value
    network = Network(cell, {name: array for name, array in changed.items() if name not in "xy"})
    x, y = changed["x"], changed["y"]
    label = int(y[-1]) if loss == "last" else y.copy()
    return Tiny(network, x, label, loss, record(network, x, label, loss=loss), seed, numbers, changed)


def seeded(cell: str, units: int, steps: int, features: int, depth: int, loss: str, seed: int) -> dict[str, np.ndarray]:
    """Return a seed's numbers: parameters to one decimal and not zero, inputs of ±1 and ±0.5, targets.

    All are drawn for the largest network and cut, so that they stay when a feature, a step or a layer is added.
    """
    T, D, L = (LIMITS[name][1] for name in ("steps", "features", "depth"))
    drawn = initial.network(cell, D, units, L, OUTPUTS, seed).arrays
    found = {name: _round(array) for name, array in drawn.items() if not name.endswith(f"_l{depth}")}
    found["rnn.weight_ih_l0"] = found["rnn.weight_ih_l0"][:, :features]
    one, other = found["head.weight"]
    other[one == other] *= -1.0  # a unit that speaks for both classes alike would have no gradient at all
    random = np.random.default_rng((seed, 1))  # not the generator that the weights come from
    x = random.choice([-1.0, -0.5, 0.5, 1.0], (T, D))
    classes, targets = random.integers(OUTPUTS, size=T), random.choice([-1.0, -0.5, 0.5, 1.0], (T, OUTPUTS))
    found["x"] = x[:steps, :features]
    if loss == "mse":
        found["y"] = targets[:steps]
    else:
        found["y"] = classes[:steps]
        if loss == "last":
            found["y"][:-1] = NO_TARGET
    return found


def fitting(edits: Mapping[str, float], numbers: Mapping[str, np.ndarray], loss: str) -> dict[str, float]:
    """Return the edits whose places exist and can hold their numbers."""
    kept = {place: value for place, value in edits.items() if _fits(place, value, numbers, loss)}
    if loss == "every":
        y = numbers["y"].copy()
        for place, value in kept.items():
            name, index = _split(place)
            if name == "y":
                y[index] = value
        if (y == NO_TARGET).all():  # a loss of nothing
            kept = {place: value for place, value in kept.items() if _split(place)[0] != "y"}
    return kept


def edit(place: str, value: float) -> bool:
    """Set one number, "rnn.weight_hh_l0.0.1", "x.2.0", "y.2" or "y.2.1"; return whether the place can hold it.

    The seed's own number is no edit. For a component's callback.
    """
    now = st.session_state
    numbers = seeded(**_sizes(), cell=now["cell"], loss=now["loss"], seed=now["seed"])
    value = round(float(value), 4) + 0.0  # as a link holds it, without -0
    wanted = {**now["edits"], place: value}
    if len(fitting(wanted, numbers, now["loss"])) < len(wanted):
        return False
    name, index = _split(place)
    now["edits"] = {p: v for p, v in wanted.items() if p != place or v != numbers[name][index]}
    now["tiny_dropped"], now["tiny_moved"] = 0, True
    state.heard()
    return True


def identity() -> str:
    """Return a name of the network that the session's settings make, whatever is changed in it."""
    return " ".join(str(st.session_state[key]) for key in ("cell", *LIMITS, "loss", "seed"))


def link(part: str) -> dict[str, object]:
    """Return what the address has to hold of the settings of a part that shows this network; and remember all."""
    edits = st.session_state["edits"].items()
    told = ",".join(f"{place}:{np.format_float_positional(value, trim='-')}" for place, value in edits)
    return stories.link(part) | {"edits": told or None}


def moved() -> bool:
    """Return, once, whether the reader has changed the network: then what no longer exists in it is no bad link."""
    return st.session_state.pop("tiny_moved", False)


def controls(words: Words) -> None:
    """Show what the network is made of, in a row that breaks where it must, and how to get the seed's numbers back."""
    _settle()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall", key="tiny"):
        _choice(words, "cell", CELLS, lambda cell: words(f"cell.{cell}"), 205)
        for key, (low, high) in LIMITS.items():
            _choice(words, key, range(low, high + 1), str, 76)
        _choice(words, "loss", LOSSES, lambda loss: words(f"tiny.loss_of.{loss}"), 205)
        state.remember(
            st.number_input, words("tiny.seed"), 0, LAST_SEED, key="seed", on_change=lambda: _let_go("seed"), width=76
        )
        st.button(words("tiny.new_seed"), icon=":material/casino:", key="tiny_new_seed", on_click=answered(_new_seed))
        changed = len(st.session_state["edits"])
        st.button(
            words("tiny.back"), icon=":material/undo:", key="tiny_back", on_click=answered(_back), disabled=not changed
        )
    if changed:
        st.caption(words("tiny.changed", count=changed))
    if dropped := st.session_state.get("tiny_dropped"):
        st.info(words("tiny.dropped", count=dropped), icon=":material/info:")


def _choice(words: Words, key: str, options: Iterable, named: Callable[[Any], str], width: int) -> None:
    state.remember(
        st.selectbox, words(f"tiny.{key}"), list(options), format_func=named, key=key,
        on_change=lambda: _let_go(key), width=width,
    )  # fmt: skip


def _new_seed() -> None:
    st.session_state["seed"] = (st.session_state["seed"] + 1) % (LAST_SEED + 1)
    state.heard()
    _let_go("seed")


def _back() -> None:
    st.session_state["edits"] = {}
    st.session_state["tiny_dropped"], st.session_state["tiny_moved"] = 0, True
    state.heard()


def _let_go(key: str) -> None:
    """After a control has moved: keep the edits that still mean what they meant, and note how many do not."""
    now = st.session_state
    edits = now["edits"]
    if key == "seed":
        kept = {}
    elif key in ("cell", "units"):  # every weight is another one now
        kept = {place: value for place, value in edits.items() if place[0] in "xy"}
    else:
        kept = edits
    kept = fitting(kept, seeded(**_sizes(), cell=now["cell"], loss=now["loss"], seed=now["seed"]), now["loss"])
    now["tiny_dropped"], now["tiny_moved"] = len(edits) - len(kept), True
    now["edits"] = kept


def _settle() -> None:
    """Put what a link asks for and is not to be had here back to where the part begins."""
    now = st.session_state
    valid = {"cell": now["cell"] in CELLS, "loss": now["loss"] in LOSSES}
    valid |= {key: low <= now[key] <= high for key, (low, high) in LIMITS.items()}
    for key in [key for key, fine in valid.items() if not fine]:
        now[key] = TINY[key]
        state.ignore(key)


def _sizes() -> dict[str, int]:
    return {key: st.session_state[key] for key in LIMITS}


def _round(array: np.ndarray) -> np.ndarray:
    """Return numbers with one decimal, none of them zero."""
    return np.round(np.where(array < 0, -1.0, 1.0) * np.maximum(np.abs(array), 0.1), 1)


def _split(place: str) -> tuple[str, tuple[int, ...]]:
    """Return the array's name and the index that a place is made of."""
    parts = place.split(".")
    count = 0
    while count < len(parts) - 1 and parts[-1 - count].isdigit():
        count += 1
    return ".".join(parts[: len(parts) - count]), tuple(map(int, parts[len(parts) - count :]))


def _fits(place: str, value: float, numbers: Mapping[str, np.ndarray], loss: str) -> bool:
    name, index = _split(place)
    if name not in numbers or len(index) != numbers[name].ndim or not abs(value) <= LARGEST:
        return False
    if any(i >= size for i, size in zip(index, numbers[name].shape, strict=True)):
        return False
    if name != "y" or loss == "mse":
        return True
    if loss == "last":  # one target, after the last step
        return value in range(OUTPUTS) and index[0] == len(numbers["y"]) - 1
    return value in (NO_TARGET, *range(OUTPUTS))
