"""What a run needs to go on, a file in two generations: where the last is damaged, the one before it serves. No torch.

Both are `.safetensors` files, each written beside its place and moved there in one step.
"""

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

LAST, PREVIOUS = "last.safetensors", "previous.safetensors"


def write(folder: Path, arrays: Mapping[str, np.ndarray], values: Mapping[str, object]) -> None:
    """Make these the last generation, and the last the previous one. OSError where the disk does not take them."""
    from safetensors.numpy import save

    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    data = save(arrays, {"values": json.dumps(values), "checksum": str(_checksum(arrays))})
    partial = folder / ".last.partial"
    try:
        with open(partial, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # after a power cut the name may not stand for less than all of it
        if (folder / LAST).exists():
            os.replace(folder / LAST, folder / PREVIOUS)
        os.replace(partial, folder / LAST)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def read(folder: Path) -> tuple[list[tuple[dict[str, np.ndarray], dict]], bool]:
    """Return the sound generations as (arrays, values), the last first, and whether a damaged one was passed over."""
    found, damaged = [], False
    for name in (LAST, PREVIOUS):
        try:
            found.append(_opened(folder / name))
        except FileNotFoundError:
            continue
        except Exception as error:  # whatever is wrong with a file, an older one or a new beginning is better
            print(f"{name} cannot be read: {type(error).__name__}: {error}", flush=True)
            damaged = True
    return found, damaged


def _opened(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if int(metadata["checksum"]) != _checksum(arrays):
        raise ValueError("its numbers are not those that were written")
    return arrays, json.loads(metadata["values"])


def _checksum(arrays: Mapping[str, np.ndarray]) -> int:
    checksum = 0
    for name in sorted(arrays):
        checksum = zlib.crc32(arrays[name].tobytes(), zlib.crc32(name.encode(), checksum))
    return checksum
