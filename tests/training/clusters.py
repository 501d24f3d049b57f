"""Ray clusters for tests: real ones, whose nodes see nothing but a network of the test's own.

Ray listens on whatever address of a machine it likes. So every node lives in a network namespace: all of a cluster in
one with nothing but its loopback, or each in one of its own, with a cable between them.
"""

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psutil

from tests.training.processes import kill, until

ROOT = Path(__file__).parents[2]
PORT = 6379
APART = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
"""What starts a command in a network namespace of its own; who is not root needs a user namespace for that."""


def missing() -> str:
    """Return why there can be no cluster here, or nothing."""
    if find_spec("ray") is None:
        return "Ray is not installed (requirements-ray.txt)"
    for command in ("unshare", "nsenter", "ip"):
        if shutil.which(command) is None:
            return f"no {command} on the PATH (util-linux, iproute2)"
    made = subprocess.run([*APART, "ip", "link", "set", "lo", "up"], capture_output=True, text=True)
    return f"no network namespaces: {made.stderr.strip()}" if made.returncode else ""


class Network:
    """A network namespace; it lasts as long as a process in it that only sleeps."""

    def __init__(self, beside: "Network | None" = None):
        """beside: a namespace to which a cable can be laid."""
        command = [*APART, "sleep", "infinity"]
        if beside:
            command = beside.inside(["unshare", "--net", "sleep", "infinity"])
        self.holder = subprocess.Popen(command)
        here = os.readlink("/proc/self/ns/net")
        others = {here, beside.id} if beside else {here}
        until(lambda: self.id not in others)
        self.run("ip", "link", "set", "lo", "up")

    @property
    def id(self) -> str:
        """What it is called, so that one can ask a process whether it is inside: "net:[4026532281]"."""
        return os.readlink(f"/proc/{self.holder.pid}/ns/net")

    def inside(self, command: list[str]) -> list[str]:
        """Return the command that runs another one inside."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.holder.pid), *user, "--net", *command]

    def run(self, *command: str) -> None:
        subprocess.run(self.inside(list(command)), check=True)

    def close(self) -> None:
        self.holder.kill()
        self.holder.wait()


def lay_cable(one: Network, address: str, other: Network, its_address: str) -> None:
    """Join two namespaces; addresses like "10.77.0.1"."""
    one.run(
        "ip", "link", "add", "name", "cable", "type", "veth", "peer", "name", "cable", "netns", str(other.holder.pid)
    )
    for network, its in ((one, address), (other, its_address)):
        network.run("ip", "address", "add", f"{its}/24", "dev", "cable")
        network.run("ip", "link", "set", "cable", "up")


class Cluster:
    """A Ray cluster, with a token unless `open`. Everything that it starts is ended at its end."""

    def __init__(self, home: Path, open: bool = False):
        """home: the folder of runs that its dispatcher looks after."""
        self.runs, self.mark = home, secrets.token_hex(8)
        self.folder = Path(tempfile.mkdtemp(prefix="rnnviz-ray-", dir="/tmp"))  # a socket's path must be short
        self.address = ""
        self._started: list[subprocess.Popen] = []
        token = {"RAY_AUTH_MODE": "disabled"} if open else {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "7" * 64}
        self.environment = os.environ | token | {
            "HOME": str(self.folder),
            "RNNVIZ_TEST_CLUSTER": self.mark,
            "RNNVIZ_RUNS": str(home),
            "RNNVIZ_ENGINE": "ray",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # else all others on a busy machine come first
            # A node that says nothing is given up after about two seconds, not after a minute.
            "RAY_health_check_initial_delay_ms": "1000",
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_timeout_ms": "500",
            "RAY_health_check_failure_threshold": "3",
        }  # fmt: skip
        self.environment.pop("RNNVIZ_SLOTS", None)

    # ---- Nodes

    def add_node(self, network: Network, address: str, cpus: int = 1, gpus: int = 0) -> subprocess.Popen:
        """Start a node at an address of the network, the first one as the head, and return its process."""
        where = [f"--address={self.address}"] if self.address else ["--head", f"--port={PORT}", "--include-dashboard=0"]
        if not self.address:
            where.append(f"--temp-dir={self.folder}/ray")
        command = [str(Path(sys.executable).with_name("ray")), "start", *where, f"--node-ip-address={address}"]
        command += [f"--num-cpus={cpus}", f"--num-gpus={gpus}", "--disable-usage-stats", "--block"]
        command += [f"--object-store-memory={80 * 2**20}"]
        log = self.folder / f"node-{address}.log"
        with open(log, "wb") as out:
            node = self._start(network, command, env=self.environment, stdout=out, stderr=out, cwd=self.folder)
        until(lambda: "Ray runtime started" in log.read_text() or node.poll() is not None, log.read_text)
        assert node.poll() is None, log.read_text()
        self.address = self.address or f"{address}:{PORT}"
        return node

    def raylet(self, address: str) -> psutil.Process:
        """Return the process that stands for a node."""
        (found,) = self.processes("raylet/raylet", f"--node_ip_address={address}")
        return found

    # ---- The dispatcher

    def command(self, network: Network, *arguments: str, out: object = subprocess.PIPE, **environment: str):
        """Start `python -m rnnviz ...` on a machine of the cluster and return the process."""
        told = self.environment | {"RAY_ADDRESS": self.address} | environment
        command = [sys.executable, "-m", "rnnviz", *arguments]
        pipes = {"stdout": out, "stderr": subprocess.STDOUT, "text": True}
        return self._start(network, command, env=told, cwd=ROOT, **pipes)

    def _start(self, network: Network, command: list[str], **options: object) -> subprocess.Popen:
        self._started.append(subprocess.Popen(network.inside(command), **options))
        return self._started[-1]

    def dispatch(self, network: Network, *options: str, **environment: str) -> subprocess.Popen:
        """Start a dispatcher that stays; what it says is in its log."""
        with open(self.runs / ".dispatcher.log", "ab") as log:
            return self.command(network, "dispatch", "--stay", *options, out=log, **environment)

    # ---- Processes

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return the living processes of the cluster with these words in their command."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                ours = process.environ().get("RNNVIZ_TEST_CLUSTER") == self.mark
                command = " ".join(process.cmdline())
                if ours and process.status() != psutil.STATUS_ZOMBIE and all(word in command for word in words):
                    found.append(process)
        return found

    def trainers(self, id: str = "") -> list[psutil.Process]:
        """Return the workers at work, or those of a run."""
        return self.processes("rnnviz.training.worker", id)

    def close(self) -> None:
        until(lambda: not [kill(process) for process in self.processes()])
        for process in self._started:
            process.wait()
            if process.stdout:
                process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def cluster(home: Path, **options: bool) -> Iterator[Cluster]:
    made = Cluster(home, **options)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def network(beside: Network | None = None) -> Iterator[Network]:
    made = Network(beside)
    try:
        yield made
    finally:
        made.close()


def network_of(process: psutil.Process) -> str:
    """Return the namespace that a process lives in, see `Network.id`; "" where it is gone."""
    try:
        return os.readlink(f"/proc/{process.pid}/ns/net")
    except FileNotFoundError:
        return ""
