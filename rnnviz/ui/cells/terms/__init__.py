"""Part 2: a weight's gradient term by term, all gradients against finite differences, and mistakes to be found.

Rows are of L_t, the loss of step t as part 1 has it; the loss of the whole is L = (1/N) Σ_t L_t, over N steps.
"""

from dataclasses import replace

import numpy as np
import streamlit as st

from .... import learn, measures
from ....figures import power
from ....network import Network
from ....text import Words
from ....trace import Signals, Trace, record
from ... import state
from ...parts import stories
from ...parts.lesson import lesson, predict
from .. import numbers, tiny
from ..numbers import plain
from ..tiny import Tiny
from .mending import find_the_mistake
from .naming import symbol, written
from .product import product

PART = "terms"
TOLD = ("terms-every", "terms-last", "terms-input", "terms-lstm")
NUDGE = 1e-5
"""The step of the central differences."""
GREEN = 1e-6
"""A relative difference below it is rounding."""
RESOLUTION = 1e-10
"""What central differences with that step resolve of a loss of about 1."""


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    numbers.style_sheet()
    stories.buttons(words, TOLD)
    tiny.controls(words)
    shown = tiny.chosen()
    with st.container(key="part_figure", gap="small"):
        _terms(words, shown)
    predict(words, PART)
    with st.container(key="figure_mistake", gap="small"):
        find_the_mistake(words)
    lesson(words, PART)
    return tiny.link(PART)


# ---- The table of terms


def _terms(words: Words, shown: Tiny) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="terms_choices"):
        name, place = entry = _entry(words, shown)
        t, k = _cell(words, shown, name)
    traces = alone(shown)
    table = np.stack([learn.by_use(shown.network, each)[name][(slice(None), *place)] for each in traces])
    judged = counted(shown) * _moved(shown, name, place)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _table(words, shown, entry, table, judged, (t, k))
        product(words, shown, entry, traces[t - 1], table[t - 1, k - 1], (t, k))
    with right:
        _all(words, shown)


def counted(shown: Tiny) -> int:
    """Return N, how many steps have a loss: L is the mean of theirs."""
    if shown.loss == "last":
        return 1
    return shown.steps if shown.loss == "mse" else int((shown.label != tiny.NO_TARGET).sum())


def alone(shown: Tiny) -> list[Trace]:
    """Return the trace of each step's loss L_t alone, (T) of them."""
    N = counted(shown)
    summed = Signals({name: N * gradient for name, gradient in shown.trace.grad.items()})  # of N L, the sum of all L_t
    return learn.by_loss(shown.network, replace(shown.trace, grad=summed))


def _entry(words: Words, shown: Tiny) -> tuple[str, tuple[int, ...]]:
    """Show the choice of one number of the parameters, and return its array and its index."""
    now, arrays = st.session_state, shown.network.arrays
    found = _known(now["entry"], arrays)
    if found is None:
        if now["entry"] not in (None, now.get("terms_entry")):  # a link's: what is chosen here may be gone by now
            state.ignore("entry")
        found = "rnn.weight_hh_l0", (0, shown.network.hidden_size - 1)
    name, place = found
    now["terms_name"], now["terms_row"] = name, place[0] + 1
    now["terms_column"] = place[1] + 1 if len(place) > 1 else None

    def changed() -> None:
        shape = arrays[now["terms_name"]].shape
        wanted = (now["terms_row"], now["terms_column"] or 1)[: len(shape)]
        kept = [min(each, size) - 1 for each, size in zip(wanted, shape, strict=True)]
        now["entry"] = now["terms_entry"] = ".".join([now["terms_name"], *map(str, kept)])

    state.remember(
        st.selectbox, words("terms.parameter"), list(arrays), key="terms_name", on_change=changed, width=230,
        format_func=lambda each: words("terms.named", symbol=symbol(each), name=each),
    )  # fmt: skip
    for key, size in zip(("terms_row", "terms_column"), arrays[name].shape, strict=False):
        state.remember(
            st.selectbox, words(key.replace("_", ".")), list(range(1, size + 1)), key=key, on_change=changed, width=90
        )
    now["terms_entry"] = now["entry"]
    return name, place


def _known(entry: str | None, arrays) -> tuple[str, tuple[int, ...]] | None:
    """Return the array and the index that an entry names, if there are such."""
    for name, array in arrays.items():
        if entry and entry.startswith(f"{name}."):
            parts = entry[len(name) + 1 :].split(".")
            if len(parts) == array.ndim and all(each.isascii() and each.isdigit() for each in parts):
                place = tuple(map(int, parts))
                if all(each < size for each, size in zip(place, array.shape, strict=True)):
                    return name, place
    return None


def _cell(words: Words, shown: Tiny, name: str) -> tuple[int, int]:
    """Show the choice of one term and return it: the step of the loss, the step of the use."""
    now, T = st.session_state, shown.steps

    def settle() -> None:
        now["k"] = min(now["k"], now["t"])

    now["t"] = min(now["t"] or T, T)
    now["k"] = now["t"] if name.startswith("head") else min(now["k"] or 2, now["t"])
    state.remember(
        st.segmented_control, words("terms.of_loss"), list(range(1, T + 1)), key="t", required=True, on_change=settle,
        width="content",
    )  # fmt: skip
    uses = [now["t"]] if name.startswith("head") else list(range(1, now["t"] + 1))
    state.remember(st.segmented_control, words("terms.of_use"), uses, key="k", required=True, width="content")
    return now["t"], now["k"]


def _table(
    words: Words, shown: Tiny, entry: tuple, table: np.ndarray, judged: np.ndarray, chosen: tuple[int, int]
) -> None:
    name, place = entry
    T, N, largest = shown.steps, counted(shown), float(np.abs(table).max())
    losses = N * measures.step_losses(shown.trace, shown.label, shown.loss)
    rows, looks = [], []
    for t in range(T):
        has_loss = bool(shown.trace.grad["logits"][t].any())
        rows.append(
            [
                words("terms.loss_row" if has_loss else "terms.no_loss", step=t + 1, loss=losses[t]),
                *(plain(table[t, k]) if k <= t and has_loss else "" for k in range(T)),
                plain(table[t].sum()) if has_loss else "",
                plain(judged[t]) if has_loss else "",
            ]
        )
        looks.append(
            [
                *(
                    ("class:chosen;" if (t + 1, k + 1) == chosen else "") + numbers.tinted(table[t, k], largest)
                    for k in range(T)
                ),
                "class:sum",
                _judgement(table[t].sum(), judged[t], N) if has_loss else "",
            ]
        )
    whole = float(learn.gradients(shown.network, shown.trace)[name][place])
    mean, judge = table.sum(axis=0) / N, judged.sum() / N
    rows.append([words("terms.columns", count=N), *map(plain, mean), plain(mean.sum()), plain(judge)])
    looks.append([*["class:sum"] * (T + 1), _judgement(mean.sum(), judge)])
    head = ["", *(f"k = {k}" for k in range(1, T + 1)), words("terms.sum"), words("terms.differences")]
    numbers.table(head, rows, "terms", looks, words("terms.caption", entry=written(name, place)))
    st.markdown(
        words("terms.total", count=N, total=plain(mean.sum(), 8), whole=plain(whole, 8), nudge=power(np.log10(NUDGE)))
    )


def _judgement(ours: float, judge: float, times: int = 1) -> str:
    """Return how a gradient is shown; times: how many times as large as in the loss it is shown."""
    return "class:sound" if abs(ours - judge) <= GREEN * abs(judge) + times * RESOLUTION else "class:wrong"


# ---- Finite differences


def _losses(shown: Tiny, arrays) -> np.ndarray:
    """Return every step's share (T,) in the loss of a network with other numbers."""
    trace = record(Network(shown.network.cell, arrays), shown.x, shown.label, loss=shown.loss)
    return measures.step_losses(trace, shown.label, shown.loss)


def _moved(shown: Tiny, name: str, place: tuple[int, ...]) -> np.ndarray:
    """Return the central differences of every step's share (T,) in the loss, in one number of the parameters."""
    ends = []
    for by in (NUDGE, -NUDGE):
        array = shown.network.arrays[name].copy()
        array[place] += by
        ends.append(_losses(shown, {**shown.network.arrays, name: array}))
    return (ends[0] - ends[1]) / (2 * NUDGE)


@st.cache_data(show_spinner=False, max_entries=64)
def _differences(cell: str, loss: str, seed: int, sizes: tuple, edits: tuple, _shown: Tiny) -> dict[str, np.ndarray]:
    """Return the central differences of the loss in all parameters; all but the last argument say of which network."""
    found = {name: np.empty_like(array) for name, array in _shown.network.arrays.items()}
    for name, judge in found.items():
        for place in np.ndindex(judge.shape):
            judge[place] = _moved(_shown, name, place).sum()
    return found


def _all(words: Words, shown: Tiny) -> None:
    """Show the gradients in all parameters beside finite differences."""
    now = st.session_state
    sizes, edits = tuple(now[key] for key in tiny.LIMITS), tuple(sorted(now["edits"].items()))
    judges = _differences(shown.network.cell, shown.loss, shown.seed, sizes, edits, shown)
    rows, looks = [], []
    for name, gradient in learn.gradients(shown.network, shown.trace).items():
        judge = judges[name]
        off, size = float(np.abs(gradient - judge).max()), float(np.abs(judge).max())
        sound = off <= GREEN * size + RESOLUTION
        rows.append(
            [
                symbol(name),
                plain(float(np.linalg.norm(gradient))),
                plain(float(np.linalg.norm(judge))),
                plain(off / size if size else 0.0),
                words("terms.equal" if sound else "terms.unequal"),
            ]
        )
        verdict = "class:sound" if sound else "class:wrong"
        looks.append(["", "", verdict, verdict])
    head = ["", *(words(f"terms.{key}") for key in ("ours", "judge", "relative")), ""]
    numbers.table(head, rows, "terms-all", looks, words("terms.all"))
    st.caption(words("terms.how", nudge=power(np.log10(NUDGE))))
    if shown.network.cell == "rnn_relu" and (np.abs(shown.trace["a"]) < NUDGE * 10).any():
        st.caption(words("terms.kink"))
