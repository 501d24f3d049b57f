"""What is to be trained: which networks, how many seeds, how long they have to wait, at which learning rates."""

import importlib.util
import math
import time
from statistics import median

import streamlit as st

from ....digits import mnist
from ....text import Words
from ....training import dispatch, recall, runs
from ....training.config import Config
from ... import form, frame, live, state
from ...callbacks import answered
from ...markdown import escaped
from ...parts import stories
from ...runs import known
from . import found
from .found import Shown

MOST_SEEDS, MOST_BLANK, MOST_UPDATES, MOST_RATE, LAST_SEED = 5, 84, 5000, 1.0, 9999
LOADING = 4.0
"""Seconds that a run takes besides its training, where none has told yet."""


def see(group: str) -> None:
    """Ask for the lab with a group of runs, and for what it was asked for; for a button's on_click."""
    now = st.session_state
    now.update(stories.PARTS["recall"].defaults | {"part": "recall", "part_prepared": "recall", "recall": group})
    if shown := found.group(group):
        _ask_again(shown)
    frame.go("gradients")


# ---- What is asked for


def show(words: Words, shown: Shown | None) -> None:
    """Show the controls and the buttons that start; shown: the results that stand below."""
    now = st.session_state
    with st.container(key="recall_ask", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="recall_start"):
            state.remember(
                st.pills,
                words("recall.learners"),
                list(recall.LEARNERS),
                selection_mode="multi",
                format_func=lambda name: words(f"learner.{name}"),
                key="learners",
                label_visibility="collapsed",
                width="stretch",
                wrap=True,
            )
            now["learners"] = [name for name in recall.LEARNERS if name in now["learners"]]
            buttons = st.container(horizontal=True, gap="small", width="content", key="recall_buttons")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="recall_numbers"):
            _number(words, "seeds", 1, MOST_SEEDS, 1)
            state.remember(st.slider, words("recall.blank"), 0, MOST_BLANK, step=7, key="blank", width=170)
            _number(words, "rate_rnn", 1e-6, MOST_RATE, 1e-3)
            _number(words, "rate_gated", 1e-6, MOST_RATE, 1e-3)
            _number(words, "updates", 10, MOST_UPDATES, 100)
            about = st.container(gap="xxsmall", width="stretch", key="recall_about")
        with buttons:
            configs = _buttons(words)
        with about:
            st.markdown(_asked(words, configs))
            if other := _other(words, configs, shown):
                st.markdown(other)
            same = now["rate_rnn"] == now["rate_gated"]
            st.caption(words("recall.same_rate" if same else "recall.rates"))
    if problem := now.get("recall_problem"):
        st.error(words("train.not_started", why=words(f"train.{problem}", most=runs.MAX_WAITING)))
    _missing(words)


def _number(words: Words, key: str, low: float, high: float, step: float) -> None:
    kind = {"format": "%g"} if isinstance(low, float) else {}
    state.remember(st.number_input, words(f"recall.{key}"), low, high, step=step, key=key, width=104, **kind)


def _configs() -> list[Config]:
    now = st.session_state
    asked = (now[key] for key in ("learners", "seed", "seeds", "blank", "rate_rnn", "rate_gated", "updates"))
    return recall.configs(*asked, "mnist" if mnist.status().state == "ready" else "uci")


def _buttons(words: Words) -> list[Config]:
    """Show the buttons that start, and return what they would start, but for the seeds of the second."""
    now, configs = st.session_state, _configs()
    first = {"rewind": now["seed"], "new": _following(now["seed"])}
    for name, icon in (("rewind", ":material/replay:"), ("new", ":material/casino:")):
        st.button(
            words(f"recall.{name}"),
            icon=icon,
            type="primary" if name == "rewind" else "secondary",
            key=f"recall_{name}",
            help=words(f"recall.{name}_help", seeds=_seeds(words, first[name])),
            disabled=not configs or not _has_torch(),
            on_click=answered(_start),
            args=(words, first[name]),
        )
    return configs


def _missing(words: Words) -> None:
    """Say what is missing on this machine, and what can be done about it."""
    if not _has_torch():
        st.warning(words("train.no_torch"), icon=":material/extension_off:")
    if mnist.status().state != "ready":
        with st.container(horizontal=True, vertical_alignment="center", key="recall_mnist"):
            st.markdown(words("recall.no_mnist"), width="stretch")
            form.offer_mnist(words)


def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def _asked(words: Words, configs: list[Config]) -> str:
    """Return how many would be trained, with which seeds, and how long it may take."""
    now = st.session_state
    if not configs:
        return words("recall.none")
    first, last = now["seed"], now["seed"] + now["seeds"] - 1
    count = {"networks": len(now["learners"]), "seeds": now["seeds"], "first": first, "last": last}
    return " · ".join([words("recall.asked" if first < last else "recall.asked_one", **count), _time(words, configs)])


def _seeds(words: Words, first: int) -> str:
    last = first + st.session_state["seeds"] - 1
    return words("recall.seeds_from" if first < last else "recall.one_seed", first=first, last=last)


def _other(words: Words, configs: list[Config], shown: Shown | None) -> str:
    """Return in words that what is asked for is not what is shown; "" where it is."""
    if not configs or shown is None or found.holds(configs, (each.config for each in shown.results)):
        return ""
    kept = found.recording()
    if kept and found.holds(configs, (each.config for each in kept.results)):
        return words("recall.elsewhere", name=words("recall.recording", made=kept.recording.made), blank=shown.blank)
    for row in found.groups():
        if row.id != shown.id and found.holds(configs, (entry.plan.config for entry in row.entries if entry.plan)):
            return words("recall.elsewhere", name=escaped(found.called(words, row)), blank=shown.blank)
    return words("recall.untrained", blank=shown.blank)


def _following(first: int) -> int:
    """Return the first of the seeds after those that are asked for; after the last of all comes the first one."""
    seeds = st.session_state["seeds"]
    return first + seeds if first + 2 * seeds - 1 <= LAST_SEED else 0


def _time(words: Words, configs: list[Config]) -> str:
    """Return how long it may take, by earlier runs here: the training, and what every run needs before it.

    However many slots there are, one run takes its time.
    """
    expected = [live.expected(config) for config in configs]
    started = [each.state for each in known.entries() if each.standing == "finished" and each.state.started]
    loading = [max(0.0, each.ended - each.started - each.seconds) for each in started[: live.TIMED]]
    seconds = sum(expected) / len(configs) + (median(loading) if loading else LOADING)
    seconds *= math.ceil(len(configs) / dispatch.slots())  # they are alike: one after the other in each slot
    measured = all(each.basis == "measured" for each in expected)
    return words("train.measured_time" if measured else "recall.guessed_time", time=live.duration(words, seconds))


def _start(words: Words, seed: int) -> None:
    """Queue the runs; a second click just after the first is the same click."""
    now = st.session_state
    if time.monotonic() - now.get("started_at", -math.inf) < form.QUIET:
        return
    now["recall_problem"] = None
    now["seed"] = seed
    id = runs.new_id()
    try:
        runs.create_group(_configs(), "recall", words("recall.name", blank=now["blank"]), id=id)
    except runs.RunError:
        now["recall_problem"] = "too_many"
        return
    except OSError as error:
        frame.log(error)
        now["recall_problem"] = "disk"
        return
    now["started_at"] = time.monotonic()
    now["recall"], now["update"] = id, None
    refresh()


def refresh() -> None:
    """Look through the runs anew: some were just changed."""
    live.refresh()
    known.refresh()


# ---- What is shown


def choose(words: Words) -> Shown | None:
    """Show what there is to look at, and return what is chosen; None where there is nothing."""
    now, kept, here = st.session_state, found.recording(), found.groups()
    names = {row.id: found.called(words, row) for row in here}
    wanted = now["recall"]
    shown = found.chosen(wanted)
    if wanted and (shown is None or shown.id != wanted):
        st.info(words("recall.gone"), icon=":material/delete:")
    if shown and shown.row:
        names.setdefault(shown.id, found.called(words, shown.row))
    if kept:
        names = {"": words("recall.recording", made=kept.recording.made)} | names
    else:
        st.warning(words("recall.no_recording"), icon=":material/broken_image:")
    if shown is None:
        st.markdown(words("recall.empty"))
        return None
    now["recall_shown"] = shown.id
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="recall_which"):
        st.markdown(verdict_line(words, shown), width="stretch")
        state.remember(
            st.selectbox,
            words("recall.shown"),
            list(names),
            format_func=names.get,
            key="recall_shown",
            on_change=_take_over,
            filter_mode=None,
            label_visibility="collapsed",
            width=330,
        )
        if shown.row and shown.row.active:
            st.button(
                words("recall.stop"),
                icon=":material/stop:",
                key="recall_stop",
                on_click=answered(_stop),
                args=(shown.row,),
            )
    if problem := now.pop("live_problem", None):
        st.warning(words(f"train.{problem}"), icon=":material/info:")
    return shown


def verdict_line(words: Words, shown: Shown) -> str:
    """Return in one sentence how many networks have learned it."""
    learned = sum(each.learned for each in shown.results)
    counts = {"learned": learned, "count": len(shown.results), "blank": shown.blank}
    waiting = sum(each.state in live.ALIVE or each.state == "lost" for each in shown.results)
    return words("recall.so_far" if waiting else "recall.outcome", waiting=waiting, **counts)


def _take_over() -> None:
    """Show what was chosen, and ask for the same again: rewinding then begins with the same weights."""
    now = st.session_state
    now["recall"], now["update"], now["recall_changed"] = now["recall_shown"] or None, None, True
    shown = found.group(now["recall"]) if now["recall"] else found.recording()
    if shown:
        _ask_again(shown)


def _ask_again(shown: Shown) -> None:
    """Ask for what was asked for, as far as the controls go."""
    asked = found.settings(shown)
    asked["seed"] = min(asked.pop("first_seed"), LAST_SEED)
    asked["seeds"] = min(asked["seeds"], MOST_SEEDS)
    asked["blank"] = min(asked["blank"], MOST_BLANK)
    asked["updates"] = min(max(asked["updates"], 10), MOST_UPDATES)
    for key in {"rate_rnn", "rate_gated"} & set(asked):  # of a kind that is not there, nobody knows
        asked[key] = min(asked[key], MOST_RATE)
    st.session_state.update(asked)


def _stop(row) -> None:
    """Ask all runs of a group to stop that have not ended."""
    for entry in row.entries:
        if entry.standing in known.ACTIVE:
            live.do(runs.request_stop, entry.run)
    refresh()
