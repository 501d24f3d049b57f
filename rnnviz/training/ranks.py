"""Ranks: the processes that make each update of a training together, and this one's place among them.

torchrun starts them, see `group`. Each reads its part of every batch, and torch's DistributedDataParallel averages
their gradients, so that all of them make the same update.
"""

import math
import os
import time
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import psutil
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

Told = TypeVar("Told")


class Ranks:
    """One of `count` ranks. Alone, nothing is done that a single process would not do."""

    def __init__(self, rank: int = 0, count: int = 1, peers: tuple[psutil.Process | None, ...] = ()):
        """peers: the processes of the others; None for one that was gone before it was known."""
        self.rank, self.count, self._peers = rank, count, peers

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return a module that computes as `model` does, whose gradients become the mean over all ranks."""
        if self.count == 1:
            return model
        device = next(model.parameters()).device
        return DistributedDataParallel(model, device_ids=[device] if device.type == "cuda" else None)

    def own(self, batch: torch.Tensor) -> torch.Tensor:
        """Return this rank's part of a batch (B, ...): as large as the others', or one less.

        A rank for which nothing is left reads one sequence, which then counts for nothing: see `weighed`.
        """
        if self.count == 1:
            return batch
        first, end = self._bounds(len(batch))
        return batch[first:end] if end > first else batch[:1]

    def weighed(self, loss: torch.Tensor, size: int) -> torch.Tensor:
        """Return the mean loss of a batch's own part, scaled: over ranks, the mean is that of the batch of `size`."""
        if self.count == 1:
            return loss
        first, end = self._bounds(size)
        return loss * ((end - first) * self.count / size)

    def mean(self, loss: torch.Tensor) -> torch.Tensor:
        """Return the mean over ranks of a number that each of them has."""
        if self.count == 1:
            return loss
        total = loss.clone()
        dist.all_reduce(total)
        return total / self.count

    def from_first(self, told: Told = None) -> Told:
        """Return what rank 0 has told; whatever the others say does not count."""
        said = [told]
        dist.broadcast_object_list(said)
        return said[0]

    def lost_one(self, seconds: float = 3.0) -> bool:
        """Return whether another rank is gone. Asked for so long: its connections break before its process is gone."""
        end = time.monotonic() + seconds
        while not (lost := any(map(gone, self._peers))) and time.monotonic() < end:
            time.sleep(0.02)
        return lost

    def _bounds(self, size: int) -> tuple[int, int]:
        """Return where the own part of a batch of `size` begins and ends."""
        return self.rank * size // self.count, (self.rank + 1) * size // self.count


def join(device: torch.device, minutes: float) -> Ranks:
    """Meet the other ranks that torchrun has started, and return this one's place among them.

    minutes: how long it waits for another, at most: one measures and saves while the others wait.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo", timeout=timedelta(minutes=math.ceil(minutes) + 1)
    )
    pids = [0] * dist.get_world_size()
    dist.all_gather_object(pids, os.getpid())
    return Ranks(dist.get_rank(), len(pids), tuple(_process(pid) for pid in pids if pid != os.getpid()))


def _process(pid: int) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def gone(process: psutil.Process | None) -> bool:
    """Return whether a process has ended; one that only waits for its parent to take note has."""
    try:
        return process is None or not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
