"""Part 2: an embedding is one-hot vectors times a matrix, which looks up a row; its vectors move while they learn."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from html import escape
from typing import NamedTuple

import numpy as np
import streamlit as st

from ... import figures, learn
from ...figures import curves, over_time, style
from ...figures import letters as drawn
from ...figures.over_time import Axis, Line
from ...network import Network
from ...tasks.words import CORPORA, EXAMPLE, KINDS, STOP, UNPREDICTABLE, Pair, Recipe, closeness, plane
from ...text import Words
from ...trace import record
from .. import state
from ..charts import Chart, charts
from ..markdown import escaped
from ..parts.growing import Growing, follow, grow
from ..parts.learning import learning
from ..slider import slider
from . import hello, letters
from .letters import LEAST, ask, optimiser_fields, spelling, word_fields
from .updates import dotted, padded

PART = "embedding"
TOLD = ("embedding-row", "embedding-gradient", "embedding-moves", "embedding-begun", "embedding-kinds")
UPDATES = {"word": hello.UPDATES, "sentences": 200}
USUAL = {"word": {"rate": 0.1, "spread": 1.0}, "sentences": {"rate": 0.03, "spread": 0.2}}
"""What comes with a corpus when it is chosen."""
MAKING = 0.5
"""Seconds that a look may spend on updates."""
NARROW = 3
"""So many numbers per letter, at most, stand beside the figure."""
MOVE_MS = 150
"""How long points take to their next place: about as long as the next place takes to come."""
SYMBOLS = {"noun": "circle", "verb": "square", "stop": "diamond"}


class Corpus(NamedTuple):
    """What is learnt, and a sequence of it whose gradient is looked at."""

    pair: Pair | None
    """None for sentences."""
    names: Sequence[str]
    """What the K letters are called."""
    read: np.ndarray
    """(T,), the places of the letters read, and of those that follow."""
    wanted: np.ndarray


class Seen(NamedTuple):
    """What stands after some updates."""

    loss: float
    probs: np.ndarray | None
    """(T, K) of the one word; None for sentences."""
    network: Network

    @property
    def vectors(self) -> np.ndarray:
        """The embedding's matrix (K, P)."""
        return self.network.arrays["project.weight"].T


def show(words: Words) -> dict[str, object]:
    """Show the part and return what the address has to hold."""
    return letters.show(words, PART, TOLD, _controls, _figures)


def _controls(words: Words) -> None:
    now = st.session_state
    state.remember(
        st.segmented_control, words("embedding.corpus"), list(CORPORA), key="corpus", required=True,
        format_func=lambda corpus: words(f"embedding.corpus_{corpus}"), on_change=_usual,
    )  # fmt: skip
    if now["corpus"] == "word":
        word_fields(words)
    slider(words("embedding.dim"), 2, 8, 1, "dim")
    slider(words("embedding.spread"), 0.05, 2.0, 0.05, "spread", help=words("embedding.spread_help"))
    optimiser_fields(words)


def _usual() -> None:
    """Begin anew, with what suits the corpus that was chosen."""
    now = st.session_state
    now.update(USUAL[now["corpus"]], optimiser="adam", letter=1, steps=2, at=0)


def _corpus(words: Words) -> Corpus | None:
    """Return what is to be learnt; where it cannot be, the page says why."""
    if st.session_state["corpus"] == "sentences":
        return Corpus(None, words("embedding.language").split(), np.array(EXAMPLE[:-1]), np.array(EXAMPLE[1:]))
    asked = ask(words)
    return asked and Corpus(asked, asked.letters, asked.places(asked.word), asked.labels)


# ---- Numbers


@st.cache_resource(show_spinner=False, max_entries=32)  # of up to 1 MB each
def _training(recipe: Recipe, asked: Pair | None) -> Growing:
    return Growing(lambda: _watched(recipe, asked), UPDATES["word" if asked else "sentences"] + 1)


def _watched(recipe: Recipe, asked: Pair | None) -> Iterator[Seen]:
    """Yield what stands after 0, 1, 2, ... updates, as long as float64 holds it."""
    for step in recipe.train(asked) if asked else recipe.train_on_sentences():
        if not np.isfinite(step.loss):
            return
        probs = record(step.network, asked.x, asked.labels, loss="every")["probs"] if asked else None
        yield Seen(step.loss, probs, step.network)


def _gradient(network: Network, corpus: Corpus, steps: int) -> np.ndarray:
    """Return the gradient (K, P), in the embedding's matrix, of the loss over the first steps."""
    x = np.eye(len(corpus.names))[corpus.read[:steps]]
    trace = record(network, x, corpus.wanted[:steps], loss="every")
    return learn.gradients(network, trace)["project.weight"].T


# ---- Figures


def _figures(words: Words) -> None:
    if not (corpus := _corpus(words)):
        return
    now = st.session_state
    recipe = Recipe(
        encoding="embedding", dim=now["dim"], spread=now["spread"], optimiser=now["optimiser"], rate=now["rate"],
        seed=now["seed"],
    )  # fmt: skip
    work = _training(recipe, corpus.pair)
    grow([work], MAKING)  # the figure's axes hold the whole of it
    at = learning(words, work)
    seen = work.found[: at + 1]
    if now["letter"] > len(corpus.names):
        if "link" not in now:  # it came with a link, not from a longer word
            state.ignore("letter")
        now["letter"] = len(corpus.names)
    if not corpus.pair:
        st.markdown(_told_of_sentences(words, seen))
    narrow = now["dim"] <= NARROW
    beside = st.columns([1, 1], gap="medium") if narrow else (st.container(), st.container())
    with beside[0]:
        follow([work], partial(_moving, words, corpus, work, at))
    with beside[1]:
        _lookup(words, corpus, seen[-1])
    if corpus.pair:
        spelling(words, corpus.pair, seen)
    _charts(words, corpus, seen)
    _code(words, corpus)


def _told_of_sentences(words: Words, seen: Sequence[Seen]) -> str:
    close = closeness(seen[-1].vectors)
    numbers = {"update": len(seen) - 1, "loss": figures.decimal(seen[-1].loss), "ratio": close.ratio}
    return words("embedding.kinds", near=close.neighbours, count=STOP, **numbers)


def _moving(words: Words, corpus: Corpus, work: Growing, at: int) -> None:
    if not work.done:
        done, updates = len(work.found) - 1, work.count - 1
        st.progress(done / updates, words("learning.making", done=done, updates=updates))
        return
    theme, now = st.context.theme.type or "light", st.session_state
    paths, share = plane(np.array([each.vectors for each in work.found]))
    if corpus.pair:
        looks = [(drawn.look(k).colours[theme], "circle") for k in range(len(corpus.names))]
    else:
        of_kinds = {"noun": style.LINES[theme]["h"], "verb": style.CELLS[theme]["rnn_tanh"]}
        looks = [(of_kinds.get(kind, style.LINES[theme]["text"]), SYMBOLS[kind]) for kind in KINDS]
    axes = ("first", "second") if now["dim"] == 2 else ("component_1", "component_2")
    titles = {side: words(f"embedding.{name}") for side, name in zip("xy", axes, strict=True)}
    hover = words("embedding.hover") + "<extra></extra>"
    figure = drawn.moving(paths, at, corpus.names, looks, titles, hover, theme, chosen=now["letter"] - 1)
    figure.update_layout(transition={"duration": MOVE_MS, "easing": "linear"})
    moved = np.linalg.norm(work.found[at].vectors - work.found[0].vectors, axis=1)
    alt = words("embedding.alt_moving", count=len(corpus.names), update=at, least=moved.min(), most=moved.max())
    charts([Chart("moving", words("embedding.title_moving"), figure, alt)], theme, key="moving_charts")
    told = [words("embedding.read_moving")]
    if now["dim"] > 2:
        told.append(words("embedding.components", dim=now["dim"], share=share))
    if not corpus.pair:
        told.append(words("embedding.read_kinds"))
    st.caption(words.join(told))


def _lookup(words: Words, corpus: Corpus, last: Seen) -> None:
    """Show the one-hot vector of a letter, the matrix, their product, and the row; and the gradient beside it."""
    now, count = st.session_state, len(corpus.names)
    place = state.remember(
        st.pills, words("embedding.letter"), list(range(1, count + 1)), key="letter", required=True, wrap=True,
        format_func=lambda letter: escaped(corpus.names[letter - 1]),
    ) - 1  # fmt: skip
    steps = slider(words("embedding.steps"), 1, len(corpus.read), 1, "steps") if len(corpus.read) > 1 else 1
    matrix, one_hot = last.vectors, np.eye(count)[place]
    product, gradient = one_hot @ matrix, _gradient(last.network, corpus, steps)
    dim = now["dim"]
    head = "".join(
        f'<th scope="col" colspan="{span}">{words(f"embedding.head_{name}")}</th>'
        for name, span in (("letter", 1), ("one_hot", 1), ("matrix", dim), ("gradient", dim))
    )
    body = "".join(
        f'<tr class="{"chosen" if k == place else ""}"><th scope="row">{escape(corpus.names[k])}</th>'
        f'<td class="one-hot">{one_hot[k]:.0f}</td>{_cells(matrix[k], _written)}{_cells(gradient[k], _short)}</tr>'
        for k in range(count)
    )
    feet = "".join(
        f'<tr class="foot"><th scope="row" colspan="2">{escape(words(f"embedding.{name}"))}</th>'
        f'{_cells(values, _written)}<td colspan="{dim}"></td></tr>'
        for name, values in (("product", product), ("row", matrix[place]))
    )
    equal = words("embedding.equal" if np.array_equal(product, matrix[place]) else "embedding.unequal")
    read = "".join(corpus.names[k] for k in corpus.read[:steps]) if corpus.pair else " ".join(
        corpus.names[k] for k in corpus.read[:steps]
    )  # fmt: skip
    zero = int((~gradient.any(axis=1)).sum())
    terms = [
        f"{one:.0f}·{_written(value) if value >= 0 else f'({_written(value)})'}"
        for one, value in zip(one_hot, matrix[:, 0], strict=True)
    ]
    total = words("embedding.sum", terms=" + ".join(terms), result=_written(product[0]))
    told = [
        total,
        equal,
        words("embedding.occurred", read=read, rows=count - zero, zero=zero)
        if zero
        else words("embedding.occurred_all", read=read),
    ]
    st.html(
        f'<div class="lookup" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}{feet}</tbody></table>'
        f"</div><p class='lookup-told'>{escape(words.join(told))}</p>"
    )


def _cells(values: np.ndarray, form: Callable[[float], str]) -> str:
    """Return cells of a table; what is exactly zero is written so."""
    return "".join(f"<td>{form(value)}</td>" if value else '<td class="zero">0</td>' for value in values)


def _written(value: float) -> str:
    return f"{value:.3f}".replace("-", "−")


def _short(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{figures.power(np.log10(abs(value)))}"


def _charts(words: Words, corpus: Corpus, seen: Sequence[Seen]) -> None:
    theme, at = st.context.theme.type or "light", len(seen) - 1
    end = max(LEAST, curves.reach(at, UPDATES["word" if corpus.pair else "sentences"]))
    losses = [each.loss for each in seen]
    lines = [Line(words("hello.loss"), padded(losses, end), style.LINES[theme]["curve"])]
    if not corpus.pair:
        name = words("embedding.least", least=UNPREDICTABLE)
        lines.append(Line(name, np.full(end + 1, UNPREDICTABLE), style.LINES[theme]["text"], "dash", width=2))
    hover = {"line": words("hello.hover_loss") + "<extra></extra>", "mark": ""}
    shared = {"theme": theme, "height": drawn.HEIGHT, "moment": at, "first": 0}
    loss = over_time.over_time(
        lines, Axis(words("hello.nats"), False, (0.0, float(np.log(len(corpus.names))))), words("hello.updates"), hover,
        named=len(lines) > 1, **shared,
    )  # fmt: skip
    alt = words("hello.alt_loss", first=losses[0], last=losses[-1], update=at)
    items = [Chart("loss", words("hello.title_loss"), dotted(loss, 1, at), alt)]
    if not corpus.pair:
        ratios = [closeness(each.vectors).ratio for each in seen]
        line = Line(words("embedding.ratio"), padded(ratios, end), style.LINES[theme]["h"])
        figure = over_time.over_time(
            [line], Axis(words("embedding.ratio"), False, (0.0, 1.0)), words("hello.updates"), hover, **shared
        )
        alt = words("embedding.alt_ratio", first=ratios[0], last=ratios[-1], update=at)
        items.append(Chart("ratio", words("embedding.title_ratio"), dotted(figure, 1, at), alt))
    charts(items, theme, key="hello_charts")


def _code(words: Words, corpus: Corpus) -> None:
    """Show the same with torch's own module, for the letters and the size on screen."""
    now = st.session_state
    places = [int(place) for place in corpus.read[: now["steps"]]]
    st.markdown(words("embedding.in_torch"))
    st.code(words("embedding.code", letters=len(corpus.names), dim=now["dim"], places=places), language="python")
