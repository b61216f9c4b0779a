"""Work in progress on disk: whole or not at all, damage noticed, the newest two kept."""

import errno
import os

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.snapshots import SnapshotFolder


@pytest.fixture
def folder(tmp_path):
    told = []
    made = SnapshotFolder(tmp_path / "state", told.append)
    made.told = told
    return made


def save(folder, *steps, name="a"):
    for step in steps:
        folder.save(name, step, {"x": np.full(3, step, np.float32)}, {"step": step})


def newest(folder, name="a"):
    found = folder.load(name)
    return None if found is None else (found[1]["step"], found[0]["x"].tolist())


def test_the_newest_comes_back_and_two_are_kept(folder):
    assert newest(folder) is None
    save(folder, 10, 20, 30, 100)
    assert newest(folder) == (100, [100.0] * 3)
    assert newest(folder, "b") is None
    files = sorted(path.name for path in (folder.path / "a").iterdir())
    assert [name[:8] for name in files] == ["00000030", "00000100"]
    assert not folder.told


@pytest.mark.parametrize("position", [0, 40, -30, -1])
def test_one_flipped_bit_is_noticed_and_the_older_one_is_used(folder, position):
    save(folder, 10, 20)
    path = max((folder.path / "a").iterdir())
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    assert newest(folder) == (10, [10.0] * 3)
    [text] = folder.told
    assert "damaged" in text
    assert "\n" not in text


def test_a_truncated_or_strange_file_is_passed_over(folder):
    save(folder, 10, 20)
    paths = sorted((folder.path / "a").iterdir())
    paths[1].write_bytes(paths[1].read_bytes()[:100])
    (folder.path / "a" / "00000030-nothing.npz").write_bytes(b"")
    assert newest(folder) == (10, [10.0] * 3)
    assert len(folder.told) == 2
    paths[0].unlink()
    assert newest(folder) is None


def test_what_does_not_fit_is_passed_over(folder):
    save(folder, 10, 20)
    found = folder.load("a", lambda contents: contents[1]["step"] < 20)
    assert found is not None
    assert found[1]["step"] == 10
    assert "another version" in folder.told[0]


def test_clearing(folder):
    save(folder, 10)
    save(folder, 20, name="b")
    folder.clear("a")
    folder.clear("never")
    assert newest(folder) is None
    assert newest(folder, "b") == (20, [20.0] * 3)
    folder.remove()
    assert not folder.path.exists()
    folder.remove()


def test_a_full_disk_is_one_line_and_leaves_what_was_there(folder, monkeypatch):
    save(folder, 10)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pmsfc_jax.io.atomic.os.fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        save(folder, 20)
    assert newest(folder) == (10, [10.0] * 3)
    assert len(list((folder.path / "a").iterdir())) == 1
