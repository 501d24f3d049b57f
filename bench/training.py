"""How fast does it learn? Our loop against the one that tutorials write, on one core.

    python bench/training.py            # all tables, about five minutes
    python bench/training.py loops      # or one of: loops, accuracy, overhead, cells

loops      per cell, both loops with the same settings and the same untrained weights: DataLoader, ToTensor and Adam as
           the source documents write them, in float32; ours from settings of the same meaning, and with bfloat16
accuracy   seconds of training until 97 % are read right, of MNIST's 10,000 test digits, on which the source measures,
           and of 5,000 training digits held back, which are easier: the source's settings ("lstm-64-mnist", for as many
           epochs as it takes) in the tutorials' loop, the recipe "fastest", and the same in one epoch ("sprint")
overhead   what rows, film, checkpoints and state cost a run, beside the training itself
cells      our cells that are a loop over the steps in Python, against torch's fused LSTM

Within a process the ways take turns in blocks of updates, so that a change of the machine's speed meets all alike;
medians over the blocks are printed, their ratios, and the smallest and largest ratio within a turn. Wall is
perf_counter, CPU is process_time. The C library's memory settings, and one thread, are for all those of a worker.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from rnnviz.training import worker
from rnnviz.training.config import Config
from rnnviz.training.data import Part
from rnnviz.training.engines.local import WORKER
from rnnviz.training.presets import preset

TURNS, BLOCK = 30, 20
"""Each way makes BLOCK updates, then it is the next one's turn; two turns come before the clock runs."""
BATCH = 64
TARGET, ROUNDS = 0.97, 3
HELD_BACK = 5000
LOOPS = {"LSTM": "lstm", "RNN": "rnn_tanh", "GRU": "gru"}
CELLS = ("lstm", "peephole_lstm", "peephole_lstm_full", "layernorm_lstm")


def settings(cell: str, **more) -> Config:
    """Return the source's way to learn, for any cell: nothing clipped, a constant rate."""
    same = {"batch_size": BATCH, "schedule": "constant", "clip": None, "learning_rate": 0.001, "validation": 0}
    return Config(cell=cell, **same | more)


def digits() -> tuple[Part, Part]:
    """Return MNIST's training digits but the last ones, and these."""
    from rnnviz.training.data import open_data, split

    training = open_data(Config()).training
    known, held = split(Config(validation=HELD_BACK), training.labels)
    return training.at(known), training.at(held)


# ---- The loop of the tutorials


class Pictures:
    """A data set as torchvision has it: a PIL image per digit, made a tensor when it is asked for."""

    def __init__(self, part: Part):
        from torchvision import transforms

        self.part, self.transform = part, transforms.ToTensor()

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, index: int):
        from PIL import Image

        return self.transform(Image.fromarray(self.part.images[index])), int(self.part.labels[index])


class Plain:
    """The source documents' training: nn.LSTM, DataLoader, Adam, one line after another."""

    def __init__(self, config: Config, part: Part):
        import torch
        from torch import nn

        from rnnviz.training.loop import untrained
        from rnnviz.training.modules import Classifier

        self.model = Classifier(untrained(config))  # nn.LSTM, nn.RNN or nn.GRU and nn.Linear
        self.loader = torch.utils.data.DataLoader(Pictures(part), batch_size=config.batch_size, shuffle=True)
        self.loss = nn.CrossEntropyLoss()
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)

    def updates(self):
        step = 0
        while True:
            for x, y in self.loader:
                output = self.model(x.view(-1, 28, 28))
                loss = self.loss(output, y)
                self.optimiser.zero_grad()
                loss.backward()
                self.optimiser.step()
                step += 1
                yield step


def share_right(model, part: Part) -> float:
    """Return the share of the digits that a model reads right."""
    import torch

    with torch.no_grad():
        found = [
            (model(x / 255).argmax(dim=1) == y).sum()
            for x, y in zip(torch.tensor(part.images).split(1000), torch.tensor(part.labels).split(1000), strict=True)
        ]
    return int(sum(found)) / len(part)


# ---- What a child process measures


def in_turns(ways: dict) -> dict[str, list[tuple[float, float]]]:
    """Return wall and CPU milliseconds per update of every way, for each of TURNS blocks."""
    found = {name: [] for name in ways}
    for turn in range(TURNS + 2):
        for name, updates in ways.items():
            wall, cpu = perf_counter(), process_time()
            for _ in range(BLOCK):
                next(updates)
            if turn >= 2:
                found[name].append(((perf_counter() - wall) / BLOCK * 1e3, (process_time() - cpu) / BLOCK * 1e3))
    return found


def with_rows(trainer):
    """Train as a worker does, with the rows."""
    for step in trainer.updates():
        if trainer.row_due:
            trainer.row()
        yield step


def measure_loops(cell: str) -> dict:
    from rnnviz.training.loop import Trainer

    part, _ = digits()
    ways = {"plain": Plain(settings(cell), part).updates()}
    for precision in ("float32", "bfloat16"):
        ways[precision] = with_rows(Trainer(settings(cell, precision=precision), part))
    return in_turns(ways)


def measure_accuracy(way: str) -> dict:
    """Return the training seconds until TARGET of each set, measured every 25 updates, and how it ends."""
    from rnnviz.training.data import open_data
    from rnnviz.training.loop import Trainer

    known, held = digits()
    sets = {"test": open_data(Config()).test["mnist"], "held back": held}
    if way == "source":
        plain = Plain(preset("lstm-64-mnist"), known)
        model, updates, most = plain.model, plain.updates(), 8 * len(plain.loader)
    else:
        trainer = Trainer(preset(way), known)
        model, updates, most = trainer.model, with_rows(trainer), trainer.steps
    seconds, reached, done = 0.0, {}, 0
    while done < most and (way != "source" or len(reached) < len(sets)):
        start = perf_counter()
        for _ in range(min(25, most - done)):
            next(updates)
            done += 1
        seconds += perf_counter() - start
        shares = {name: share_right(model, part) for name, part in sets.items()}
        for name, share in shares.items():
            if share >= TARGET:
                reached.setdefault(name, seconds)
    return {"reached": reached, "seconds": seconds, "shares": shares, "updates": done}


def measure_overhead(name: str) -> dict[str, float]:
    """Return what a run's files cost, as shares of the time of its training."""
    from rnnviz.training import loop, runs

    spent: dict[str, float] = {}

    def watch(owner, method: str, what: str) -> None:
        call = getattr(owner, method)

        def wrapped(*arguments, **options):
            start = perf_counter()
            try:
                return call(*arguments, **options)
            finally:
                spent[what] = spent.get(what, 0.0) + perf_counter() - start

        setattr(owner, method, wrapped)

    watch(worker.Camera, "take_if_due", "film")
    watch(worker.Metrics, "add", "rows")
    watch(loop.Trainer, "row", "rows")
    watch(worker.Worker, "_save", "checkpoints")
    watch(worker.Worker, "_check_size", "checkpoints")
    with tempfile.TemporaryDirectory() as home:
        os.environ["RNNVIZ_RUNS"] = home
        run = runs.create(preset(name))
        worker.main(run.folder, own_process=False)
        seconds, frames, rows = run.state.seconds, len(run.film), len(run.metrics)
    shares = {what: value / seconds for what, value in spent.items()}
    return {"seconds": seconds, "frames": frames, "lines": rows} | shares


def measure_cells() -> dict:
    from rnnviz.training.loop import Trainer

    part, _ = digits()
    return in_turns({cell: with_rows(Trainer(settings(cell, batch_size=128), part)) for cell in CELLS})


MEASURES = {f.__name__: f for f in (measure_loops, measure_accuracy, measure_overhead, measure_cells)}


def child(name: str, *arguments: str):
    """Measure in a process of its own, with a worker's environment, and return what it found."""
    command = [sys.executable, __file__, "--child", name, *arguments]
    done = subprocess.run(command, env=os.environ | WORKER, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


# ---- Tables


def ratio(slow: np.ndarray, fast: np.ndarray) -> str:
    each = slow / fast
    return f"{np.median(each):.2f}x ({each.min():.2f}-{each.max():.2f})"


def loops() -> None:
    print(f"\nloops: {BATCH} MNIST digits per update, H=64, {TURNS} turns of {BLOCK} updates; milliseconds per update")
    print(f"{'':5}{'plain':>14}{'ours':>14}{'ours, bf16':>14}   {'plain/ours, wall':22}{'CPU':22}{'plain/bf16':22}goal")
    print(f"{'':5}" + f"{'wall':>7}{'CPU':>7}" * 3)
    for name, cell in LOOPS.items():
        found = {way: np.array(values) for way, values in child("measure_loops", cell).items()}
        shown = "".join(f"{value:7.2f}" for values in found.values() for value in np.median(values, axis=0))
        wall, cpu = (ratio(found["plain"][:, k], found["float32"][:, k]) for k in (0, 1))
        half = ratio(found["plain"][:, 0], found["bfloat16"][:, 0])
        print(f"{name:5}{shown}   {wall:22}{cpu:22}{half:22}{'1.25x' if cell == 'gru' else '1.6x'}", flush=True)


def accuracy() -> None:
    print(f"\naccuracy: seconds of training until {TARGET:.0%} are read right, {ROUNDS} rounds")
    ways = {"source": "source's, plain loop", "fastest": "fastest", "sprint": "sprint"}
    found = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, values in found.items():
            values.append(child("measure_accuracy", way))
    for name in ("test", "held back"):
        for way, values in found.items():
            seconds = [each["reached"].get(name) for each in values]
            told = "  ".join("never" if s is None else f"{s:5.2f}" for s in seconds)
            pairs = zip((each["reached"].get(name, each["seconds"]) for each in found["source"]), seconds, strict=True)
            faster = [slow / fast for slow, fast in pairs if fast]
            ratios = f"  {np.median(faster):.1f}x as fast (goal 3x)" if way != "source" and faster else ""
            print(f"{name:10}{ways[way]:22}{told}{ratios}")
    for way, values in found.items():
        ends = {name: np.median([each["shares"][name] for each in values]) for name in ("test", "held back")}
        seconds = np.median([each["seconds"] for each in values])
        told = ", ".join(f"{name} {share:.2%}" for name, share in ends.items())
        goal = " (goal 98.5 %)" if way == "fastest" else ""
        print(
            f"{'end':10}{ways[way]:22}{told} after {values[0]['updates']:,} updates, {seconds:.1f} s{goal}", flush=True
        )


def overhead() -> None:
    print("\noverhead: shares of a run's training time (goals: film below 5 %, rows below 5 %)")
    for name in ("bundled", "fastest", "lstm-64-mnist", "peephole-lstm"):
        found = child("measure_overhead", name)
        parts = "  ".join(f"{part} {found.get(part, 0.0):5.1%}" for part in ("film", "rows", "checkpoints"))
        print(
            f"{name:15}{found['seconds']:6.1f} s  {found['lines']:4} rows  {found['frames']:4} frames  {parts}",
            flush=True,
        )


def cells() -> None:
    print(f"\ncells: 128 digits per update, H=64, float32, {TURNS} turns of {BLOCK} updates; milliseconds per update")
    found = {cell: np.array(values)[:, 0] for cell, values in child("measure_cells").items()}
    for cell, values in found.items():
        print(f"{cell:20}{np.median(values):7.2f}  {ratio(values, found['lstm'])} of nn.LSTM")


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        import torch

        torch.set_num_threads(1)
        print(json.dumps(MEASURES[sys.argv[2]](*sys.argv[3:])))
        return
    import torch

    where = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, one thread, {where}")
    for table in (loops, accuracy, overhead, cells):
        if table.__name__ in (sys.argv[1:] or ["loops", "accuracy", "overhead", "cells"]):
            table()


if __name__ == "__main__":
    main()
