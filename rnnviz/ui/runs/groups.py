"""A group of runs: the folds of a cross-validation, the points of a sweep, the networks of a delayed recall."""

from collections.abc import Sequence
from html import escape

import numpy as np
import streamlit as st

from ...figures.results import sweep_line, sweep_map
from ...text import Words
from ...training import runs
from .. import state
from ..callbacks import answered
from ..charts import Chart, charts
from ..lab.recall import asking
from ..live import ALIVE, look_after
from ..markdown import escaped
from . import acting, known, listing, several, spoken
from .again import guarded
from .known import Entry, Row


def show(words: Words, row: Row) -> None:
    """Show a group, and follow those of its runs that are at work."""
    st.header(escaped(row.name), anchor=False)
    st.caption(words(f"groups.{row.group.kind}_about", count=len(row.entries)))
    if (missing := row.group.count - len(row.entries)) > 0:
        st.caption(words("groups.missing", missing=missing, count=row.group.count))
    standings = {entry.standing for entry in row.entries}
    with st.container(horizontal=True, key="group_actions"):
        if row.group.kind == "recall":
            icon = ":material/science:"
            st.button(words("groups.to_lab"), icon=icon, key="to_lab", on_click=answered(asking.see), args=(row.id,))
        for name, icon, those, act in (
            ("stop", "stop", ALIVE, acting.stop),
            ("resume", "play_arrow", known.RESUMABLE, acting.resume),
        ):
            if standings & set(those):
                options = {"icon": f":material/{icon}:", "args": (words, row.entries, those, act)}
                st.button(words(f"groups.{name}"), key=f"group_{name}", on_click=answered(acting.each), **options)
        acting.delete(words, row.entries)
    standing_now = [entry.standing for entry in row.entries]
    guarded(_live, row.active, words, row.id, standing_now)


def _live(words: Words, id: str, standings: list[str]) -> None:
    row = known.members(id)
    if row is None or [entry.standing for entry in row.entries] != standings:
        st.rerun()  # the whole page: there is something else to do and to see
    look_after(words, row.active)
    if row.group.kind == "kfold":
        _folds(words, row)
    else:
        _sweep(words, row)
    listing.ticked_bar(words)


# ---- The folds of a cross-validation


def _folds(words: Words, row: Row) -> None:
    scores = [result.validation for result in known.finished(row) if result.validation is not None]
    if len(scores) > 1:
        mean, deviation = known.spread(scores)
        told = {"mean": mean, "low": min(scores), "high": max(scores)}
        numbers = {name: spoken.scored(row.measure, score) for name, score in told.items()}
        numbers["deviation"] = spoken.deviating(row.measure, deviation)
        st.markdown(words(f"groups.kfold_{row.measure}", count=len(scores), **numbers))
        st.caption(words("groups.kfold_meaning"))
    _unfinished(words, row)
    names = [words("groups.fold", fold=entry.group.index + 1) for entry in row.entries]
    _table(words, row.entries, names, lines=state.MAX_RUNS)
    st.subheader(words("groups.curves"), anchor=False)
    some = row.entries[: state.MAX_RUNS]
    if len(some) < len(row.entries):
        st.caption(words("groups.first_curves", shown=len(some), count=len(row.entries)))
    several.curves(words, some, "folds", names[: len(some)])


def _unfinished(words: Words, row: Row) -> None:
    """Say how many of a group do not count yet."""
    done = len(known.finished(row))
    if done < len(row.entries):
        st.caption(words("groups.unfinished", done=done, count=len(row.entries)))


# ---- The points of a sweep


def _sweep(words: Words, row: Row) -> None:
    kind, settings = row.group.kind, list(row.entries[0].group.values)
    judged = known.judged_by(row.entries)
    st.caption(words(f"groups.judged_{judged}", score=words(f"measure.{row.measure}")))
    _unfinished(words, row)
    scores = {entry.id: getattr(known.result(entry), judged) for entry in row.entries if entry.standing == "finished"}
    scored = [entry for entry in row.entries if scores.get(entry.id) is not None]
    ranked = sorted(scored, key=lambda entry: -scores[entry.id])
    if kind == "sweep" and len(settings) <= 2 and len(scored) > 1:
        _chart(words, settings, scored, judged, row.measure)
    ranked += [entry for entry in row.entries if entry not in scored]
    _table(words, ranked, [spoken.point(words, entry) for entry in ranked])


def _chart(words: Words, settings: Sequence[str], entries: Sequence[Entry], judged: str, measure: str) -> None:
    theme = st.context.theme.type or "light"
    scores, kind = [getattr(known.result(entry), judged) for entry in entries], words(f"several.{judged}_{measure}")
    titles = {"x": words(f"field.{settings[0]}.label"), "y": kind}
    if len(settings) == 1:
        values = [entry.group.values[settings[0]] for entry in entries]
        if not all(_is_number(value) for value in values):
            values = [spoken.value(words, settings[0], value) for value in values]
        hover = words(f"groups.hover_line_{measure}")
        figure = sweep_line(values, scores, titles | {"hover": hover}, theme, measure)
    else:
        titles["y"] = words(f"field.{settings[1]}.label")
        columns, rows = (_values(entries, name) for name in settings)
        z = np.full((len(rows), len(columns)), np.nan)
        for entry, score in zip(entries, scores, strict=True):
            z[rows.index(entry.group.values[settings[1]]), columns.index(entry.group.values[settings[0]])] = score
        shown = [
            [spoken.value(words, name, value) for value in values]
            for name, values in zip(settings, (columns, rows), strict=True)
        ]
        hover = words(f"groups.hover_map_{measure}")
        figure = sweep_map(*shown, z, titles | {"hover": hover}, theme, measure)
    best = entries[int(np.argmax(scores))]
    told = {"kind": kind, "name": spoken.point(words, best), "score": spoken.scored(measure, max(scores))}
    alt = words("groups.alt", count=len(entries), **told)
    charts([Chart("sweep", "", figure, alt)], theme, key="sweep")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _values(entries: Sequence[Entry], name: str) -> list:
    """Return the values of a setting that occur: numbers in their order, others as they come."""
    values = list(dict.fromkeys(entry.group.values[name] for entry in entries))
    return sorted(values) if all(map(_is_number, values)) else values


# ---- Its runs


def _table(words: Words, entries: Sequence[Entry], names: Sequence[str], lines: int = 0) -> None:
    """Show the runs of a group; one that did not come to its end can be sent on.

    lines: the first so many have lines in a figure, by which they are named here.
    """
    results = [known.result(entry) for entry in entries]
    scores = {
        kind: [spoken.score(words, entry, result, kind) for entry, result in zip(entries, results, strict=True)]
        for kind in ("validation", "test")
    }
    told = [kind for kind, column in scores.items() if kind == "validation" or any(text != "–" for text, _ in column)]
    columns = (*told, "time")
    titles = [words(f"runs.column.{key}") for key in ("name", "state", *columns)]
    rows = []
    for place, (entry, name, result) in enumerate(zip(entries, names, results, strict=True)):
        texts = {kind: column[place] for kind, column in scores.items()}
        texts["time"] = (spoken.duration(words, result.seconds),)
        reason = f"<small>{escape(acting.reason(words, entry))}</small>" if entry.standing == "failed" else ""
        line = spoken.line_html(place) if place < lines else ""
        rows.append(
            spoken.row_html(words, entry.id, name)
            + spoken.name_html(entry.id, name, before=line)
            + f'<td class="state">{spoken.standing_html(words, entry)}{reason}</td>'
            + "".join(spoken.number_html(words(f"runs.column.{key}"), *texts[key]) for key in columns)
            + f'<td class="number">{_resume_html(words, entry, name)}</td></tr>'
        )
    clicked = listing.table(words, "group_runs", [*titles, ""], len(columns) + 1, rows)
    if clicked:
        acting.resume(words, runs.Run(clicked.removeprefix("resume ")))
        st.rerun()


def _resume_html(words: Words, entry: Entry, name: str) -> str:
    """Return the button that sends a run on; nothing for one that needs none."""
    if entry.standing not in known.RESUMABLE:
        return ""
    label, text = escape(words("groups.resume_one", name=name)), escape(words("acting.resume"))
    return f'<button class="act" data-click="resume {escape(entry.id)}" aria-label="{label}">{text}</button>'
