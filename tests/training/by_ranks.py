"""Trainings by several ranks: `torchrun ... -m tests.training.by_ranks <cases.json> <folder>`, a file for each.

cases.json: {name: {"config": settings, "count": sequences, "stop": update or null}}. Each is trained on so many bundled
digits; at `stop` another trainer goes on. Every rank writes "<name>.<rank>.npz": "losses" of
all updates, "scores" measured, and the weights by their names.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from rnnviz.digits import uci
from rnnviz.training.config import Config
from rnnviz.training.data import Part
from rnnviz.training.loop import Trainer, device_of
from rnnviz.training.ranks import Ranks, join


def some(count: int, first: int = 0) -> Part:
    digits = uci.uci()
    index = slice(first, first + count)
    return Part(digits.images[index], digits.labels[index].astype(np.int64))


def trained(config: Config, count: int, stop: int | None = None, ranks: Ranks = Ranks()) -> dict[str, np.ndarray]:  # noqa: B008
    """Train on `count` digits and return what came of it; rank 0 alone measures."""
    watched = some(60, 1000) if ranks.rank == 0 else None
    trainer, losses, scores = Trainer(config, some(count), watched, ranks), [], []
    for limit in (stop, None):
        for step in trainer.updates():
            row = trainer.row()
            losses.append(row.loss)
            scores += [row.score] if row.score is not None else []
            if step == limit:
                break
        if limit is None:
            break
        kept = trainer.snapshot() if ranks.rank == 0 else None
        trainer = Trainer(config, some(count), watched, ranks)
        trainer.restore(*(ranks.from_first(kept) if ranks.count > 1 else kept))
    weights = {name: tensor.numpy() for name, tensor in trainer.model.state_dict().items()}
    return {"losses": np.array(losses), "scores": np.array(scores)} | weights


def main(cases: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    ranks = join(device_of(Config(ranks=2)), minutes=2)
    for name, case in json.loads(cases.read_text()).items():
        config = replace(Config.from_dict(case["config"]), ranks=ranks.count)
        np.savez(folder / f"{name}.{ranks.rank}.npz", **trained(config, case["count"], case["stop"], ranks))
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
    os._exit(0)
