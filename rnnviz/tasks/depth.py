"""What stacking layers changes: one task, small digits read row by row, for one to four layers; and fair comparisons.

A deep network is compared with one layer of the same width, which has fewer parameters, and with one wide layer that
has about as many: what depth itself buys is what the second comparison leaves.
"""

import json
import os
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import initial, learn
from ..network import Network
from . import pictures
from .small_digits import CLASSES, SIDE

CELLS = ("rnn_tanh", "lstm", "gru", "layernorm_lstm")
STACKINGS = ("own", "shared")
"""Every layer has parameters of its own, or all have the same; then the input is projected to H numbers first."""
DEEPEST = 4
BATCH, UPDATES, TESTED, CLIP = 16, 400, 10, 1.0
"""Digits per update, updates, how many of them lie between two tests, and the longest gradient."""
DEEP, NARROW, WIDE = range(3)
"""The networks that learn together: the one of the recipe, one layer as wide, one layer with as many parameters."""
SEEDS = (0, 1, 2)
MEASURED = Path(__file__).with_name("depth.json")


class Recipe(NamedTuple):
    """A network to be trained."""

    cell: str = "rnn_tanh"
    depth: int = 3
    stacking: str = "own"
    units: int = 16
    rate: float = 0.01
    """Of Adam."""


def begin(recipe: Recipe, seed: int) -> Network:
    """Return the network before training; a single layer has nothing to share, and no projection."""
    shared = recipe.stacking == "shared" and recipe.depth > 1
    return initial.network(recipe.cell, SIDE, recipe.units, recipe.depth, CLASSES, seed, shared=shared)


def parameters(network: Network) -> dict[str, int]:
    """Return how many numbers each part learns: "project" where there is one, "1", "2", ... for the layers, "head".

    Layers that share their parameters have them together, under "1".
    """
    layers = range(1 if network.shared else network.num_layers)
    count = {
        str(k + 1): sum(array.size for name, array in network.arrays.items() if name.endswith(f"_l{k}")) for k in layers
    }
    linear = {
        part: sum(array.size for name, array in network.arrays.items() if name.startswith(f"{part}."))
        for part in ("project", "head")
    }
    before = {"project": linear["project"]} if network.projection else {}
    return before | count | {"head": linear["head"]}


def as_wide_as(recipe: Recipe) -> Recipe:
    """Return the recipe of one layer whose parameters are in number nearest to those of `recipe`."""
    units = _units_of_wide(recipe.cell, recipe.depth, recipe.stacking, recipe.units)
    return recipe._replace(depth=1, stacking="own", units=units)


@cache
def _units_of_wide(cell: str, depth: int, stacking: str, units: int) -> int:
    wanted = begin(Recipe(cell, depth, stacking, units), 0).num_parameters
    return min(
        range(1, 8 * units),
        key=lambda wide: abs(begin(Recipe(cell, 1, "own", wide), 0).num_parameters - wanted),
    )


def compared(recipe: Recipe) -> list[Recipe]:
    """Return what learns beside one another: DEEP, NARROW and WIDE; a single layer alone."""
    if recipe.depth == 1:
        return [recipe._replace(stacking="own")]
    return [recipe, recipe._replace(depth=1, stacking="own"), as_wide_as(recipe)]


class Progress(NamedTuple):
    """What stands after some updates."""

    losses: tuple[float, ...]
    """Of the next batch, for each network; nats."""
    accuracies: tuple[float, ...] | None
    """On the test part; None between two tests."""
    network: Network | None
    """The one of the recipe; kept with every test."""


def training(recipe: Recipe, seed: int = 0, part: str = "test") -> Iterator[Progress]:
    """Yield how the compared networks stand before every update and after the last one; all read the same digits.

    It ends early where the numbers of one of them leave what float64 holds.
    """
    trainings = [
        learn.train(
            begin(each, seed), pictures.to_read(BATCH, seed, pictures.by_rows), learn.Adam(each.rate), "last", CLIP
        )
        for each in compared(recipe)
    ]
    for k, steps in enumerate(islice(zip(*trainings, strict=False), UPDATES + 1)):
        losses = tuple(step.loss for step in steps)
        if not np.isfinite(losses).all():
            return
        if k % TESTED:
            yield Progress(losses, None, None)
        else:
            shares = tuple(pictures.read_right(step.network, pictures.by_rows, part) for step in steps)
            yield Progress(losses, shares, steps[DEEP].network)


class Row(NamedTuple):
    """What was measured of one recipe and of those that it is compared with, each for SEEDS."""

    recipe: Recipe
    units: list[int]
    """Of each network."""
    parameters: list[int]
    accuracies: list[list[float]]
    """Of each network, by seed, on the test part after all updates."""


def measure(recipe: Recipe) -> Row:
    """Return what training with all seeds gives."""
    of_seeds = []
    for seed in SEEDS:
        *_, last = training(recipe, seed)
        of_seeds.append(last.accuracies)
    each = compared(recipe)
    counts = [begin(one, 0).num_parameters for one in each]
    return Row(recipe, [one.units for one in each], counts, [list(shares) for shares in zip(*of_seeds, strict=True)])


def settings() -> dict[str, object]:
    """Return what every measurement depends on beside its recipe: another value makes it another measurement."""
    return {"updates": UPDATES, "batch": BATCH, "clip": CLIP, "seeds": list(SEEDS)}


def measured() -> dict[Recipe, Row]:
    """Return what `bench/depth.py` has measured with the settings of now, by recipe."""
    try:
        told = _read(MEASURED, MEASURED.stat().st_mtime_ns)
    except FileNotFoundError:
        return {}
    return told["rows"] if told["settings"] == settings() else {}


@lru_cache(maxsize=1)  # a page asks at every look
def _read(path: Path, changed: int) -> dict:
    told = json.loads(path.read_text("utf-8"))
    rows = [Row(**row | {"recipe": Recipe(*row["recipe"])}) for row in told["rows"]]
    return told | {"rows": {row.recipe: row for row in rows}}


def write(rows: Iterable[Row]) -> None:
    """Keep what was measured, a line for each recipe; who reads meanwhile finds what stood there before."""
    told = [row._asdict() | {"accuracies": np.round(row.accuracies, 4).tolist()} for row in rows]
    lines = ",\n".join(json.dumps(row) for row in told)
    new = MEASURED.with_name(f"{MEASURED.name}.{os.getpid()}")
    new.write_text(f'{{\n"settings": {json.dumps(settings())},\n"rows": [\n{lines}\n]\n}}\n', "utf-8")
    os.replace(new, MEASURED)
