"""MNIST: 70,000 handwritten digits, found on this machine or fetched, and checked before every reading.

The four files lie uncompressed in torchvision's layout, `<root>/MNIST/raw/`. They are looked for under `$RNNVIZ_DATA`
and then under the user's cache folder. A file whose SHA-256 is not the known one is never read: `status` names it and
`fetch` replaces it.
"""

import hashlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from . import DigitSet

FILES = {  # name -> SHA-256 of the uncompressed file
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
}
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # all that pages need; they are fetched first
DOWNLOADS = {  # name -> (SHA-256, bytes) of the file's .gz
    "train-images-idx3-ubyte": ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
    "train-labels-idx1-ubyte": ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
    "t10k-images-idx3-ubyte": ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
    "t10k-labels-idx1-ubyte": ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = 20  # seconds a mirror may stay silent
LONGEST = 3600  # seconds one file may take; a mirror that trickles never stays silent
CHUNK = 8192  # bytes a download arrives in
WAIT = 7200  # seconds to wait for another process that is fetching


class MnistMissing(RuntimeError):
    """MNIST is not on this machine, or not all of it is intact."""


@dataclass(frozen=True)
class Status:
    """How MNIST stands: `state` is "ready", "missing", "downloading" or "failed".

    `folder` holds the files, or will; `bad` names the damaged ones met on the way (they are never read, and do not
    matter when an intact copy was found); `progress` of the download is in [0, 1]; `error` says why it failed.
    """

    state: str
    folder: Path
    bad: tuple[str, ...] = ()
    progress: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class _Download:
    """What the background download of this process is doing."""

    running: bool = False
    progress: float = 0.0
    error: str = ""


_download = _Download()
_download_lock = threading.Lock()
_verdicts: dict[tuple[Path, int, int], bool] = {}  # (path, size, mtime) -> whether the file is intact
_sets: dict[str, DigitSet] = {}
_sets_lock = threading.Lock()


def test() -> DigitSet:
    """Return the 10,000 test digits; raises MnistMissing when they are not here intact."""
    return _opened("mnist", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def train() -> DigitSet:
    """Return the 60,000 training digits; raises MnistMissing when they are not here intact."""
    return _opened("mnist-train", "train-images-idx3-ubyte", "train-labels-idx1-ubyte")


def status(files: tuple[str, ...] = tuple(FILES)) -> Status:
    """Return how these files stand on this machine; reads them only when they changed since the last time."""
    intact = {name: _intact_copy(name) for name in files}
    bad = tuple(name for name in files if any(path.exists() and not _is_intact(path) for path in _copies(name)))
    if all(intact.values()):
        folders = {path.parent for path in intact.values()}
        return Status("ready", folders.pop() if len(folders) == 1 else _folders()[-1], bad, progress=1.0)
    download = _download
    state = "downloading" if download.running else "failed" if download.error else "missing"
    return Status(state, _target(), bad, download.progress, download.error)


def fetch(progress: Callable[[float], None] | None = None) -> Path:
    """Fetch every file that is not here intact, and return the folder they were put into.

    `progress` is called with the share done, in [0, 1]. A file takes its final name only once it is whole and checked,
    so a torn one is never seen; other processes wait. Raises MnistMissing when no mirror gave a good file.
    """
    from filelock import FileLock, Timeout

    report = progress or (lambda share: None)
    folder = _target()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".fetch.lock", timeout=WAIT):
            _fetch_into(folder, report)
    except Timeout as error:
        raise MnistMissing(
            f"MNIST must be fetched by one process at a time. Another one has been at it for {WAIT} s in {folder}. "
            "End it and try again."
        ) from error
    except OSError as error:
        raise MnistMissing(
            f"MNIST must be written to {folder}. Got {error}. Make room there or set RNNVIZ_DATA to another folder."
        ) from error
    report(1.0)
    return folder


def fetch_in_background() -> None:
    """Start fetching what is missing in a thread of its own, unless one is at it; `status` tells how far it is."""
    global _download
    with _download_lock:
        if _download.running:
            return
        _download = _Download(running=True)
    threading.Thread(target=_fetch_and_tell, name="fetch-mnist", daemon=True).start()


def _fetch_and_tell() -> None:
    """Run `fetch` and keep what `status` shows up to date."""
    global _download

    def tell(share: float) -> None:
        global _download
        _download = replace(_download, progress=share)

    error = ""
    try:
        fetch(tell)
    except Exception as problem:  # a thread has nobody to raise to; the status carries it to the page
        error = str(problem) or repr(problem)
    _download = _Download(error=error)


def _opened(name: str, images: str, labels: str) -> DigitSet:
    """Return the set made of two files, read once per process."""
    with _sets_lock:
        if name not in _sets:
            _sets[name] = DigitSet(name, _array(images), _array(labels))
        return _sets[name]


def _array(name: str) -> np.ndarray:
    """Return the numbers of an intact file, uint8 (N, 28, 28) or (N,), as its header gives their shape."""
    path = _intact_copy(name)
    # What was checked an hour ago may have changed since: the bytes that are used are the bytes that are checked.
    data = path.read_bytes() if path else b""
    if hashlib.sha256(data).hexdigest() != FILES[name]:
        _verdicts.clear()
        folders = " or ".join(map(str, _folders()))
        copies = ", ".join(str(path) for path in _copies(name) if path.exists())
        raise MnistMissing(
            f"MNIST must lie in {folders}. Got {f'a damaged {copies}' if copies else f'no {name}'}. "
            "Fetch it with rnnviz.digits.mnist.fetch(), or set RNNVIZ_DATA to the folder that holds MNIST/raw."
        )
    # The format (IDX): two zero bytes, the type (8 = uint8), the number of axes, then each length as big-endian uint32.
    lengths = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(lengths)


def _folders() -> list[Path]:
    """Return the folders where the files may lie, the first wins; the last is the user's cache."""
    import pooch

    roots = [os.environ.get("RNNVIZ_DATA"), pooch.os_cache("rnnviz")]
    return [Path(root, "MNIST", "raw").expanduser() for root in roots if root]


def _copies(name: str) -> list[Path]:
    """Return the paths where a file may lie."""
    return [folder / name for folder in _folders()]


def _intact_copy(name: str) -> Path | None:
    """Return the first intact copy of a file, or None."""
    return next((path for path in _copies(name) if _is_intact(path)), None)


def _is_intact(path: Path) -> bool:
    """Return whether a file has the SHA-256 its name promises; a file that has not changed is not read again."""
    try:
        stat = path.stat()
        key = (path, stat.st_size, stat.st_mtime_ns)
        if key not in _verdicts:
            with path.open("rb") as file:
                _verdicts[key] = hashlib.file_digest(file, "sha256").hexdigest() == FILES[path.name]
        return _verdicts[key]
    except OSError:
        return False


def _target() -> Path:
    """Return the folder to fetch into: `$RNNVIZ_DATA`'s when it can be written and holds no damaged file."""
    *given, cache = _folders()
    for folder in given:
        damaged = any((folder / name).exists() and not _is_intact(folder / name) for name in FILES)
        if not damaged and _can_write(folder):
            return folder
    return cache


def _can_write(folder: Path) -> bool:
    """Return whether files can be made in `folder`, or in the nearest folder above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)


def _fetch_into(folder: Path, report: Callable[[float], None]) -> None:
    """Fetch what is not here intact into `folder`, whose lock is held, and report the share done."""
    needed = [name for name in FILES if not _intact_copy(name)]
    total = sum(DOWNLOADS[name][1] for name in needed)
    done = 0
    for name in needed:
        with _workshop(folder) as workshop:
            _fetch_file(name, workshop, folder, lambda size, done=done: report((done + size) / total))
        done += DOWNLOADS[name][1]


@contextmanager
def _workshop(folder: Path):
    """Give an empty folder inside `folder` for the time of a download, and sweep away what a killed process left."""
    for left in folder.glob(".fetching-*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as workshop:
        yield Path(workshop)


def _fetch_file(name: str, workshop: Path, folder: Path, report: Callable[[int], None]) -> None:
    """Fetch one file from the first mirror that has it, and move it to `folder` in one step."""
    import pooch
    import requests

    checksum, size = DOWNLOADS[name]
    failures = []
    for mirror in MIRRORS:
        downloader = pooch.HTTPDownloader(timeout=TIMEOUT, chunk_size=CHUNK, progressbar=_Meter(size, report))
        try:
            whole = pooch.retrieve(
                f"{mirror}{name}.gz",
                known_hash=f"sha256:{checksum}",
                fname=f"{name}.gz",
                path=workshop,
                downloader=downloader,
                processor=pooch.Decompress(method="gzip", name=name),
            )
            if _is_intact(Path(whole)):
                os.replace(whole, folder / name)
                return
            failures.append(f"{mirror}: the uncompressed file is not the known one")
        except (requests.RequestException, ValueError) as error:
            failures.append(f"{mirror}: {error}")
    raise MnistMissing(
        f"{name} must come from one of {len(MIRRORS)} mirrors. Got {'; '.join(failures)}. "
        f"Check the network and try again, or put the file into {folder} by hand."
    )


class _Meter:
    """The progress bar pooch draws on: it passes the bytes on, and ends a download that is too large or too slow."""

    def __init__(self, expected: int, report: Callable[[int], None]):
        self.total = 0  # pooch sets it to what the server announces
        self._expected, self._report = expected, report
        self._received, self._start = 0, time.monotonic()
        self._complete = False

    def update(self, size: int) -> None:
        """Count `size` more bytes; ValueError when the download must end."""
        if self._complete:
            return
        self._received += size
        if self._received > self._expected + CHUNK:  # pooch counts the last chunk as a whole one
            raise ValueError(f"the file must have {self._expected} bytes, the server sends more")
        if time.monotonic() - self._start > LONGEST:
            raise ValueError(f"the file must come within {LONGEST} s, it is slower")
        self._report(min(self._received, self._expected))

    def reset(self) -> None:
        """Count no more: pooch empties the bar when all has come, to fill it once again."""
        self._complete = True

    def close(self) -> None:
        """Do nothing: nothing was drawn."""
