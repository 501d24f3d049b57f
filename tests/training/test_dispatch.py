"""The dispatcher, round by round, with workers that are only played; `test_faults` does it with real ones."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from rnnviz.training import cluster, dispatch, engines, runs
from rnnviz.training.config import Config
from rnnviz.training.engines import Exit, Machine, Needs, Unavailable

SMALL = Config(dataset="uci", hidden_size=8, epochs=1, validation=240)


class Played:
    """An engine whose workers do what a test says."""

    def __init__(self):
        self.launched: list[str] = []
        self.killed: list[str] = []
        self.needs: dict[str, Needs] = {}
        self._ended: dict[str, Exit | None] = {}
        self._holds: dict[str, ExitStack] = {}

    def connect(self, insecure: bool = False) -> None:
        pass

    def machines(self) -> list[Machine]:
        return [Machine("played", 8.0, 4.0)]

    def lacking(self, needs: Needs) -> str:
        return ""

    def slots(self) -> int:
        return 8

    def launch(self, folder: Path, needs: Needs) -> str:
        self.needs[folder.name] = needs
        handle = f"{folder.name}/{len(self.launched)}"
        self.launched.append(folder.name)
        self._ended[handle] = None
        return handle

    def poll(self, handle: str) -> Exit | None:
        return self._ended.get(handle, Exit())

    def kill(self, handle: str) -> None:
        self.killed.append(handle)
        self.dies(handle)

    # ---- What a worker does

    def begins(self, run: runs.Run) -> None:
        stack = ExitStack()
        stack.enter_context(run.hold())
        self._holds[run.state.handle] = stack
        run.write_state(replace(run.state, state="running", phase="training"))

    def finishes(self, run: runs.Run) -> None:
        run.write_state(replace(run.state, state="finished", phase=""))
        self.dies(run.state.handle)

    def dies(self, handle: str, end: Exit = Exit(-9)) -> None:  # noqa: B008
        self._ended[handle] = end
        self._holds.pop(handle, ExitStack()).close()


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder of runs; one slot."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setenv("RNNVIZ_RUNS", str(folder))
    monkeypatch.setenv("RNNVIZ_SLOTS", "1")
    for name in ("RNNVIZ_ENGINE", "RNNVIZ_RUN_MINUTES"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def played(home, monkeypatch):
    """The engine that the dispatcher uses."""
    engine = Played()
    monkeypatch.setitem(engines.ENGINES, "played", "played")
    monkeypatch.setitem(sys.modules, "rnnviz.training.engines.played", engine)
    monkeypatch.setenv("RNNVIZ_ENGINE", "played")
    yield engine
    for handle in list(engine._holds):
        engine.dies(handle)


@pytest.fixture
def clock(monkeypatch):
    """A function that lets the monotonic clock run on by so many seconds."""
    ahead, monotonic = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + ahead[0])

    def wait(seconds: float) -> None:
        ahead[0] += seconds

    return wait


def queued(count: int) -> list[runs.Run]:
    return [runs.create(SMALL, name=str(index)) for index in range(count)]


def running(dispatcher, played) -> runs.Run:
    """A run whose worker has begun."""
    run = runs.create(SMALL)
    dispatcher.round()
    played.begins(run)
    return run


# ---- The queue


def test_what_was_left_half_made_is_removed_when_it_starts(home, monkeypatch):
    monkeypatch.setattr(dispatch, "IDLE", 0.0)
    for name in (".new-20261121-041500-aaaa-1", ".new-20261121-041500-bbbb-1"):
        (home / name).mkdir()
    os.utime(home / ".new-20261121-041500-aaaa-1", (1.0, 1.0))
    dispatch.serve()
    assert {path.name for path in home.glob(".new-*")} == {".new-20261121-041500-bbbb-1"}


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        ({}, Needs(1, None)),
        ({"device": "cpu"}, Needs(1, 0)),
        ({"ranks": 4}, Needs(4, 0)),
        ({"gpus": 1}, Needs(1, 1)),
        ({"gpus": 2}, Needs(2, 2)),
    ],
)
def test_the_engine_hears_what_a_run_needs(played, settings, needs):
    run = runs.create(replace(SMALL, **settings))
    dispatch.Dispatcher().round()
    assert played.needs == {run.id: needs}


def test_a_run_takes_as_many_slots_as_it_has_processes_and_nobody_overtakes_it(played, monkeypatch):
    monkeypatch.setenv("RNNVIZ_SLOTS", "2")
    first, double, last = (runs.create(replace(SMALL, ranks=ranks)) for ranks in (1, 2, 1))
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    assert played.launched == [first.id]
    played.begins(first)
    dispatcher.round()
    assert played.launched == [first.id]
    played.finishes(first)
    dispatcher.round()
    assert played.launched == [first.id, double.id]
    played.begins(double)
    dispatcher.round()
    assert last.id not in played.launched


def test_a_run_that_needs_more_than_there_is_starts_alone(played):
    alone, after = runs.create(replace(SMALL, ranks=3)), runs.create(SMALL)
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    dispatcher.round()
    assert played.launched == [alone.id]
    played.begins(alone)
    played.finishes(alone)
    dispatcher.round()
    assert played.launched == [alone.id, after.id]


def test_where_the_environment_says_nothing_the_engine_says_how_many(played, monkeypatch):
    monkeypatch.delenv("RNNVIZ_SLOTS")
    queued(10)
    dispatch.Dispatcher().round()
    assert len(played.launched) == played.slots()


# ---- What pages hear of it


def test_pages_hear_of_machines_slots_and_what_cannot_start(played, monkeypatch):
    monkeypatch.setenv("RNNVIZ_SLOTS", "2")
    monkeypatch.setattr(played, "lacking", lambda needs: "a machine must have 8 GPUs." if needs.gpus else "")
    huge, small = runs.create(replace(SMALL, gpus=8)), runs.create(SMALL)
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    played.begins(small)
    monkeypatch.setattr(dispatch, "TELL", 0.0)
    dispatcher.round()
    told = cluster.read()
    assert (told.engine, told.slots, told.at_work, told.error) == ("played", 2, 1, "")
    assert told.machines == (Machine("played", 8.0, 4.0),)
    assert played.launched == [small.id]  # what nobody can take is in nobody's way
    assert told.troubles == {huge.id: "a machine must have 8 GPUs."}
    assert not told.stale
    assert dispatch.slots() == 2


def test_what_no_machine_can_take_says_so_though_others_wait_before_it(played, monkeypatch):
    monkeypatch.setattr(played, "lacking", lambda needs: "a machine must have 8 GPUs." if needs.gpus else "")
    queued(3)
    huge = runs.create(replace(SMALL, gpus=8))
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    monkeypatch.setattr(dispatch, "TELL", 0.0)
    dispatcher.round()
    assert cluster.read().troubles == {huge.id: "a machine must have 8 GPUs."}
    assert len(played.launched) == 1


def test_a_cluster_that_does_not_answer_stops_nobody(played, monkeypatch, capsys):
    def silent() -> int:
        raise RuntimeError("no answer")

    monkeypatch.setattr(played, "slots", silent)
    (run,) = queued(1)
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    dispatcher.round()
    assert played.launched == [run.id]
    assert capsys.readouterr().out.count("RuntimeError: no answer") == 1


def test_once_a_machine_comes_that_can_take_it_a_run_is_no_trouble_any_more(played, monkeypatch):
    monkeypatch.setattr(dispatch, "TELL", 0.0)
    monkeypatch.setattr(played, "lacking", lambda needs: "a machine must have 8 GPUs." if needs.gpus else "")
    before, huge = runs.create(SMALL), runs.create(replace(SMALL, gpus=8))
    dispatcher = dispatch.Dispatcher()
    for _ in range(2):
        dispatcher.round()
    assert cluster.read().troubles == {huge.id: "a machine must have 8 GPUs."}
    played.begins(before)  # it keeps the only slot
    monkeypatch.setattr(played, "lacking", lambda needs: "")
    for _ in range(2):
        dispatcher.round()
    assert cluster.read().troubles == {}
    assert played.launched == [before.id]


def test_what_was_said_grows_stale(home, monkeypatch):
    cluster.write(cluster.Cluster("played", time.time() - cluster.STALE - 1))
    assert cluster.read().stale


@pytest.mark.parametrize(
    ("engine", "said", "count"),
    [
        ("local", None, 6),
        ("local", {"engine": "ray", "slots": 40}, 40),
        ("local", {"engine": "local", "slots": 3}, 3),
        ("local", {"engine": "ray", "slots": 40, "age": 3600}, 6),
        ("local", {"engine": "local", "slots": 3, "age": 3600}, 6),
        ("ray", None, 1),
        ("ray", {"engine": "ray", "slots": 40}, 40),
        ("ray", {"engine": "ray", "slots": 40, "age": 3600}, 40),
        ("ray", {"engine": "local", "slots": 3, "age": 3600}, 1),
        ("ray", {"engine": "ray", "error": "a token must be shown."}, 1),
        ("ray", {"engine": "ray", "slots": 0}, 1),
        ("ray", {"engine": "ray", "slots": 1e9}, 1000),
    ],
)
def test_how_many_train_at_a_time_is_what_the_dispatcher_at_work_says(home, monkeypatch, engine, said, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    monkeypatch.delenv("RNNVIZ_SLOTS", raising=False)
    monkeypatch.setenv("RNNVIZ_ENGINE", engine)
    if said:
        told = time.time() - said.pop("age", 0)
        cluster.write(cluster.Cluster(told=told, **said))
    assert dispatch.slots() == count


def test_an_engine_that_cannot_be_used_is_told_and_nothing_is_launched(played, monkeypatch):
    def refuse(insecure):
        raise Unavailable(f"a token must be shown. Got none, {insecure}.")

    monkeypatch.setattr(played, "connect", refuse)
    queued(1)
    with pytest.raises(Unavailable, match="Got none, True"):
        dispatch.serve(insecure=True)
    assert cluster.read().error == "a token must be shown. Got none, True."
    assert not played.launched


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"engine": 1, "told": 0}', '{"engine": "ray", "told": "now"}',
        '{"engine": "ray", "told": NaN}', '{"engine": "ray", "told": 1, "machines": 3}',
        '{"engine": "ray", "told": 1, "machines": [{"name": "a"}]}', '{"engine": "ray", "told": 1, "troubles": []}',
        '{"engine": "ray", "told": 1, "more": 1}',
    ],
)  # fmt: skip
def test_a_file_that_makes_no_sense_says_nothing(home, text):
    (home / ".cluster.json").write_text(text)
    assert cluster.read() is None


# ---- Launching


def test_a_waiting_run_is_launched_and_its_handle_written_down(played):
    (run,) = queued(1)
    dispatch.Dispatcher().round()
    state = run.state
    assert (state.state, state.attempt, state.engine) == ("queued", 1, "played")
    assert state.handle == f"{run.id}/0"


def test_only_as_many_runs_are_at_work_as_there_are_slots(played, monkeypatch):
    monkeypatch.setenv("RNNVIZ_SLOTS", "2")
    first, second, third = queued(3)
    dispatcher = dispatch.Dispatcher()
    for _ in range(3):
        dispatcher.round()
    assert played.launched == [first.id, second.id]
    played.begins(first)
    played.begins(second)
    dispatcher.round()
    assert len(played.launched) == 2
    played.finishes(first)
    dispatcher.round()
    assert played.launched == [first.id, second.id, third.id]


def test_runs_start_in_the_order_of_the_queue_as_people_moved_them(played):
    first, second, third = queued(3)
    runs.move(third, -2)
    dispatcher = dispatch.Dispatcher()
    for run in (third, first, second):
        dispatcher.round()
        assert played.launched[-1] == run.id
        played.begins(run)
        played.finishes(run)
    assert not dispatcher.round()


def test_a_waiting_run_with_a_stop_file_is_cancelled_and_never_launched(played):
    (run,) = queued(1)
    (run.folder / "stop").touch()  # whoever asked was killed before it could write more
    dispatch.Dispatcher().round()
    assert run.state.state == "stopped"
    assert not played.launched


def test_a_cancelled_run_is_stopped_without_a_dispatcher(home):
    (run,) = queued(1)
    runs.request_stop(run)
    assert run.state.state == "stopped"


def test_a_stopped_run_that_is_resumed_waits_behind_the_others_and_counts_its_attempts_anew(played):
    dispatcher = dispatch.Dispatcher()
    stopped = running(dispatcher, played)
    stopped.write_state(replace(stopped.state, state="stopped"))
    played.dies(stopped.state.handle)
    (other,) = queued(1)
    runs.resume(stopped)
    dispatcher.round()
    assert played.launched == [stopped.id, other.id]
    played.begins(other)
    played.finishes(other)
    dispatcher.round()
    assert played.launched[-1] == stopped.id
    assert stopped.state.attempt == 1


# ---- Workers that die


def test_a_lost_run_is_queued_again_and_launched_before_those_that_wait(played):
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    queued(1)
    played.dies(run.state.handle)
    assert run.lost
    dispatcher.round()
    assert (run.state.state, run.state.handle, run.state.attempt) == ("queued", "", 1)
    dispatcher.round()
    assert played.launched == [run.id, run.id]
    assert run.state.attempt == 2


def test_a_new_dispatcher_finds_a_lost_run_as_well(played):
    run = running(dispatch.Dispatcher(), played)
    played.dies(run.state.handle)
    dispatch.Dispatcher().round()
    assert run.state.state == "queued"


def test_a_new_dispatcher_leaves_a_worker_that_lives_alone(played):
    run = running(dispatch.Dispatcher(), played)
    before = run.state
    dispatch.Dispatcher().round()
    assert run.state == before
    assert played.launched == [run.id]
    assert not played.killed


@pytest.mark.parametrize("begun", [True, False], ids=["while it trains", "before it begins"])
def test_a_worker_that_dies_three_times_fails_as_lost(played, begun):
    dispatcher = dispatch.Dispatcher()
    run = runs.create(SMALL)
    for attempt in (1, 2, 3):
        dispatcher.round()
        assert run.state.attempt == attempt
        if begun:
            played.begins(run)
        played.dies(run.state.handle)
        dispatcher.round()
    assert (run.state.state, run.state.reason) == ("failed", "lost")
    assert "died 3 times, the last time with exit code -9" in run.state.detail
    dispatcher.round()
    assert len(played.launched) == 3


def test_deaths_that_the_engine_caused_are_not_counted(played):
    dispatcher = dispatch.Dispatcher()
    run = runs.create(SMALL)
    for _ in range(5):
        dispatcher.round()
        assert run.state.attempt == 1
        played.begins(run)
        played.dies(run.state.handle, Exit(None, by_engine=True))
        dispatcher.round()
    assert run.state.state == "queued"


def test_a_worker_that_still_holds_its_run_is_not_lost_whatever_the_engine_says(played):
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    played._ended[run.state.handle] = Exit()
    dispatcher.round()
    assert run.state.state == "running"


def test_a_run_of_an_engine_that_is_no_longer_known_is_queued_again_once_nobody_holds_it(played, monkeypatch):
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    run.write_state(replace(run.state, engine="gone"))
    dispatcher.round()
    assert run.state.state == "running"
    played.dies(run.state.handle)
    dispatcher.round()
    assert run.state.state == "queued"


# ---- Stops and limits


def test_a_worker_that_has_not_begun_is_stopped_at_once(played):
    dispatcher = dispatch.Dispatcher()
    (run,) = queued(1)
    dispatcher.round()
    handle = run.state.handle
    runs.request_stop(run)
    dispatcher.round()
    assert run.state.state == "stopped"
    assert played.killed == [handle]


def test_a_worker_that_does_not_stop_is_killed_after_ten_seconds(played, clock):
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    runs.request_stop(run)
    dispatcher.round()
    clock(9.0)
    dispatcher.round()
    assert run.state.state == "running"
    clock(2.0)
    dispatcher.round()
    assert run.state.state == "stopped"
    assert played.killed == [run.state.handle]


def test_a_lost_run_that_was_asked_to_stop_is_stopped(played):
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    runs.request_stop(run)
    played.dies(run.state.handle)
    dispatcher.round()
    assert run.state.state == "stopped"


def test_a_worker_far_beyond_the_limit_is_killed(played, clock, monkeypatch):
    monkeypatch.setenv("RNNVIZ_RUN_MINUTES", "2")
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    dispatcher.round()
    clock(179)
    dispatcher.round()
    assert run.state.state == "running"
    clock(2)
    dispatcher.round()
    assert (run.state.state, run.state.reason) == ("failed", "time_limit")
    assert played.killed == [run.state.handle]


def test_no_duration_depends_on_the_clock_that_people_set(played, monkeypatch):
    jumps = iter([0.0, 4e9, -1e9, 2e12, 5.0] * 100)
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    dispatcher = dispatch.Dispatcher()
    run = running(dispatcher, played)
    for _ in range(20):
        dispatcher.round()
    assert run.state.state == "running"
    runs.request_stop(run)
    for _ in range(20):
        dispatcher.round()
    assert run.state.state == "running"
    assert not played.killed


@pytest.mark.parametrize(
    ("text", "count"), [("3", 3), ("0", 1), ("-5", 1), ("100000", 1000), ("many", None), ("", None), ("nan", None)]
)
def test_the_number_of_slots_is_held_within_bounds(monkeypatch, text, count):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(12)), raising=False)
    monkeypatch.setenv("RNNVIZ_SLOTS", text)
    assert dispatch.slots() == (count or 6)


@pytest.mark.parametrize(("text", "minutes"), [("5", 5), ("0", 0.1), ("1e9", 43_200), ("long", 240), ("", 240)])
def test_the_longest_time_of_a_run_is_held_within_bounds(monkeypatch, text, minutes):
    monkeypatch.setenv("RNNVIZ_RUN_MINUTES", text)
    assert dispatch.run_minutes() == minutes


# ---- Trouble with one run


def test_a_run_that_vanishes_while_it_is_looked_at_does_not_stop_the_others(played, monkeypatch):
    gone, other = queued(2)
    launch = played.launch

    def launch_and_delete(folder, needs):
        if folder == gone.folder:
            os.rename(folder, folder.with_name(".deleted"))
            raise FileNotFoundError(folder)
        return launch(folder, needs)

    monkeypatch.setattr(played, "launch", launch_and_delete)
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    dispatcher.round()
    assert played.launched == [other.id]
    assert not gone.folder.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"state": 5}', '{"state": "queued", "attempt": "x"}', '{"state": "running", "handle": 7}']
)
def test_a_state_that_cannot_be_does_not_stop_the_others(played, monkeypatch, text):
    monkeypatch.setenv("RNNVIZ_SLOTS", "2")
    broken, other = queued(2)
    (broken.folder / "state.json").write_text(text)
    (broken.folder / "place").write_text("first")
    dispatcher = dispatch.Dispatcher()
    for _ in range(3):
        dispatcher.round()
    assert other.id in played.launched


def test_half_made_folders_are_left_alone(played, home):
    (home / "20261121-041500-k3f9").mkdir()
    (home / ".new-20261121-041500-k3f9-00").mkdir()
    (home / "notes").mkdir()
    assert not dispatch.Dispatcher().round()
    assert not list((home / "20261121-041500-k3f9").iterdir())


def test_a_full_disk_is_survived_and_tried_again_and_leaves_no_worker_that_nobody_knows_of(
    played, clock, monkeypatch, capsys
):
    full, other = queued(2)
    write = runs.Run.write_state

    def write_state(run, state):
        if run == full:
            raise OSError(28, "No space left on device")
        write(run, state)

    monkeypatch.setattr(runs.Run, "write_state", write_state)
    dispatcher = dispatch.Dispatcher()
    dispatcher.round()
    assert played.killed == [f"{full.id}/0"]
    assert full.state.handle == ""
    dispatcher.round()
    assert played.launched == [full.id, other.id]  # meanwhile the next one has its turn
    played.begins(other)
    played.finishes(other)
    monkeypatch.setattr(runs.Run, "write_state", write)
    dispatcher.round()
    assert len(played.launched) == 2
    clock(6)
    dispatcher.round()
    assert played.launched[-1] == full.id
    assert full.state.handle
    assert capsys.readouterr().out.count("No space left on device") == 1


# ---- The process


def test_it_ends_when_nothing_waits_or_runs(home, monkeypatch):
    monkeypatch.setattr(dispatch, "IDLE", 0.1)
    dispatch.serve()
    assert not dispatch._at_work(home)


def test_a_second_one_ends_at_once(home, monkeypatch):
    monkeypatch.setattr(dispatch, "_STARTING", 0.05)
    monkeypatch.setattr(dispatch, "_rounds", lambda home: pytest.fail("it went to work"))
    with FileLock(home / ".dispatcher.lock"):
        dispatch.serve()


def test_a_run_that_is_queued_just_before_it_ends_is_not_left_waiting(played, home, monkeypatch):
    monkeypatch.setattr(dispatch, "EVERY", 0.01)
    monkeypatch.setattr(dispatch, "IDLE", 0.05)
    rounds, made = dispatch._rounds, []

    def then_queue_one(home, stay):
        rounds(home, stay)
        if not made:  # whoever does so now sees the lock held, and starts no other dispatcher
            made.extend(queued(1))
            threading.Timer(0.2, lambda: [played.begins(made[0]), played.finishes(made[0])]).start()

    monkeypatch.setattr(dispatch, "_rounds", then_queue_one)
    dispatch.serve()
    assert made[0].state.state == "finished"


def test_it_ends_when_the_folder_of_runs_is_deleted(home, played, monkeypatch):
    queued(1)
    monkeypatch.setattr(dispatch.Dispatcher, "round", lambda self: os.rename(home, home.with_name("elsewhere")) or True)
    dispatch.serve()
    assert not home.exists()


def test_it_outlives_a_folder_of_runs_that_cannot_be_read_for_a_while(home, monkeypatch, capsys):
    monkeypatch.setattr(dispatch, "EVERY", 0.01)
    monkeypatch.setattr(dispatch, "IDLE", 0.1)
    answers = iter([OSError(5, "Input/output error")])

    def round(self):
        for answer in answers:
            raise answer
        return False

    monkeypatch.setattr(dispatch.Dispatcher, "round", round)
    dispatch.serve()
    assert "Input/output error" in capsys.readouterr().out


# ---- Calling for it


@pytest.fixture
def spawned(home, monkeypatch):
    """The commands that `ensure` starts; nothing is really started."""
    commands = []

    class Process:
        def poll(self):
            return None

    def spawn(command, log, **environment):
        commands.append((command, log, environment))
        return Process()

    monkeypatch.setattr(dispatch.local, "spawn", spawn)
    yield commands
    dispatch._called.pop(home, None)
    dispatch._failed.pop(home, None)


def test_a_dispatcher_is_started_for_a_run_that_waits(home, spawned):
    queued(1)
    dispatch.ensure()
    ((command, log, environment),) = spawned
    assert command == [sys.executable, "-m", "rnnviz", "dispatch"]
    assert log == home / ".dispatcher.log"
    assert environment == {"RNNVIZ_RUNS": str(home)}


def test_a_dispatcher_is_started_for_a_run_that_is_lost(played, spawned):
    run = running(dispatch.Dispatcher(), played)
    played.dies(run.state.handle)
    dispatch.ensure()
    assert len(spawned) == 1


def test_none_is_started_where_nothing_waits_or_runs(home, spawned, monkeypatch):
    dispatch.ensure()
    (run,) = queued(1)
    runs.request_stop(run)
    dispatch.ensure()
    monkeypatch.setenv("RNNVIZ_RUNS", str(home / "none"))
    dispatch.ensure()
    assert not spawned
    assert not (home / "none").exists()


def test_none_is_started_where_one_is_at_work(home, spawned):
    queued(1)
    with FileLock(home / ".dispatcher.lock"):
        dispatch.ensure()
    assert not spawned


def test_sessions_that_call_at_the_same_time_start_one(home, spawned):
    queued(1)
    barrier = threading.Barrier(8)
    threads = [threading.Thread(target=lambda: [barrier.wait(), dispatch.ensure()]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(spawned) == 1


@pytest.mark.parametrize("code", [0, -9])
def test_a_dispatcher_that_has_ended_is_replaced(home, spawned, monkeypatch, code):
    queued(1)
    dispatch.ensure()
    monkeypatch.setattr(dispatch._called[home], "poll", lambda: code)
    dispatch.ensure()
    assert len(spawned) == 2


def test_one_that_could_not_work_is_not_called_again_at_once(home, spawned, monkeypatch, clock):
    queued(1)
    dispatch.ensure()
    monkeypatch.setattr(dispatch._called[home], "poll", lambda: 1)
    dispatch.ensure()
    clock(dispatch.AGAIN / 2)
    dispatch.ensure()
    assert len(spawned) == 1
    clock(dispatch.AGAIN)
    dispatch.ensure()
    assert len(spawned) == 2


def test_an_engine_that_there_is_none_of_is_answered_with_the_known_ones(home, spawned, monkeypatch):
    monkeypatch.setenv("RNNVIZ_ENGINE", "steam")
    queued(1)
    with pytest.raises(OSError, match=r"RNNVIZ_ENGINE must be one of local, ray\. Got 'steam'\."):
        dispatch.ensure()
    assert not spawned


def test_its_log_does_not_grow_without_end(home, spawned):
    queued(1)
    (home / ".dispatcher.log").write_bytes(b"x" * (dispatch.LOG_BYTES + 1))
    dispatch.ensure()
    assert not (home / ".dispatcher.log").exists()
    assert (home / ".dispatcher.old.log").stat().st_size == dispatch.LOG_BYTES + 1


def test_the_states_of_runs_that_have_ended_are_read_once(home, monkeypatch):
    ended, waiting = queued(2)
    runs.request_stop(ended)
    look, read = dispatch.Alive(), []
    state = runs.Run.state.fget
    monkeypatch.setattr(runs.Run, "state", property(lambda run: read.append(run.id) or state(run)))
    for _ in range(3):
        assert [run.id for run, _ in look.find(home)] == [waiting.id]
    assert read.count(ended.id) == 1
    runs.resume(ended)
    assert {run.id for run, _ in look.find(home)} == {ended.id, waiting.id}


def test_it_loads_neither_torch_nor_streamlit():
    code = "import sys; from rnnviz.training import dispatch, engines; from rnnviz.training.engines import local; "
    code += "print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", f"import json; {code}"], capture_output=True, text=True, check=True)
    assert not {"torch", "streamlit", "sklearn", "pandas"} & set(json.loads(done.stdout))
