"""Damaged folders of weights are refused with a reason."""

import json
import shutil

import chex
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.weights.store import folder as module
from pmsfc_jax.weights.store.folder import Network, load_weights, save_weights

PARAMS = {
    "conv0": {"kernel": np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 3, 4)},
    "label": np.arange(3, dtype=np.float32),
}


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "weights"
    save_weights(path, {"generator": Network("pggan", {"widths": [3, 3]}, PARAMS)})
    return path


def refused(folder, *words, **kwargs):
    with pytest.raises(InputError) as caught:
        load_weights(folder, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def checkpoint_files(folder):
    return sorted(path for path in (folder / "generator").rglob("*") if path.is_file())


def test_a_flipped_byte_in_any_file(folder):
    rng = np.random.default_rng(0)
    files = checkpoint_files(folder)
    assert len(files) > 5
    for path in files:
        good = path.read_bytes()
        for at in {0, len(good) - 1, *rng.integers(0, len(good), 4)}:
            bad = bytearray(good)
            bad[at] ^= 1 << rng.integers(8)
            path.write_bytes(bad)
            refused(folder, "damaged: wrong checksum of", path.name)
        path.write_bytes(good)
    chex.assert_trees_all_equal(load_weights(folder)[1], PARAMS)


def test_a_flipped_byte_in_the_manifest(folder):
    """An error, or in what only describes the weights; never another network."""
    path, refusals = folder / "manifest.json", 0
    good = path.read_bytes()
    for at in range(0, len(good), 7):
        bad = bytearray(good)
        bad[at] ^= 1
        path.write_bytes(bad)
        try:
            manifest, params = load_weights(folder)
        except InputError:
            refusals += 1
        else:
            assert manifest.network("generator").architecture == {"widths": [3, 3]}
            chex.assert_trees_all_equal(params, PARAMS)
    assert refusals > len(good) // 7 // 2


@pytest.mark.parametrize("content", [None, b""], ids=["gone", "empty"])
def test_each_file_gone_or_empty(folder, content):
    for path in checkpoint_files(folder):
        good = path.read_bytes()
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        refused(folder, path.name, "convert the weights again")
        path.write_bytes(good)


def test_damage_that_checksums_do_not_show(folder):
    """Orbax itself fails: the manifest is of a checkpoint that never was whole."""
    (folder / "generator" / "_METADATA").write_text("{")
    certified(folder)
    refused(folder, "generator is damaged (")


def certified(folder):
    """Let the manifest list the files as they are now."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["networks"]["generator"]["files"] = module._hash_files(folder / "generator")
    path.write_text(json.dumps(content))


def test_no_path_of_this_machine_is_written(folder):
    for path in [*checkpoint_files(folder), folder / "manifest.json"]:
        assert str(folder.parent).encode() not in path.read_bytes()


def replaced(folder, tree):
    shutil.rmtree(folder / "generator")
    module._save_arrays(folder / "generator", tree)
    certified(folder)


def test_other_values(folder):
    replaced(folder, PARAMS | {"label": np.array([0, 1, 2.5], np.float32)})
    refused(folder, "damaged", "checksum of label")


def test_missing_arrays(folder):
    replaced(folder, {"label": PARAMS["label"]})
    refused(folder, "does not hold what its manifest lists", "conv0/kernel is missing")


def test_extra_arrays(folder):
    replaced(folder, PARAMS | {"more": PARAMS["label"]})
    refused(folder, "does not hold what its manifest lists", "more is extra")


def test_another_shape(folder):
    replaced(folder, PARAMS | {"label": np.zeros(4, np.float32)})
    refused(folder, "label is of shape and type ((4,), 'float32')")


def test_another_dtype(folder):
    replaced(folder, PARAMS | {"label": PARAMS["label"].astype(np.float16)})
    refused(folder, "label is of shape and type ((3,), 'float16')")


def test_no_arrays_at_all(folder):
    shutil.rmtree(folder / "generator")
    refused(folder, "No such file or directory", "convert the weights again")


def test_the_wrong_family(folder):
    refused(folder, "is of family pggan, not stylegan2", family="stylegan2")


def edited(folder, change):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_no_manifest(folder):
    (folder / "manifest.json").unlink()
    refused(folder, "holds no manifest.json")
    refused(folder / "nowhere", "holds no manifest.json")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "\xff", '{"format_version": 1}', "[" * 100_000, "1e999"]
)
def test_an_unreadable_manifest(folder, text):
    (folder / "manifest.json").write_text(text, encoding="latin-1")
    refused(folder, "is not a manifest", "convert the weights again")


def test_a_later_format(folder):
    edited(folder, lambda content: content.update(format_version=2))
    refused(folder, "format 2", "reads format 1", "install a later one")


def test_an_edited_architecture(folder):
    def widen(content):
        content["networks"]["generator"]["architecture"]["widths"] = [4, 4]

    edited(folder, widen)
    refused(folder, "manifest_hash does not fit")


def test_a_note_may_be_edited(folder):
    edited(folder, lambda content: content.update(card={"licence": "CC0"}, name="renamed"))
    manifest, _ = load_weights(folder)
    assert (manifest.name, manifest.card) == ("renamed", {"licence": "CC0"})


@pytest.mark.parametrize(
    ("key", "value"),
    [("shape", [-1]), ("shape", "x"), ("shape", [1.5]), ("dtype", "f4;"), ("sha256", "abc")],
)
def test_impossible_facts_of_an_array(folder, key, value):
    def change(content):
        content["networks"]["generator"]["arrays"]["label"][key] = value

    edited(folder, change)
    refused(folder, "is not a manifest", key)


@pytest.mark.parametrize("path", ["../../outside", "/etc/passwd"])
def test_files_are_below_the_network(folder, path):
    def add(content):
        content["networks"]["generator"]["files"][path] = "0" * 64

    edited(folder, add)
    refused(folder, "cannot be a file of a network")


@pytest.mark.parametrize("name", ["../outside", "", "a/b", "Generator", "."])
def test_networks_are_folders_below(folder, name):
    def rename(content):
        content["networks"][name] = content["networks"].pop("generator")

    edited(folder, rename)
    refused(folder, "cannot be the name of a network", role=name)
