"""HDF5 files: what is read of them, and what is not followed."""

import importlib

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.reader import Record, read_checkpoint

h5py = pytest.importorskip("h5py")

ARRAYS = {
    "a/kernel:0": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "a/b/swapped": np.arange(3, dtype=">f8"),
    "flags": np.array([True, False]),
    "scalar": np.float32(2),
}


def written(path, **options):
    with h5py.File(path, "w") as file:
        for name, array in ARRAYS.items():
            file.create_dataset(name, data=array, **(options if array.ndim else {}))
    return path


@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "chunks": True}], ids=str)
def test_arrays_come_back(tmp_path, options):
    checkpoint = read_checkpoint(written(tmp_path / "x.h5", **options))
    assert checkpoint.container == "hdf5"
    assert set(checkpoint.tree) == set(ARRAYS)
    for name, array in ARRAYS.items():
        got = checkpoint.tree[name]
        np.testing.assert_array_equal(got, array)
        assert got.dtype.isnative
        assert not got.flags.writeable


def test_what_is_no_array_of_numbers_spoils_nothing(tmp_path):
    path = written(tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        file["text"] = "dcgan"
        file["pairs"] = np.zeros(2, [("x", "f4")])
        file["soft"] = h5py.SoftLink("/a")
        file["elsewhere"] = h5py.ExternalLink("/etc/hosts", "/")
        file["type"] = np.dtype("f4")
        file.create_group("empty")
    tree = read_checkpoint(path).tree
    others = {name for name, found in tree.items() if isinstance(found, Record)}
    assert others == {"text", "pairs", "soft", "elsewhere", "type"}
    assert set(ARRAYS) <= set(tree)


def test_numbers_outside_of_the_file_are_not_read(tmp_path):
    (tmp_path / "secret").write_bytes(bytes(16))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        outside = [(str(tmp_path / "secret"), 0, 16)]
        file.create_dataset("w", (4,), "f4", external=outside)
    with pytest.raises(InputError, match="numbers of 'w' in another file"):
        read_checkpoint(tmp_path / "x.h5")


def test_numbers_out_of_proportion_are_refused(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("w", (1 << 40,), "f4", chunks=(1 << 16,), compression="gzip")
    with pytest.raises(InputError, match="unpacks to more than"):
        read_checkpoint(tmp_path / "x.h5")


def test_groups_that_hold_one_another(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a/b/loop"] = file["a"] if "a" in file else file.create_group("a")
    with pytest.raises(InputError, match="nests its groups"):
        read_checkpoint(tmp_path / "x.h5")


def test_damage_is_called_so(tmp_path):
    raw = written(tmp_path / "x.h5").read_bytes()
    for end in (9, 100, len(raw) // 2, len(raw) - 1):
        (tmp_path / "cut.h5").write_bytes(raw[:end])
        with pytest.raises(InputError, match="cannot be read as HDF5") as caught:
            read_checkpoint(tmp_path / "cut.h5")
        assert "\n" not in str(caught.value)


def test_without_the_package_it_is_named(tmp_path, monkeypatch):
    path = written(tmp_path / "x.h5")

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(InputError, match=r"pip install 'pmsfc-jax\[h5\]'"):
        read_checkpoint(path)
