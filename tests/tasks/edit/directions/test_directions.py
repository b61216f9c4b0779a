"""Directions of a generator: found, limited, conditioned, saved, walked along."""

import dataclasses

import jax
import numpy as np
import pytest
from sklearn.decomposition import PCA

import pmsfc_jax as pm
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import Prior
from pmsfc_jax.tasks.edit.codes import length
from pmsfc_jax.tasks.edit.directions.samples import sample_codes, sample_features

find = pm.directions
MASKS = np.eye(3, dtype=np.float32).repeat(4, axis=1)
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def components(tiny):
    return find.feature_components(
        *tiny, layer=2, key=KEY, num=3, subspaces=[1], masks=MASKS, num_samples=40
    )


@pytest.fixture(scope="module")
def features(tiny):
    generator, params = tiny
    return sample_features(pm.Cut(generator, 2), params, KEY, 40)


def test_samples_are_a_prefix_of_more_samples(tiny, features):
    generator, params = tiny
    cut = pm.Cut(generator, 2)
    few = sample_features(cut, params, KEY, 33, channels=np.array([5, 2]))
    np.testing.assert_array_equal(few, features[:33, ..., [5, 2]])
    assert len(np.unique(features.reshape(40, -1), axis=0)) == 40


def test_components_of_a_subspace_move_it_alone(components, features):
    theirs = PCA(3, svd_solver="full").fit(features[..., 4:8].reshape(40, -1))
    assert components.steps.shape == (3, 8, 8, 12)
    np.testing.assert_array_equal(components.steps[..., :4], 0)
    np.testing.assert_array_equal(components.steps[..., 8:], 0)
    ours = components.steps[..., 4:8].reshape(3, -1)
    norms = np.linalg.norm(ours, axis=1)
    np.testing.assert_allclose(norms, np.sqrt(theirs.explained_variance_), rtol=1e-4)
    cosines = np.abs((ours / norms[:, None] * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, rtol=1e-4)
    assert (components.layer, components.subspaces) == (2, (1,))


def test_the_closed_form_of_features_moves_one_deviation(tiny, features):
    weights = np.random.default_rng(0).normal(size=(9, 12))
    found = find.feature_closed_form(
        *tiny, weights, layer=2, key=KEY, num=2, subspaces=[0, 2], masks=MASKS, num_samples=40
    )
    channels = [0, 1, 2, 3, 8, 9, 10, 11]
    vectors = found.steps[:, 0, 0]
    np.testing.assert_array_equal(vectors[:, 4:8], 0)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    _, _, right = np.linalg.svd(weights[:, channels])
    np.testing.assert_allclose(np.abs((units[:, channels] * right[:2]).sum(axis=1)), 1, rtol=1e-5)
    along = features.reshape(-1, 12).astype(np.float64) @ units.T
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), along.std(0, ddof=1), rtol=1e-4)


def test_directions_of_codes(tiny):
    generator, params = tiny
    weights = pm.reading_code(generator, params)
    found = find.latent_closed_form(generator, params, weights, key=KEY, num=2, num_samples=100)
    assert found.steps.shape == (2, 6)
    kernel = np.asarray(params["conv0"]["kernel"], np.float64).reshape(6, -1)
    values, vectors = np.linalg.eigh(kernel @ kernel.T)
    cosines = (found.steps / np.linalg.norm(found.steps, axis=1, keepdims=True)) @ vectors[:, ::-1]
    np.testing.assert_allclose(np.abs(np.diag(cosines)), 1, rtol=1e-5)
    np.testing.assert_allclose(found.about["shares"], values[::-1][:2] / values.sum(), rtol=1e-5)
    with pytest.raises(InputError, match="vary alike in all directions"):
        find.latent_components(generator, params, key=KEY, num=2)


def test_codes_of_a_mapping_have_components(tiny):
    """A stretched direction is the first, and one step along it is one deviation."""
    generator, params = tiny
    stretched = dataclasses.replace(
        generator,
        spec=dataclasses.replace(
            generator.spec, prior=Prior("other", generator.spec.prior.draw), identity="1"
        ),
        mapping=lambda params, z: z * np.array([[1, 1, 5, 1, 1, 1]], np.float32),
    )
    found = find.latent_components(stretched, params, key=KEY, num=2, num_samples=400)
    np.testing.assert_allclose(found.steps[0] / 5, np.eye(6)[2], atol=0.15)
    codes = sample_codes(stretched, params, KEY, 400)
    unit = found.steps[0] / np.linalg.norm(found.steps[0])
    np.testing.assert_allclose(
        np.linalg.norm(found.steps[0]), (codes @ unit).std(ddof=1), rtol=1e-4
    )
    assert not find.keeps_density(stretched)
    assert find.keeps_density(generator)


def test_labels_make_a_boundary_of_a_subspace(tiny, features):
    bright = features[..., 4].mean(axis=(1, 2))
    labels = {"bright": (bright > np.median(bright)).astype(float)}
    labels["bright"][3] = np.nan
    found = find.feature_boundaries(tiny[0], features, labels, layer=2, subspaces=[1], masks=MASKS)
    assert found.names == ("bright",)
    assert found.about["with_and_without"]["bright"] in ([20, 19], [19, 20])
    assert found.about["held_out_accuracy"]["bright"] > 0.7
    np.testing.assert_array_equal(found.steps[..., :4], 0)
    moved = features + found.steps
    assert moved[..., 4].mean() > features[..., 4].mean()
    other = find.feature_boundaries(tiny[0], features, labels, layer=2, subspaces=[0], masks=MASKS)
    np.testing.assert_array_equal(other.steps[..., 4:], 0)
    with pytest.raises(InputError, match="dull: all labels are the same"):
        find.feature_boundaries(tiny[0], features, {"dull": np.zeros(40)}, layer=2)


def test_conditioning_leaves_other_classifiers_as_they_are():
    rng = np.random.default_rng(0)
    steps, others = rng.normal(size=(2, 6)), rng.normal(size=(2, 6))
    first, second = (
        pm.directions.Directions("latent", x.astype(np.float32), ("a", "b"))
        for x in (steps, others)
    )
    found = find.conditioned(first, [second, second])
    np.testing.assert_allclose(found.steps @ others.T, 0, atol=1e-5)
    np.testing.assert_allclose(
        np.linalg.norm(found.steps, axis=1), np.linalg.norm(steps, axis=1), rtol=1e-5
    )
    # Numpy's projector onto the complement.
    projector = np.eye(6) - np.linalg.pinv(others) @ others
    expected = steps @ projector
    cosines = (found.steps * expected).sum(1)
    cosines /= np.linalg.norm(found.steps, axis=1) * np.linalg.norm(expected, axis=1)
    np.testing.assert_allclose(cosines, 1, rtol=1e-5)
    assert find.conditioned(first, []) is first
    with pytest.raises(InputError, match="nothing is left of direction a"):
        find.conditioned(first.chosen("a"), [first])
    with pytest.raises(InputError, match="of its own kind and size"):
        find.conditioned(first, [dataclasses.replace(second, steps=others[:, :5])])


def test_directions_are_saved(components, tmp_path):
    pm.save_directions(tmp_path / "d.npz", components)
    again = pm.load_directions(tmp_path / "d.npz")
    np.testing.assert_array_equal(again.steps, components.steps)
    for name in ("space", "names", "layer", "subspaces", "generator", "identity", "about"):
        assert getattr(again, name) == getattr(components, name), name
    assert "3 feature directions of tiny at layer 2" in repr(again)
    one = again.chosen("2")
    assert one.names == ("2",)
    np.testing.assert_array_equal(one[0], components.steps[2])
    with pytest.raises(InputError, match="no direction '3': there are 0, 1, 2"):
        again.chosen("3")
    (tmp_path / "d.npz").write_bytes((tmp_path / "d.npz").read_bytes()[:-30])
    with pytest.raises(InputError, match="damaged"):
        pm.load_directions(tmp_path / "d.npz")


def test_arrays_of_interfacegan_are_read(tmp_path):
    unit = np.full((1, 4), 0.5)
    np.save(tmp_path / "smile.npy", unit)
    found = pm.load_directions(tmp_path / "smile.npy")
    assert (found.names, found.space) == (("smile",), "latent")
    np.testing.assert_array_equal(found.steps, unit)
    np.save(tmp_path / "several.npy", np.eye(4))
    assert pm.load_directions(tmp_path / "several.npy").names == ("0", "1", "2", "3")
    for name, array, message in (
        ("cube", np.zeros((2, 2, 2)), "finite floats"),
        ("nan", np.full(3, np.nan), "finite floats"),
        ("object", np.array([None]), "no plain array"),
    ):
        np.save(tmp_path / f"{name}.npy", array, allow_pickle=True)
        with pytest.raises(InputError, match=message):
            pm.load_directions(tmp_path / f"{name}.npy")
    with pytest.raises(InputError, match="does not exist"):
        pm.load_directions(tmp_path / "none.npy")


def test_what_does_not_fit_is_one_sentence(tiny, components):
    generator = tiny[0]
    check = find.check_directions
    check(generator, components, 2)
    with pytest.raises(InputError, match="of layer 2 and the pictures were cut at layer 3"):
        check(generator, components, 3)
    wrong = dataclasses.replace(components, steps=components.steps[..., :5])
    with pytest.raises(InputError, match="8x8x5 numbers and the feature at layer 2"):
        check(generator, wrong, 2)
    latent = find.Directions("latent", np.zeros((1, 512), np.float32), ("smile",))
    with pytest.raises(InputError, match="has 512 numbers and a code of tiny has 6"):
        check(generator, latent, 2)
    other = dataclasses.replace(components, identity="b" * 64)
    with pytest.raises(InputError, match="these directions are of tiny"):
        check(generator.with_identity("a" * 64), other, 2)


def test_walks_begin_and_end_as_asked(tiny, components):
    generator, params = tiny
    latent = np.asarray(generator.draw(params, KEY, 6)).reshape(1, 3, 2, 6)
    codes = pm.Codes(latent, np.zeros((1, 3, 2, 12), np.float32))
    drawing = pm.Drawing(codes, MASKS, 2, "pmsfc_full", generator="tiny")
    step = np.arange(6, dtype=np.float32)
    walked = find.walk_codes(drawing, step, [-1, 0, 1], constant_density=False)
    np.testing.assert_allclose(walked.codes.latent[2], latent[0] + step, rtol=1e-6)
    np.testing.assert_array_equal(walked.codes.latent[1], latent[0])
    walked = find.walk_codes(drawing, step, [-1, 0, 1], constant_density=True)
    np.testing.assert_allclose(
        length(walked.codes.latent), np.repeat(length(latent), 3, axis=0), rtol=1e-5
    )
    h = np.random.default_rng(0).normal(size=(8, 8, 12)).astype(np.float32)
    region = np.zeros((8, 8), np.float32)
    region[:4] = 1
    moved = find.walk_features(h, components[0], [0, 2], [1], MASKS, region)
    np.testing.assert_array_equal(moved[0], h)
    np.testing.assert_allclose(moved[1][:4], h[:4] + 2 * components[0][:4], atol=1e-5)
    np.testing.assert_array_equal(moved[1][4:], h[4:])


def test_samples_are_walked(tiny, components):
    generator, params = tiny
    found = find.walk_samples(generator, params, components, [0, 1], key=KEY, num=2)
    assert found.shape == (3, 2, 2, 16, 16, 3)
    z = generator.draw(params, KEY, 2)
    whole = generator(params, z)
    for number in range(3):
        np.testing.assert_allclose(found[number, :, 0], whole, atol=1e-4)
    h, _ = generator.head(params, z, layer=2)
    expected = generator.tail(params, np.asarray(h) + components[1], None, layer=2)
    np.testing.assert_allclose(found[1, :, 1], expected, atol=1e-4)
    latent = find.Directions("latent", np.eye(6, dtype=np.float32)[:1], ("x",))
    found = find.walk_samples(generator, params, latent, [2], key=KEY, num=2)
    there = np.asarray(z) + 2 * np.eye(6)[0]
    there *= np.linalg.norm(z, axis=1, keepdims=True) / np.linalg.norm(there, axis=1, keepdims=True)
    expected = generator(params, there.astype(np.float32))
    np.testing.assert_allclose(found[0, :, 0], expected, atol=1e-4)
