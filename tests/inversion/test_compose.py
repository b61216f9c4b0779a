"""Equations 7 and 8 against loops in float64."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import compose_features, shares
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.compositions.pmsfc import MIN_DENOMINATOR

from .conftest import drawn_codes, picture

B, R, K, H, W, C = 2, 3, 4, 2, 5, 7


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(B, R, K, H, W, C)).astype(np.float32)
    w = rng.uniform(0.1, 1.0, size=(B, R, K, C)).astype(np.float32)
    masks = np.zeros((R, C), np.float32)
    masks[[0, 1, 2, 0, 1, 0, 0], np.arange(C)] = 1
    return features, w, masks


def mixed(composition, w, rows=None):
    """``(mixing, guarded)``, by default with all channels in every set of codes."""
    w = jnp.asarray(w)
    rows = jnp.ones((w.shape[1], w.shape[3])) if rows is None else jnp.asarray(rows)
    return composition_of(composition).mix(w, rows)


def equation_7(features, w, masks):
    """Loops over images, subspaces and codes, as the paper writes it."""
    out = np.zeros((B, H, W, C))
    for b in range(B):
        for r in range(R):
            total = np.zeros((H, W, C))
            for k in range(K):
                total += masks[r] * features[b, r, k] * np.tanh(w[b, r, k].astype(np.float64))
            out[b] += total / np.tanh(w[b, r].astype(np.float64)).sum(axis=0)
    return out


def test_pmsfc_is_equation_7(arrays):
    features, w, masks = arrays
    mixing, guarded = mixed("pmsfc", w, masks)
    ours = compose_features(jnp.asarray(features), mixing)
    np.testing.assert_allclose(ours, equation_7(features, w, masks), rtol=1e-5, atol=1e-5)
    assert not guarded.any()


def test_mganprior_is_a_weighted_sum_on_every_channel(arrays):
    features, w, _ = arrays
    flat = features.reshape(B, 1, R * K, H, W, C)
    alpha = w.reshape(B, 1, R * K, C)
    mixing, _ = mixed("mganprior", alpha)
    ours = compose_features(jnp.asarray(flat), mixing)
    expected = sum(flat[:, 0, n].astype(np.float64) * alpha[:, 0, n, None, None] for n in range(12))
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def test_pmsfc_linear_is_equation_7_without_its_denominator(arrays):
    features, w, masks = arrays
    mixing, guarded = mixed("pmsfc_linear", w, masks)
    ours = compose_features(jnp.asarray(features), mixing)
    expected = np.zeros((B, H, W, C))
    for b, r, k in np.ndindex(B, R, K):
        expected[b] += masks[r] * features[b, r, k].astype(np.float64) * w[b, r, k]
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)
    assert not guarded.any()


def test_pmsfc_full_adds_weights_on_every_channel_to_the_mean_within_subspaces(tiny):
    generator, params = tiny
    rng = np.random.default_rng(1)
    z = rng.normal(size=(2, 3, 2, 6)).astype(np.float32)
    w = rng.normal(size=(2, 3, 2, 12)).astype(np.float32)
    masks = np.eye(3, dtype=np.float32).repeat(4, axis=1)
    flat = generator.head(params, z.reshape(-1, 6), layer=2)[0]
    features = np.asarray(flat, np.float64).reshape(2, 3, 2, *flat.shape[1:])
    composed = sum(
        features[:, r, k] * (masks[r] / 2 + w[:, r, k, None, None]) for r, k in np.ndindex(3, 2)
    )
    expected = generator.tail(params, jnp.asarray(composed, jnp.float32), None, layer=2)
    ours = picture(tiny, Codes(z, w), masks, "pmsfc_full")
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-4)


def test_weights_of_a_channel_mix_and_do_not_rescale(arrays):
    _, w, _ = arrays
    mixing, _ = mixed("pmsfc", w)
    np.testing.assert_allclose(mixing.sum(axis=2), 1, rtol=1e-5)


def test_weights_cancel_for_one_code(arrays):
    _, w, _ = arrays
    mixing, _ = mixed("pmsfc", w[:, :, :1])
    np.testing.assert_allclose(mixing, 1, rtol=1e-5)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_vanishing_denominator_is_guarded_and_counted(sign):
    w = np.full((1, 1, 2, 3), 0.3, np.float32)
    tiny = sign * 1e-5
    w[0, 0, 1, 0] = -0.3 + tiny  # the sum over codes is about tiny for channel 0 only
    mixing, guarded = mixed("pmsfc", w)
    assert guarded.tolist() == [1]
    expected = np.tanh(0.3) / (sign * MIN_DENOMINATOR)
    np.testing.assert_allclose(mixing[0, 0, 0, 0], expected, rtol=1e-3)
    np.testing.assert_allclose(mixing[0, 0, 0, 1:], 0.5, rtol=1e-5)


def test_gradients_through_the_guard_are_finite():
    w = jnp.zeros((1, 1, 2, 3))
    gradient = jax.grad(lambda v: jnp.square(mixed("pmsfc", v)[0]).sum())(w)
    assert jnp.isfinite(gradient).all()


@pytest.mark.parametrize("method", ["pmsfc", "pmsfc_linear", "mganprior"])
def test_equal_codes_reproduce_the_generator(tiny, method):
    """Where all codes agree and coefficients sum to one, the composition is the plain picture."""
    generator, params = tiny
    z = generator.spec.prior.draw(jax.random.key(0), 2)
    subspaces = 1 if method == "mganprior" else 3
    masks = jnp.ones((1, 12)) if method == "mganprior" else jnp.eye(3).repeat(4, axis=1)
    codes = Codes(
        jnp.broadcast_to(z[:, None, None], (2, subspaces, 4, 6)),
        jnp.full((2, subspaces, 4, 12), 0.25),
    )
    image = picture(tiny, codes, masks, method)
    np.testing.assert_allclose(image, generator(params, z), rtol=1e-4, atol=1e-5)


def test_single_ignores_weights(tiny):
    generator, params = tiny
    z = generator.spec.prior.draw(jax.random.key(0), 3)
    codes = Codes(z[:, None, None], jnp.zeros((3, 1, 1, 12)))
    image = picture(tiny, codes, jnp.ones((1, 12)), "single", layer=1)
    np.testing.assert_allclose(image, generator(params, z), rtol=1e-4, atol=1e-5)


def test_starting_codes_differ_and_their_weights_are_positive(tiny):
    codes = drawn_codes(tiny)
    assert codes.latent.shape == (2, 3, 2, 6)
    assert codes.w.shape == (2, 3, 2, 12)
    flat = np.asarray(codes.latent).reshape(-1, 6)
    distances = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    assert distances[~np.eye(len(flat), dtype=bool)].min() > 0.1
    assert (np.asarray(codes.w) > 0).all()


def test_shares_of_codes_sum_to_one_whatever_the_signs():
    mixing = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    mass = np.abs(mixing.astype(np.float64)).sum(axis=3)
    expected = mass / mass.sum(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(shares(jnp.asarray(mixing)), expected, rtol=1e-5)
    assert np.isfinite(shares(jnp.zeros((1, 1, 2, 3)))).all()


def test_codes_start_truncated_towards_a_centre_and_a_single_one_at_it(tiny):
    generator, params = tiny
    middle = np.arange(6, dtype=np.float32)
    centred = dataclasses.replace(
        generator, centre=lambda params: jnp.asarray(middle), program=None
    )
    plain = np.asarray(drawn_codes(tiny, "pmsfc").latent)
    ours = drawn_codes((centred, params), "pmsfc").latent
    np.testing.assert_allclose(ours, middle + 0.7 * (plain - middle), rtol=1e-5, atol=1e-6)
    single = drawn_codes((centred, params), "single").latent
    np.testing.assert_array_equal(single, np.broadcast_to(middle, single.shape))
