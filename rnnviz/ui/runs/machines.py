"""Where runs are trained: how much of a cluster is in use, how many runs wait for it, and what is wrong with it."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from html import escape

import streamlit as st

from ...text import Words
from ...training import engines
from ...training.cluster import Cluster
from ...training.engines import Machine
from ...training.runs import State
from ..markdown import escaped
from . import clicks, heard, known, spoken

REASONS = 3
"""So many reasons why runs cannot start are told above the list; each run tells its own."""


def show(words: Words, active: bool) -> None:
    """Show how the cluster stands; of this machine alone, only that runs wait."""
    alive = [entry for entry in known.entries() if entry.active]
    if active != bool(alive):
        st.rerun()  # the whole page: whether to look again by itself has changed
    told, waiting = heard.said(), [entry for entry in alive if heard.waits(entry.state)]
    since = min((entry.state.queued for entry in alive), default=None)
    stands = heard.standing(told, since)
    if stands:
        with st.container(key="runs_cluster", gap="xsmall"):
            _cluster(words, stands, told, bool(alive), waiting)
    elif told and not told.stale and waiting:
        count = {"used": number(told.at_work), "all": number(told.slots)}
        st.caption(" · ".join([words("cluster.at_work", **count), _waiting(words, waiting)]))
    if told and not stands and engines.name() not in ("local", heard.engine(told)):
        st.caption(words("cluster.elsewhere", engine=escaped(engines.name())))


def _cluster(words: Words, stands: str, told: Cluster | None, alive: bool, waiting: Sequence[known.Entry]) -> None:
    if stands == "at_work" and told.machines:
        _summary(words, told, waiting)
    elif stands == "at_work":
        st.warning(words("cluster.empty"), icon=":material/dns:")
    elif stands == "error" and (alive or not told.stale):
        st.error(_problem(words, stands, told), icon=":material/error:")
    elif stands == "silent":
        st.warning(_problem(words, stands, told), icon=":material/warning:")
    elif stands == "error":  # of a time when something was to be trained
        st.caption(_problem(words, stands, told))
    else:
        st.caption(words.join([words(f"cluster.{stands}", engine=engines.name()), *_seen(words, told)]))
    if waiting and not (stands == "at_work" and told.machines):
        st.caption(_waiting(words, waiting))
    whys = Counter(filter(None, (heard.trouble(entry.id, entry.state) for entry in waiting)))
    for why, count in whys.most_common(REASONS):
        st.caption(words("cluster.stuck", count=count, why=escaped(why)))


def hindrance(words: Words, id: str, state: State) -> str:
    """Return in Markdown why a run is not started now, other than that there is no room for it; "" for no reason."""
    told = heard.said()
    stands = heard.standing(told, state.queued) if heard.waits(state) else ""
    if stands in ("error", "silent"):
        return _problem(words, stands, told)
    why = heard.trouble(id, state)
    return words("cluster.trouble", why=escaped(why)) if why else ""


def _problem(words: Words, stands: str, told: Cluster | None) -> str:
    """Return in Markdown what is wrong, and on a line of its own what to do about it."""
    if stands == "error":
        what = words("cluster.error", why=escaped(heard.short(told.error)), when=spoken.moment(told.told))
    elif told and told.engine == engines.name():
        what = words("cluster.silent", when=spoken.moment(told.told))
    else:
        what = words("cluster.never")
    return f"{what}  \n{words('cluster.do', engine=engines.name())}"


def _seen(words: Words, told: Cluster | None) -> list[str]:
    """Return what there was of the cluster when it was last looked at."""
    if told is None or told.engine != engines.name() or not told.machines:
        return []
    count = {"machines": number(len(told.machines)), "slots": number(told.slots)}
    return [words("cluster.seen", when=spoken.moment(told.told), **count)]


# ---- Machines


def _summary(words: Words, told: Cluster, waiting: Sequence[known.Entry]) -> None:
    """Show the cluster in one line, and its machines for who opens it."""
    count = len(told.machines)
    used = [_of(words, "slots", told.at_work, told.slots)]
    for kind, found in zip(("cores", "gpus"), zip(*map(_shares, told.machines), strict=True), strict=True):
        there = sum(share[1] for share in found)
        if there:
            used.append(_of(words, kind, sum(share[0] for share in found), there))
    line = [words("cluster.machines" if count > 1 else "cluster.machine", count=number(count))]
    line.append(words("cluster.in_use", parts=words("runs.comma").join(used)))
    line += [_waiting(words, waiting)] if waiting else []
    # One that tells when it is opened would be closed by every change of its label.
    with st.expander(" · ".join(line), type="compact", key="cluster_machines"):
        st.caption(words("cluster.slot"))
        clicks.table("cluster_table", words("cluster.list"), *table_html(words.language, told.machines))


@lru_cache(8)  # many readers look at the same machines
def table_html(language: str, machines: tuple[Machine, ...]) -> tuple[str, list[str]]:
    """Return the head and the rows of a table of machines as HTML; GPUs only where there are any."""
    words, kinds = Words(language), ["cores"] + ["gpus"] * any(machine.gpus for machine in machines)
    titles = [words("cluster.name"), *(words(f"cluster.column.{kind}") for kind in kinds)]
    return spoken.head_html(titles), [_row_html(words, machine, kinds) for machine in machines]


def _row_html(words: Words, machine: Machine, kinds: Sequence[str]) -> str:
    """Return a machine as a row of HTML: its name, and what of it is in use, as numbers and as bars."""
    cells = []
    for kind, (used, there) in zip(("cores", "gpus"), _shares(machine), strict=True):
        title = escape(words(f"cluster.column.{kind}"))
        if there:
            bar = f'<progress max="1" value="{min(1.0, used / there):.3f}" aria-label="{title}"></progress>'
            cells.append(f'<td data-label="{title}">{escape(_of(words, "of", used, there))}{bar}</td>')
        elif kind in kinds:
            cells.append(spoken.cell_html("–"))
    return f'<tr><td class="name"><span>{escape(heard.short(machine.name))}</span></td>{"".join(cells)}</tr>'


def _shares(machine: Machine) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return how many of its cores, and of its GPUs, are in use, and how many there are."""
    return (
        (max(0.0, machine.cores - machine.free_cores), max(0.0, machine.cores)),
        (max(0.0, machine.gpus - machine.free_gpus), max(0.0, machine.gpus)),
    )


# ---- In words


def _of(words: Words, kind: str, used: float, there: float) -> str:
    return words(f"cluster.{kind}", used=number(used), all=number(there))


def _waiting(words: Words, waiting: Sequence[known.Entry]) -> str:
    return words("cluster.waiting" if len(waiting) != 1 else "cluster.waiting_one", count=number(len(waiting)))


def number(value: float) -> str:
    """Return a count, of shares too, without zeros at its end: 1.25, 0.125, 12."""
    text = f"{value:,.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
