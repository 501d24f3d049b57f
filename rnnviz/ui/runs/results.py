"""What a trained network answers on the test digits: the first ten, the confusion matrix, the worst mistakes."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from ...figures.results import confusion, confusion_counts
from ...text import Words
from .. import frame, state
from ..charts import Chart, charts
from . import clicks, known, spoken, written
from .known import Entry

FIRST, MISTAKES, PAIRS, WORST = 10, 24, 15, 8


def show(words: Words, entry: Entry) -> None:
    """Show the results of a run, or say why there are none and how to get them."""
    st.header(words("results.title"), anchor=False)
    config = entry.plan.config
    given = known.answers(entry.run)
    if given is None:
        st.info(words(f"results.none_{_why(entry)}"), icon=":material/info:")
        return
    if not known.answers_fit(config, given):
        st.warning(words("results.unfit", count=config.data.test), icon=":material/broken_image:")
        return
    if "psnr" in given:
        written.show(words, entry, given["psnr"])
        return
    predicted, confidence = given["predicted"], given["confidence"]
    labels = known.true_classes(config.dataset, predicted)
    if labels is None:
        st.info(words("results.no_labels"), icon=":material/info:")
        return
    wrong = np.flatnonzero(predicted != labels)
    right = 1 - len(wrong) / len(labels)
    st.markdown(words("results.summary", right=right, wrong=len(wrong), count=len(labels)))
    digits = known.test_digits(config.dataset)
    images = digits[0] if digits else None
    if images is None:
        st.caption(words("results.no_pictures"))
    else:
        st.subheader(words("results.first", count=FIRST), anchor=False)
        st.caption(words("results.first_note"))
        _digits(words, entry, "first", np.arange(min(FIRST, len(labels))), images, labels, predicted, confidence)
    _matrix(words, labels, predicted, config.data.classes)
    if images is not None:
        _mistakes(words, entry, wrong, images, labels, predicted, confidence)


def _why(entry: Entry) -> str:
    """Return why there are no answers: "active", "fold", "stopped", "failed" or "lost"."""
    if entry.standing == "finished":
        return "fold" if entry.plan.config.folds else "finished"
    return "active" if entry.active else entry.standing


# ---- Digits, each a way into the Step page


def _digits(words: Words, entry: Entry, key: str, chosen: Sequence[int], images, labels, predicted, confidence) -> None:
    dataset = entry.plan.config.dataset
    first = known.first_test(dataset)
    items = [
        item_html(words, entry.id, dataset, first + k, images[k], labels[k], predicted[k], confidence[k])
        for k in chosen
    ]
    clicked = clicks.gallery(f"digits_{key}", words(f"results.{key}_list"), items)
    if clicked is not None:
        frame.open_in_step(entry.id, dataset, int(clicked))
        frame.follow()


def item_html(words: Words, id: str, dataset: str, index: int, image, label: int, answer: int, sure: float) -> str:
    """Return a test digit with its true class and the answer as HTML: a link to it in the Step page."""
    values = {"index": index, "label": label, "answer": answer, "sure": sure}
    wrong = answer != label
    told = escape(words("results.item_wrong" if wrong else "results.item_right", **values))
    mark = escape(words("results.wrong", **values) if wrong else words("results.right"))
    below, share = escape(words("results.answer", **values)), escape(words("results.sure", **values))
    return (
        f'<li class="{"wrong" if wrong else "right"}">'
        f'<a href="./?net=run:{id}&amp;set={dataset}&amp;digit={index}" data-click="{index}" aria-label="{told}">'
        f'<img src="{spoken.picture(image)}" alt=""><b>{below}</b> {mark}<small>{share}</small></a></li>'
    )


# ---- The confusion matrix


def _matrix(words: Words, labels: np.ndarray, predicted: np.ndarray, classes: int) -> None:
    st.subheader(words("results.matrix"), anchor=False)
    counts = confusion_counts(labels, predicted, classes)
    theme = st.context.theme.type or "light"
    titles = {name: words(f"results.matrix_{name}") for name in ("x", "y", "right", "wrong")}
    names = [str(k) for k in range(classes)] if classes > 2 else [words(f"results.half_{k}") for k in range(classes)]
    st.caption(words("results.matrix_note"))
    left, right = st.columns([3, 2], gap="large")
    with left, st.container(key="matrix"):
        figure = confusion(counts, titles, names, theme)
        charts([Chart("confusion", "", figure, describe(words, counts, names))], theme, key="confusion")
    with right:
        _worst(words, counts, names, clickable=classes > 2)


def _worst(words: Words, counts: np.ndarray, names: Sequence[str], clickable: bool) -> None:
    """Show the most frequent mistakes; clickable: whether a click on one can show its digits below."""
    rows = []
    for k, j in confused(counts)[:WORST]:
        told = escape(words("results.taken", label=names[k], answer=names[j]))
        click = f' data-click="{k}-{j}"' if clickable else ""
        name = f"<button{click}>{told}</button>" if clickable else told
        share = f"{counts[k, j] / counts[k].sum():.1%}"
        cells = "".join(
            spoken.number_html(words(f"results.{key}"), text)
            for key, text in (("count", str(counts[k, j])), ("share", share))
        )
        rows.append(f'<tr{click}><td class="name">{name}</td>{cells}</tr>')
    if not rows:
        return
    head = spoken.head_html([words(f"results.{key}") for key in ("worst", "count", "share")], 2)
    if clicked := clicks.table("worst", words("results.worst"), head, rows).clicked:
        st.session_state["results_pair"] = clicked


def describe(words: Words, counts: np.ndarray, names: Sequence[str]) -> str:
    """Return the matrix in a sentence: how many mistakes, and which are the most frequent."""
    worst = [
        words("results.pair", label=names[k], answer=names[j], count=counts[k, j]) for k, j in confused(counts)[:3]
    ]
    wrong, count = int(counts.sum() - np.trace(counts)), int(counts.sum())
    return words("results.matrix_alt", wrong=wrong, count=count, worst="; ".join(worst) or "–")


def confused(counts: np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs (true class, answer) that were mistaken, the most frequent first."""
    pairs = [(int(k), int(j)) for k, j in np.argwhere(counts) if k != j]
    return sorted(pairs, key=lambda pair: -counts[pair])


# ---- The mistakes


def _mistakes(words: Words, entry: Entry, wrong: np.ndarray, images, labels, predicted, confidence) -> None:
    st.subheader(words("results.mistakes"), anchor=False)
    if not len(wrong):
        st.markdown(words("results.no_mistakes"))
        return
    counts = confusion_counts(labels[wrong], predicted[wrong], 10)
    pairs = [f"{k}-{j}" for k, j in confused(counts)[:PAIRS]]
    if st.session_state.get("results_pair") not in pairs:
        st.session_state["results_pair"] = "all"

    def pair_name(pair: str) -> str:
        if pair == "all":
            return words("results.all_pairs", count=len(wrong))
        k, j = map(int, pair.split("-"))
        return words("results.pair", label=k, answer=j, count=counts[k, j])

    pair = state.remember(
        st.selectbox,
        words("results.which"),
        ["all", *pairs],
        format_func=pair_name,
        key="results_pair",
        filter_mode=None,
        width=320,
    )
    if pair != "all":
        k, j = map(int, pair.split("-"))
        wrong = wrong[(labels[wrong] == k) & (predicted[wrong] == j)]
    surest = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    st.caption(words("results.mistakes_note", count=len(surest)))
    _digits(words, entry, "mistakes", surest, images, labels, predicted, confidence)
