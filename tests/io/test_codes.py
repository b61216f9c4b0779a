"""Files of codes."""

import json
import zipfile

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.codes import SavedCodes, load_codes, save_codes


@pytest.fixture
def codes():
    rng = np.random.default_rng(0)
    return SavedCodes(
        latent=rng.normal(size=(1, 2, 3, 5)).astype(np.float32),
        w=rng.normal(size=(1, 2, 3, 4)).astype(np.float32),
        context=(),
        masks=np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float32),
        losses=np.array([[3, 2, 1]], np.float32),
        layer=4,
        composition="pmsfc",
        precision="default",
        generator="mine",
        identity="ab" * 32,
        target_sha256="cd" * 32,
    )


def test_codes_come_back_to_the_bit(codes, tmp_path):
    save_codes(tmp_path / "a.npz", codes)
    for before, after in zip(codes, load_codes(tmp_path / "a.npz"), strict=True):
        np.testing.assert_array_equal(after, before)


def test_plain_numpy_reads_them(codes, tmp_path):
    save_codes(tmp_path / "a.npz", codes)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["latent"], codes.latent)
        assert json.loads(str(file["facts"]))["layer"] == 4


def test_equal_codes_are_equal_files(codes, tmp_path):
    for name in "ab":
        save_codes(tmp_path / f"{name}.npz", codes)
    with zipfile.ZipFile(tmp_path / "a.npz") as a, zipfile.ZipFile(tmp_path / "b.npz") as b:
        assert [a.read(n) for n in a.namelist()] == [b.read(n) for n in b.namelist()]


def test_damage_anywhere_is_one_line(codes, tmp_path):
    path = tmp_path / "a.npz"
    save_codes(path, codes)
    whole = path.read_bytes()
    refused = []
    for position in range(0, len(whole), 7):
        for data in (whole[:position], whole[:position] + b"\xff\x00" + whole[position + 2 :]):
            path.write_bytes(data)
            try:
                load_codes(path)
            except InputError as error:
                refused.append(str(error))
    assert len(refused) > len(whole) / 7  # every truncation and more
    assert all("a.npz" in message and "\n" not in message for message in refused)


def test_pickles_are_not_run(tmp_path):
    np.savez(tmp_path / "a.npz", facts=np.array([print], dtype=object))
    with pytest.raises(InputError, match="damaged"):
        load_codes(tmp_path / "a.npz")


def test_other_kinds_and_newer_formats_are_refused(codes, tmp_path):
    path = tmp_path / "a.npz"
    save_arrays(path, {"x": np.zeros(3)}, {"kind": "subspaces", "format": 1})
    with pytest.raises(InputError, match="holds subspaces, not inversion codes"):
        load_codes(path)
    with pytest.raises(InputError, match="newer version"):
        load_arrays(path, kind="subspaces", newest=0)
    with pytest.raises(InputError, match="cannot read"):
        load_codes(tmp_path / "absent.npz")
    save_codes(path, codes._replace(masks=np.ones((2, 5), np.float32)))
    with pytest.raises(InputError, match="do not fit"):
        load_codes(path)
