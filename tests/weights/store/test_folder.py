"""Folders of weights: what goes in comes out, whole or not at all."""

import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.version import __version__
from pmsfc_jax.weights.store import folder as module
from pmsfc_jax.weights.store.folder import Network, load_weights, save_weights
from pmsfc_jax.weights.store.manifest import Source, read_manifest
from tests.xla import virtual_devices


def network(seed=0, family="pggan"):
    rng = np.random.default_rng(seed)
    params = {
        "conv0": {
            "kernel": rng.standard_normal((3, 4, 4, 5)).astype(np.float32),
            "bias": rng.standard_normal(5).astype(np.float32),
        },
        "label": rng.standard_normal(2).astype(np.float32),
    }
    return Network(family, {"latent_dim": 3, "widths": (5, 5), "slope": 0.2}, params)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "weights" / "first"


def test_round_trip(folder):
    one = network()
    source = Source("file.pth", "ab" * 32, "pggan_x", "avgG", {"lod": {"value": 0.0}}, {"a": 1})
    written = save_weights(folder, {"generator": one}, source=source, card={"note": [1, "two"]})
    manifest, params = load_weights(folder, family="pggan")
    assert manifest == written == read_manifest(folder)
    chex.assert_trees_all_equal(params, one.params)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))
    assert {leaf.device for leaf in jax.tree.leaves(params)} == {jax.devices()[0]}
    assert (manifest.name, manifest.source, manifest.card) == (
        "first",
        source,
        {"note": [1, "two"]},
    )
    assert manifest.package_version == __version__
    facts = manifest.network("generator")
    assert facts.architecture == {"latent_dim": 3, "widths": [5, 5], "slope": 0.2}
    assert facts.arrays["conv0/kernel"].shape == (3, 4, 4, 5)
    assert facts.arrays["conv0/kernel"].dtype == "float32"
    assert sorted(p.name for p in folder.iterdir()) == ["generator", "manifest.json"]


@pytest.mark.parametrize(
    "array",
    [
        np.float32(3.5),
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.arange(4, dtype=">f4"),
        np.arange(6, dtype=np.float32).reshape(2, 3).T,
        np.arange(3).astype(ml_dtypes.bfloat16),
        jnp.arange(3, dtype=jnp.float32),
    ],
    ids=["scalar", "int", "big-endian", "transposed", "bfloat16", "jax"],
)
def test_arrays_of_every_kind(folder, array):
    save_weights(folder, {"generator": Network("any", {}, {"x": array})})
    _, params = load_weights(folder)
    np.testing.assert_array_equal(
        np.asarray(params["x"], np.float32), np.asarray(array, np.float32)
    )
    assert params["x"].shape == np.shape(array)


def test_a_second_network_is_loaded_alone(folder):
    both = {"generator": network(1), "discriminator": network(2, "pggan_discriminator")}
    save_weights(folder, both)
    for role, one in both.items():
        manifest, params = load_weights(folder, role)
        chex.assert_trees_all_equal(params, one.params)
        assert manifest.network(role).family == one.family
    with pytest.raises(InputError, match="holds no encoder, only generator, discriminator"):
        load_weights(folder, "encoder")


def test_hash_depends_on_what_the_networks_are(tmp_path):
    def hashed(name, one, **facts):
        return save_weights(tmp_path / name, {"generator": one}, **facts)

    one = network()
    first = hashed("a", one)
    same = hashed("b", one, card={"note": "other"}, source=Source("f", "0" * 64, "x"))
    assert first.manifest_hash == same.manifest_hash == first.network_hash("generator")
    others = [
        network(1),
        one._replace(family="other"),
        one._replace(architecture={**one.architecture, "slope": 0.1}),
        one._replace(params={**one.params, "label": one.params["label"].astype(np.float64)}),
    ]
    hashes = {hashed(f"c{i}", other).manifest_hash for i, other in enumerate(others)}
    assert len(hashes | {first.manifest_hash}) == 5
    both = save_weights(tmp_path / "d", {"generator": one, "discriminator": network(1)})
    assert both.manifest_hash != first.manifest_hash
    assert both.network_hash("generator") == first.manifest_hash


def test_hash_is_the_same_in_every_version(tmp_path):
    """Saved codes name it: a change here would orphan them."""
    x = np.arange(3, dtype=np.float32)
    by_hand = {
        "generator": {
            "architecture": {"slope": 0.2, "widths": [5, 5]},
            "arrays": {
                "conv0/bias": {
                    "dtype": "float32",
                    "sha256": hashlib.sha256(struct.pack("<3f", 0, 1, 2)).hexdigest(),
                    "shape": [3],
                }
            },
            "family": "pggan",
        }
    }
    text = json.dumps(by_hand).replace(", ", ",").replace(": ", ":")
    architecture = {"widths": (5, 5), "slope": 0.2}
    one = Network("pggan", architecture, {"conv0": {"bias": x}})
    manifest = save_weights(tmp_path / "x", {"generator": one})
    assert manifest.manifest_hash == hashlib.sha256(text.encode()).hexdigest()


def test_existing_weights_stay_unless_replaced(folder):
    save_weights(folder, {"generator": network(1)})
    with pytest.raises(InputError, match="already exists; choose another name or ask to overwrite"):
        save_weights(folder, {"generator": network(2)})
    chex.assert_trees_all_equal(load_weights(folder)[1], network(1).params)
    save_weights(folder, {"generator": network(2)}, overwrite=True)
    chex.assert_trees_all_equal(load_weights(folder)[1], network(2).params)
    assert [p.name for p in folder.parent.iterdir()] == ["first"]


def test_a_folder_of_something_else_is_never_replaced(folder):
    folder.mkdir(parents=True)
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(InputError, match="not a folder of converted weights"):
        save_weights(folder, {"generator": network()}, overwrite=True)
    assert (folder / "thesis.tex").read_text() == "years of work"


def test_nothing_is_left_of_a_failure(folder, monkeypatch):
    def fail(path, tree):
        path.mkdir()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_save_arrays", fail)
    with pytest.raises(InputError, match="No space left on device"):
        save_weights(folder, {"generator": network()})
    assert list(folder.parent.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        save_weights(tmp_path / "file" / "name", {"generator": network()})


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"card": {"x": object()}}, "the card cannot be kept as JSON"),
        ({"card": {"x": float("nan")}}, "the card cannot be kept as JSON"),
    ],
)
def test_what_json_cannot_hold(folder, facts, expected):
    with pytest.raises(InputError, match=expected):
        save_weights(folder, {"generator": network()}, **facts)
    assert not folder.exists()


def test_no_thread_and_no_word_is_left(folder, capfd):
    before = threading.active_count()
    save_weights(folder, {"generator": network()})
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    load_weights(folder)
    # An installed package may lie where nothing can be written.
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == files
    assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")


def test_several_devices(folder):
    """Saved with one device, replaced and loaded by a process that has four."""
    save_weights(folder, {"generator": network()})
    program = """
import sys, jax, numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from pmsfc_jax.weights.store.folder import Network, load_weights, save_weights
assert len(jax.devices()) == 4
manifest, params = load_weights(sys.argv[1])
assert {leaf.device for leaf in jax.tree.leaves(params)} == {jax.devices()[0]}
mesh = jax.make_mesh((4,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))
spread = jax.device_put(np.arange(8.0, dtype=np.float32), NamedSharding(mesh, PartitionSpec("d")))
network = Network("any", {}, {**params, "spread": spread})
save_weights(sys.argv[1], {"generator": network}, overwrite=True)
"""
    environment = os.environ | virtual_devices(4)
    run = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=environment | {"JAX_PLATFORMS": "cpu"},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    _, params = load_weights(folder)
    np.testing.assert_array_equal(params["spread"], np.arange(8))
    chex.assert_trees_all_equal(params["conv0"], network().params["conv0"])


def test_the_manifest_is_readable(folder):
    save_weights(folder, {"generator": network()})
    content = json.loads((folder / "manifest.json").read_text())
    assert list(content) == [
        "format_version",
        "name",
        "manifest_hash",
        "package_version",
        "source",
        "card",
        "networks",
    ]
