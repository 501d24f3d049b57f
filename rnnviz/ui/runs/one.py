"""One run: where it stands, what can be done with it, what it is, how it learned, what it answers."""

from dataclasses import fields
from html import escape

import streamlit as st

from ...text import Words
from ...training import presets
from ...training.config import Config
from ...training.presets import PRESETS
from .. import frame, live
from ..callbacks import answered
from ..markdown import escaped
from . import acting, clicks, known, machines, results, spoken
from .again import guarded
from .known import Entry, Result


def show(words: Words, entry: Entry) -> None:
    """Show a run, and follow it while it is at work."""
    st.header(escaped(spoken.title(words, entry)), anchor=False)
    if entry.note:
        st.markdown("  \n".join(f"> {escaped(line)}" for line in entry.note.splitlines()))
    if entry.plan is None:
        st.error(words("one.unreadable"), icon=":material/broken_image:")
        with st.container(horizontal=True, key="run_actions"):
            acting.download(words, entry)
            acting.delete(words, [entry])
        return
    guarded(_where, entry.active, words, entry)
    _act(words, entry)
    guarded(_curves, entry.active, words, entry)
    results.show(words, entry)
    _what(words, entry)


# ---- Where it stands


def _where(words: Words, entry: Entry) -> None:
    fresh = known.entry(entry.run)
    if fresh is None or fresh.standing != entry.standing:
        st.rerun()  # the whole page: there is something else to do and to see
    live.look_after(words, fresh.active)
    kind, text = told(words, fresh)
    config = fresh.plan.config
    numbers = words("one.about", network=spoken.network(words, config), data=words(f"dataset.{config.dataset}"))
    st.caption(words.join([numbers, words("one.when", when=spoken.moment(fresh.when))]))
    if kind == "error":
        st.error(text, icon=":material/error:")
        with st.expander(words("one.log")):
            st.code(fresh.state.detail + "\n\n" + fresh.run.log(), language=None, wrap_lines=True)
    elif kind == "warning":
        st.warning(text, icon=":material/warning:")
    else:
        st.markdown(text)
    if why := machines.hindrance(words, fresh.id, fresh.state):
        st.warning(why, icon=":material/warning:")
    if fresh.standing in ("running", "stopping"):
        st.progress(known.progress(fresh), words("one.progress", **_numbers(words, fresh)))


def told(words: Words, entry: Entry) -> tuple[str, str]:
    """Return where a run stands as ("text", "warning" or "error", sentences)."""
    numbers = _numbers(words, entry)
    if entry.standing == "failed":
        said = [acting.reason(words, entry), words("one.failed", **numbers)]
    elif entry.standing == "running":
        said = [words(f"one.running_{entry.state.phase or 'starting'}", **numbers)]
    else:
        said = [words(f"one.{entry.standing}", **numbers)]
    if entry.state.resumed_from is not None:
        said.append(words("one.resumed", step=entry.state.resumed_from))
    if entry.state.repaired:
        said.append(words("one.repaired"))
    said += _scores(words, entry, known.result(entry))
    kind = {"failed": "error", "lost": "warning"}.get(entry.standing, "text")
    return kind, words.join(said)


def _scores(words: Words, entry: Entry, result: Result) -> list[str]:
    """Return in sentences how good the result is; where it was not measured, what was measured last."""
    config, measure = entry.plan.config, entry.measure

    def told(form: str, score: float, where: str, **numbers: int) -> str:
        return words(f"one.{measure}_{form}", score=spoken.scored(measure, score), where=where, **numbers)

    where, said = spoken.watched(words, config), []
    if result.validation is not None:
        form = "best_of" if config.keep == "best" and result.measurements > 1 else "is"
        said.append(told(form, result.validation, where, count=result.measurements))
    if result.test is not None:
        said.append(told("is", result.test, words("runs.on.all_test", count=config.data.test)))
    if result.watched is not None and getattr(result, config.watch) is None:
        said.append(told("measured", result.watched, where, step=result.measured_at))
    return said


def _numbers(words: Words, entry: Entry) -> dict[str, object]:
    result, config, stood = known.result(entry), entry.plan.config, entry.state
    place, waiting = _place(entry) if entry.standing == "queued" else (0, 0)
    return {
        "done": max(result.step, stood.step),
        "steps": stood.steps or config.updates,
        "time": spoken.duration(words, result.seconds),
        "device": escaped(stood.device) or "–",
        "place": place,
        "waiting": waiting,
    }


def _place(entry: Entry) -> tuple[int, int]:
    """Return a waiting run's place in the queue, from 1, and how many wait."""
    waiting = {each.id: each.run for each in [*known.entries(), entry] if each.standing == "queued"}
    ids = sorted(waiting, key=lambda id: (waiting[id].place, id))
    return ids.index(entry.id) + 1, len(ids)


# ---- How it learned


def _curves(words: Words, entry: Entry) -> None:
    run, rows, film = entry.run, known.metrics(entry.run), entry.run.film
    if rows or film:
        live.pictures(words, run, entry.plan.config, run.state, rows, film)
    else:
        st.caption(words("one.no_rows"))


# ---- What can be done with it


def _act(words: Words, entry: Entry) -> None:
    run = entry.run
    with st.container(horizontal=True, key="run_actions"):
        if opener := live.opener(words, entry.plan.config):
            text, open_in = opener
            st.button(
                text,
                icon=":material/stairs:",
                type="primary",
                disabled=run.model is None,
                help=None if run.model else words("one.no_model"),
                key="run_open",
                on_click=answered(open_in),
                args=(run.id,),
            )
        if entry.standing in live.ALIVE:
            text, options = words("live.cancel" if entry.standing == "queued" else "live.stop"), {"args": (words, run)}
            st.button(text, icon=":material/stop:", key="run_stop", on_click=answered(acting.stop), **options)
        if entry.standing in known.RESUMABLE:
            text, options = words("acting.resume"), {"args": (words, run)}
            st.button(text, icon=":material/play_arrow:", key="run_resume", on_click=answered(acting.resume), **options)
        st.button(
            words("one.again"),
            icon=":material/replay:",
            help=words("one.again_help"),
            key="run_again",
            on_click=answered(frame.go),
            args=("train",),
            kwargs={"again": (entry.plan.preset, entry.plan.config)},
        )
        acting.note(words, entry)
        acting.download(words, entry)
        acting.delete(words, [entry])


# ---- What it is


def _what(words: Words, entry: Entry) -> None:
    config, preset = entry.plan.config, entry.plan.preset
    st.header(words("one.what"), anchor=False)
    base = PRESETS[preset].config if preset in PRESETS else Config()
    changes = presets.changes(config, base)
    if preset in PRESETS:
        st.markdown(words("one.changes_preset" if changes else "one.as_preset", preset=preset))
    else:
        st.markdown(words("one.changes_default" if changes else "one.as_default"))
    if changes:
        head = [words("one.setting"), words("one.here"), words("one.there")]
        clicks.table(
            "run_changes", words("one.what"), spoken.head_html(head), _rows(words, config, base, list(changes))
        )
    with st.expander(words("one.all")):
        names = [f.name for f in fields(Config)]
        head = [words("one.setting"), words("one.here")]
        clicks.table("run_settings", words("one.all"), spoken.head_html(head), _rows(words, config, None, names))
    st.subheader(words("one.command"), anchor=False)
    st.code(presets.command(config, preset), language="bash", wrap_lines=True)


def _rows(words: Words, config: Config, base: Config | None, names: list[str]) -> list[str]:
    """Return a row of HTML per setting: its name, its value, and the value it would have had."""
    rows = []
    for name in names:
        given = [spoken.value(words, name, getattr(each, name)) for each in (config, base) if each is not None]
        cells = zip((words("one.here"), words("one.there")), given, strict=False)
        values = "".join(f'<td data-label="{escape(label)}">{escape(text)}</td>' for label, text in cells)
        rows.append(f'<tr><td class="name">{escape(words(f"field.{name}.label"))}</td>{values}</tr>')
    return rows
