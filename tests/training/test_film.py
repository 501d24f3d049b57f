"""The film file."""

import errno
import json
import os

import numpy as np
import pytest

from rnnviz.training import film as films
from rnnviz.training.film import Projector, Shape

SHAPE = Shape.of(steps=28, units=4, classes=10, cell_state=True, label=7)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "film" / "film.bin"


def values(step: int, shape: Shape = SHAPE) -> dict[str, np.ndarray]:
    return {
        "grad_h": np.full(shape.rows, -step / 3),
        "grad_c": np.full(shape.rows, -np.inf),
        "h": np.full((shape.rows, shape.units), step / 100),
        "probs": np.full((shape.rows, shape.classes), 0.1),
    }


def project(path, steps, **options) -> Projector:
    projector = Projector(path, SHAPE, **options)
    for step in steps:
        projector.add(step, **values(step))
    return projector


def steps_of(path) -> list[int]:
    return films.read(path).frames["step"].tolist()


def test_frames_come_back_as_they_went_in(path):
    project(path, [0, 5, 9], image=np.arange(784).reshape(28, 28) % 256)
    film = films.read(path)
    assert film.shape == SHAPE
    assert len(film) == 3
    assert film.frames["step"].tolist() == [0, 5, 9]
    np.testing.assert_allclose(film.frames["grad_h"][2], -3.0)
    assert np.isneginf(film.frames["grad_c"]).all()
    np.testing.assert_allclose(film.frames["h"][1], 0.05, atol=1e-4)
    np.testing.assert_array_equal(film.image, np.arange(784).reshape(28, 28) % 256)


def test_there_is_no_film_before_the_first_frame(path):
    assert films.read(path) is None
    project(path, [])
    assert len(films.read(path)) == 0
    assert films.read(path).image is None


@pytest.mark.parametrize("left", [b"x", b"x" * 100, b"x" * (SHAPE.record.itemsize - 1)])
def test_what_a_killed_worker_left_unfinished_is_not_read(path, left):
    project(path, [0, 5])
    with open(path, "ab") as file:
        file.write(left)
    assert steps_of(path) == [0, 5]
    project(path, [8], resume_at=5)
    assert steps_of(path) == [0, 5, 8]


@pytest.mark.parametrize(("resume_at", "kept"), [(None, []), (0, [0]), (6, [0, 5]), (99, [0, 5, 9])])
def test_going_on_drops_what_lies_beyond(path, resume_at, kept):
    project(path, [0, 5, 9])
    project(path, [10], resume_at=resume_at)
    assert steps_of(path) == [*kept, 10]


def test_another_shape_begins_anew(path):
    project(path, [0, 5])
    other = Shape.of(28, 8, 10, True, 7)
    Projector(path, other, resume_at=5)
    assert films.read(path).shape == other
    assert len(films.read(path)) == 0


@pytest.mark.parametrize(
    "damaged",
    [b"", b"\n", b"nonsense\n", b"[1, 2]\n", b'{"steps": 3}\n', b'{"steps": 28, "units": "a"}\n', b"[" * 4000 + b"\n"],
)
def test_a_damaged_header_is_no_film(path, damaged):
    project(path, [0])
    path.write_bytes(damaged)
    assert films.read(path) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 0},
        {"steps": 28.0},
        {"steps": 100_001},
        {"units": -4},
        {"units": 1025},
        {"units": True},
        {"classes": 1001},
        {"classes": None},
        {"cell_state": 1},
        {"label": 10},
        {"label": -1},
        {"label": "7"},
        {"stride": 0},
        {"stride": 29},
    ],
)
def test_a_header_that_cannot_be_is_no_film(path, changes):
    path.parent.mkdir()
    path.write_bytes(json.dumps(vars(SHAPE)).encode() + b"\n" + bytes(SHAPE.record.itemsize))
    assert len(films.read(path)) == 1
    path.write_bytes(json.dumps(vars(SHAPE) | changes).encode() + b"\n" + bytes(SHAPE.record.itemsize))
    assert films.read(path) is None


def test_a_header_that_does_not_end_is_no_film(path):
    path.parent.mkdir()
    path.write_bytes(json.dumps(vars(SHAPE)).encode() + b" " * films.MAX_HEADER + b"\n")
    assert films.read(path) is None


@pytest.mark.parametrize("shape", [(0, 28), (28,), (0, 0)])
def test_a_damaged_picture_is_none(path, shape):
    project(path, [0], image=np.zeros((28, 28)))
    assert films.read(path).image is not None
    np.save(path.parent / films.IMAGE, np.zeros(shape, np.uint8))
    assert films.read(path).image is None
    with open(path.parent / films.IMAGE, "wb") as file:
        np.savez(file, image=np.zeros((28, 28), np.uint8))
    assert films.read(path).image is None
    (path.parent / films.IMAGE).write_bytes(b"nonsense")
    assert films.read(path).image is None
    assert len(films.read(path)) == 1


@pytest.mark.parametrize(
    ("steps", "stride", "rows", "first"),
    [(10, 1, 10, 0), (28, 1, 28, 0), (56, 1, 56, 0), (57, 2, 28, 2), (784, 14, 56, 13)],
)
def test_long_sequences_are_thinned_and_keep_their_last_step(steps, stride, rows, first):
    shape = Shape.of(steps, 4, 10, False, 0)
    assert (shape.stride, shape.rows) == (stride, rows)
    assert (shape.at[0], shape.at[-1], len(shape.at)) == (first, steps - 1, rows)
    assert (np.diff(shape.at) == stride).all()
    assert "grad_c" not in shape.record.names


def test_a_film_whose_folder_is_deleted_is_not_made_anew(path):
    projector = project(path, [0])
    path.unlink()
    with pytest.raises(FileNotFoundError):
        projector.add(1, **values(1))
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        Projector(path.parent / "gone" / "film" / "film.bin", SHAPE)


def test_half_a_frame_is_a_full_disk(path, monkeypatch):
    projector, write = project(path, [0]), os.write
    monkeypatch.setattr(films.os, "write", lambda file, data: write(file, data[:7]))
    with pytest.raises(OSError, match="No space") as problem:
        projector.add(1, **values(1))
    assert problem.value.errno == errno.ENOSPC
    assert steps_of(path) == [0]
