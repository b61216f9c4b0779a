"""The public surface: what is not already tested where it is written."""

import dataclasses

import jax
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.inversion.drawing import check_drawing
from pmsfc_jax.io.images import save_png


@pytest.fixture(scope="module")
def subspaces(tiny):
    return pm.discover_subspaces(
        *tiny,
        layer=2,
        num_subspaces=3,
        key=jax.random.key(0),
        settings=pm.DiscoverySettings(pm.Latents(128)),
    )


def test_subspaces_come_back(subspaces, tmp_path):
    pm.save_subspaces(tmp_path / "subspaces.npz", subspaces, seed=5)
    for source in (tmp_path, tmp_path / "subspaces.npz"):
        again = pm.load_subspaces(source)
        for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(subspaces), strict=True):
            np.testing.assert_array_equal(one, other)
        # Equal structures have equal layers, generators, identities, settings and advice.
        assert jax.tree.structure(again) == jax.tree.structure(subspaces)


def test_damaged_subspaces_are_refused(subspaces, tmp_path):
    path = tmp_path / "subspaces.npz"
    pm.save_subspaces(path, subspaces, seed=5)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(pm.InputError, match="damaged"):
        pm.load_subspaces(path)
    broken = dataclasses.replace(subspaces, masks=subspaces.masks * 0)
    pm.save_subspaces(path, broken, seed=5)
    with pytest.raises(pm.InputError):
        pm.load_subspaces(path)


def test_a_random_partition_keeps_sizes_and_is_a_partition(subspaces):
    control = pm.random_subspaces(subspaces, jax.random.key(1))
    assert sorted(control.sizes) == sorted(subspaces.sizes)
    assert (np.asarray(control.masks).sum(axis=0) == 1).all()
    assert (np.asarray(control.labels) != np.asarray(subspaces.labels)).any()


def test_images_are_loaded_as_targets(tiny, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    save_png(tmp_path / "a.png", pixels)
    targets = pm.load_images(tmp_path, tiny[0])
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets[0], pixels / 127.5 - 1, atol=1e-6)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(pm.InputError, match=r"b\.png"):
        pm.load_images(tmp_path, tiny[0])


def test_codes_of_other_weights_are_refused(tiny):
    generator, _ = tiny
    identified = generator.with_identity("a" * 64)
    codes = pm.Codes(np.zeros((1, 1, 1, 6), np.float32), np.zeros((1, 1, 1, 12), np.float32))
    drawing = pm.Drawing(
        codes, np.ones((1, 12), np.float32), 2, "single", generator="other", identity="b" * 64
    )
    with pytest.raises(pm.InputError, match="found with other"):
        check_drawing(identified, drawing)
    check_drawing(generator, drawing)  # weights made in memory have no identity to compare
    short = codes._replace(latent=np.zeros((1, 1, 1, 5), np.float32))
    for call in (check_drawing, lambda g, d: pm.render(g, tiny[1], d)):
        with pytest.raises(pm.InputError, match="these codes have shapes 5 each"):
            call(generator, dataclasses.replace(drawing, codes=short))
        with pytest.raises(pm.InputError, match="has no layer 9"):
            call(generator, dataclasses.replace(drawing, layer=9))


def test_the_package_has_its_own_version():
    assert pm.__version__.count(".") == 2


def test_names_are_listed_once_and_all_exist():
    import pmsfc_jax

    assert set(dir(pmsfc_jax)) >= set(pm.api.__all__)
    assert all(getattr(pm, name) is not None for name in pm.api.__all__)
    assert not hasattr(pm, "no_such_name")
