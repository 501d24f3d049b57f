"""The dispatcher: the process that starts what waits and looks after what runs, one per folder of runs. No torch.

It keeps nothing that the folders do not tell: killed at any moment and started anew, it goes on where it was. Whoever
wants runs to go on calls `ensure`; the dispatcher ends by itself when there is nothing left to do. How long something
took is only ever asked of the monotonic clock, so it does not matter when someone sets the other one.
"""

import math
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from subprocess import Popen

from filelock import FileLock, Timeout

from ..checkpoints import RUN_ID, runs_home
from . import cluster, engines
from .cluster import Cluster
from .engines import Engine, Exit, Needs, Unavailable, local
from .runs import NoSuchRun, Run, RunError, State, clear_leftovers

EVERY = 0.25
"""Seconds between two rounds."""
IDLE = 10.0
"""Seconds without a run that waits or runs, after which it ends."""
STOP = 10.0
"""Seconds that a worker may take to stop when it is asked to; then it is killed."""
LATE = 60.0
"""Seconds that a worker may run beyond the limit, which it keeps by itself while it is sound."""
RETRY = 5.0
"""Seconds until it tries again what a full disk, or other trouble with a run, has stopped."""
AGAIN = 30.0
"""Seconds until another dispatcher is called where the last one could not work."""
TELL = 2.0
"""Seconds between two words to the pages about where runs are trained."""
ATTEMPTS = 3
MAX_SLOTS = 1000
LOG_BYTES = 256_000
_STARTING = 1.0
"""Seconds for which it tries to take its lock: long enough that a look by `ensure` is never in its way."""


def slots() -> int:
    """Return how many processes may train at a time, by the word of the dispatcher that is at work.

    Where none is: as many as one would allow that is started from here, $RNNVIZ_SLOTS or as many as this machine has
    room for; of a cluster, as many as there were when its dispatcher was last heard of.
    """
    said, name = cluster.read(), engines.name()
    if said and not said.error and (not said.stale or said.engine == name != "local"):
        return round(min(max(said.slots, 1), MAX_SLOTS))
    return _slots(local.slots() if name == "local" else 1)


def _slots(room: int) -> int:
    return round(_limit("RNNVIZ_SLOTS", room, 1, MAX_SLOTS))


def run_minutes() -> float:
    """Return how long one run may train: $RNNVIZ_RUN_MINUTES, else 240."""
    return _limit("RNNVIZ_RUN_MINUTES", 240, 0.1, 60 * 24 * 30)


def _limit(name: str, default: float, low: float, high: float) -> float:
    try:
        value = float(os.environ.get(name) or default)
    except ValueError:
        return default
    return default if math.isnan(value) else min(max(value, low), high)


# ---- Calling for it

_calling = threading.Lock()
_called: dict[Path, Popen] = {}
"""The dispatchers that this very process has started, by their folder of runs."""
_failed: dict[Path, float] = {}
"""When one of them was found to have ended because it could not work: one that was killed has not."""
_looks: "defaultdict[Path, Alive]" = defaultdict(lambda: Alive())


def ensure() -> None:
    """See to it that someone looks after the runs, if any waits or runs; cheap enough for every second.

    Raises OSError where that cannot be: no process can be started, or $RNNVIZ_ENGINE names no engine.
    """
    home = runs_home()
    with _calling:  # a server's sessions call at the same time
        if home in _called:
            if (code := _called[home].poll()) is None:
                return
            if code > 0:
                _failed[home] = time.monotonic()
            del _called[home]
        if time.monotonic() - _failed.get(home, -math.inf) < AGAIN:
            return
        if not home.is_dir() or _at_work(home) or not _looks[home].find(home):
            return
        try:
            engines.engine(engines.name())
        except ValueError as error:
            raise OSError(str(error)) from error
        log = home / ".dispatcher.log"
        with suppress(OSError):
            if log.stat().st_size > LOG_BYTES:
                os.replace(log, home / ".dispatcher.old.log")
        _called[home] = local.spawn([sys.executable, "-m", "rnnviz", "dispatch"], log, RNNVIZ_RUNS=str(home))


def _at_work(home: Path) -> bool:
    try:
        with FileLock(home / ".dispatcher.lock", timeout=0):
            return False
    except Timeout:
        return True


# ---- The process


def serve(stay: bool = False, insecure: bool = False) -> None:
    """Look after the runs until there is nothing left to do; return at once where someone else does.

    stay: go on when there is nothing to do. insecure: see `Engine.connect`. Raises Unavailable where the engine cannot
    be used.
    """
    home = runs_home()
    home.mkdir(parents=True, exist_ok=True)
    engine = engines.engine(engines.name())
    while True:
        try:
            with FileLock(home / ".dispatcher.lock", timeout=_STARTING):
                _connect(engine, insecure)
                _rounds(home, stay)
        except Timeout:
            return
        # What was queued after the last round, by someone who saw the lock still held, must not wait for the next call.
        if not Alive().find(home):
            return


def _connect(engine: Engine, insecure: bool) -> None:
    try:
        engine.connect(insecure)
    except Unavailable as error:
        _say(str(error))
        with suppress(OSError):
            cluster.write(Cluster(engines.name(), time.time(), error=str(error)))
        raise


def _rounds(home: Path, stay: bool) -> None:
    clear_leftovers()
    dispatcher, busy_at = Dispatcher(), time.monotonic()
    while home.is_dir() and (stay or time.monotonic() - busy_at < IDLE):
        try:
            if dispatcher.round():
                busy_at = time.monotonic()
        except OSError as error:  # the folder of all runs cannot be read now
            _say(f"{type(error).__name__}: {error}")
        time.sleep(EVERY)


class Dispatcher:
    """Looks through the runs, round after round. What it remembers between rounds are only times."""

    def __init__(self) -> None:
        self._alive = Alive()
        self._seen: dict[tuple[str, str], float] = {}
        """(id, what) -> when it was first seen; see `_lasts`."""
        self._later: dict[str, float] = {}
        """id -> when to try again what went wrong with it."""
        self._told: dict[str, str] = {}
        """id -> what goes wrong with it."""
        self._stuck: dict[str, str] = {}
        """id -> why no machine can take it now."""
        self._needs: dict[str, Needs] = {}
        self._room, self._tell_at = 0, -math.inf
        self._lacking: dict[Needs, str] = {}
        """Needs -> why no machine can take such a run, "" where one can."""

    def round(self) -> bool:
        """Do once what is to be done, and return whether any run waits or runs."""
        alive = self._alive.find(runs_home())
        ids = {run.id for run, _ in alive}
        self._seen = {key: since for key, since in self._seen.items() if key[0] in ids}
        self._needs = {run.id: self._needs.get(run.id) or _needs(run) for run, _ in alive}
        self._told = {id: told for id, told in self._told.items() if id in ids | {""}}
        at_work = 0
        for run, state in alive:
            self._try(run, self._look_after, state)
            if state.state == "running" or state.handle:
                at_work += self._needs[run.id].cores
        try:
            self._look_around(at_work)
        except Exception as error:  # a full disk, or a cluster that does not answer now
            self._complain("", error)
        waiting = [run for run, state in alive if state.state == "queued" and not state.handle and self._may_try(run)]
        full, self._stuck = False, {}
        for run in sorted(waiting, key=lambda run: (run.place, run.id)):
            needs = self._needs[run.id]
            if why := self._lacking.get(needs):
                self._stuck[run.id] = why
            elif full or (at_work and at_work + needs.cores > _slots(self._room)):
                full = True  # it waits until there is room for it, and nobody overtakes it
            elif self._try(run, self._launch):
                at_work += needs.cores
        return bool(alive)

    def _look_around(self, at_work: int) -> None:
        """Ask the engine how much room there is, and now and then tell the pages."""
        name, now = engines.name(), time.monotonic()
        engine, due = engines.engine(name), now - self._tell_at >= TELL
        if due:
            self._tell_at, self._room, self._lacking = now, engine.slots(), {}
        for needs in set(self._needs.values()) - self._lacking.keys():
            self._lacking[needs] = engine.lacking(needs)
        if due:
            troubles = self._told | self._stuck
            cluster.write(Cluster(name, time.time(), _slots(self._room), at_work, tuple(engine.machines()), troubles))

    def _may_try(self, run: Run) -> bool:
        return time.monotonic() >= self._later.get(run.id, 0.0)

    def _try(self, run: Run, act: Callable, *arguments: object) -> bool:
        """Act on a run and return whether that went well. Whatever is wrong with it, the other runs go on."""
        if not self._may_try(run):
            return False
        try:
            act(run, *arguments)
            return True
        except (RunError, NoSuchRun):
            pass  # someone else is at it just now, or it was deleted
        except Exception as error:
            self._later[run.id] = time.monotonic() + RETRY
            self._complain(run.id, error)
        return False

    def _complain(self, id: str, error: Exception) -> None:
        """Remember what goes wrong with a run, or with none in particular, and say it unless it was the last word."""
        if self._told.get(id) != (told := f"{type(error).__name__}: {error}"):
            self._told[id] = told
            _say(f"{id or 'all'}: {told}")

    def _launch(self, run: Run) -> None:
        with run.hold():
            state = run.state
            if state.state != "queued" or state.handle or run.stopping:
                return
            name = engines.name()
            engine = engines.engine(name)
            handle = engine.launch(run.folder, self._needs[run.id])
            try:
                run.write_state(replace(state, handle=handle, engine=name, attempt=state.attempt + 1))
            except BaseException:  # a worker that nobody knows of may not stay
                engine.kill(handle)
                raise
            self._told.pop(run.id, None)

    def _look_after(self, run: Run, state: State) -> None:
        if state.state == "queued" and not state.handle:
            if run.stopping:
                _end(run, state, "stopped")
            return
        stopping = run.stopping
        asked = self._lasts(run, "stop") if stopping else 0.0
        ended = _poll(state)
        if ended is not None:
            with run.hold():
                _lost(run, state, ended)
        elif stopping and state.state == "queued":
            with run.hold():  # it has not begun: nothing is lost
                _kill(state)
                _end_held(run, state, "stopped")
        elif asked > STOP:
            _kill(state)
            _end(run, state, "stopped")
        elif state.state == "running" and self._lasts(run, state.handle) > 60 * run_minutes() + LATE:
            _kill(state)
            told = f"a run may take {run_minutes():g} minutes. It took more and did not stop by itself."
            _end(run, state, "failed", "time_limit", told)

    def _lasts(self, run: Run, what: str) -> float:
        """Return for how many seconds something has been so with a run, since it was first seen."""
        now = time.monotonic()
        return now - self._seen.setdefault((run.id, what), now)


def _needs(run: Run) -> Needs:
    """Return what a run needs; the least where its settings cannot be read: its worker will say so."""
    try:
        config = run.config
    except (RunError, NoSuchRun):
        return Needs()
    if config.device == "cpu" or config.ranks > 1:
        return Needs(config.processes, 0)
    return Needs(config.processes, config.gpus or None)


def _poll(state: State) -> Exit | None:
    try:
        return engines.engine(state.engine).poll(str(state.handle))
    except ValueError:  # started by an engine that this version does not know: then only the lock tells
        return Exit()


def _kill(state: State) -> None:
    with suppress(ValueError):
        engines.engine(state.engine).kill(state.handle)


def _end(run: Run, old: State, state: str, reason: str = "", detail: str = "") -> None:
    """Write how a run ended, once nobody holds it: a killed worker lets go when the last of its threads is gone."""
    with run.hold(timeout=5.0):
        _end_held(run, old, state, reason, detail)


def _end_held(run: Run, old: State, state: str, reason: str = "", detail: str = "") -> None:
    if _unchanged(run, old):
        end = {"state": state, "reason": reason, "detail": detail, "phase": "", "ended": time.time()}
        run.write_state(replace(run.state, **end))
        _say(f"{run.id}: {state} {reason}")


def _lost(run: Run, old: State, ended: Exit) -> None:
    """Queue a run again whose worker died without a word; it goes on from its last checkpoint."""
    if not _unchanged(run, old):
        return
    state = run.state
    attempt = state.attempt - ended.by_engine
    if run.stopping:
        _end_held(run, old, "stopped")
    elif attempt >= ATTEMPTS:
        told = f"a worker must end by itself. This one died {attempt} times, the last time {_how(ended)}."
        _end_held(run, old, "failed", "lost", told)
    else:
        (run.folder / "place").write_text("-1.0")  # before all others: it had its turn
        run.write_state(replace(state, state="queued", phase="", handle="", attempt=attempt))
        _say(f"{run.id}: its worker ended without a word, {_how(ended)}; queued again")


def _how(ended: Exit) -> str:
    if ended.by_engine:
        return "with its machine or its task"
    if ended.detail:
        return f"so: {ended.detail}"
    return "with an exit code that nobody knows" if ended.code is None else f"with exit code {ended.code}"


def _unchanged(run: Run, old: State) -> bool:
    """Return whether it is still the same launch, or the same waiting, that was looked at."""
    new = run.state
    return new.state in ("queued", "running") and (new.handle, new.attempt) == (old.handle, old.attempt)


class Alive:
    """Finds the runs that wait or run. Of the others it reads the state once, and again only when it has changed."""

    def __init__(self) -> None:
        self._ended: dict[str, tuple[int, int]] = {}

    def find(self, home: Path) -> list[tuple[Run, State]]:
        """Return (run, state) of those in `home`; none where there is no such folder."""
        found, ended = [], {}
        try:
            names = [entry.name for entry in os.scandir(home) if RUN_ID.fullmatch(entry.name)]
        except FileNotFoundError:
            return []
        for name in names:
            try:
                file = os.stat(f"{home}/{name}/state.json")
                version = (file.st_mtime_ns, file.st_ino)
                if self._ended.get(name) == version:
                    ended[name] = version
                    continue
                run = Run(name)
                state = run.state
            except (OSError, NoSuchRun):
                continue  # half made, or just deleted
            if state.state in ("queued", "running"):
                found.append((run, state))
            else:
                ended[name] = version
        self._ended = ended
        return found


def _say(text: str) -> None:
    """Tell it to who reads the log."""
    with suppress(OSError, ValueError):
        print(time.strftime("%Y-%m-%d %H:%M:%S"), text, flush=True)
