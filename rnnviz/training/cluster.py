"""What a dispatcher says of where it trains, for pages, which never meet its engine. It lies beside the runs:

.cluster.json    engine, slots, machines, what cannot start and why       atomically, by the dispatcher
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ..checkpoints import runs_home
from .engines import Machine
from .files import read_json, write_json
from .runs import LARGEST

STALE = 30.0
"""Seconds after which what was said is old: a dispatcher that lives says it every few seconds."""


@dataclass(frozen=True)
class Cluster:
    """Where runs are trained, as the dispatcher saw it last."""

    engine: str
    told: float
    """Seconds since 1970."""
    slots: int = 0
    """So many processes may compute at a time."""
    at_work: int = 0
    """So many do, or are about to."""
    machines: tuple[Machine, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)
    """Run's id -> why it cannot be started now, in the engine's English words."""
    error: str = ""
    """Why there is no dispatcher: what the engine needs before it can be used, in its English words."""

    @property
    def stale(self) -> bool:
        """Whether nobody has said anything for longer than a dispatcher that lives would be silent."""
        return not abs(time.time() - self.told) < STALE


def write(cluster: Cluster) -> None:
    """Say it. OSError where the disk does not take it."""
    write_json(runs_home() / ".cluster.json", asdict(cluster) | {"machines": [m._asdict() for m in cluster.machines]})


def read() -> Cluster | None:
    """Return what was said last; None where nothing was, or nothing that can be understood."""
    values = read_json(runs_home() / ".cluster.json") or {}
    try:
        machines = tuple(Machine(**each) for each in values.pop("machines", ()))
        cluster = Cluster(**values, machines=machines)
        texts = [cluster.engine, cluster.error, *(m.name for m in machines), *cluster.troubles.values()]
        numbers = [cluster.told, cluster.slots, cluster.at_work, *(value for m in machines for value in m[1:])]
        if not all(isinstance(text, str) for text in texts) or not all(map(math.isfinite, numbers)):
            return None
        if not 0 <= cluster.told < LARGEST:
            return None
    except (TypeError, AttributeError, OverflowError):
        return None
    return cluster
