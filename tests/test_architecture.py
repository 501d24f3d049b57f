"""The rooms of the package, and which may import which, read from the sources and so also inside functions."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIGHT_TRAINING = (
    "cluster", "config", "data", "dispatch", "engines", "engines.local", "estimate", "files", "film", "presets",
    "proof", "recall", "runs",
)  # fmt: skip
LIGHT = {"training", *(f"training.{name}" for name in LIGHT_TRAINING)}
"""The modules of rnnviz.training that a server may load, which never import torch."""

CORE = {
    "cells", "initial", "network", "digits", "checkpoints", "trace", "measures", "learn", "fan", "arithmetic", "tasks",
    "upscaling", "neuron", "mistakes",
}  # fmt: skip
ALL = CORE | {"figures", "text", "rnnviz"}

# What each room may import of ours, besides itself. "rnnviz" is the package's own __init__ and the names it offers;
# "training" in a list means the whole room, "training.runs" one module of it, "training.__init__" its own __init__.
MAY_IMPORT = {
    "cells": set(),
    "figures": set(),
    "text": set(),
    "digits": set(),
    "network": {"cells"},
    "initial": {"cells", "network"},
    "checkpoints": {"cells", "network"},
    "trace": {"cells", "network"},
    "measures": {"cells", "network", "trace"},
    "learn": {"cells", "network", "trace"},
    "upscaling": {"network", "trace"},
    "arithmetic": {"cells", "network", "trace"},
    "neuron": set(),
    "mistakes": set(),
    "tasks": {"cells", "initial", "network", "digits", "trace", "learn"},
    "fan": {"cells", "initial", "network", "trace", "measures"},
    "training": {
        "cells",
        "initial",
        "network",
        "checkpoints",
        "digits",
        "trace",
        "measures",
        "learn",
        "upscaling",
    },  # fmt: skip
    "ui": ALL | LIGHT - {"training"} | {"training.__init__"},
    "pages": ALL - {"cells", "initial"} | {"ui", "training.runs", "training.config", "training.presets"},
    "app": {"ui", "text"},
    "rnnviz": CORE | {"figures"},
    "__main__": ALL | {"training", "ui", "pages", "app"},
}
IMPORTS_STREAMLIT = {"ui", "pages", "app"}


def sources() -> dict[str, Path]:
    """Return every module of the product by its dotted name: rnnviz's without "rnnviz.", then pages.* and app."""
    found = {}
    for path in [*(ROOT / "rnnviz").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        found[".".join(parts[1:] if parts[0] == "rnnviz" and parts[1:] else parts)] = path
    return found


SOURCES = sources()


def room(module: str) -> str:
    """Return the room that a module lies in: the first part of its name."""
    return module.partition(".")[0]


def imported(source: str, module: str, is_package: bool) -> set[str]:
    """Return the absolute names of all that a source imports: "torch.nn.functional", "rnnviz.trace.record".

    module: the name of the source itself, from which relative imports count.
    """
    package = module.split(".") if is_package else module.split(".")[:-1]
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def imports_of(module: str) -> set[str]:
    """Return the absolute names that a module of the product imports."""
    path = SOURCES[module]
    full = module if room(module) in ("pages", "app", "rnnviz") else f"rnnviz.{module}"
    return imported(path.read_text(encoding="utf-8"), full, path.name == "__init__.py")


def ours(name: str) -> str | None:
    """Return the module of the product that an imported name belongs to; None for others' packages."""
    first, _, rest = name.partition(".")
    if first in ("pages", "app"):
        return name
    if first != "rnnviz":
        return None
    while rest and rest not in SOURCES:  # the last part may be a function of the module
        rest = rest.rpartition(".")[0]
    return rest or "rnnviz"


def allowed(module: str, target: str) -> bool:
    """Return whether a module may import another, by the table."""
    names = {room(target), target, f"{target}.__init__"}
    return room(target) == room(module) or not names.isdisjoint(MAY_IMPORT[room(module)])


def imports_package(module: str, prefix: str) -> bool:
    """Return whether a module imports a package whose name starts so."""
    return any(name.partition(".")[0].startswith(prefix) for name in imports_of(module))


def test_every_room_is_in_the_table():
    for module in SOURCES:
        assert room(module) in MAY_IMPORT, (
            f"{module} is in no known room. Add {room(module)!r} to MAY_IMPORT in tests/test_architecture.py, with "
            "the rooms that it may import, and to those that may import it."
        )


@pytest.mark.parametrize("module", SOURCES)
def test_a_module_imports_only_what_its_room_may(module):
    targets = {target for name in imports_of(module) if (target := ours(name))}
    wrong = sorted(target for target in targets if room(module) in MAY_IMPORT and not allowed(module, target))
    may = ", ".join(sorted(MAY_IMPORT.get(room(module), ()))) or "nothing of ours"
    assert not wrong, f"{module} imports {', '.join(wrong)}. Its room may import {may}."


def test_only_pages_and_what_they_are_built_of_import_streamlit():
    for module in SOURCES:
        assert room(module) in IMPORTS_STREAMLIT or not imports_package(module, "streamlit"), module


def test_only_training_imports_torch_and_only_in_its_worker():
    for module in SOURCES:
        if room(module) != "training" or module in LIGHT:
            assert not imports_package(module, "torch"), module


def test_what_a_server_loads_of_training_imports_nothing_of_ours_that_imports_torch():
    heavy = {module for module in SOURCES if imports_package(module, "torch")}
    for module in LIGHT & set(SOURCES):
        targets = {ours(name) for name in imports_of(module)}
        assert not targets & heavy, f"{module} imports {targets & heavy}, which import torch."


def loaded_by(statement: str) -> set[str]:
    """Return the packages that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_rnnviz_loads_no_heavy_package():
    assert not loaded_by("import rnnviz") & {"streamlit", "torch", "torchvision", "sklearn", "scipy", "pandas"}


def test_what_a_server_loads_of_training_loads_no_torch():
    modules = sorted(f"rnnviz.{module}" for module in LIGHT & set(SOURCES))
    assert not modules or not loaded_by(f"import {', '.join(modules)}") & {"torch", "torchvision", "streamlit"}


def test_no_module_has_a_name_that_says_nothing():
    for folder in ("rnnviz", "pages", "tests", "bench"):
        for path in (ROOT / folder).rglob("*"):
            assert path.stem not in ("utils", "helpers", "common", "util", "helper"), path.relative_to(ROOT)


@pytest.mark.parametrize(
    ("source", "module", "is_package", "names"),
    [
        ("import numpy as np, torch.nn", "rnnviz.trace", False, {"numpy", "torch.nn"}),
        ("from torch.nn import functional as F", "rnnviz.trace", False, {"torch.nn.functional"}),
        ("from .cells import CELLS, Cell", "rnnviz.trace", False, {"rnnviz.cells.CELLS", "rnnviz.cells.Cell"}),
        ("from . import digits", "rnnviz", True, {"rnnviz.digits"}),
        ("from . import state", "rnnviz.ui.frame", False, {"rnnviz.ui.state"}),
        ("from ..trace import record", "rnnviz.ui.stepper", True, {"rnnviz.ui.trace.record"}),
        ("from ...trace import record", "rnnviz.ui.stepper", True, {"rnnviz.trace.record"}),
        ("def f():\n    if 1:\n        import scipy.stats", "rnnviz.measures", False, {"scipy.stats"}),
        ("class A:\n    def f(self):\n        from ..x import y", "rnnviz.a.b", False, {"rnnviz.x.y"}),
    ],
)
def test_imports_are_seen_wherever_and_however_they_are_written(source, module, is_package, names):
    assert imported(source, module, is_package) == names


@pytest.mark.parametrize(
    ("module", "target", "answer"),
    [
        ("cells.lstm", "cells.scan", True),
        ("cells.lstm", "trace", False),
        ("trace", "network", True),
        ("trace", "measures", False),
        ("figures.signal", "trace", False),
        ("training.loop", "initial", True),
        ("training.loop", "figures", False),
        ("ui.frame", "training.config", True),
        ("ui.frame", "training", True),
        ("ui.frame", "training.loop", False),
        ("ui.frame", "pages.step", False),
        ("pages.step", "training.runs", True),
        ("pages.step", "training.dispatch", False),
        ("pages.step", "training.loop", False),
        ("pages.step", "cells", False),
        ("pages.step", "rnnviz", True),
        ("app", "ui.frame", True),
        ("app", "trace", False),
        ("__main__", "training.loop", True),
    ],
)
def test_the_table_means_what_it_says(module, target, answer):
    assert allowed(module, target) is answer


def test_a_name_belongs_to_the_module_that_defines_it():
    assert ours("rnnviz.trace.record") == "trace"
    assert ours("rnnviz.record") == ours("rnnviz") == "rnnviz"
    assert ours("rnnviz.cells.lstm.LSTM") == "cells.lstm"
    assert ours("numpy.linalg") is None


def test_only_its_engine_imports_ray():
    assert {module for module in SOURCES if imports_package(module, "ray")} == {"training.engines.ray"}


def test_a_server_that_asks_for_runs_on_ray_does_not_load_it():
    loaded = loaded_by("from rnnviz.training import engines\nengines.engine('ray')")
    assert "rnnviz" in loaded
    assert "ray" not in loaded
