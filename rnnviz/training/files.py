"""Small files of facts in JSON, replaced in one step, and read by others at any moment."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 2**20
"""No file of settings, state or notes comes near so many bytes."""


def read_json(path: Path) -> dict | None:
    """Return the object that a file holds, None where it holds none. Its texts can be written anywhere."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        text = path.read_text("utf-8")
        values = json.loads(text)
        if "\\ud" in text.lower():  # half a surrogate pair, which no page and no file takes, can only be written so
            values = json.loads(json.dumps(values, ensure_ascii=False).encode(errors="replace"))
    except (OSError, ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def write_json(path: Path, values: Mapping[str, object]) -> None:
    """Replace a file in one step: readers meet the old one or the new one."""
    partial = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    try:
        partial.write_text(json.dumps(values, indent=1), "utf-8")
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
