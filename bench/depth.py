"""What does depth buy on small digits? Every cell, stacking and number of layers, three seeds each.

    python bench/depth.py [cell ...]

Each network is trained beside one layer as wide and one layer with about as many parameters, as on the page Sequences,
which shows what this has written to rnnviz/tasks/depth.json. What stands there already is not measured again, unless
with other settings: delete the file to begin anew. From a few seconds (one tanh layer) to a minute and a half (four
normalised LSTM layers) a row. Measure all rows of a cell on one machine: rounding differs between processors, and of a
normalised LSTM other rounding makes accuracies that differ by several percent after 400 updates.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy loads, as a server has it

import sys  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))

from rnnviz.tasks import depth  # noqa: E402


def main(cells: list[str]) -> None:
    for cell in cells or depth.CELLS:
        for stacking in depth.STACKINGS:
            for layers in range(2 if stacking == "shared" else 1, depth.DEEPEST + 1):
                recipe = depth.Recipe(cell, layers, stacking)
                if recipe not in depth.measured():
                    row = depth.measure(recipe)
                    depth.write({**depth.measured(), recipe: row}.values())
                    print(row, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
