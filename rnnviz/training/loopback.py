"""Where the ranks of a run meet: a store of torch's that only this machine reaches.

torchrun's own listens to the whole network, asks nobody who he is, and unpickles what it is given.
"""

import socket

from torch.distributed import TCPStore
from torch.distributed.elastic.rendezvous import (
    RendezvousHandler,
    RendezvousInfo,
    RendezvousParameters,
    RendezvousStoreInfo,
    rendezvous_handler_registry,
)

NAME = "loopback"
HOST = "127.0.0.1"


class Loopback(RendezvousHandler):
    """A rendezvous of one machine with itself, for torchrun."""

    use_agent_store = True

    def __init__(self, parameters: RendezvousParameters):
        listening = socket.create_server((HOST, 0))
        self._id, self._port = parameters.run_id, listening.getsockname()[1]
        self._store = TCPStore(HOST, self._port, is_master=True, master_listen_fd=listening.detach())

    def get_backend(self) -> str:
        return NAME

    def get_run_id(self) -> str:
        return self._id

    def next_rendezvous(self) -> RendezvousInfo:
        return RendezvousInfo(self._store, 0, 1, RendezvousStoreInfo(HOST, self._port))

    def num_nodes_waiting(self) -> int:
        return 0

    def is_closed(self) -> bool:
        return False

    def set_closed(self) -> None:
        pass

    def shutdown(self) -> bool:
        return True


def register() -> None:
    """Let torchrun know it, as `--rdzv-backend`."""
    rendezvous_handler_registry.register(NAME, Loopback)
