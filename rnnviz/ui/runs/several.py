"""Runs beside each other: their curves in one figure, their numbers, and the settings in which they differ."""

from collections.abc import Sequence
from dataclasses import fields
from html import escape

import numpy as np
import streamlit as st

from ...figures.results import POINTS, Curve, comparison
from ...text import Words
from ...training import estimate
from ...training.config import Config
from .. import frame, state
from ..callbacks import answered
from ..charts import Chart, charts
from ..live import look_after
from ..markdown import escaped
from . import clicks, known, spoken
from .again import guarded
from .known import Entry
from .listing import open_runs

NUMBERS = ("validation", "test", "loss", "updates", "time", "parameters")


def show(words: Words, entries: Sequence[Entry]) -> None:
    """Show runs beside each other, and follow those that are at work."""
    st.header(words("several.title", count=len(entries)), anchor=False)
    live = any(entry.active for entry in entries)
    _open_in_compare(words, entries)
    guarded(_live, live, words, entries)


def _open_in_compare(words: Words, entries: Sequence[Entry]) -> None:
    """Offer to read a digit with the networks of these runs, where as many have one as can stand under one another."""
    digits = [entry for entry in entries if entry.plan and entry.plan.config.data.of_digits]
    nets = [f"run:{entry.id}" for entry in digits if entry.run.model]
    if 2 <= len(nets) <= state.MAX_COMPARED:
        options = {"icon": ":material/compare_arrows:", "key": "open_in_compare"}
        st.button(
            words("compare.open"), on_click=answered(frame.go), args=("compare",), kwargs={"nets": nets}, **options
        )


def _live(words: Words, entries: Sequence[Entry]) -> None:
    fresh = [known.entry(entry.run) for entry in entries]
    if None in fresh or any(entry.active for entry in fresh) != any(entry.active for entry in entries):
        st.rerun()
    look_after(words, any(entry.active for entry in fresh))
    curves(words, fresh, "several")
    st.subheader(words("several.numbers"), anchor=False)
    _open(clicks.table("several_numbers", words("several.numbers"), *_numbers(words, fresh)).clicked)
    st.subheader(words("several.settings"), anchor=False)
    names = differing([entry.plan.config for entry in fresh if entry.plan])
    if names:
        _open(clicks.matrix("several_settings", words("several.settings"), *_settings(words, fresh, names)))
    else:
        st.markdown(words("several.same"))


def _open(clicked: str | None) -> None:
    if clicked:
        open_runs([clicked])
        st.rerun()


# ---- The figure


def curves(words: Words, entries: Sequence[Entry], key: str, names: Sequence[str] = ()) -> None:
    """Show the learning curves of runs in one figure. names: what they are called there; else their own names."""
    axis = st.segmented_control(
        words("several.axis"),
        ["step", "seconds"],
        default="step",
        required=True,
        format_func=lambda name: words(f"several.axis_{name}"),
        key=f"axis_{key}",
    )
    names = names or [spoken.title(words, entry) for entry in entries]
    drawn = [
        curve(name, known.metrics(entry.run), axis, entry.measure) for name, entry in zip(names, entries, strict=True)
    ]
    if any(len(each.x) > POINTS for each in drawn):
        st.caption(words("several.smoothed"))
    theme = st.context.theme.type or "light"
    for measure in dict.fromkeys(entry.measure for entry in entries):
        titles = {"loss": words(f"several.loss_of_{measure}"), "score": words(f"several.score_{measure}")}
        titles |= {"x": words(f"several.axis_{axis}"), "loss_hover": words(f"several.loss_hover_{axis}")}
        titles["score_hover"] = words(f"several.score_hover_{measure}_{axis}")
        fits = [entry.measure == measure for entry in entries]
        # A run keeps its place, and so its line: those with other scores are drawn as nothing.
        own = [each if fit else curve(each.name, []) for each, fit in zip(drawn, fits, strict=True)]
        if said := measured_on(words, entries, own, measure):
            st.caption(said)
        alt = describe(words, [each for each, fit in zip(drawn, fits, strict=True) if fit], measure)
        chart = Chart("comparison", "", comparison(own, titles, theme, measure), alt)
        charts([chart], theme, key=f"curves_{key}_{measure}")


def curve(name: str, rows: Sequence[dict], axis: str = "step", measure: str = "accuracy") -> Curve:
    """Return a run's curve from its rows; axis is "step" or "seconds", measure what its scores are."""

    def column(key: str) -> np.ndarray:
        return np.array([np.nan if row.get(key) is None else row[key] for row in rows], float)

    return Curve(name, column(axis), column("loss"), column(measure))


def measured_on(words: Words, entries: Sequence[Entry], drawn: Sequence[Curve], measure: str) -> str:
    """Return in sentences what the scores are measured on; where it is not the same, whose on what."""
    names: dict[str, list[str]] = {}
    for entry, each in zip(entries, drawn, strict=True):
        if entry.plan and np.isfinite(each.score).any():
            names.setdefault(spoken.watched(words, entry.plan.config), []).append(f"**{escaped(each.name)}**")
    if len(names) < 2:
        return "".join(words("several.measured_on", score=words(f"measure.{measure}"), where=where) for where in names)
    comma = words("runs.comma")
    told = (words("several.its_measured_on", names=comma.join(named), where=where) for where, named in names.items())
    return words.join([words("several.unlike", score=words(f"measure.{measure}")), *told])


def describe(words: Words, drawn: Sequence[Curve], measure: str = "accuracy") -> str:
    """Return in a sentence per run where its curves end."""
    said = []
    for each in drawn:
        loss, score = (values[np.isfinite(values)] for values in (each.loss, each.score))
        if len(loss) and len(score):
            said.append(words(f"several.alt_{measure}", name=each.name, loss=loss[-1], score=score[-1]))
        elif len(loss):
            said.append(words("several.alt_loss", name=each.name, loss=loss[-1], score=words(f"measure.{measure}")))
        else:
            said.append(words("several.alt_none", name=each.name))
    return words.join(said)


# ---- The tables


def differing(configs: Sequence[Config]) -> list[str]:
    """Return the settings in which some of the configs differ, in the order of Config."""
    return [f.name for f in fields(Config) if len({getattr(config, f.name) for config in configs}) > 1]


def _numbers(words: Words, entries: Sequence[Entry]) -> tuple[str, list[str]]:
    titles = _titles(words, entries)
    heads = [words("runs.column.name"), words("runs.column.state"), *titles.values()]
    rows = []
    for index, entry in enumerate(entries):
        result = known.result(entry)
        steps = entry.state.steps or (entry.plan.config.updates if entry.plan else 0)
        texts = {
            "validation": spoken.score(words, entry, result, "validation"),
            "test": spoken.score(words, entry, result, "test"),
            "loss": ("–" if result.loss is None else f"{result.loss:.4f}",),
            "updates": (words("several.of", done=max(result.step, entry.state.step), steps=steps),),
            "time": (spoken.duration(words, result.seconds),),
            "parameters": (f"{estimate.parameters(entry.plan.config):,}" if entry.plan else "–",),
        }
        cells = "".join(spoken.number_html(title, *texts[key]) for key, title in titles.items())
        rows.append(_row(words, entry, index, f'<td class="state">{spoken.standing_html(words, entry)}</td>{cells}'))
    return spoken.head_html(heads, len(NUMBERS)), rows


def _titles(words: Words, entries: Sequence[Entry]) -> dict[str, str]:
    """Return what each of NUMBERS is called; scores of several kinds by no more than what they were measured on."""
    titles = {name: words(f"several.{name}") for name in NUMBERS if name not in ("validation", "test")}
    measures = {entry.measure for entry in entries if entry.plan} or {"accuracy"}
    for kind in ("validation", "test"):
        alike = words(f"several.{kind}_{next(iter(measures))}")
        titles[kind] = alike if len(measures) == 1 else words(f"runs.column.{kind}")
    return {name: titles[name] for name in NUMBERS}


def _settings(words: Words, entries: Sequence[Entry], names: Sequence[str]) -> tuple[str, list[str]]:
    """Return a matrix: a row per setting, a column per run."""
    heads = (
        f'<th scope="col">{spoken.line_html(place)}'
        f'<button data-click="{escape(entry.id)}">{escape(spoken.title(words, entry))}</button></th>'
        for place, entry in enumerate(entries)
    )
    rows = []
    for name in names:
        given = [
            spoken.value(words, name, getattr(entry.plan.config, name)) if entry.plan else "–" for entry in entries
        ]
        cells = "".join(f"<td>{escape(text)}</td>" for text in given)
        rows.append(f'<tr><th scope="row">{escape(words(f"field.{name}.label"))}</th>{cells}</tr>')
    return f"<tr><td></td>{''.join(heads)}</tr>", rows


def _row(words: Words, entry: Entry, index: int, cells: str) -> str:
    name = spoken.name_html(entry.id, spoken.title(words, entry), before=spoken.line_html(index))
    return f'<tr data-click="{escape(entry.id)}">{name}{cells}</tr>'
