"""What does an engine cost? This machine alone against a Ray cluster of one node, on the same machine.

    python bench/engines.py             # both tables, about ten minutes on two busy cores
    python bench/engines.py overhead    # or one of: overhead, sweep; as root, or where namespaces are allowed

overhead   from "start" to the first row of the metrics, with no dispatcher alive and with one that waits, and what lies
           between two runs that follow each other in one slot: the end of one to the first row of the next
sweep      20 runs of a second of training each, from "start" to the end of the last, by slots

The engines take turns within each round. Medians are printed, with the smallest and the largest, and their ratio. Ray
runs in a network namespace of its own, as in the tests; a dispatcher "alone" has the cluster started already.
"""

import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

sys.path.insert(0, str(Path(__file__).parents[1]))

from rnnviz.training import runs
from rnnviz.training.config import Config
from tests.training import clusters

ROUNDS, RUNS = 5, 20
FIRST = Config(dataset="uci", cell="gru", hidden_size=8, epochs=1, batch_size=64, validation=237, device="cpu")
"""Next to no training: what is measured is the way to it."""
LOOK = 0.01


class Bench:
    """The two engines, over folders of runs of their own."""

    def __init__(self, stack: ExitStack):
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        self.network = stack.enter_context(clusters.network())
        self.homes = {engine: home / engine for engine in ("local", "ray")}
        for folder in self.homes.values():
            folder.mkdir()
        self.cluster = stack.enter_context(clusters.cluster(self.homes["ray"]))
        self.cluster.add_node(self.network, "127.0.0.1", cpus=8)
        self.dispatchers: list = []

    def begin(self, engine: str, slots: int) -> None:
        """Start a dispatcher."""
        os.environ["RNNVIZ_RUNS"] = str(self.homes[engine])
        told = {"RNNVIZ_ENGINE": engine, "RNNVIZ_RUNS": str(self.homes[engine]), "RNNVIZ_SLOTS": str(slots)}
        self.dispatchers.append(self.cluster.dispatch(self.network, **told))

    def end(self) -> None:
        for dispatcher in self.dispatchers:
            dispatcher.kill()
            dispatcher.wait()
        self.dispatchers.clear()
        while self.cluster.trainers():
            sleep(LOOK)

    def ready(self, engine: str) -> None:
        """Wait until the dispatcher has trained something."""
        os.environ["RNNVIZ_RUNS"] = str(self.homes[engine])
        wait_for_end([runs.create(FIRST)])


def wait_for_rows(run: runs.Run) -> float:
    while not run.metrics:
        assert run.state.state in ("queued", "running", "finished"), run.state
        sleep(LOOK)
    return perf_counter()


def wait_for_end(many: list[runs.Run]) -> float:
    for run in many:
        while run.state.state in ("queued", "running"):
            sleep(LOOK)
        assert run.state.state == "finished", run.state
    return perf_counter()


def told(name: str, seconds: dict[str, list[float]]) -> None:
    """Print a line: median (smallest - largest) of each engine, and the ratio of the medians."""
    columns = [f"{median(v):6.2f} ({min(v):.2f} - {max(v):.2f})" for v in (seconds["local"], seconds["ray"])]
    print(f"{name:<44}{columns[0]:>24}{columns[1]:>24}{median(seconds['ray']) / median(seconds['local']):8.2f}")


def overhead(bench: Bench) -> None:
    cold, warm, between = ({"local": [], "ray": []} for _ in range(3))
    for _ in range(ROUNDS):
        for engine in bench.homes:
            os.environ["RNNVIZ_RUNS"] = str(bench.homes[engine])
            started = perf_counter()
            first = runs.create(FIRST)
            bench.begin(engine, 1)
            cold[engine].append(wait_for_rows(first) - started)
            wait_for_end([first])
            started = perf_counter()
            warm[engine].append(wait_for_rows(runs.create(FIRST)) - started)
            pair = [runs.create(FIRST) for _ in range(2)]
            ended = wait_for_end(pair[:1])
            between[engine].append(wait_for_rows(pair[1]) - ended)
            wait_for_end(pair[1:])
            bench.end()
    print(f"{'seconds':<44}{'local':>24}{'Ray':>24}{'ratio':>8}")
    told("start to first row, no dispatcher", cold)
    told("start to first row, a dispatcher waits", warm)
    told("end of one run to the first row of the next", between)


def sweep(bench: Bench) -> None:
    updates = _updates_in_a_second(bench)
    one = replace(FIRST, epochs=1000, max_updates=updates)
    print(f"\n{RUNS} runs of {updates:,} updates, about a second each, on {os.cpu_count()} cores")
    print(f"{'seconds':<44}{'local':>24}{'Ray':>24}{'ratio':>8}")
    for slots in (1, 2, 4):
        taken = {"local": [], "ray": []}
        for engine in bench.homes:
            bench.begin(engine, slots)
            bench.ready(engine)
            started = perf_counter()
            many = runs.create_sweep(one, {"seed": list(range(RUNS))})
            taken[engine].append(wait_for_end(many) - started)
            bench.end()
        told(f"{slots} slot{'s' if slots > 1 else ''}", taken)


def _updates_in_a_second(bench: Bench) -> int:
    bench.begin("local", 1)
    os.environ["RNNVIZ_RUNS"] = str(bench.homes["local"])
    run = runs.create(replace(FIRST, epochs=1000, max_updates=500))
    wait_for_end([run])
    bench.end()
    return max(1, round(run.state.step / run.state.seconds))


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["overhead", "sweep"]
    if why := clusters.missing():
        sys.exit(f"Ray and network namespaces must be there. {why}.")
    with ExitStack() as stack:
        bench = Bench(stack)
        for name in wanted:
            {"overhead": overhead, "sweep": sweep}[name](bench)
