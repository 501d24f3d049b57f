"""What can run a worker. The dispatcher knows them by three calls, so that another one changes nothing else."""

import os
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

ENGINES = {"local": "local"}
"""Name -> module of this package. Only the one that is used is imported."""


class Exit(NamedTuple):
    """How a worker ended."""

    code: int | None = None
    """Its exit code, below 0 for a signal; None where nobody knows."""
    by_engine: bool = False
    """Whether the engine itself ended it, as when a machine was taken away: then it does not count as an attempt."""


class Engine(Protocol):
    """What an engine's module offers. A handle is any text; every process must understand it, not only the launcher."""

    def launch(self, folder: Path) -> str:
        """Start `python -m rnnviz.training.worker <folder>` and return its handle. OSError where that cannot be."""

    def poll(self, handle: str) -> Exit | None:
        """Return how the worker ended; None while it lives or waits to be started. An unknown handle has ended."""

    def kill(self, handle: str) -> None:
        """End the worker and all that it started; nothing where it has ended."""


def name() -> str:
    """Return the name of the engine that starts workers: $RNNVIZ_ENGINE, else "local"."""
    return os.environ.get("RNNVIZ_ENGINE") or "local"


def engine(name: str) -> Engine:
    """Return the engine of that name; ValueError for an unknown one."""
    if name not in ENGINES:
        raise ValueError(f"RNNVIZ_ENGINE must be one of {', '.join(ENGINES)}. Got {name!r}.")
    return import_module(f".{ENGINES[name]}", __name__)
