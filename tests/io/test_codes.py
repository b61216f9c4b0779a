"""Files of codes, and the folder of a run."""

import json
import zipfile

import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.codes import SavedCodes, load_codes, save_codes
from pmsfc_jax.io.runs import RunFolder, pixels_sha256

ENVIRONMENT = {"jax": "0"}


@pytest.fixture
def codes():
    rng = np.random.default_rng(0)
    return SavedCodes(
        z=rng.normal(size=(2, 3, 5)).astype(np.float32),
        w=rng.normal(size=(2, 3, 4)).astype(np.float32),
        masks=np.array([[1, 0, 1, 0], [0, 1, 0, 1]], np.float32),
        losses=np.array([3, 2, 1], np.float32),
        layer=4,
        method="pmsfc",
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
        np.testing.assert_array_equal(file["z"], codes.z)
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
    save_codes(path, codes._replace(masks=np.ones((3, 4), np.float32)))
    with pytest.raises(InputError, match="do not fit"):
        load_codes(path)


def test_a_run_is_opened_again_with_the_same_settings_only(tmp_path):
    settings = {"seed": 1, "inversion": {"num_steps": 3, "layer": 4}}
    RunFolder.open(tmp_path / "run", settings, environment=ENVIRONMENT)
    run = RunFolder.open(tmp_path / "run", settings, environment={"jax": "another"})
    assert run.settings()["environment"] == ENVIRONMENT
    other = {"seed": 1, "inversion": {"num_steps": 4, "layer": 4}}
    with pytest.raises(InputError, match=r"other settings \(num_steps\)"):
        RunFolder.open(tmp_path / "run", other, environment=ENVIRONMENT)
    RunFolder.open(tmp_path / "run", other, environment=ENVIRONMENT, overwrite=True)
    assert run.settings()["inversion"]["num_steps"] == 4


def test_starting_anew_forgets_old_codes(codes, tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    run = RunFolder.open(tmp_path, {"seed": 1}, environment=ENVIRONMENT)
    run.save_image("a", picture, picture, codes._replace(target_sha256=pixels_sha256(picture)))
    run.save_metrics({"a": {"image": "a", "psnr_db": "1"}})
    assert run.is_finished("a", picture)
    assert not run.is_finished("a", picture + 1)
    assert not run.is_finished("b", picture)
    again = RunFolder.open(tmp_path, {"seed": 2}, environment=ENVIRONMENT, overwrite=True)
    assert not again.is_finished("a", picture)
    assert again.load_metrics() == {}


def test_a_damaged_code_file_counts_as_unfinished(codes, tmp_path):
    picture = np.zeros((4, 4, 3), np.uint8)
    run = RunFolder.open(tmp_path, {"seed": 1}, environment=ENVIRONMENT)
    run.save_image("a", picture, picture, codes._replace(target_sha256=pixels_sha256(picture)))
    run.codes_path("a").write_bytes(b"PK")
    assert not run.is_finished("a", picture)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_damaged_settings_are_told(tmp_path, text):
    RunFolder.open(tmp_path, {"seed": 1}, environment=ENVIRONMENT)
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match="damaged"):
        RunFolder.open(tmp_path, {"seed": 1}, environment=ENVIRONMENT)


def test_a_file_in_the_way_is_told(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(InputError, match="run"):
        RunFolder.open(tmp_path / "run", {"seed": 1}, environment=ENVIRONMENT)
