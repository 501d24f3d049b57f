"""The engine for several machines: every worker runs inside a task of a Ray cluster. Only the dispatcher imports Ray.

The folder of runs, and this project, must lie under the same paths on every machine. A task starts the worker as a
process of its own, as the local engine does, and the worker ends where its task is gone: torch and Ray never meet in a
process. Ray tries nothing again; that is the dispatcher's alone. When a dispatcher dies, Ray ends its tasks: for the
next one, a handle that it did not launch itself has ended.
"""

import math
import os
import secrets
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from . import Exit, Machine, Needs, Unavailable
from .local import start

_IS_CLOSED = """
import sys
from ray._raylet import GcsClient
from ray.exceptions import AuthenticationError
try:
    GcsClient(address=sys.argv[1]).internal_kv_get(b"rnnviz", namespace=None, timeout=5)
except AuthenticationError:
    print("closed")
else:
    print("open")
"""
"""Asks a cluster something without showing a token. Ray has no public way to do that, hence its pinned version."""
_PATIENCE = 60.0
"""Seconds that asking may take."""
_KNOCK = 5.0
"""Seconds in which somebody must answer there."""

_PLACE = ".machine"
"""The file in a run's folder that says on which node of the cluster its task runs."""

_tasks: dict[str, "tuple[object, Path] | Exit"] = {}
"""Handle -> a task's reference and its run's folder, then the Exit that came of it."""


def connect(insecure: bool = False) -> None:
    """Join the cluster at $RAY_ADDRESS, or the one that this machine is part of."""
    # Ray reads both when it is imported. Where a token is refused it would ask for it again for half a minute.
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")
    if not insecure:
        os.environ["RAY_AUTH_MODE"] = "token"
    try:
        import ray
    except ImportError as error:
        raise Unavailable(f"Ray must be installed. It is not ({error}). Install requirements-ray.txt.") from error
    try:
        gpus_per_run(0.0)
    except ValueError as error:
        raise Unavailable(str(error)) from error
    address = _found()
    if not insecure and not _is_closed(address):
        raise Unavailable(
            "the cluster must ask for a token. It lets anyone in who reaches it, and runs what they say. Start its "
            "nodes with RAY_AUTH_MODE=token, or allow it with --insecure."
        )
    try:  # what workers say is in the logs of their runs
        ray.init(address, namespace="rnnviz", log_to_driver=False, logging_level="warning")
    except (OSError, RuntimeError, ray.exceptions.RayError) as error:
        ray.shutdown()
        told = str(error).strip().partition("\n")[0]
        if insecure:
            raise Unavailable(f"the cluster at {address} must take this machine in. It does not: {told}") from error
        raise Unavailable(
            f"a token must be shown to the cluster at {address}, the one that it knows. It says: {told} Make one with "
            "`ray get-auth-token --generate`, and have the same ~/.ray/auth_token on every machine."
        ) from error


def launch(folder: Path, needs: Needs = Needs()) -> str:  # noqa: B008
    import ray

    if not folder.is_dir():
        raise FileNotFoundError(f"a run's folder must be there. {folder} is not.")
    gpus = _gpus(needs)
    once = ray.remote(max_retries=0, max_calls=1)(_work)  # every try is the dispatcher's, in a process of its own
    task = once.options(num_cpus=needs.cores, num_gpus=gpus, scheduling_strategy="SPREAD", name=folder.name)
    told = {name: value for name, value in os.environ.items() if name.startswith("RNNVIZ_") and name != "RNNVIZ_RUNS"}
    if not gpus:
        told["CUDA_VISIBLE_DEVICES"] = ""  # where nothing is asked for, Ray hides nothing
    (folder / _PLACE).unlink(missing_ok=True)
    reference = task.remote(str(folder), told)
    handle = f"{reference.hex()}-{secrets.token_hex(4)}"  # a cluster that was started anew gives the same ones again
    _tasks[handle] = reference, folder
    return handle


def poll(handle: str) -> Exit | None:
    task = _tasks.get(handle, Exit(by_engine=True))
    if isinstance(task, Exit):
        return task
    import ray

    reference, folder = task
    if ray.wait([reference], timeout=0)[0]:
        end = _exit(reference)
    elif _is_lost(folder):  # of a machine that falls silent Ray learns soon, of its tasks only after many minutes
        end = Exit(by_engine=True)
    else:
        return None
    _tasks[handle] = end
    return end


def kill(handle: str) -> None:
    task = _tasks.get(handle)
    if task is None or isinstance(task, Exit):
        return
    import ray

    ray.cancel(task[0], force=True)


def lacking(needs: Needs) -> str:
    gpus = _gpus(needs)
    if any(_takes(node["Resources"], needs.cores, gpus) for node in _nodes()):
        return ""
    most = f"The most that one has is {_most('CPU'):g} cores, and {_most('GPU'):g} GPUs."
    return f"a machine must have {needs.cores} cores and {gpus:g} GPUs for this run. {most}"


def machines() -> list[Machine]:
    from ray._private.state import available_resources_per_node  # no public call tells nodes apart

    free = available_resources_per_node()
    found = []
    for node in _nodes():
        there, left = node["Resources"], free.get(node["NodeID"], {})
        counts = [values.get(kind, 0.0) for kind in ("CPU", "GPU") for values in (there, left)]
        found.append(Machine(_name(node), *counts))
    return sorted(found)


def slots() -> int:
    """Return how many runs the machines of the cluster take at a time, each on one core and its share of a GPU."""
    share = gpus_per_run(_most("GPU"))
    return sum(_runs(node["Resources"], share) for node in _nodes())


def gpus_per_run(there: float) -> float:
    """Return what share of a GPU a run takes: $RNNVIZ_GPUS_PER_RUN, else a whole one where machines have `there`.

    It is for counting only: nothing keeps a run out of another's memory. ValueError for what is no share.
    """
    told = os.environ.get("RNNVIZ_GPUS_PER_RUN") or ("1" if there else "0")
    try:
        share = float(told)
    except ValueError:
        share = math.nan
    if not (0 <= share <= 1 or share in range(2, 9)):  # Ray has no one and a half
        raise ValueError(f"RNNVIZ_GPUS_PER_RUN must be a share from 0 to 1, or 2 to 8 whole ones. Got {told!r}.")
    return share


# ---- On the cluster


def _work(folder: str, environment: dict[str, str]) -> int:
    """Run a worker on this machine, whichever it is, and return its exit code."""
    import ray

    (Path(folder) / _PLACE).write_text(ray.get_runtime_context().get_node_id())
    return start(Path(folder), **environment, RNNVIZ_WITH_PARENT=str(os.getpid())).wait()


# ---- What Ray says


def _exit(task) -> Exit:
    """Return what came of a task that has ended."""
    import ray

    try:
        return Exit(ray.get(task))
    except ray.exceptions.RayTaskError as error:  # it could not even start a worker there
        return Exit(detail=str(error).strip().splitlines()[-1])
    except ray.exceptions.OutOfMemoryError:  # ended because of what it took: endless tries would not change that
        return Exit(detail="Ray ended it, as its machine had no memory left")
    except ray.exceptions.RayError:  # cancelled, or its machine or its process is gone
        return Exit(by_engine=True)


def _found() -> str:
    """Return "host:port" of the cluster at $RAY_ADDRESS, or of this machine's; Unavailable where nobody is there.

    Ray itself would wait for minutes.
    """
    from ray._private.services import canonicalize_bootstrap_address_or_die

    told = os.environ.get("RAY_ADDRESS") or "auto"
    try:
        address = canonicalize_bootstrap_address_or_die(told)
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK).close()
    except (OSError, ValueError) as error:
        found = str(error).strip().partition("\n")[0]
        raise Unavailable(f"RAY_ADDRESS must be that of a running cluster. Got {told!r}: {found}") from error
    return address


def _is_lost(folder: Path) -> bool:
    """Return whether a run's task runs on a machine that the cluster has given up."""
    try:
        place = (folder / _PLACE).read_text()
    except OSError:  # it does not run yet
        return False
    return bool(place) and place not in {node["NodeID"] for node in _nodes()}


def _is_closed(address: str) -> bool:
    """Return whether a cluster turns away who shows no token; Unavailable where that cannot be found out."""
    stranger = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    stranger |= {"RAY_AUTH_MODE": "disabled"}
    command = [sys.executable, "-c", _IS_CLOSED, address]
    with suppress(subprocess.TimeoutExpired):
        done = subprocess.run(command, env=stranger, capture_output=True, text=True, timeout=_PATIENCE)
        if (said := done.stdout.strip()) in ("closed", "open"):
            return said == "closed"
    raise Unavailable(f"the cluster must answer within {_PATIENCE:g} s. That at {address} did not.")


def _nodes() -> list[dict]:
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def _name(node: dict) -> str:
    host, address = node["NodeManagerHostname"], node["NodeManagerAddress"]
    return host if host == address else f"{host} ({address})"


def _most(kind: str) -> float:
    """Return how much of something the machine has that has most of it."""
    return max((node["Resources"].get(kind, 0.0) for node in _nodes()), default=0.0)


def _gpus(needs: Needs) -> float:
    return gpus_per_run(_most("GPU")) if needs.gpus is None else float(needs.gpus)


def _takes(resources: dict[str, float], cores: int, gpus: float) -> bool:
    return resources.get("CPU", 0.0) >= cores and resources.get("GPU", 0.0) >= gpus


def _runs(resources: dict[str, float], share: float) -> int:
    """Return how many runs a machine takes."""
    cores = int(resources.get("CPU", 0.0))
    if not share:
        return cores
    whole = resources.get("GPU", 0.0)
    return min(cores, int(whole) * int(1 / share) if share < 1 else int(whole / share))  # no share lies on two GPUs
