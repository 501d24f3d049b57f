"""What can run a worker. The dispatcher knows them by a few calls, so that another one changes nothing else."""

import os
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

ENGINES = {"local": "local", "ray": "ray"}
"""Name -> module of this package. Only the one that is used is imported."""


class Unavailable(RuntimeError):
    """The engine cannot be used as things are; the message says what it needs."""


class Needs(NamedTuple):
    """What a worker needs of a machine."""

    cores: int = 1
    """So many processes compute."""
    gpus: int | None = None
    """So many whole ones; None: one or a share of one, as the engine gives it, or none where there is none."""


class Exit(NamedTuple):
    """How a worker ended."""

    code: int | None = None
    """Its exit code, below 0 for a signal; None where nobody knows."""
    by_engine: bool = False
    """Whether the engine itself ended it, as when a machine was taken away: then it does not count as an attempt."""
    detail: str = ""
    """What the engine says of it, in English words, where it has something to say."""


class Machine(NamedTuple):
    """One of those that workers run on. GPUs are counted in shares: 0.25 is a quarter of one."""

    name: str
    cores: float
    free_cores: float
    gpus: float = 0.0
    free_gpus: float = 0.0


class Engine(Protocol):
    """What an engine's module offers. A handle is any text; every process must understand it, not only the launcher."""

    def connect(self, insecure: bool = False) -> None:
        """Make ready to launch. Unavailable where that cannot be, or where strangers could launch as well and
        `insecure` does not allow it."""

    def launch(self, folder: Path, needs: Needs) -> str:
        """Start `python -m rnnviz.training.worker <folder>` and return its handle. OSError where that cannot be."""

    def poll(self, handle: str) -> Exit | None:
        """Return how the worker ended; None while it lives or waits to be started. An unknown handle has ended."""

    def kill(self, handle: str) -> None:
        """End the worker and all that it started; nothing where it has ended."""

    def lacking(self, needs: Needs) -> str:
        """Return why no machine that there is now can take such a worker, busy or not; "" where one can."""

    def machines(self) -> list[Machine]:
        """Return those that there are now; none where the engine keeps no count of them."""

    def slots(self) -> int:
        """Return how many processes may compute at a time where nobody says it."""


def name() -> str:
    """Return the name of the engine that starts workers: $RNNVIZ_ENGINE, else "local"."""
    return os.environ.get("RNNVIZ_ENGINE") or "local"


def engine(name: str) -> Engine:
    """Return the engine of that name; ValueError for an unknown one."""
    if name not in ENGINES:
        raise ValueError(f"RNNVIZ_ENGINE must be one of {', '.join(ENGINES)}. Got {name!r}.")
    return import_module(f".{ENGINES[name]}", __name__)
