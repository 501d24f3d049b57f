"""The live view of the Train page: one run while it learns, and the queue."""

import html
import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import streamlit as st

from .. import checkpoints, upscaling
from ..figures import curves as drawn
from ..figures import film as filmed
from ..figures import power
from ..figures import upscaling as written
from ..text import Words
from ..training import dispatch, estimate, runs
from ..training.config import Config
from ..training.film import Film
from . import frame, state
from .callbacks import answered
from .charts import SQUARE, Chart, charts, moment
from .markdown import escaped
from .reading import top
from .runs import heard, machines, spoken

EVERY = 1.0
"""Seconds between two looks while something runs or waits."""
OFFERED = 30
"""The newest runs can be chosen for the view; the Runs page has them all."""
QUEUE_SHOWN = 8
SCALES = {"accuracy": "share", "psnr": "free"}
"""How the curve of a score is drawn, see `figures.curves.curve`."""
TIMED = 30
"""So many of the newest runs tell how long the next one takes."""
ALIVE = ("queued", "running")


class Seen(NamedTuple):
    """A run, and how it stood when the runs were last looked through."""

    run: runs.Run
    state: runs.State
    place: float


def show(words: Words) -> None:
    """Show the live view and keep it up to date."""
    repeat(_look, words)


def queue(words: Words) -> None:
    """Show the runs that are at work and those that wait, and keep them up to date."""
    repeat(_queue, words)


def refresh() -> None:
    """Look through the runs anew: one of them was just changed."""
    _overview.clear()


def overview() -> list[Seen]:
    """Return all runs, the newest first, as they stood less than a second ago."""
    return _overview(str(checkpoints.runs_home()))


@st.cache_resource(show_spinner=False, ttl=0.8 * EVERY)
def _overview(home: str) -> list[Seen]:
    found = []
    for run in runs.listed():
        try:
            stands = _state(run)
            found.append(Seen(run, stands, run.place if stands.state == "queued" else math.inf))
        except runs.NoSuchRun:
            continue
    return found


def _state(run: runs.Run) -> runs.State:
    """Return where a run stands; the file is only read again where another one has taken its place."""
    try:
        file = (run.folder / "state.json").stat()
    except OSError:
        return run.state
    return _read_state(run, str(run.folder), file.st_ino, file.st_mtime_ns)


@lru_cache(maxsize=8192)
def _read_state(run: runs.Run, folder: str, inode: int, written: int) -> runs.State:
    return run.state


def _alive(seen: list[Seen]) -> bool:
    return any(each.state.state in ALIVE for each in seen)


def repeat(part, words: Words) -> None:
    """Show a part of the page, again and again while something runs or waits."""
    alive = _alive(overview())

    def shown() -> None:
        frame.follow()
        seen = overview()
        if alive != _alive(seen):
            st.rerun()  # the whole page: whether to look every second is decided above
        try:
            part(words, seen)
        except Exception as error:  # what runs by itself has no other net
            frame.log(error)
            st.error(words("problem.unexpected"), icon=":material/error:")

    st.fragment(shown, run_every=EVERY if alive else None)()


def _look(words: Words, seen: list[Seen]) -> None:
    now = st.session_state
    look_after(words, _alive(seen))
    if problem := now.pop("live_problem", None):
        st.warning(words(f"train.{problem}"), icon=":material/info:")
    run = _chosen(words, seen)
    now["runs"] = [run.id] if run else []
    with st.container(key="live", gap="small"):
        if run:
            _one(words, run, seen)
        else:
            st.markdown(words("live.empty"))
    state.write_link(preset=now["preset"], runs=run.id if run else None)


def look_after(words: Words, alive: bool) -> None:
    """See to it that someone starts what waits, if anything that is shown waits or runs."""
    if not alive:
        return
    try:
        dispatch.ensure()
    except OSError as error:
        frame.log(error)
        st.warning(words("train.no_dispatcher"), icon=":material/warning:")


# ---- Which run


def _chosen(words: Words, seen: list[Seen]) -> runs.Run | None:
    """Return the run to show: the one asked for, else the newest at work, else the newest; None for none."""
    now = st.session_state
    wanted = next(iter(now.get("runs") or []), None)
    if wanted and not runs.Run(wanted).exists:
        now["gone"], wanted = True, None
    if now.get("gone"):
        st.info(words("live.gone"), icon=":material/delete:")
    if wanted:
        return _followed(runs.Run(wanted), seen)
    running = [each.run for each in seen if each.state.state == "running"]
    waiting = [each.run for each in seen if each.state.state == "queued"]
    return next(iter([*running, *waiting, *(each.run for each in seen)]), None)


def _followed(run: runs.Run, seen: list[Seen]) -> runs.Run:
    """Return the run, or the one of its group that is at work now: a group just started is followed until one picks."""
    group = st.session_state.get("followed")
    if not group or not run.id.startswith(f"{group}-"):
        return run
    members = [each for each in seen if each.run.id.startswith(f"{group}-")]
    return next((each.run for each in members if each.state.state == "running"), run)


def _pick(id: str) -> None:
    """Show the run that someone has picked, and stay with it."""
    st.session_state["runs"] = [id]
    st.session_state["followed"] = st.session_state["gone"] = None


def label(words: Words, run: runs.Run) -> str:
    """Return what a run is called, with its place in its group."""
    try:
        group = run.plan.group
        name = run.name or (group.name if group else "") or words("live.unnamed")
    except (runs.RunError, runs.NoSuchRun):
        return run.id
    if group and group.kind == "kfold":
        return words("live.fold", name=name, index=group.index + 1, count=group.count)
    if group and group.kind == "recall":
        return words("live.recall_point", name=name, **spoken.learner(words, run.config))
    if group:
        pairs = group.values.items()
        said = (f"{words(f'field.{key}.label')} {spoken.value(words, key, value)}" for key, value in pairs)
        return words("live.point", name=name, values=words("runs.comma").join(said))
    return name


def _when(run: runs.Run) -> str:
    """Return when a run was made, which its id tells, and the letters that no two of the same minute share."""
    return f"{run.id[4:6]}-{run.id[6:8]} {run.id[9:11]}:{run.id[11:13]} {run.id[16:]}"


# ---- One run


def _one(words: Words, run: runs.Run, seen: list[Seen]) -> None:
    offered = [each.run.id for each in seen[:OFFERED]]
    offered += [run.id] if run.id not in offered else []
    names = {id: f"{label(words, runs.Run(id))} · {_when(runs.Run(id))}" for id in offered}
    st.session_state["watched"] = run.id
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="live_row"):
        state.remember(
            st.selectbox,
            words("live.run"),
            offered,
            format_func=names.get,
            key="watched",
            on_change=lambda: _pick(st.session_state["watched"]),
            filter_mode=None,
            label_visibility="collapsed",
        )
        try:
            config, stands = run.config, run.state
            lost = run.lost
        except runs.NoSuchRun:
            st.info(words("live.gone"), icon=":material/delete:")
            return
        except runs.RunError as error:
            frame.log(error)
            st.warning(words("live.unreadable"), icon=":material/broken_image:")
            return
        _actions(words, run, stands, lost)
    _group(words, run, seen)
    rows = metrics(run)
    film = _film(run.id, _version(run, "film/film.bin"))
    _standing(words, run, config, stands, lost, rows, seen)
    if rows:
        _numbers(words, config, rows)
    pictures(words, run, config, stands, rows, film)


def _group(words: Words, run: runs.Run, seen: list[Seen]) -> None:
    """Show the runs that belong together with this one, and how well they do so far."""
    group = run.plan.group
    if not group:
        return
    members = {each.run.id: each for each in seen if each.run.id.startswith(f"{group.id}-")}
    if run.id not in members:
        return
    marks = {"finished": "✓", "running": "▶", "failed": "✕", "stopped": "◼", "queued": "…"}
    names = {id: f"{int(id[-2:])} {marks.get(each.state.state, '')}" for id, each in members.items()}
    st.session_state["member"] = run.id
    state.remember(
        st.segmented_control,
        words(f"live.{group.kind}"),
        sorted(members),
        format_func=names.get,
        key="member",
        on_change=lambda: _pick(st.session_state["member"]),
        required=True,
    )
    done = [id for id, each in members.items() if each.state.state == "finished"]
    kept = max if run.config.keep == "best" else lambda measured: measured[-1]
    measure = run.config.data.measure
    reached = [kept(measured) for id in done if (measured := scores(metrics(runs.Run(id)), measure))]
    if group.kind == "kfold" and len(reached) > 1:
        numbers = {"mean": np.mean(reached), "spread": np.std(reached, ddof=1)}
        told = {name: spoken.scored(measure, float(score)) for name, score in numbers.items()}
        st.markdown(words(f"live.kfold_{measure}", done=len(reached), count=group.count, **told))


def _actions(words: Words, run: runs.Run, stands: runs.State, lost: bool) -> None:
    """Show what can be done with the run now."""
    if stands.state in ALIVE and not run.stopping:
        key, icon = ("cancel", ":material/close:") if stands.state == "queued" else ("stop", ":material/stop:")
        _button(words(f"live.{key}"), runs.request_stop, run, icon, f"stop_{run.id}")
    if stands.state in ("stopped", "failed") or lost:
        _button(words("live.resume"), runs.resume, run, ":material/play_arrow:", f"resume_{run.id}")
    if run.model and stands.state not in ALIVE and (opens := opener(words, run.config)):
        text, act = opens
        st.button(text, icon=":material/search:", key=f"open_{run.id}", on_click=answered(act), args=(run.id,))
    st.page_link(frame.ROOT / "pages" / "runs.py", label=words("live.all"), icon=":material/list:")


def opener(words: Words, config: Config) -> tuple[str, Callable] | None:
    """Return the words and the act that open a run's network where it can be looked at; None where it cannot."""
    if config.data.of_digits:
        return words("live.open"), frame.open_in_step
    return (words("live.open_upscaler"), frame.open_in_upscaling) if config.data.task == "upscale" else None


def _button(text: str, act, run: runs.Run, icon: str, key: str, **options) -> None:
    st.button(text, icon=icon, key=key, on_click=answered(do), args=(act, run), **options)


def do(act, run: runs.Run) -> None:
    """Change a run, and note for the page what stood in the way."""
    try:
        act(run)
    except runs.NoSuchRun:
        pass  # the view says that it is gone
    except runs.RunError:
        st.session_state["live_problem"] = "busy"
    except OSError as error:
        frame.log(error)
        st.session_state["live_problem"] = "disk"
    refresh()


def _standing(words: Words, run, config: Config, stands: runs.State, lost: bool, rows, seen: list[Seen]) -> None:
    """Say in words where the run stands, how far it is, and what to do about it."""
    step = max(rows[-1]["step"] if rows else 0, stands.step)
    steps = stands.steps or config.updates
    name = "lost" if lost else stands.state
    launched = name == "queued" and stands.handle
    phase = "starting" if launched else stands.phase if name == "running" else ""
    told = [f"**{words(f'run.phase.{phase}') if phase else words(f'run.state.{name}')}**"]
    share = min(1.0, step / max(1, steps))
    if name == "finished":
        told += _result(words, run, config)
    else:
        told.append(words("live.progress", share=share, step=step, steps=steps))
    if name == "running":
        if phase == "training" and (seconds := seconds_left(rows, step, steps)) is not None:
            told.append(words("live.left", time=duration(words, seconds)))
    elif stands.seconds:
        told.append(words("live.took", time=duration(words, stands.seconds)))
    told.append(words("runs.comma").join(filter(None, (escaped(stands.device), escaped(stands.precision)))))
    line = " · ".join(filter(None, told))
    if name == "finished":
        st.markdown(line)
    else:
        st.progress(share, line)
    if launched:
        st.caption(words("live.starting"))
    elif stands.state == "queued":
        before = [each for each in seen if each.state.state == "queued" and each.place < run.place]
        place = words("live.ahead", count=len(before)) if before else words("live.next")
        why = machines.hindrance(words, run.id, stands)
        waits = [words("live.killed")] * bool(stands.attempt) + [words("live.waits", place=place)] * (not why)
        if waits:
            st.caption(words.join(waits))
        if why:
            st.warning(why, icon=":material/warning:")
    elif lost:
        st.warning(words("live.lost", step=step), icon=":material/healing:")
    elif stands.state == "running":
        _interruption(words, stands)
        if run.stopping:
            st.caption(words("live.stopping"))
        elif not rows:
            st.caption(words("live.waiting_rows"))
    elif stands.state == "stopped":
        st.info(words("live.stopped", step=step) if run.model else words("live.stopped_early"), icon=":material/stop:")
    elif stands.state == "failed":
        reason = stands.reason if stands.reason in runs.REASONS else "error"
        st.error(words(f"run.reason.{reason}"), icon=":material/error:")
        with st.expander(words("live.log")):
            st.code(run.log() or stands.detail or words("live.no_log"), language=None, wrap_lines=True)


def _interruption(words: Words, stands: runs.State) -> None:
    """Say that the run was interrupted, and from where it went on."""
    if stands.resumed_from is not None:
        key = "live.went_on" if stands.attempt > 1 else "live.resumed"
        told = [words(key, step=stands.resumed_from)]
        if stands.repaired:
            told.append(words("live.repaired"))
        st.caption(words.join(told))


def _result(words: Words, run: runs.Run, config: Config) -> list[str]:
    """Return how well the network does on the test sequences, where that is known."""
    try:
        card = checkpoints.card(f"run:{run.id}")
    except (checkpoints.CheckpointError, KeyError, OSError) as error:
        frame.log(error)
        return []
    measure, score = config.data.measure, card.scores.get(config.data.tested)
    if score is None or card.task != config.data.task:
        return []
    return [words(f"live.result_{measure}", score=spoken.scored(measure, score), count=config.data.test)]


def seconds_left(rows: list[dict], step: int, steps: int) -> float | None:
    """Return how long the training goes on at the pace of the last rows; None where there is no pace yet."""
    recent = rows[-20:]
    if len(recent) < 2 or recent[-1]["step"] <= recent[0]["step"]:
        return None
    pace = (recent[-1]["seconds"] - recent[0]["seconds"]) / (recent[-1]["step"] - recent[0]["step"])
    return max(0.0, pace * (steps - step)) if pace >= 0 else None


def expected(config: Config) -> estimate.Estimate:
    """Return how long a run with these settings may take, by the newest that ran here."""
    return estimate.seconds(config, _history(str(checkpoints.runs_home())))


@st.cache_data(show_spinner=False, ttl=5.0)
def _history(home: str) -> list[tuple]:
    timed = []
    for run, stands, _ in overview():
        if stands.state in ("finished", "stopped") and stands.seconds:
            try:
                timed.append((run.config, stands.seconds, stands.step, stands.device))
            except (runs.RunError, runs.NoSuchRun):
                continue
        if len(timed) == TIMED:
            break
    return timed


def duration(words: Words, seconds: float) -> str:
    """Return a time in one rounded unit."""
    if seconds < 100:
        return words("time.seconds", count=max(1, round(seconds)))
    if seconds < 100 * 60:
        return words("time.minutes", count=round(seconds / 60))
    return words("time.hours", count=round(seconds / 3600))


def _numbers(words: Words, config: Config, rows: list[dict]) -> None:
    """Show where the numbers stand, large."""
    newest, measure = rows[-1], config.data.measure
    score = next(reversed(scores(rows, measure)), None)
    told = {
        "loss": (_short(newest.get("loss")), ""),
        measure: (spoken.scored(measure, score), _measured_on(words, config)),
        "gradient_norm": (_short(newest.get("gradient_norm")), ""),
        "learning_rate": (_short(newest.get("learning_rate")), ""),
        "speed": (f"{newest['speed']:,.0f}" if newest.get("speed") else "–", ""),
    }
    cells = [
        f"<div><dt>{html.escape(words(f'live.{name}'))}</dt><dd>{value}</dd><small>{html.escape(note)}</small></div>"
        for name, (value, note) in told.items()
    ]
    st.html(f'<dl class="numbers">{"".join(cells)}</dl>')


def scores(rows: list[dict], measure: str) -> list[float]:
    """Return what was measured while it learned, in its order."""
    return [row[measure] for row in rows if row.get(measure) is not None]


def _short(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–" if value is None else f"{value}"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:#.3g}".rstrip(".") if value else "0"
    return power(math.log10(abs(value)))


def _measured_on(words: Words, config: Config) -> str:
    if config.watch == "test":
        return words("live.on_test", count=config.watched)
    if config.folds:
        return words("live.on_fold")
    return words("live.on_validation", count=config.validation) if config.validation else words("live.on_nothing")


# ---- Pictures


def _version(run: runs.Run, name: str) -> int:
    """Return what changes when a file of the run grows."""
    try:
        return (run.folder / name).stat().st_size
    except OSError:
        return 0


def metrics(run: runs.Run) -> list[dict]:
    """Return the rows of a run, read anew when there are more."""
    return _metrics(run.id, _version(run, "metrics.jsonl"))


@st.cache_resource(show_spinner=False, max_entries=64)
def _metrics(id: str, version: int) -> list[dict]:
    return runs.Run(id).metrics


@st.cache_resource(show_spinner=False, max_entries=8)
def _film(id: str, version: int) -> Film | None:
    return runs.Run(id).film


def pictures(words: Words, run, config: Config, stands: runs.State, rows: list[dict], film: Film | None) -> None:
    """Show the curves, the film, and one digit at a moment of the training."""
    theme = st.context.theme.type or "light"
    steps = film.frames["step"] if film else np.array([], int)
    done = max(rows[-1]["step"] if rows else 0, int(steps[-1]) if len(steps) else 0, stands.step)
    end = drawn.reach(done, stands.steps or config.updates)
    over, slider, probe = st.container(key="over"), st.container(key="when"), st.container(key="probe")
    at, frame_at = None, len(steps) - 1  # the update that was chosen, and the frame that is shown
    if len(steps):
        with slider:
            told = {key: words(f"film.{key}") for key in ("at", "following", "newest", "moment")}
            at = moment(steps, told, key=f"moment_{run.id}")
        if at is not None:
            frame_at = int(np.abs(steps - at).argmin())
            at = int(steps[frame_at])
    same = (words.language, theme, run.id, len(rows), len(steps))
    with over:
        if rows:
            charts(_curves(*same, end, at, config, rows), theme, key="curves")
        if len(steps):
            charts(_films(*same, end, at, film), theme, key="films")
            st.caption(words("film.read"))
    if len(steps):
        with probe:
            _probe(words, run, config, film, frame_at, theme)


@st.cache_data(show_spinner=False, max_entries=64)
def _curves(
    language: str, theme: str, id: str, rows: int, frames: int, end: int, at: int | None, _config: Config, _rows: list
) -> list[Chart]:
    """Return the curves. All who watch a run share them: what they show depends on what is not led by a _ ."""
    words, measure = Words(language), _config.data.measure
    scales = {"loss": "log", measure: SCALES[measure], "learning_rate": "linear", "gradient_norm": "log"}
    if _config.watch == "validation" and not _config.held_back:
        del scales[measure]
    found = []
    for name, scale in scales.items():
        steps = np.array([row["step"] for row in _rows])
        values = np.array([row[name] if row.get(name) is not None else math.nan for row in _rows], float)
        steps, values = steps[np.isfinite(values)], values[np.isfinite(values)]
        level = _config.clip if name == "gradient_norm" else None
        title = words(f"curve.{name}.title")
        if level:
            title = words("curve.gradient_norm.title_clip", clip=level)
        elif name == "loss" and measure == "psnr":
            title = words("curve.loss.title_mse")
        hover = words(f"curve.{name}.hover") + "<extra></extra>"
        figure = drawn.curve(steps, values, end, hover, theme, scale, level, at)
        alt = title
        if len(values):
            alt = words(f"curve.{name}.alt", first=values[0], last=values[-1], low=values.min())
        found.append(Chart(name, title, figure, alt).as_text())
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def _films(
    language: str, theme: str, id: str, rows: int, frames: int, end: int, at: int | None, _film: Film
) -> list[Chart]:
    """Return the gradient films, shared as the curves are."""
    words, found = Words(language), []
    hovers = [words(f"film.{key}") + "<extra></extra>" for key in ("hover", "zero")]
    for name in ("h", "c"):
        if f"grad_{name}" not in _film.frames.dtype.names:
            continue
        steps, norms, title = _film.frames["step"], _film.frames[f"grad_{name}"], words(f"film.{name}")
        told = {"before": power(norms[0, 0]), "now": power(norms[-1, 0]), "start": steps[0], "end": steps[-1]}
        figure = filmed.gradient_film(steps, norms, _film.shape.at, end, *hovers, theme, at)
        found.append(Chart(f"film_{name}", title, figure, words("film.alt", title=title, **told)).as_text())
    return found


def _probe(words: Words, run: runs.Run, config: Config, film: Film, index: int, theme: str) -> None:
    """Show what the network makes of the filmed digit at one moment."""
    st.subheader(words("film.probe"), anchor=False)
    step = int(film.frames[index]["step"])
    about = (words.language, theme, run.id, step, index)
    if film.shape.readout == "outputs":
        charts(_pictures(*about, config.delay, film), theme, key="probe_pictures")
    else:
        probs = film.frames[index]["probs"]
        answer, label = int(probs[-1].argmax()), film.shape.label
        key = "film.answer_right" if answer == label else "film.answer_wrong"
        st.markdown(words(key, answer=answer, share=float(probs[-1, answer]), label=label))
        charts(_shot(*about, film), theme, key="probe_charts")


@st.cache_data(show_spinner=False, max_entries=256)
def _shot(language: str, theme: str, id: str, step: int, index: int, _film: Film) -> list[Chart]:
    """Return the filmed digit, what the network answers row by row, and its states at one frame."""
    words, shape, shot = Words(language), _film.shape, _film.frames[index]
    h, probs = shot["h"].astype(float), shot["probs"].astype(float)
    hover = {key: words(f"film.{key}_hover") + "<extra></extra>" for key in ("probs", "pixel")}
    found = []
    if _film.image is not None:
        image = _film.image / 255
        if len(image) < shape.steps < image.size:  # blank rows are read after the last one
            image = np.pad(image, ((0, shape.steps - len(image)), (0, 0)))
        figure = filmed.picture(image, np.arange(len(image)), "x", hover["pixel"], 1.0, theme)
        found.append(Chart("digit", words("film.digit"), figure, words("film.digit_alt", label=shape.label)))
    answer = int(probs[-1].argmax())
    alt = words("film.probs_alt", answer=answer, share=probs[-1, answer])
    figure = filmed.picture(probs, shape.at, "probs", hover["probs"], 1.0, theme)
    found.append(Chart("probs", words("film.probs"), figure, alt))
    return [chart.as_text() for chart in [*found, _state_chart(words, theme, h, shape.at)]]


def _state_chart(words: Words, theme: str, h: np.ndarray, at: np.ndarray) -> Chart:
    alt = words("film.state_alt", units=h.shape[1], rows=len(h), low=h.min(), high=h.max())
    figure = filmed.picture(h, at, "h", words("film.state_hover") + "<extra></extra>", top("h", h), theme)
    return Chart("state", words("film.state"), figure, alt)


@st.cache_data(show_spinner=False, max_entries=256)
def _pictures(language: str, theme: str, id: str, step: int, index: int, delay: int, _film: Film) -> list[Chart]:
    """Return the small picture, what the network writes, the true picture, and its states at one frame."""
    words, shape, shot = Words(language), _film.shape, _film.frames[index]
    hover, found = words("film.pixel_hover") + "<extra></extra>", []
    true = None if _film.image is None else _film.image / 255

    def show(name: str, image: np.ndarray, alt: str) -> None:
        found.append(Chart(name, words(f"film.{name}"), written.picture(image, hover, theme), alt, SQUARE))

    if true is not None:
        low = upscaling.as_sequence(upscaling.halve(true), delay)
        show("digit", low, words("film.digit_alt", label=shape.label))
    if shape.rows == shape.steps:  # of a longer sequence only some steps were filmed
        large = upscaling.picture(shot["outputs"].astype(float), delay)
        score = upscaling.psnr(large, true) if true is not None and large.shape == true.shape else math.nan
        show("written", large, words("film.written_alt", psnr=score))
    if true is not None:
        show("true", true, words("film.true_alt", label=shape.label))
    return [chart.as_text() for chart in [*found, _state_chart(words, theme, shot["h"].astype(float), shape.at)]]


# ---- The queue


def _queue(words: Words, seen: list[Seen]) -> None:
    """Show the runs at work and those that wait, in their order."""
    running = [each.run for each in seen if each.state.state == "running"]
    waiting = [each for each in seen if each.state.state == "queued"]
    waiting = [each[:2] for each in sorted(waiting, key=lambda each: (each.place, each.run.id))]
    if len(running) + len(waiting) < 2:  # a single one is in view anyway
        return
    st.subheader(words("queue.title"), anchor=False)
    with st.container(key="queue", gap="xsmall"):
        for run in running[:QUEUE_SHOWN]:
            _queued(words, run, words("run.state.running"), [])
        for place, (run, stands) in enumerate(waiting[:QUEUE_SHOWN], start=1):
            moves = [
                ("up", ":material/arrow_upward:", _up, place > 1),
                ("down", ":material/arrow_downward:", _down, place < len(waiting)),
            ]
            _queued(words, run, f"{place}", moves)
            if why := heard.trouble(run.id, stands):
                st.caption(words("cluster.stuck_one", why=escaped(why)))
        more = max(0, len(running) - QUEUE_SHOWN) + max(0, len(waiting) - QUEUE_SHOWN)
        if more:
            st.caption(words("queue.more", count=more))


def _queued(words: Words, run: runs.Run, place: str, moves: list) -> None:
    """Show one run of the queue, and what can be done with it."""
    with st.container(horizontal=True, vertical_alignment="center", wrap=False, gap="xsmall", key=f"queue_{run.id}"):
        st.markdown(f"**{place}** · {escaped(label(words, run))}", width="stretch")
        drop = ("cancel" if moves else "stop", ":material/close:", runs.request_stop, True)
        for name, icon, act, can in (("show", ":material/visibility:", _show, True), *moves, drop):
            text = words(f"queue.{name}")
            _button(text, act, run, icon, f"{name}_{run.id}_queue", help=text, disabled=not can)


def _show(run: runs.Run) -> None:
    _pick(run.id)


def _up(run: runs.Run) -> None:
    runs.move(run, -1)


def _down(run: runs.Run) -> None:
    runs.move(run, 1)
