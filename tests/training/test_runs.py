"""Runs as folders."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from rnnviz.training import runs
from rnnviz.training.config import Config
from rnnviz.training.runs import Group, NoSuchRun, Run, RunError

SMALL = Config(dataset="uci", cell="gru", hidden_size=8, epochs=2, validation=237)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder of runs; returns its path."""
    monkeypatch.setenv("RNNVIZ_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def set_state(run: Run, **changes: object) -> Run:
    with run.hold():
        run.write_state(replace(run.state, **changes))
    return run


# ---- Starting


def test_a_run_that_was_created_waits_with_what_was_asked_for(here):
    run = runs.create(SMALL, name="first", preset="bundled")
    assert runs.RUN_ID.fullmatch(run.id)
    assert run.folder == here / run.id
    assert {path.name for path in run.folder.iterdir()} == {"config.json", "state.json", "place"}
    assert (run.config, run.plan.preset, run.name, run.plan.group) == (SMALL, "bundled", "first", None)
    assert abs(run.plan.created - time.time()) < 100
    state = run.state
    assert (state.state, state.attempt, state.handle) == ("queued", 0, "")
    assert (run.metrics, run.film, run.model, run.answers, run.log()) == ([], None, None, None, "")
    assert not run.stopping
    assert not run.lost
    assert [path.name for path in here.iterdir()] == [run.id]  # nothing half-made is left


def test_the_same_id_is_the_same_run():
    id = runs.new_id()
    first, second = runs.create(SMALL, "one", id=id), runs.create(replace(SMALL, seed=1), "two", id=id)
    assert first == second
    assert second.name == "one"
    assert second.config == SMALL


def test_two_who_create_the_same_run_at_the_same_time_get_one():
    id, found = runs.new_id(), []
    threads = [threading.Thread(target=lambda: found.append(runs.create(SMALL, id=id))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Run(id)] * 8
    assert runs.listed() == [Run(id)]


def test_fresh_ids_differ():
    assert len({runs.new_id() for _ in range(20)}) == 20  # of 900,000 in a second


@pytest.mark.parametrize("id", ["", "..", "a/b", "20261121-041500-k3f9/..", "20261121-041500", "20261121-041500-K3F9"])
def test_no_other_name_is_ever_a_folder(id):
    with pytest.raises(NoSuchRun, match="must look like"):
        Run(id)


def test_runs_start_in_the_order_in_which_they_were_created():
    made = [runs.create(SMALL) for _ in range(4)]
    assert runs.waiting() == made
    assert set(runs.listed()) == set(made)


def test_folds_are_runs_of_one_group():
    folds = runs.create_folds(SMALL, 3, name="folds", preset="bundled")
    assert runs.waiting() == folds
    group = folds[0].id.removesuffix("-01")
    for index, run in enumerate(folds):
        assert run.id == f"{group}-{index + 1:02}"
        assert run.config == replace(SMALL, folds=3, fold=index)
        assert run.plan.group == Group(group, "kfold", index, 3, "folds", {"fold": index})


def test_folds_keep_their_last_weights():
    for run in runs.create_folds(replace(SMALL, keep="best"), 2):
        assert run.config.keep == "last"  # the best on the fold would be chosen by what judges it


def test_a_sweep_is_a_run_for_every_combination():
    sweep = runs.create_sweep(SMALL, {"learning_rate": [0.01, 0.1], "hidden_size": [4, 8, 16]}, name="sweep")
    values = [run.plan.group.values for run in sweep]
    assert values[:2] == [{"learning_rate": 0.01, "hidden_size": 4}, {"learning_rate": 0.01, "hidden_size": 8}]
    assert len(values) == 6
    assert [run.config.hidden_size for run in sweep] == [4, 8, 16] * 2
    assert {run.plan.group.count for run in sweep} == {6}


def test_a_group_is_a_run_for_each_of_its_settings_told_apart_by_what_differs():
    configs = [replace(SMALL, seed=seed, learning_rate=rate) for seed, rate in ((1, 0.1), (1, 0.2), (2, 0.1))]
    made = runs.create_group(configs, "recall", "three")
    assert [run.config for run in made] == configs
    assert runs.waiting() == made
    groups = [run.plan.group for run in made]
    assert [group.values for group in groups] == [
        {"learning_rate": config.learning_rate, "seed": config.seed} for config in configs
    ]
    assert {(group.id, group.kind, group.count, group.name) for group in groups} == {
        (made[0].id.removesuffix("-01"), "recall", 3, "three")
    }


def test_a_group_of_one_differs_in_nothing():
    (run,) = runs.create_group([SMALL], "recall")
    assert run.plan.group.values == {}


@pytest.mark.parametrize("count", [0, 37])
def test_a_group_of_none_or_of_too_many_is_refused(count):
    with pytest.raises(ValueError, match=f"a group must have 1 to 36 runs. Got {count}."):
        runs.create_group([SMALL] * count, "recall")
    assert runs.listed() == []


def test_the_same_group_twice_is_one_group():
    id = runs.new_id()
    assert runs.create_folds(SMALL, 3, id=id) == runs.create_folds(SMALL, 3, id=id)
    assert len(runs.listed()) == 3


@pytest.mark.parametrize("grid", [{}, {"seed": [1]}, {"seed": list(range(37))}])
def test_a_sweep_of_one_or_of_too_many_is_refused(grid):
    with pytest.raises(ValueError, match="a sweep must have 2 to 36 points"):
        runs.create_sweep(SMALL, grid)
    assert runs.listed() == []


def test_a_sweep_with_a_point_that_cannot_be_makes_no_run():
    with pytest.raises(ValueError, match="hidden_size must be"):
        runs.create_sweep(SMALL, {"hidden_size": [4, 0]})
    assert runs.listed() == []


def test_too_many_do_not_wait(monkeypatch):
    monkeypatch.setattr(runs, "MAX_WAITING", 3)
    made = [runs.create(SMALL), runs.create(SMALL)]
    with pytest.raises(RunError, match=r"at most 3 runs may wait\. 2 do\."):
        runs.create_folds(SMALL, 2)
    assert set(runs.listed()) == set(made), "a group waits as a whole or not at all"
    runs.create(SMALL)
    with pytest.raises(RunError, match="at most 3"):
        runs.create(SMALL)
    set_state(made[0], state="finished")
    runs.create(SMALL)


def test_a_full_disk_leaves_nothing_half_made(here, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.os, "rename", full)
    with pytest.raises(OSError, match="No space"):
        runs.create(SMALL)
    assert list(here.iterdir()) == []


# ---- Finding


def test_runs_are_listed_the_newest_first(here):
    ids = ["20261121-041500-aaaa", "20261121-041501-aaaa", "20261120-235959-zzzz"]
    for id in ids:
        runs.create(SMALL, id=id)
    (here / "20261121-041502-bbbb").mkdir()  # without settings it is none
    (here / "notes").mkdir()
    (here / ".deleted-20261121-041500-cccc-1").mkdir()
    assert [run.id for run in runs.listed()] == [ids[1], ids[0], ids[2]]


def test_without_a_folder_there_are_no_runs(here):
    assert runs.listed() == runs.waiting() == []
    assert not here.exists()


def test_a_run_that_is_not_there_is_told():
    for call in (runs.find, lambda id: runs.request_stop(Run(id)), lambda id: runs.resume(Run(id))):
        with pytest.raises(NoSuchRun, match="must be one that is there"):
            call("20261121-041500-aaaa")
    run = runs.create(SMALL)
    assert runs.find(run.id) == run
    shutil.rmtree(run.folder)
    for ask in (lambda: run.state, lambda: run.plan, lambda: runs.annotate(run, "name"), lambda: runs.delete(run)):
        with pytest.raises(NoSuchRun):
            ask()
    assert not run.folder.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '"queued"'])
def test_files_that_cannot_be_read_are_told(text):
    run = runs.create(SMALL)
    (run.folder / "state.json").write_text(text)
    assert (run.state.state, run.state.reason) == ("failed", "error")
    (run.folder / "config.json").write_text(text)
    with pytest.raises(RunError, match=r"config\.json must hold"):
        _ = run.plan


def change(path, **changes: object) -> None:
    """Change a file of JSON by hand."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "foo"},
        {"state": ["queued"]},
        {"phase": "sleeping"},
        {"reason": "luck"},
        {"detail": 5},
        {"device": 3},
        {"repaired": 1},
        {"step": "x"},
        {"step": 1.5},
        {"step": True},
        {"step": -1},
        {"steps": [1]},
        {"attempt": 10**400},
        {"seconds": "x"},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"ended": 1e300},
        {"resumed_from": "x"},
        {"handle": None},
    ],
)
def test_a_state_that_cannot_be_is_told(changes):
    run = runs.create(SMALL)
    change(run.folder / "state.json", **changes)
    state = run.state
    assert (state.state, state.reason) == ("failed", "error")
    assert state.detail.startswith(f"state.json must hold a state that can be. In it {next(iter(changes))} must ")


@pytest.mark.parametrize("changes", [{"resumed_from": None}, {"resumed_from": 7}, {"seconds": 3}, {"repaired": True}])
def test_a_state_that_can_be_is_taken(changes):
    run = runs.create(SMALL)
    change(run.folder / "state.json", **changes)
    assert run.state.state == "queued"
    assert changes.items() <= vars(run.state).items()


@pytest.mark.parametrize("text", ['{"a": ' + "[" * 5000, '{"a": "' + "x" * 2**20 + '"}', '{"a": 1' + "0" * 5000 + "}"])
def test_files_that_would_fill_a_machine_are_not_read(text):
    run = runs.create(SMALL)
    for name in ("state.json", "config.json", "note.json"):
        (run.folder / name).write_text(text)
    assert run.state.state == "failed"
    assert run.note == {}
    with pytest.raises(RunError, match=r"config\.json must hold"):
        _ = run.plan


@pytest.mark.parametrize(
    "changes",
    [
        {"name": 3},
        {"preset": ["bundled"]},
        {"created": "now"},
        {"created": float("nan")},
        {"created": -1},
        {"created": 1e300},
        {"created": 10**400},
        {"config": []},
        {"config": {"cell": ["gru"]}},
        {"config": {"epochs": 10**400}},
        {"group": [1]},
        {"group": {"id": "a"}},
    ],
)
def test_a_plan_that_cannot_be_is_told(changes):
    run = runs.create(SMALL)
    change(run.folder / "config.json", **changes)
    with pytest.raises(RunError, match=r"config\.json must hold"):
        _ = run.plan


@pytest.mark.parametrize(
    "changes",
    [
        {"id": 3},
        {"kind": "family"},
        {"kind": ["kfold"]},
        {"index": 2},
        {"index": -1},
        {"index": 0.0},
        {"count": "2"},
        {"name": None},
        {"values": ["fold"]},
        {"values": {"dropout": 1}},
        {"values": {"fold": [1]}},
        {"values": {"fold": 7}},
    ],
)
def test_a_group_that_cannot_be_is_told(changes):
    run = runs.create_folds(SMALL, 2)[1]
    group = json.loads((run.folder / "config.json").read_text())["group"]
    change(run.folder / "config.json", group=group | changes)
    with pytest.raises(RunError, match=r"config\.json must hold"):
        _ = run.plan


def test_half_a_surrogate_pair_is_replaced_wherever_it_is_read():
    run = runs.create(SMALL, name="half \ud83d, whole \U0001f600")
    runs.annotate(run, note="\udc00")
    change(run.folder / "state.json", detail="\ud800")
    assert (run.name, run.note["note"], run.state.detail) == ("half ?, whole \U0001f600", "?", "?")


@pytest.mark.parametrize("value", [3, ["x"], None, {"x": 1}])
def test_a_name_that_is_no_text_is_none(value):
    run = runs.create(SMALL, name="first")
    (run.folder / "note.json").write_text(json.dumps({"name": value, "note": value}))
    assert (run.note, run.name) == ({}, "first")


def test_settings_of_another_version_are_told():
    run = runs.create(SMALL)
    path = run.folder / "config.json"
    values = json.loads(path.read_text())
    values["config"]["dropout"] = 0.5
    path.write_text(json.dumps(values))
    with pytest.raises(RunError, match="Got 'dropout'"):
        _ = run.config


def test_what_a_later_version_adds_to_the_state_is_passed_over():
    run = runs.create(SMALL)
    path = run.folder / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}))
    assert run.state.state == "queued"


# ---- Metrics and the rest


def test_metrics_are_the_whole_rows_that_count():
    run = runs.create(SMALL)
    lines = [
        b'{"step": 1, "seconds": 1, "loss": 2.0}\n',
        b'{"step": 2, "seconds": 2, "loss": 1.0}\n',
        b'{"step": 3, "lo\n',  # torn by a kill
        b'{"event": "resumed", "step": 1}\n',
        b'{"step": 2, "seconds": 2, "loss": 1.5}\n',
        b"[3]\n",
        b"[" * 5000 + b"\n",
        b'{"step": "4", "seconds": 3}\n',
        b'{"step": -1, "seconds": 3}\n',
        b'{"step": 1000000000000000000000, "seconds": 3}\n',
        b'{"step": true, "seconds": 3}\n',
        b'{"step": 1.5, "seconds": 3}\n',
        b'{"step": 4, "seconds": NaN}\n',
        b'{"event": "resumed", "step": -1}\n',
        b'{"step": 3, "seconds": 3, "loss": 0.5}\n',
        b'{"step": 4, "loss"',  # being written
    ]
    (run.folder / "metrics.jsonl").write_bytes(b"".join(lines))
    assert [(row["step"], row["loss"]) for row in run.metrics] == [(1, 2.0), (2, 1.5), (3, 0.5)]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", '"x"', "[1]", "null", "true", "1" + "0" * 400])
def test_a_number_of_a_row_that_is_none_is_left_out(value):
    run = runs.create(SMALL)
    row = f'{{"step": 1, "seconds": 0.5, "loss": {value}, "accuracy": {value}, "speed": 10, "colour": "blue"}}\n'
    (run.folder / "metrics.jsonl").write_text(row)
    assert run.metrics == [{"step": 1, "seconds": 0.5, "speed": 10, "colour": "blue"}]


@pytest.mark.parametrize(
    ("predicted", "confidence"),
    [
        (np.zeros((2, 1), np.uint8), np.zeros((2, 1))),
        (np.uint8(1), np.float64(1)),
        (np.zeros(2, np.uint8), np.zeros(3)),
        (np.zeros(2, np.int64), np.zeros(2)),
        (np.zeros(2, np.uint8), np.array(["a", "b"])),
        (np.zeros(2, np.uint8), np.zeros(2, complex)),
        (np.zeros(2, np.uint8), np.array([0.5, np.nan])),
    ],
)
def test_answers_of_another_shape_or_kind_are_none(predicted, confidence):
    run = runs.create(SMALL)
    np.savez(run.folder / "answers.npz", predicted=predicted, confidence=confidence)
    assert run.answers is None


def test_answers_in_one_array_or_with_one_flipped_byte_are_none():
    run = runs.create(SMALL)
    path = run.folder / "answers.npz"
    with open(path, "wb") as file:
        np.save(file, np.zeros(3, np.uint8))
    assert run.answers is None
    np.savez_compressed(path, predicted=np.arange(99, dtype=np.uint8), confidence=np.linspace(0, 1, 99))
    whole = path.read_bytes()
    assert run.answers is not None
    for at in range(0, len(whole), 7):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        found = run.answers
        assert found is None or len(found["predicted"]) == 99


def test_answers_are_read_and_damaged_ones_are_none():
    run = runs.create(SMALL)
    path = run.folder / "answers.npz"
    with open(path, "wb") as file:
        np.savez(file, predicted=np.array([1, 2], np.uint8), confidence=np.array([0.5, 1.0], np.float16))
    assert run.answers["predicted"].tolist() == [1, 2]
    assert run.answers["confidence"].dtype == float
    for damaged in (b"", b"nonsense", path.read_bytes()[:-30]):
        path.write_bytes(damaged)
        assert run.answers is None


def test_the_end_of_the_log_is_read():
    run = runs.create(SMALL)
    (run.folder / "log.txt").write_bytes(b"x" * 5000 + "Ende ü".encode())
    assert run.log().endswith("xEnde ü")
    assert len(run.log(10)) <= 10


def test_bytes_count_every_file_and_bear_one_that_vanishes(monkeypatch):
    run = runs.create(SMALL)
    before = run.bytes
    (run.folder / "film").mkdir()
    (run.folder / "film" / "film.bin").write_bytes(b"x" * 1000)
    assert run.bytes == before + 1000
    lstat = runs.os.lstat

    def vanishing(path):
        if str(path).endswith("film.bin"):
            raise FileNotFoundError(path)
        return lstat(path)

    monkeypatch.setattr(runs.os, "lstat", vanishing)
    assert run.bytes == before


# ---- The lock


def test_a_run_is_lost_when_it_says_running_and_nobody_holds_it():
    run = set_state(runs.create(SMALL), state="running")
    assert run.lost
    with run.hold():
        assert not run.lost
    assert run.lost


def test_a_lock_is_free_as_soon_as_its_process_is_dead():
    run = set_state(runs.create(SMALL), state="running")
    code = f"with Run({run.id!r}).hold(): print(1, flush=True); time.sleep(99)"
    code = f"from rnnviz.training.runs import Run; import time\n{code}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"1\n"
        assert not run.lost
        with pytest.raises(RunError, match="must not be at work"), run.hold():
            pass
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert run.lost


def test_holding_a_run_that_is_gone_does_not_make_it_anew():
    run = runs.create(SMALL)
    shutil.rmtree(run.folder)
    with pytest.raises(NoSuchRun), run.hold():
        pass
    assert not run.folder.exists()


def test_a_lock_that_cannot_be_taken_is_told_and_makes_no_run_lost(monkeypatch):
    run = set_state(runs.create(SMALL), state="running")
    (run.folder / "lock").unlink(missing_ok=True)
    (run.folder / "lock").mkdir()
    assert not run.lost
    with pytest.raises(RunError, match="lock must be a file that can be written"), run.hold():
        pass
    (run.folder / "lock").rmdir()
    assert run.lost

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(runs.FileLock, "acquire", denied)  # another user's folder
    assert not run.lost
    with pytest.raises(RunError, match="Permission denied"):
        runs.delete(run)
    assert run.exists


def test_what_goes_wrong_while_a_run_is_held_is_told_as_it_is():
    run = runs.create(SMALL)
    with pytest.raises(OSError, match="No space"), run.hold():
        raise OSError(28, "No space left on device")
    with run.hold():
        pass


def test_readers_meet_the_old_state_or_the_new_one():
    run = runs.create(SMALL)
    done, seen = threading.Event(), set()

    def read():
        while not done.is_set():
            seen.add(run.state.reason)

    reader = threading.Thread(target=read)
    reader.start()
    with run.hold():
        for step in range(200):
            run.write_state(replace(run.state, step=step))
    done.set()
    reader.join()
    assert seen == {""}  # a torn file would be read as a failure
    assert {path.name for path in run.folder.iterdir()} - {"lock"} == {"config.json", "state.json", "place"}


# ---- Acting


def test_a_waiting_run_is_cancelled_at_once():
    run = runs.create(SMALL)
    runs.request_stop(run)
    assert run.state.state == "stopped"
    assert run.state.ended > 0
    assert runs.waiting() == []


def test_a_run_about_to_start_is_left_to_its_worker():
    run = set_state(runs.create(SMALL), handle="12:34")
    runs.request_stop(run)
    assert run.state.state == "queued"
    assert run.stopping


def test_a_run_at_work_is_asked_to_stop_and_a_lost_one_is_stopped():
    run = set_state(runs.create(SMALL), state="running")
    with run.hold():
        runs.request_stop(run)
        assert run.state.state == "running"
        assert run.stopping
    runs.request_stop(run)
    assert run.state.state == "stopped"


@pytest.mark.parametrize("state", ["finished", "stopped", "failed"])
def test_a_run_that_has_ended_is_not_asked_to_stop(state):
    run = set_state(runs.create(SMALL), state=state)
    runs.request_stop(run)
    assert not run.stopping
    assert run.state.state == state


@pytest.mark.parametrize("state", ["stopped", "failed", "running"])
def test_a_run_that_has_something_left_to_do_goes_on(state):
    first = set_state(runs.create(SMALL), state=state, reason="lost", detail="x", attempt=3, handle="1:2", step=7)
    other = runs.create(SMALL)
    (first.folder / "stop").touch()
    runs.resume(first)
    found = first.state
    assert (found.state, found.reason, found.detail, found.attempt, found.handle) == ("queued", "", "", 0, "")
    assert found.step == 7
    assert not first.stopping
    assert runs.waiting() == [other, first]


def test_a_finished_run_or_one_at_work_does_not_go_on():
    run = set_state(runs.create(SMALL), state="finished")
    with pytest.raises(RunError, match="something left to do"):
        runs.resume(run)
    set_state(run, state="stopped")
    with run.hold(), pytest.raises(RunError, match="must not be at work"):
        runs.resume(run)


def test_runs_move_in_the_queue():
    a, b, c = (runs.create(SMALL) for _ in range(3))
    runs.move(c, -1)
    assert runs.waiting() == [a, c, b]
    runs.move(a, -1)
    assert runs.waiting() == [a, c, b]
    runs.move(a, 5)
    assert runs.waiting() == [c, b, a]
    runs.move(set_state(b, state="finished"), -1)
    assert runs.waiting() == [c, a]
    assert runs.waiting() + [runs.create(SMALL)] == runs.waiting()


def test_a_run_that_is_deleted_while_the_queue_moves_is_passed_over(monkeypatch):
    a, b, c = (runs.create(SMALL) for _ in range(3))
    monkeypatch.setattr(runs, "waiting", lambda: [a, b, c])  # as it was just before
    shutil.rmtree(b.folder)
    runs.move(c, -2)
    assert (c.place, a.place) == (0.0, 1.0)
    assert not b.folder.exists()


def test_a_run_without_a_readable_place_starts_last():
    a, b = runs.create(SMALL), runs.create(SMALL)
    (a.folder / "place").write_text("soon")
    assert runs.waiting() == [b, a]
    assert runs.create(SMALL).place == 3.0


def test_names_and_notes_are_kept():
    run = runs.create(SMALL, name="first")
    runs.annotate(run, note="  what I saw ")
    assert (run.name, run.note) == ("first", {"note": "what I saw"})
    runs.annotate(run, name="second")
    assert (run.name, run.note["note"]) == ("second", "what I saw")
    runs.annotate(run, name="")
    assert run.name == "first"


@pytest.mark.parametrize(("key", "most"), [("name", 80), ("note", 2000)])
def test_names_and_notes_have_a_length(key, most):
    run = runs.create(SMALL)
    runs.annotate(run, **{key: "x" * most})
    with pytest.raises(RunError, match=f"{key} must have at most {most} characters. Got {most + 1}."):
        runs.annotate(run, **{key: "x" * (most + 1)})


def test_a_run_is_deleted_with_everything_in_it(here):
    run = set_state(runs.create(SMALL), state="finished")
    (run.folder / "film").mkdir()
    runs.delete(run)
    assert not run.folder.exists()
    assert list(here.iterdir()) == []


def test_a_run_at_work_or_about_to_start_is_not_deleted():
    run = runs.create(SMALL)
    with run.hold(), pytest.raises(RunError, match="must not be at work"):
        runs.delete(run)
    set_state(run, handle="12:34")
    with pytest.raises(RunError, match="about to start"):
        runs.delete(run)
    assert run.exists


def test_what_was_left_half_made_or_half_deleted_is_removed_after_a_while(here):
    run = runs.create(SMALL)
    names = [".new-20261121-041500-aaaa-1", ".deleted-20261121-041500-bbbb-1", ".new-20261121-041500-cccc-1", "notes"]
    for name in names:
        (here / name).mkdir()
        (here / name / "config.json").write_text("{}")
    for path in (here / names[0], here / names[1], here / "notes", run.folder):
        os.utime(path, (time.time() - 2 * runs.LEFT_OVER,) * 2)
    runs.clear_leftovers()
    assert {path.name for path in here.iterdir()} == {run.id, names[2], "notes"}
