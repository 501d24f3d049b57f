"""Part 6: an nn.RNNCell in a loop and an nn.RNN: the same numbers, and all their shapes."""

from pathlib import Path
from string import Template

import numpy as np
import streamlit as st

from ... import initial, text
from ...figures import stack
from ...network import Network
from ...text import Words
from .. import state
from ..callbacks import answered
from ..charts import Chart, charts
from ..parts import stories
from ..parts.beside import beside
from ..parts.lesson import lesson, predict
from ..slider import slider
from . import numbers, tiny
from .numbers import plain

PART = "rnncell"
TOLD = ("rnncell-source", "rnncell-two", "rnncell-batch", "rnncell-first", "rnncell-words")
LIMITS = {"steps": (1, 6), "batch": (1, 3), "features": (1, 4), "units": (1, 4), "depth": (1, 3)}
READ = {
    "letters": ((0, 1, 2, 2, 3, 0), (3, 2, 1, 0, 3, 2), (2, 3, 0, 1, 2, 2)),
    "words": ((0, 1, 2, 3, 0, 1), (3, 0, 1, 2, 3, 0), (1, 3, 0, 2, 1, 3)),
}
"""Which of the letters, or words, follow one another in each sequence of a batch: hello..., ole..., loh..."""
LETTERS = "helo"


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    numbers.style_sheet()
    left, right = beside(words, TOLD)
    with left:
        _controls(words)
    with right:
        _both(words)
    predict(words, PART)
    lesson(words, PART)
    return stories.link(PART)


def _controls(words: Words) -> None:
    now, defaults = st.session_state, stories.PARTS[PART].defaults
    for key, (low, high) in LIMITS.items():
        if not low <= now[key] <= high:
            now[key] = defaults[key]
            state.ignore(key)
        slider(words(f"rnncell.{key}"), low, high, 1, key)
    state.remember(
        st.segmented_control, words("rnncell.alphabet"), ["letters", "words"], key="alphabet", required=True,
        format_func=lambda name: words(f"rnncell.{name}"),
    )  # fmt: skip
    state.remember(
        st.segmented_control, words("rnncell.batch_first"), [0, 1], key="batch_first", required=True,
        format_func=lambda first: str(bool(first)),
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.remember(st.number_input, words("tiny.seed"), 0, tiny.LAST_SEED, key="seed", width="stretch")
        st.button(
            words("tiny.new_seed"), icon=":material/casino:", key="rnncell_new_seed", on_click=answered(_new_seed)
        )


def _new_seed() -> None:
    st.session_state["seed"] = (st.session_state["seed"] + 1) % (tiny.LAST_SEED + 1)
    state.heard()


# ---- Numbers


def read_rows(T: int, B: int, D: int, alphabet: str = "letters") -> np.ndarray:
    """Return which letter, or word, is read at every step of every sequence, (T, B)."""
    return np.array(READ[alphabet]).T[:T, :B] % D


def by_cells(network: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return output (T, B, H) and h_n (L, B, H) of a loop over the steps, one step of every layer at a time."""
    h = np.zeros((network.num_layers, x.shape[1], network.hidden_size))
    output = []
    for x_t in x:
        for k, weights in enumerate(network.layers):
            h[k] = network.kind.forward(weights, (x_t if k == 0 else h[k - 1])[None], h[k].copy())["h"][0]
        output.append(h[-1].copy())
    return np.stack(output), h


def by_layers(network: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Return output, h_n and every layer's states (T, B, H), one layer over all steps at a time."""
    states = []
    for weights in network.layers:
        h0 = np.zeros((x.shape[1], network.hidden_size))
        states.append(network.kind.forward(weights, states[-1] if states else x, h0)["h"])
    return states[-1], np.stack([each[-1] for each in states]), states


# ---- What is seen


def _both(words: Words) -> None:
    now = st.session_state
    T, B, D, H, L = (now[key] for key in LIMITS)
    network = initial.network("rnn_tanh", D, H, L, num_classes=1, seed=now["seed"])
    rows = read_rows(T, B, D, now["alphabet"])
    x = np.eye(D)[rows]
    names = list(LETTERS) if now["alphabet"] == "letters" else words("rnncell.vocabulary").split()
    one, two = by_cells(network, x), by_layers(network, x)
    _picture(words, two[2], [[names[each] for each in row] for row in rows], D)
    _snippets(words, rows, names)
    _table(words, one, two, rows, names)
    _last(words, network, one[1], two[1])


def _shape(*sizes: tuple[str, int]) -> str:
    """Return a shape in letters and in numbers: (T, B, D) = (3, 1, 4)."""
    letters, counts = zip(*sizes, strict=True)
    return f"({', '.join(letters)}) = ({', '.join(map(str, counts))})"


def _picture(words: Words, states: list[np.ndarray], read: list[list[str]], D: int) -> None:
    theme, (T, B, H), L = st.context.theme.type or "light", states[0].shape, len(states)
    outer = (("B", B), ("T", T)) if st.session_state["batch_first"] else (("T", T), ("B", B))
    shapes = {
        "input": _shape(*outer, ("D", D)),
        "output": _shape(*outer, ("H", H)),
        "last": _shape(("L", L), ("B", B), ("H", H)),
        "first": _shape(("L", L), ("B", B), ("H", H)),
    }
    written = shapes | {  # they stand at narrow arrows
        key: shapes[key].replace(" = ", "<br>= ") for key in ("last", "first")
    }
    names = {key: words(f"rnncell.name_{key}", shape=shape) for key, shape in written.items()}
    told = [
        [words("rnncell.zeros"), *(_numbers(words, each[t], k, t + 1) for t in range(T))]
        for k, each in enumerate(states, 1)
    ]
    figure = stack.stack(["<br>".join(each) for each in read], told, names, theme)
    # On a phone it rather scrolls than lets its boxes run into one another.
    st.html(f"<style>.st-key-stack_charts .charts figure {{ min-width: {5.5 * (T + 1):g}rem; }}</style>")
    charts([Chart("stack", words("rnncell.title"), figure, words("rnncell.alt", **shapes))], theme, key="stack_charts")


def _numbers(words: Words, h: np.ndarray, layer: int, step: int) -> str:
    """Return what a box of the picture tells: the states (B, H) of one layer after one step."""
    lines = [words("rnncell.state", layer=layer, step=step)]
    return "<br>".join([*lines, *(f"[{', '.join(plain(value) for value in row)}]" for row in h)])


def _snippets(words: Words, rows: np.ndarray, names: list[str]) -> None:
    now = st.session_state
    kind = "nn_rnn_batch_first" if now["batch_first"] else "nn_rnn"
    for column, name, key in zip(st.columns(2, gap="medium"), ("rnn_cell", kind), ("loop", "whole"), strict=True):
        with column:
            st.markdown(words(f"rnncell.{key}"))
            st.code(snippet(name, rows, names, *(now[key] for key in LIMITS)), language="python")


def snippet(name: str, rows: np.ndarray, names: list[str], T: int, B: int, D: int, H: int, L: int) -> str:
    """Return a program of text/code/ with its sizes, and the letters that it reads, filled in."""
    template = Template((Path(text.__file__).parent / "code" / f"{name}.txt").read_text("utf-8"))
    read = " | ".join(" ".join(names[each] for each in column) for column in rows.T)
    return template.substitute(T=T, B=B, D=D, H=H, L=L, rows=rows.tolist(), read=read)


def _table(words: Words, one: tuple, two: tuple, rows: np.ndarray, names: list[str]) -> None:
    T, B, H = one[0].shape
    body, looks = [], []
    for t in range(T):
        for b in range(B):
            off = np.abs(one[0][t, b] - two[0][t, b]).max()
            lead = words("rnncell.step_of" if B > 1 else "rnncell.step", step=t + 1, sequence=b + 1)
            values = [*map(plain, one[0][t, b]), *map(plain, two[0][t, b])]
            body.append([lead, names[rows[t, b]], *values, plain(off, 2)])
            looks.append([""] * (1 + 2 * H) + ["class:sound" if off < 1e-12 else "class:wrong"])
    units = range(1, H + 1)
    head = ["", words("rnncell.reads"), *(words("rnncell.by_loop", unit=u) for u in units)]
    head += [*(words("rnncell.by_rnn", unit=u) for u in units), words("rnncell.difference")]
    numbers.table(head, body, "rnncell", looks, words("rnncell.caption"))


def _last(words: Words, network: Network, one: np.ndarray, two: np.ndarray) -> None:
    L, B, H = two.shape
    body, looks = [], []
    for k in range(L):
        for b in range(B):
            off = np.abs(one[k, b] - two[k, b]).max()
            lead = words("rnncell.layer_of" if B > 1 else "rnncell.layer", layer=k + 1, sequence=b + 1)
            body.append([lead, *map(plain, one[k, b]), *map(plain, two[k, b]), plain(off, 2)])
            looks.append([""] * (2 * H) + ["class:sound" if off < 1e-12 else "class:wrong"])
    units = range(1, H + 1)
    head = ["", *(words("rnncell.by_loop", unit=u) for u in units), *(words("rnncell.by_rnn", unit=u) for u in units)]
    numbers.table([*head, words("rnncell.difference")], body, "rnncell-last", looks, words("rnncell.last_caption"))
    count = network.num_parameters - network.head[0].size - network.head[1].size
    st.caption(words("rnncell.parameters", count=count, layers=L))
