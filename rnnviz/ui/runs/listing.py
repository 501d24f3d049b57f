"""The list of all runs: found, filtered, ticked for a comparison, opened; it follows those that are at work."""

from collections.abc import Callable, Sequence

import streamlit as st

from ...text import Words
from ...training.config import DATASETS
from .. import frame, state
from ..callbacks import answered
from ..live import look_after
from . import acting, clicks, heard, known, machines, spoken
from .again import guarded
from .known import Entry, Result, Row

PER_PAGE = 25
ALL = "all"
ORDERS = ("newest", "best", "longest", "largest")
DEFAULTS = {"runs_text": "", "runs_state": ALL, "runs_cell": ALL, "runs_data": ALL, "runs_order": ORDERS[0]}


def show(words: Words) -> None:
    """Show the list, and what can be done with it."""
    for key, value in DEFAULTS.items():
        st.session_state.setdefault(key, value)
    entries = known.entries()
    active = any(entry.active for entry in entries)
    guarded(machines.show, active, words, active)
    if not entries:
        empty(words)
        return
    _filters(words, entries)
    live = any(row.active for row in _page(_chosen(known.rows(entries))))
    guarded(_list, live, words, live)


def empty(words: Words) -> None:
    """Say what to do where there is no run yet."""
    st.info(words("runs.empty"), icon=":material/info:")
    st.page_link(frame.ROOT / "pages" / "train.py", label=words("runs.to_train"), icon=":material/model_training:")


def open_runs(ids: list[str]) -> None:
    """Show these runs, or the list for none."""
    st.session_state["opened"] = list(ids)
    state.heard()


# ---- Which


def _filters(words: Words, entries: list[Entry]) -> None:
    """Show the filters; only what some run has is offered."""
    configs = [entry.plan.config for entry in entries if entry.plan]
    cells, data = {config.cell for config in configs}, {config.dataset for config in configs}
    standings = {entry.standing for entry in entries}
    offered = {
        "runs_state": [name for name in known.STANDINGS if name in standings],
        "runs_cell": sorted(cells),
        "runs_data": [name for name in DATASETS if name in data],
    }

    def first_page() -> None:
        st.session_state["runs_page"] = 1
        st.session_state["runs_turned"] = st.session_state.get("runs_turned", 0) + 1  # pages to turn, anew

    with st.container(horizontal=True, vertical_alignment="bottom", key="runs_filters"):
        state.remember(
            st.text_input,
            words("runs.find"),
            key="runs_text",
            on_change=first_page,
            icon=":material/search:",
            help=words("runs.find_help"),
            width=240,
        )
        for name, prefix in (("state", "run.state"), ("cell", "cell"), ("data", "option.dataset")):
            key = f"runs_{name}"
            if st.session_state[key] not in (ALL, *offered[key]):
                st.session_state[key] = ALL
            if len(offered[key]) < 2 and st.session_state[key] == ALL:
                continue
            state.remember(
                st.selectbox,
                words(f"runs.by_{name}"),
                [ALL, *offered[key]],
                format_func=lambda each, prefix=prefix: words("runs.any" if each == ALL else f"{prefix}.{each}"),
                key=key,
                on_change=first_page,
                filter_mode=None,
                width=180,
            )
        state.remember(
            st.selectbox,
            words("runs.order"),
            ORDERS,
            format_func=lambda name: words(f"runs.order_{name}"),
            key="runs_order",
            on_change=first_page,
            filter_mode=None,
            width=180,
        )


def _chosen(rows: list[Row]) -> list[Row]:
    """Return the rows that the filters let through, in the chosen order."""
    chosen = {name: st.session_state[f"runs_{name}"] for name in ("text", "state", "cell", "data", "order")}
    found = [row for row in rows if _lets_through(row, chosen)]
    kind = _judged_by(found)
    keys = {
        "best": lambda row: _rank(row, kind),
        "longest": lambda row: sum(entry.state.seconds for entry in row.entries),
        "largest": lambda row: sum(map(known.size, row.entries)),
    }
    order = chosen["order"]
    return sorted(found, key=keys[order], reverse=True) if order in keys else found


def _judged_by(rows: list[Row]) -> str:
    return known.judged_by([entry for row in rows for entry in row.entries])


def _rank(row: Row, kind: str) -> tuple[bool, bool, float]:
    """Return what a row is ranked by: whether it has a score, an accuracy before a PSNR, and the score.

    That of a cross-validation is the mean of its folds, that of a sweep its best.
    """
    found = [score for result in _counting(row) if (score := getattr(result, kind)) is not None]
    if not found:
        return False, False, 0.0
    score = known.spread(found)[0] if row.group and row.group.kind == "kfold" else max(found)
    return True, row.measure == "accuracy", score


def _counting(row: Row) -> list[Result]:
    """Return the numbers that count: of a group those of the runs that came to their end."""
    return known.finished(row) if row.group else [known.result(row.entries[0])]


def _lets_through(row: Row, chosen: dict[str, str]) -> bool:
    text = chosen["text"].strip().casefold()
    return any(
        (chosen["state"] in (ALL, entry.standing))
        and (not entry.plan or chosen["cell"] in (ALL, entry.plan.config.cell))
        and (not entry.plan or chosen["data"] in (ALL, entry.plan.config.dataset))
        and (entry.plan or {chosen["cell"], chosen["data"]} == {ALL})
        and (not text or text in _searched(entry))
        for entry in row.entries
    )


def _searched(entry: Entry) -> str:
    """Return what of a run is searched: names, note, id, preset."""
    given = (entry.name, entry.note, entry.id, entry.plan and entry.plan.preset, entry.group and entry.group.name)
    return "\n".join(part for part in given if part).casefold()


def _page(rows: list[Row]) -> list[Row]:
    """Return the rows of the page that is turned to."""
    pages = max(1, -(-len(rows) // PER_PAGE))
    page = st.session_state["runs_page"] = min(st.session_state.get("runs_page", 1), pages)
    return rows[(page - 1) * PER_PAGE : page * PER_PAGE]


# ---- The list


def _list(words: Words, live: bool) -> None:
    found = _chosen(known.rows(known.entries()))
    shown = _page(found)
    if live != any(row.active for row in shown):
        st.rerun()  # the whole page: whether to look again every two seconds has changed
    look_after(words, live)
    if not found:
        st.info(words("runs.no_match"), icon=":material/filter_alt_off:")
        return
    if st.session_state["runs_order"] == "best":
        measures = {row.measure for row in found}
        first = words("measure.accuracy" if "accuracy" in measures else "measure.psnr")
        told = [words(f"runs.ranked_{_judged_by(found)}", score=first)]
        st.caption(words.join([*told, words("runs.ranked_psnr")] if len(measures) > 1 else told))
    titles = [words(f"runs.column.{name}") for name in ("name", "state", "network", "data")]
    titles += [words(f"runs.column.{name}") for name in NUMBERS]
    table(words, "runs_list", titles, len(NUMBERS), [row_html(words, row) for row in shown])
    _turn(words, len(found))
    ticked_bar(words)


def table(words: Words, key: str, titles: list[str], numbers: int, rows: list[str]) -> str | None:
    """Show runs with boxes to tick, open the one that is clicked, and return any other click.

    titles: of the columns, the last `numbers` of them of numbers. rows: HTML with `tick_html` in front.
    """
    ticked = st.session_state.setdefault("runs_ticked", [])
    done = clicks.table(
        f"{key}_{st.session_state.setdefault('runs_round', 0)}",
        words("runs.list"),
        spoken.head_html(titles, numbers, ticks=words("runs.tick")),
        rows,
        ticked=ticked,
        most=state.MAX_RUNS,
    )
    st.session_state["runs_ticked"] = done.ticked
    if done.clicked and " " not in done.clicked:
        open_runs([done.clicked])
        st.rerun()
    return done.clicked


NUMBERS = ("validation", "test", "time", "when", "size")


def row_html(words: Words, row: Row) -> str:
    """Return a row of the list as HTML; one that holds what cannot be shown is "unreadable", to be ticked and deleted.

    One damaged folder must not hide all the others.
    """
    begin = spoken.row_html(words, row.id, row.name)
    try:
        return begin + _cells_html(words, row) + "</tr>"
    except Exception as error:
        frame.log(error)
        state = spoken.mark_html("unreadable", words("run.state.unreadable"))
        rest = spoken.cell_html("–") * 2 + spoken.number_html("", "–") * len(NUMBERS)
        return f'{begin}{spoken.name_html(row.id, row.name)}<td class="state">{state}</td>{rest}</tr>'


def _cells_html(words: Words, row: Row) -> str:
    """Return the cells of a row: name, state, network, data, numbers."""
    first, config = row.entries[0], next((entry.plan.config for entry in row.entries if entry.plan), None)
    if row.group:
        about, stand = words(f"runs.group_{row.group.kind}", count=len(row.entries)), _standings_html(words, row)
    else:
        about = first.plan.preset if first.plan and first.plan.preset != first.name else ""
        stand = spoken.standing_html(words, first)
    network = spoken.network(words, config) if config else "–"
    if row.group and {"cell", "hidden_size", "num_layers"} & set(row.group.values):
        network = words("runs.several")
    data = words(f"option.dataset.{config.dataset}") if config else "–"
    numbers = _numbers(words, row)
    return (
        f'{spoken.name_html(row.id, row.name, below=about)}<td class="state">{stand}</td>'
        f"{spoken.cell_html(network)}{spoken.cell_html(data)}"
        + "".join(spoken.number_html(words(f"runs.column.{key}"), *numbers[key]) for key in NUMBERS)
    )


def _numbers(words: Words, row: Row) -> dict[str, tuple[str, ...]]:
    """Return a row's numbers, each with what has to be known of it: folds with their spread, a sweep's from to."""
    results = [known.result(entry) for entry in row.entries]
    if row.group:
        told = spoken.plus_minus if row.group.kind == "kfold" else spoken.extent
        counted = _counting(row)
        scores = {
            kind: (told(row.measure, [getattr(each, kind) for each in counted]),) for kind in ("validation", "test")
        }
    else:
        scores = {kind: spoken.score(words, row.entries[0], results[0], kind) for kind in ("validation", "test")}
    return scores | {
        "time": (spoken.duration(words, sum(result.seconds for result in results)),),
        "when": (spoken.moment(max(entry.when for entry in row.entries)),),
        "size": (spoken.megabytes(sum(map(known.size, row.entries))),),
    }


def _standings_html(words: Words, row: Row) -> str:
    """Return how many of a group stand where."""
    counts = {name: sum(entry.standing == name for entry in row.entries) for name in known.STANDINGS}
    whys = list(filter(None, (heard.trouble(entry.id, entry.state) for entry in row.entries)))
    marks = [
        spoken.mark_html(name, words("runs.so_many", count=count, state=words(f"run.state.{name}")))
        for name, count in counts.items()
        if count
    ]
    stuck = spoken.why_html(words("cluster.cannot_start_many", count=len(whys)), whys) if whys else ""
    return "<br>".join(marks) + stuck


def _turn(words: Words, count: int) -> None:
    """Show which part of the list this is, and turn its pages."""
    pages = -(-count // PER_PAGE)
    with st.container(horizontal=True, vertical_alignment="center", key="runs_pages"):
        page = st.session_state["runs_page"]
        first, last = (page - 1) * PER_PAGE + 1, min(page * PER_PAGE, count)
        place = words("runs.range", first=first, last=last, count=count)
        st.caption(words.join([place, words("runs.tick_hint")]), width="content")
        if pages > 1:
            key = f"runs_turn_{st.session_state.setdefault('runs_turned', 0)}"

            def turned() -> None:
                st.session_state["runs_page"] = st.session_state[key]

            st.pagination(pages, default=page, key=key, on_change=answered(turned))


def ticked_bar(words: Words) -> None:
    """Offer what can be done with the ticked runs."""
    members = _members(st.session_state["runs_ticked"])
    if not members:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="runs_ticked_bar"):
        too_many = [words("runs.ticked_many", most=state.MAX_RUNS)] if len(members) > state.MAX_RUNS else []
        st.markdown(words.join([words("runs.ticked", count=len(members)), *too_many]), width="content")
        st.button(
            words("runs.compare"),
            icon=":material/compare:",
            type="primary",
            disabled=not 2 <= len(members) <= state.MAX_RUNS,
            key="runs_compare",
            on_click=answered(_on_the_page(open_runs)),
            args=([entry.id for entry in members],),
        )
        with st.popover(words("acting.delete"), icon=":material/delete:"):
            size = spoken.megabytes(sum(map(known.size, members)))
            st.markdown(words("acting.delete_sure", count=len(members), size=size))
            st.button(
                words("acting.delete_yes", count=len(members)),
                type="primary",
                key="runs_delete_ticked",
                on_click=answered(_on_the_page(_delete_ticked)),
                args=(words, members),
            )
        st.button(
            words("runs.untick"), icon=":material/close:", key="runs_untick", on_click=answered(_on_the_page(_untick))
        )


def _on_the_page(act: Callable[..., None]) -> Callable[..., None]:
    """Return what acts and has the whole page shown anew, though it is asked for where only a part of it would be."""

    def called(*args: object) -> None:
        act(*args)
        st.rerun()

    return called


def _delete_ticked(words: Words, entries: Sequence[Entry]) -> None:
    acting.delete_now(words, entries)
    _untick()


def _untick() -> None:
    st.session_state["runs_ticked"] = []
    st.session_state["runs_round"] += 1  # a table anew, with no box ticked


def _members(ids: list[str]) -> list[Entry]:
    """Return the runs behind ids of runs and of groups; those that are gone left out."""
    found = known.entries()
    named = {each.id: [each] for each in found} | {row.id: list(row.entries) for row in known.rows(found)}
    return list({entry.id: entry for id in ids for entry in named.get(id, [])}.values())
