"""A run with several ranks: a worker that becomes torchrun, and the ranks that follow the first. No torch before these.

    the engine's process    torchrun: starts the ranks, ends them all where one fails; it writes nothing
      rank 0                the run's worker: holds its lock, measures, writes, says how it ended
      ranks 1, 2, ...       followers: make the same updates, hold nothing and write nothing

torchrun restarts nothing: a group that lost a rank ends without a word, as a killed worker does, and the dispatcher
queues the run again. Nobody stays behind: a rank ends with torchrun, a follower with its run.
"""

import os
import socket
import threading
import time
from contextlib import suppress

from .dispatch import run_minutes
from .runs import NoSuchRun, Run, RunError

LOOK_EVERY = 0.1
"""Seconds between two looks whether a process is still wanted."""
VERDICT = 10.0
"""Seconds that a follower in trouble waits for rank 0 to say how the run has ended."""
_PARENT = "RNNVIZ_WITH_PARENT"


def end_with_parent() -> None:
    """End this process at once, without a word, when its parent is gone, where $RNNVIZ_WITH_PARENT asks for that.

    It is 1, or the parent's number, which also tells of one that is gone already. Ranks are given torchrun's.
    """
    asked = os.environ.get(_PARENT, "0")
    if asked in ("", "0"):
        return
    parent = int(asked) if asked.isdigit() and asked != "1" else os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_EVERY)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def wanted(run: Run) -> int:
    """Return how many ranks are to be started for a run; 1 where one worker does all, or says what is in the way."""
    try:
        if run.stopping or run.state.state != "queued" or os.name == "nt":
            return 1
        config = run.plan.config
    except RunError:
        return 1
    if config.processes > 1 and config.gpus:
        import torch

        if torch.cuda.device_count() < config.gpus:
            return 1
    return config.processes


def lead(run: Run, count: int) -> int:
    """Be torchrun for the ranks of a run; return 0 once all have ended, 1 as soon as one has failed."""
    os.environ[_PARENT] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if loopback := {"lo", "lo0"} & {name for _, name in socket.if_nameindex()}:  # all ranks are on this machine
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback.pop())
    from torch.distributed import run as torchrun
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    from . import loopback

    loopback.register()
    options = [f"--rdzv-backend={loopback.NAME}", f"--rdzv-endpoint={loopback.HOST}", f"--rdzv-id={run.id}"]
    options += [f"--nproc-per-node={count}", "--max-restarts=0", f"--log-dir={os.devnull}"]
    options += ["--module", "rnnviz.training.worker", str(run.folder), "--rank"]
    try:
        torchrun.run(torchrun.parse_args(options))
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        print(f"Rank {rank} ended with exit code {failure.exitcode}, so all have ended.", flush=True)
        return 1
    except SignalException as error:
        print(error, flush=True)
        return 1
    return 0


def follow(run: Run) -> int:
    """Make the updates of a run beside its rank 0, and return the exit code. The process ends when the run does."""
    threading.Thread(target=_end_with_run, args=(run,), daemon=True).start()
    try:
        _updates(run)
    except NoSuchRun:
        return 0
    except Exception:
        time.sleep(VERDICT)  # what rank 0 says first ends this process
        raise
    return 0


def _end_with_run(run: Run) -> None:
    """End this process when rank 0 has said how the run ended, or the run is deleted."""
    with suppress(NoSuchRun):
        while run.state.state in ("queued", "running"):
            time.sleep(LOOK_EVERY)
    os._exit(0)


def _updates(run: Run) -> None:
    import torch

    from .data import open_data, split
    from .loop import Trainer, device_of
    from .ranks import join

    config = run.plan.config
    torch.set_num_threads(1)
    ranks = join(device_of(config, int(os.environ["LOCAL_RANK"])), run_minutes())
    training = open_data(config).training
    index, _ = split(config, training.labels)
    trainer = Trainer(config, training.at(index), ranks=ranks)
    trainer.restore(*ranks.from_first())
    for _ in trainer.updates():
        if trainer.row_due:
            trainer.row()  # lets go of what it need not remember, and finds what rank 0 finds
