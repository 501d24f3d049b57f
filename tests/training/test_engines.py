"""Engines: launching, watching and ending processes, real ones that need no torch."""

import subprocess
import sys

import psutil
import pytest

from rnnviz.training import engines
from rnnviz.training.engines import Exit, local
from tests.training.processes import until

ASLEEP = "import time; print('here', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {ASLEEP!r}])"


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """A function that launches some Python code in the place of a worker, and gives its handle."""
    spawn, handles = local.spawn, []

    def launch(code: str = ASLEEP) -> str:
        monkeypatch.setattr(local, "spawn", lambda _, *rest, **more: spawn([sys.executable, "-c", code], *rest, **more))
        handles.append(local.launch(tmp_path))
        return handles[-1]

    yield launch
    for handle in handles:
        local.kill(handle)


def log(folder) -> str:
    return (folder / "log.txt").read_text()


def process(handle: str) -> psutil.Process:
    return psutil.Process(int(handle.partition(":")[0]))


def test_the_engine_is_local_unless_the_environment_names_another(monkeypatch):
    monkeypatch.delenv("RNNVIZ_ENGINE", raising=False)
    assert engines.engine(engines.name()) is local
    monkeypatch.setenv("RNNVIZ_ENGINE", "steam")
    with pytest.raises(ValueError, match=r"RNNVIZ_ENGINE must be one of local, ray\. Got 'steam'\."):
        engines.engine(engines.name())


@pytest.mark.parametrize("name", engines.ENGINES)
def test_every_engine_offers_the_same_calls(name):
    engine = engines.engine(name)
    assert all(
        callable(getattr(engine, call))
        for call in ("connect", "launch", "poll", "kill", "lacking", "machines", "slots")
    )


def test_a_worker_lives_until_it_ends_and_tells_its_parent_the_exit_code(launch):
    handle = launch("import sys; sys.stdin.read(); sys.exit(3)")  # nobody types anything: its input is empty
    until(lambda: local.poll(handle) is not None)
    assert local.poll(handle) == local.poll(handle) == Exit(3)


def test_what_a_worker_says_is_appended_to_the_log_of_its_run(launch, tmp_path):
    (tmp_path / "log.txt").write_text("before\n")
    handle = launch("import sys; print('out'); sys.stdout.flush(); print('err', file=sys.stderr)")
    until(lambda: local.poll(handle))
    assert log(tmp_path) == "before\nout\nerr\n"


def test_a_worker_computes_on_one_thread_for_the_runs_of_its_folder_in_a_session_of_its_own(launch, tmp_path):
    handle = launch(
        "import os; print(os.environ['OMP_NUM_THREADS'], os.environ['RNNVIZ_RUNS'], os.getsid(0), os.getpid())"
    )
    until(lambda: local.poll(handle))
    threads, home, session, pid = log(tmp_path).split()
    assert threads == "1"
    assert home == str(tmp_path.parent)
    assert session == pid  # so no terminal that is closed ends it


def test_a_worker_is_known_to_a_process_that_did_not_start_it(launch, tmp_path):
    handle = launch()
    until(lambda: "here" in log(tmp_path))
    code = f"from rnnviz.training.engines import local; print(local.poll({handle!r})); local.kill({handle!r}); "
    code += f"print(local.poll({handle!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=local.ROOT)
    # Killed, it is a zombie until this process, its parent, takes note: that has ended as well.
    assert done.stdout.splitlines() == ["None", str(Exit())]
    assert local.poll(handle) == Exit(-9)


def test_a_kill_ends_what_the_worker_has_started_as_well(launch, tmp_path):
    handle = launch(PARENT)
    until(lambda: "here" in log(tmp_path))
    (child,) = process(handle).children()
    local.kill(handle)
    assert local.poll(handle) == Exit(-9)
    until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_later_process_with_the_same_number_is_neither_taken_for_the_worker_nor_killed(launch, tmp_path):
    handle = launch()
    pid, _, birth = handle.partition(":")
    earlier = f"{pid}:{float(birth) - 1:g}"
    assert local.poll(earlier) == Exit()
    local.kill(earlier)
    until(lambda: "here" in log(tmp_path))
    assert local.poll(handle) is None


@pytest.mark.parametrize("handle", ["", ":", "x:y", "0:0", "-1:0", "99999999999999999999:1", "4711", "1"])
def test_a_handle_that_means_nothing_has_ended(handle):
    assert local.poll(handle) == Exit()
    local.kill(handle)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the time of birth does not follow the clock")
def test_a_clock_that_is_set_does_not_change_who_a_worker_is(launch, monkeypatch):
    handle = launch()
    create_time = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process, **_: create_time(process) + 1e6)
    monkeypatch.setattr(local, "_children", {})  # as in a process that did not start it
    assert local.poll(handle) is None
    local.kill(handle)
    assert local.poll(handle) == Exit()


def test_a_folder_that_is_gone_is_refused_and_nothing_is_started(tmp_path):
    with pytest.raises(FileNotFoundError):
        local.launch(tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


def test_workers_that_have_ended_are_forgotten(launch, tmp_path):
    first = launch("pass")
    until(lambda: local.poll(first))
    launch("pass")
    assert first not in local._children
    assert local.poll(first) == Exit()
