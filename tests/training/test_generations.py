"""What a run needs to go on, in two generations."""

import numpy as np
import pytest

from rnnviz.training import generations

ARRAYS = {"weights.a": np.arange(6, dtype=np.float32).reshape(2, 3), "random": np.arange(9, dtype=np.uint8)}
VALUES = {"step": 3, "loss": 0.1 + 0.2, "row": [[1.5, 2.5]], "best": None}


def write(folder, step: int) -> None:
    generations.write(folder, ARRAYS, VALUES | {"step": step})


def steps(folder) -> list[int]:
    return [values["step"] for _, values in generations.read(folder)[0]]


def test_what_was_written_is_read(tmp_path):
    generations.write(tmp_path, ARRAYS, VALUES)
    ((arrays, values),), damaged = generations.read(tmp_path)
    assert values == VALUES
    assert not damaged
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_the_last_two_are_kept(tmp_path):
    assert generations.read(tmp_path) == ([], False)
    for step in (1, 2, 3):
        write(tmp_path, step)
    assert steps(tmp_path) == [3, 2]
    assert {path.name for path in tmp_path.iterdir()} == {"last.safetensors", "previous.safetensors"}


@pytest.mark.parametrize("cut", [1, 20, 100, 10_000])
def test_a_truncated_file_is_passed_over(tmp_path, cut, capsys):
    write(tmp_path, 1), write(tmp_path, 2)
    path = tmp_path / "last.safetensors"
    path.write_bytes(path.read_bytes()[:-cut])
    assert steps(tmp_path) == [1]
    assert generations.read(tmp_path)[1]
    assert "last.safetensors cannot be read" in capsys.readouterr().out


def test_every_changed_byte_of_the_numbers_is_seen(tmp_path):
    write(tmp_path, 1)
    path = tmp_path / "last.safetensors"
    data = path.read_bytes()
    size = sum(array.nbytes for array in ARRAYS.values())
    for place in range(len(data) - size, len(data)):
        changed = bytearray(data)
        changed[place] ^= 16
        path.write_bytes(changed)
        assert generations.read(tmp_path) == ([], True)


def test_a_full_disk_leaves_both_as_they_were(tmp_path, monkeypatch):
    write(tmp_path, 1), write(tmp_path, 2)

    def full(_):
        raise OSError(28, "full")

    monkeypatch.setattr(generations.os, "fsync", full)
    with pytest.raises(OSError, match="full"):
        write(tmp_path, 3)
    assert steps(tmp_path) == [2, 1]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_is_gone_is_not_made_anew(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "gone", 1)
    assert not (tmp_path / "gone").exists()
