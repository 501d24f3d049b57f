"""The engine for this machine: every worker is a process of its own that outlives whoever started it.

A handle is "<pid>:<birth>". The birth tells a worker from a later process that was given the same number.
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from . import Exit, Machine, Needs

ROOT = Path(__file__).resolve().parents[3]
WORKER = {
    # One thread each: two gain little when the machine is idle, and lose up to 25 x when it is not.
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    # glibc otherwise hands large batches back to the kernel after every update: 1.6 to 1.8 x slower.
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "2147483648",
    "MALLOC_TOP_PAD_": "268435456",
}
_PATIENCE = 5.0
"""Seconds that a killed process may take to be gone."""

_children: dict[str, subprocess.Popen] = {}
"""The workers that this very process has started: only a parent learns the exit code."""


def connect(insecure: bool = False) -> None:
    pass


def launch(folder: Path, needs: Needs = Needs()) -> str:  # noqa: B008
    for handle in [handle for handle, child in _children.items() if child.poll() is not None]:
        del _children[handle]
    child = start(folder)
    handle = f"{child.pid}:{_birth(psutil.Process(child.pid))}"
    _children[handle] = child
    return handle


def poll(handle: str) -> Exit | None:
    if handle in _children:
        code = _children[handle].poll()
        return None if code is None else Exit(code)
    return None if _process(handle) else Exit()


def kill(handle: str) -> None:
    process = _process(handle)
    if process is None:
        return
    with suppress(psutil.Error):
        for each in [*process.children(recursive=True), process]:
            with suppress(psutil.NoSuchProcess):
                each.kill()
    with suppress(subprocess.TimeoutExpired, psutil.Error):
        _children[handle].wait(_PATIENCE) if handle in _children else process.wait(_PATIENCE)


def lacking(needs: Needs) -> str:
    return ""  # a worker finds out itself, and says so


def machines() -> list[Machine]:
    return []


def slots() -> int:
    """Return half the cores; a GPU changes nothing."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // 2)


def start(folder: Path, **environment: str) -> subprocess.Popen:
    """Start a worker on this machine."""
    command = [sys.executable, "-u", "-m", "rnnviz.training.worker", str(folder)]
    return spawn(command, folder / "log.txt", **WORKER, **environment, RNNVIZ_RUNS=str(folder.parent))


def spawn(command: list[str], log: Path, **environment: str) -> subprocess.Popen:
    """Start a process that outlives this one and its terminal, its output appended to `log`."""
    if os.name == "nt":
        apart = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    else:
        apart = {"start_new_session": True}
    with open(log, "ab") as out:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            **apart,
        )


def _process(handle: str) -> psutil.Process | None:
    """Return the living process of a handle; one that only waits for its parent to take note has ended."""
    pid, _, birth = handle.partition(":")
    try:
        process = psutil.Process(int(pid))
        lives = _birth(process) == birth and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None
    return process if lives else None


def _birth(process: psutil.Process) -> str:
    """Return when a process began, in a way that does not move when someone sets the clock."""
    if sys.platform == "linux":  # there psutil adds the time of boot, which follows the clock
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[19]
    return repr(process.create_time())
