"""What one look at a part of Cells or Sequences costs the server, and what an update of a small network costs.

    python bench/parts.py [--write]

Seconds of the processor, not of the clock, so that a busy machine counts less; ratios to the reading guide, which only
shows text, and to torch's autograd on one thread. --write puts the table into docs/benchmarks.md.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy loads, as a server has it

import logging  # noqa: E402
import sys  # noqa: E402
from itertools import islice, repeat  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402
from time import process_time  # noqa: E402

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
from streamlit.testing.v1 import AppTest  # noqa: E402

from rnnviz import initial, learn  # noqa: E402
from rnnviz.ui.parts import stories  # noqa: E402

LOOKS, UPDATES, REPEATS = 9, 60, 5
LARGEST = {"cell": "peephole_lstm_full", "units": "4", "depth": "2", "steps": "6", "features": "3", "loss": "every"}
TABLE = ROOT / "docs" / "benchmarks.md"
MARKS = "<!-- parts -->", "<!-- /parts -->"


def look(page: str, **link: str) -> float:
    """Return the median seconds of a page shown again."""
    app = AppTest.from_file(str(ROOT / "pages" / f"{page}.py"), default_timeout=120)
    for key, value in link.items():
        app.query_params[key] = value
    app.run()
    spent = []
    for _ in range(LOOKS):
        before = process_time()
        app.run()
        spent.append(process_time() - before)
    if app.exception:
        raise RuntimeError(f"{page} {link} must show itself. Got {app.exception}.")
    return median(spent)


def updates(cell: str, units: int, steps: int) -> tuple[float, float]:
    """Return the seconds of an update of a small network, ours and torch's, medians."""
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(1)
    x, labels = np.eye(4)[np.arange(steps) % 4], np.arange(steps)[::-1] % 4
    network = initial.network(cell, 4, units, num_classes=4)
    modules = {"rnn_tanh": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    rnn, head = modules[cell](4, units), torch.nn.Linear(units, 4)
    optimiser = torch.optim.Adam([*rnn.parameters(), *head.parameters()], 0.01)
    inputs, targets = torch.tensor(x, dtype=torch.float32), torch.tensor(labels.copy())

    def ours() -> None:
        for _ in islice(learn.train(network, repeat([(x, labels)]), learn.Adam(0.01), "every"), UPDATES):
            pass

    def theirs() -> None:
        for _ in range(UPDATES):
            optimiser.zero_grad()
            F.cross_entropy(head(rnn(inputs)[0]), targets).backward()
            optimiser.step()

    spent = {ours: [], theirs: []}
    for _ in range(REPEATS + 1):  # in turn; the first is not counted
        for way, found in spent.items():
            before = process_time()
            way()
            found.append((process_time() - before) / UPDATES)
    return median(spent[ours][1:]), median(spent[theirs][1:])


def main() -> None:
    logging.disable(logging.WARNING)
    plain = look("guide", part="questions")
    rows = [("look at", "ms", "× the reading guide"), ("---", "--:", "--:")]
    rows.append(("Guide, reading guide", f"{1e3 * plain:.0f}", "1"))
    seen = [(page, part, {}) for page in ("cells", "sequences") for part in stories.of_page(page)]
    seen += [("cells", "byhand", LARGEST), ("cells", "terms", LARGEST)]
    for page, part, link in seen:
        spent = look(page, part=part, **link)
        rows.append((f"{page}, {part}{' (largest)' if link else ''}", f"{1e3 * spent:.0f}", f"{spent / plain:.1f}"))
    rows += [("", "", ""), ("**update of**", "**ms**", "**× torch**")]
    for cell, units, steps in (("rnn_tanh", 8, 5), ("lstm", 8, 5), ("gru", 16, 12)):
        ours, theirs = updates(cell, units, steps)
        rows.append((f"{cell}, {units} units, {steps} steps", f"{1e3 * ours:.2f}", f"{ours / theirs:.2f}"))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    print(table)
    if "--write" in sys.argv:
        text = TABLE.read_text("utf-8")
        before, rest = text.split(MARKS[0])
        TABLE.write_text(f"{before}{MARKS[0]}\n\n{table}\n\n{MARKS[1]}{rest.split(MARKS[1])[1]}", "utf-8")


if __name__ == "__main__":
    main()
