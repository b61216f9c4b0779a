"""Parts of a generator: the same in features and in pictures, saved, and refused where foreign."""

import dataclasses

import jax
import numpy as np
import pytest

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.edit.directions.samples import sample_features
from pmsfc_jax.tasks.edit.parts.parts import sample_pictures
from pmsfc_jax.tasks.edit.region import feathered

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def parts(tiny):
    return pm.find_parts(*tiny, layer=2, num_parts=3, key=KEY, num_samples=40)


def test_every_position_has_its_nearest_centre(tiny, parts):
    generator, params = tiny
    h = sample_features(pm.Cut(generator, 2), params, KEY, 40)
    smoothed = np.stack([feathered(one) for one in h]).astype(np.float64)
    cosines = smoothed @ parts.centres.T / np.linalg.norm(smoothed, axis=-1, keepdims=True)
    labels = parts.labels(h)
    clear = np.sort(cosines, axis=-1)[..., -1] - np.sort(cosines, axis=-1)[..., -2] > 1e-5
    np.testing.assert_array_equal(labels[clear], cosines.argmax(axis=-1)[clear])
    shares = np.bincount(labels.ravel()) / labels.size
    np.testing.assert_allclose(parts.about["shares"], shares, atol=1e-3)
    assert shares[0] >= shares[1] >= shares[2] > 0
    np.testing.assert_allclose(parts.about["cohesion"], cosines.max(-1).mean(), rtol=1e-4)


def test_a_chessboard_is_smoothed_away(parts):
    h = np.zeros((8, 8, 12), np.float32)
    board = np.indices((8, 8)).sum(0) % 2 == 0
    h[board], h[~board] = parts.centres[0], parts.centres[1]
    assert len(np.unique(parts.labels(h)[1:-1, 1:-1])) == 1
    sharp = dataclasses.replace(parts, smoothed=False)
    np.testing.assert_array_equal(sharp.labels(h), ~board)


def test_regions_are_where_a_part_is(tiny, parts):
    generator, params = tiny
    pictures, labels = sample_pictures(generator, params, parts, key=KEY, num=2)
    assert pictures.shape == (2, 16, 16, 3)
    z = generator.draw(params, KEY, 2)
    np.testing.assert_allclose(pictures, generator(params, z), atol=1e-4)
    h, _ = generator.head(params, z, layer=2)
    np.testing.assert_array_equal(labels, parts.labels(np.asarray(h)))
    region = parts.region(np.asarray(h)[0], [0, 2], feather=False)
    np.testing.assert_array_equal(region, labels[0] != 1)
    soft = parts.region(np.asarray(h)[0], [0, 2])
    np.testing.assert_allclose(soft, feathered(region))


def test_parts_are_saved(parts, tmp_path):
    pm.save_parts(tmp_path / "parts.npz", parts)
    for path in (tmp_path, tmp_path / "parts.npz"):
        again = pm.load_parts(path)
        np.testing.assert_array_equal(again.centres, parts.centres)
        for name in ("layer", "generator", "identity", "smoothed", "about"):
            assert getattr(again, name) == getattr(parts, name)
    assert repr(again) == "<3 parts of tiny at layer 2>"


def test_mistakes_are_one_sentence(tiny, parts):
    generator = tiny[0]
    pm.check_parts(generator, parts, 2)
    only = np.zeros((8, 8, 12), np.float32) + parts.centres[1]
    for call, message in (
        (lambda: parts.region(only, [3]), "there is no part 3: there are 3"),
        (lambda: parts.region(only, [0, 2]), "part 0 and 2 covers nothing"),
        (lambda: pm.check_parts(generator, parts, 4), "are of layer 2 \\(12 channels\\) and"),
        (
            lambda: pm.check_parts(
                generator.with_identity("a" * 64), dataclasses.replace(parts, identity="b" * 64), 2
            ),
            "these parts are of tiny",
        ),
    ):
        with pytest.raises(InputError, match=message):
            call()
