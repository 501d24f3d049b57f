import gzip
import hashlib
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest

from rnnviz.digits import mnist
from rnnviz.digits.mnist import MnistMissing, fetch, fetch_in_background, status

TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS = mnist.FILES


def idx(array):
    """Return a uint8 array in MNIST's own format."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def some_files():
    """Return four small files under MNIST's names: bytes by name."""
    random = np.random.RandomState(0)
    files = {}
    for images, labels, count in ((TRAIN_IMAGES, TRAIN_LABELS, 6), (TEST_IMAGES, TEST_LABELS, 3)):
        files[images] = idx(random.randint(0, 256, (count, 28, 28)).astype(np.uint8))
        files[labels] = idx(random.randint(0, 10, count).astype(np.uint8))
    return files


FILES = some_files()
ZIPPED = {name: gzip.compress(data, mtime=0) for name, data in FILES.items()}


class Mirror:
    """A web server that gives the zipped files, each in the way `behaviour` says: a function of the handler."""

    def __init__(self):
        self.asked = Counter()
        self.behaviour = {}
        self.release = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.removeprefix("/mnist/").removesuffix(".gz")
                mirror.asked[name] += 1
                mirror.behaviour.get(name, whole)(self, ZIPPED[name], mirror)

            def log_message(self, *_):
                """Be quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def close(self):
        self.release.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def answer(handler, data, length=None):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data) if length is None else length))
    handler.end_headers()
    handler.wfile.write(data)


def whole(handler, data, mirror):
    answer(handler, data)


def torn(handler, data, mirror):
    answer(handler, data[: len(data) // 2], len(data))


def altered(handler, data, mirror):
    answer(handler, data[:-1] + bytes([data[-1] ^ 1]))


def endless(handler, data, mirror):
    answer(handler, data + bytes(10_000_000))


def absent(handler, data, mirror):
    handler.send_error(404)


def silent(handler, data, mirror):
    mirror.release.wait(5)


def held(handler, data, mirror):
    mirror.release.wait(5)
    answer(handler, data)


@pytest.fixture
def mirrors(monkeypatch):
    """Two mirrors of small files, in place of MNIST's."""
    both = [Mirror(), Mirror()]
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(mnist, "MIRRORS", tuple(mirror.url for mirror in both))
    monkeypatch.setattr(mnist, "TIMEOUT", 0.3)
    yield both
    for mirror in both:
        mirror.close()


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    """The folder of an empty cache; no `$RNNVIZ_DATA`; nothing remembered; small files in place of MNIST's."""
    monkeypatch.delenv("RNNVIZ_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    monkeypatch.setattr(mnist, "_download", mnist._Download())
    monkeypatch.setattr(mnist, "_verdicts", {})
    monkeypatch.setattr(mnist, "_sets", {})
    monkeypatch.setattr(mnist, "FILES", {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()})
    registry = {name: (hashlib.sha256(data).hexdigest(), len(data)) for name, data in ZIPPED.items()}
    monkeypatch.setattr(mnist, "DOWNLOADS", registry)
    return tmp_path / "cache" / "rnnviz" / "MNIST" / "raw"


def put(folder, **altered_files):
    """Write the four files into a folder, some of them altered."""
    folder.mkdir(parents=True)
    for name, data in FILES.items():
        (folder / name).write_bytes(altered_files.get(name.replace("-", "_"), data))


def visible(folder):
    """Return the names in a folder, but for the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".fetch.lock")


def wait_while(state):
    end = time.monotonic() + 10
    while status().state == state:
        assert time.monotonic() < end
        time.sleep(0.01)
    return status()


def test_nothing_is_there_at_first(cache):
    assert status() == mnist.Status("missing", cache)
    with pytest.raises(MnistMissing, match=r"MNIST must lie in .*Got no t10k-images.*Fetch it with") as caught:
        mnist.test()
    assert str(cache) in str(caught.value)


def test_files_are_found_under_rnnviz_data_first(monkeypatch, tmp_path, cache):
    given = tmp_path / "given" / "MNIST" / "raw"
    put(given)
    put(cache)
    monkeypatch.setenv("RNNVIZ_DATA", str(tmp_path / "given"))
    assert status() == mnist.Status("ready", given, progress=1.0)
    monkeypatch.delenv("RNNVIZ_DATA")
    assert status().folder == cache


def test_a_set_holds_what_its_files_hold_and_is_read_once(cache):
    put(cache)
    for opened, images, labels in (
        (mnist.test(), TEST_IMAGES, TEST_LABELS),
        (mnist.train(), TRAIN_IMAGES, TRAIN_LABELS),
    ):
        assert idx(opened.images) == FILES[images]
        assert idx(opened.labels) == FILES[labels]
    for path in cache.iterdir():
        path.unlink()
    assert len(mnist.test()) == 3


def test_fetching_brings_all_files_whole_and_leaves_nothing_else(cache, mirrors):
    shares = []
    assert fetch(shares.append) == cache
    assert visible(cache) == sorted(FILES)
    assert all((cache / name).read_bytes() == data for name, data in FILES.items())
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert status() == mnist.Status("ready", cache, progress=1.0)
    assert len(mnist.test()) == 3
    assert mirrors[0].asked == dict.fromkeys(FILES, 1)
    assert not mirrors[1].asked


def test_what_is_there_is_not_fetched_again(cache, mirrors):
    put(cache)
    (cache / TRAIN_LABELS).unlink()
    fetch()
    fetch()
    assert mirrors[0].asked == {TRAIN_LABELS: 1}


@pytest.mark.parametrize("fault", [torn, altered, endless, absent, silent])
def test_the_second_mirror_is_asked_when_the_first_fails(cache, mirrors, fault):
    mirrors[0].behaviour[TEST_IMAGES] = fault
    fetch()
    assert mirrors[1].asked == {TEST_IMAGES: 1}
    assert status().state == "ready"
    assert visible(cache) == sorted(FILES)


@pytest.mark.parametrize("fault", [torn, altered, endless, absent, silent])
def test_no_torn_file_is_left_when_every_mirror_fails(cache, mirrors, fault):
    for mirror in mirrors:
        mirror.behaviour[TRAIN_IMAGES] = fault
    with pytest.raises(MnistMissing, match=f"{TRAIN_IMAGES} must come from one of 2 mirrors. Got") as caught:
        fetch()
    assert all(mirror.url in str(caught.value) for mirror in mirrors)
    assert visible(cache) == []
    assert status().state == "missing"


def test_a_mirror_that_trickles_is_left(cache, mirrors, monkeypatch):
    monkeypatch.setattr(mnist, "LONGEST", -1)
    with pytest.raises(MnistMissing, match="must come within"):
        fetch()


def test_what_counts_is_the_file_after_unzipping(cache, mirrors, monkeypatch):
    monkeypatch.setitem(mnist.FILES, TEST_LABELS, "0" * 64)
    with pytest.raises(MnistMissing, match="the uncompressed file is not the known one"):
        fetch()
    assert TEST_LABELS not in visible(cache)


@pytest.mark.parametrize("damage", [b"", FILES[TEST_IMAGES][:-1], FILES[TEST_IMAGES][:-1] + b"\0"])
def test_a_damaged_file_is_named_never_read_and_replaced_in_the_cache(cache, mirrors, damage):
    put(cache, t10k_images_idx3_ubyte=damage)
    assert status() == mnist.Status("missing", cache, bad=(TEST_IMAGES,))
    with pytest.raises(MnistMissing, match="Got a damaged"):
        mnist.test()
    assert len(mnist.train()) == 6
    fetch()
    assert status() == mnist.Status("ready", cache, progress=1.0)
    assert mirrors[0].asked == {TEST_IMAGES: 1}
    assert len(mnist.test()) == 3


def test_a_damaged_file_under_rnnviz_data_is_left_alone_and_fetched_into_the_cache(
    cache, mirrors, monkeypatch, tmp_path
):
    given = tmp_path / "given" / "MNIST" / "raw"
    put(given, t10k_labels_idx1_ubyte=b"rotten")
    monkeypatch.setenv("RNNVIZ_DATA", str(tmp_path / "given"))
    assert status() == mnist.Status("missing", cache, bad=(TEST_LABELS,))
    fetch()
    assert visible(cache) == [TEST_LABELS]
    assert (given / TEST_LABELS).read_bytes() == b"rotten"
    assert status() == mnist.Status("ready", cache, bad=(TEST_LABELS,), progress=1.0)
    assert idx(mnist.test().labels) == FILES[TEST_LABELS]


def test_an_empty_rnnviz_data_is_fetched_into(cache, mirrors, monkeypatch, tmp_path):
    monkeypatch.setenv("RNNVIZ_DATA", str(tmp_path / "new"))
    assert fetch() == tmp_path / "new" / "MNIST" / "raw"
    assert status().state == "ready"
    assert not cache.exists()


def test_a_rnnviz_data_that_cannot_be_written_is_not_fetched_into(cache, mirrors, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RNNVIZ_DATA", str(tmp_path / "file" / "below"))
    assert fetch() == cache
    monkeypatch.setenv("RNNVIZ_DATA", str(tmp_path))
    monkeypatch.setattr(mnist.os, "access", lambda path, mode: False)
    assert status().folder == cache


def test_a_disk_that_cannot_be_written_is_said(cache, mirrors):
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("in the way")
    with pytest.raises(MnistMissing, match=r"MNIST must be written to .*Make room there or set RNNVIZ_DATA"):
        fetch()


def test_the_test_digits_are_ready_without_the_training_digits(cache):
    put(cache)
    (cache / TRAIN_IMAGES).unlink()
    assert status(mnist.TEST).state == "ready"
    assert status().state == "missing"
    assert len(mnist.test()) == 3


def test_bytes_that_rot_after_the_check_are_not_read(cache, monkeypatch):
    put(cache)
    assert status().state == "ready"
    path = cache / TEST_IMAGES
    monkeypatch.setattr(type(path), "read_bytes", lambda self: b"rot" if self.name == TEST_IMAGES else FILES[self.name])
    with pytest.raises(MnistMissing, match="Got a damaged"):
        mnist.test()


def test_an_unchanged_file_is_checked_once(cache, monkeypatch):
    put(cache)
    assert status().state == "ready"
    monkeypatch.setattr(mnist.hashlib, "file_digest", None)
    assert status().state == "ready"


def test_what_a_killed_download_left_is_swept(cache, mirrors):
    (cache / ".fetching-old").mkdir(parents=True)
    (cache / ".fetching-old" / "half").write_bytes(b"half")
    fetch()
    assert visible(cache) == sorted(FILES)


def test_the_background_tells_how_far_it_is(cache, mirrors, monkeypatch):
    monkeypatch.setattr(mnist, "TIMEOUT", 5)
    mirrors[0].behaviour[TEST_IMAGES] = held
    fetch_in_background()
    fetch_in_background()
    assert status().state == "downloading"
    end = time.monotonic() + 5
    while not mirrors[0].asked[TEST_IMAGES]:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert 0 < status().progress < 1
    mirrors[0].release.set()
    assert wait_while("downloading") == mnist.Status("ready", cache, progress=1.0)
    assert mirrors[0].asked == dict.fromkeys(FILES, 1)


def test_a_failed_background_download_says_why_and_can_be_tried_again(cache, mirrors):
    for mirror in mirrors:
        mirror.behaviour[TRAIN_IMAGES] = absent
    fetch_in_background()
    failed = wait_while("downloading")
    assert failed.state == "failed"
    assert "404" in failed.error
    for mirror in mirrors:
        mirror.behaviour.clear()
    fetch_in_background()
    assert wait_while("downloading").state == "ready"


def test_the_background_thread_never_keeps_the_program_alive(cache, mirrors):
    mirrors[0].behaviour[TRAIN_IMAGES] = held
    fetch_in_background()
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "fetch-mnist"] == [True]
    mirrors[0].release.set()
    wait_while("downloading")


def test_two_at_once_fetch_every_file_once(cache, mirrors):
    problems = []

    def one():
        try:
            fetch()
        except MnistMissing as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert mirrors[0].asked == dict.fromkeys(FILES, 1)


def test_another_process_that_never_ends_is_waited_for_only_so_long(cache, mirrors, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(mnist, "WAIT", 0.05)
    cache.mkdir(parents=True)
    with FileLock(cache / ".fetch.lock"), pytest.raises(MnistMissing, match="one process at a time"):
        fetch()
