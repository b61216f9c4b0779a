"""What an objective is made of, against numpy on the pictures it is made from."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.inversion.compose import served_groups
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.misfit import evaluate, value_and_gradient
from pmsfc_jax.inversion.presets import preset
from pmsfc_jax.inversion.solvers.curvature import quadratic

from .conftest import drawn_codes, form, misfit, picture


def extract(v, x):
    return [x * v, x[:, ::2]]


def posed(tiny, subspaces, targets, **fields):
    """``(info, codes, image)`` of two pictures under some settings."""
    generator, params = tiny
    usual = {"layer": 2, "codes_per_subspace": 2, "composition": "pmsfc"}
    config = preset(**(usual | fields))
    codes = drawn_codes(tiny, config.composition)
    target, masks, v = jnp.asarray(targets[:2]), subspaces.masks, jnp.float32(3)
    of = form(generator, config, extract)

    @jax.jit
    def measured(params, codes):
        whole = misfit(of, config, params, target, masks, codes, v)
        image = picture((generator, params), codes, masks, config.composition)
        return evaluate(whole, codes), image

    info, image = measured(params, codes)
    return info, codes, np.asarray(image, np.float64)


def inner(a, b):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return sum((np.asarray(x) * np.asarray(y)).sum() for x, y in pairs)


def mean(x):
    return x.reshape(len(x), -1).mean(axis=1)


def halved(x):
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) / 4


def test_every_term_counts_with_its_weight(tiny, subspaces, targets):
    info, codes, image = posed(
        tiny,
        subspaces,
        targets,
        pixel_weight=2.0,
        pixel_norm="l1",
        coarse_weight=0.5,
        perceptual_weight=0.25,
        perceptual_norm="l2",
        latent_weight=0.125,
    )
    difference = image - targets[:2]
    pixel = mean(np.abs(difference))
    half = halved(difference)
    coarse = (mean(np.abs(half)) + mean(np.abs(halved(half)))) / 2
    perceptual = (mean((3 * difference) ** 2) + mean(difference[:, ::2] ** 2)) / 2
    lengths = np.linalg.norm(np.asarray(codes.latent, np.float64), axis=-1) / np.sqrt(6)
    latent = mean((lengths - 1) ** 2)
    np.testing.assert_allclose(info.pixel_loss, pixel, rtol=1e-4)
    np.testing.assert_allclose(info.perceptual_loss, perceptual, rtol=1e-4)
    expected = 2 * pixel + 0.5 * coarse + 0.25 * perceptual + 0.125 * latent
    np.testing.assert_allclose(info.loss, expected, rtol=1e-4)


def test_released_compares_the_base_alone_too(tiny, subspaces, targets):
    """Equal to a loop over subspaces and codes: masked sums, plus the last set on all channels."""
    generator, params = tiny
    info, codes, image = posed(tiny, subspaces, targets, composition="released")
    assert codes.latent.shape == (2, 4, 2, 6)
    flat = generator.head(params, codes.latent.reshape(-1, 6), layer=2)[0]
    heads = np.asarray(flat, np.float64).reshape(2, 4, 2, *flat.shape[1:])
    w = np.asarray(codes.w, np.float64)[:, :, :, None, None]
    base = (heads[:, 3] * w[:, 3]).sum(axis=1)
    masks = np.asarray(subspaces.masks)
    whole = base + sum((heads[:, r] * w[:, r]).sum(axis=1) * masks[r] for r in range(3))
    drawn = [
        np.asarray(generator.tail(params, jnp.asarray(h, jnp.float32), None, layer=2))
        for h in (whole, base)
    ]
    np.testing.assert_allclose(image, drawn[0], rtol=1e-4, atol=1e-5)
    errors = [mean((x - targets[:2]) ** 2) for x in drawn]
    np.testing.assert_allclose(info.loss, 0.01 * errors[0] + errors[1], rtol=1e-4)


def test_heads_of_own_channels_change_nothing(tiny, subspaces, targets):
    """Loss and gradient with features of each subspace's channels only, and with all."""
    generator, params = tiny
    cut = Cut(generator, 2)
    groups = served_groups(cut, np.asarray(subspaces.masks), composition_of("pmsfc"))
    assert groups == ((0, 3, 5, 6, 9, 11), (1, 4, 7, 10), (2, 8))
    config = preset(layer=2, codes_per_subspace=2, composition="pmsfc")
    codes = drawn_codes(tiny)

    @partial(jax.jit, static_argnames="of")
    def measured(of, params, codes):
        target = jnp.asarray(targets[:2])
        return value_and_gradient(misfit(of, config, params, target, subspaces.masks, codes), codes)

    whole, own = (
        measured(form(generator, config, groups=g), params, codes) for g in (None, groups)
    )
    np.testing.assert_allclose(own[0].loss, whole[0].loss, rtol=1e-4)
    for ours, theirs in zip(*map(jax.tree.leaves, (own[1], whole[1])), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_groups_are_for_partitions_and_methods_that_keep_to_them(tiny):
    masks = np.eye(3, dtype=np.float32).repeat(4, axis=1)
    pmsfc, cut = composition_of("pmsfc"), Cut(tiny[0], 2)
    assert served_groups(cut, masks, composition_of("pmsfc_linear")) is not None
    assert served_groups(cut, masks, composition_of("pmsfc_full")) is None
    assert served_groups(cut, masks, composition_of("released")) is None
    assert served_groups(cut, np.ones((3, 12)), pmsfc) is None
    whole_heads = Cut(dataclasses.replace(tiny[0], head_sliced=None), 2)
    assert served_groups(whole_heads, masks, pmsfc) is None


@pytest.mark.slow
def test_curvature_reaches_through_the_generator(tiny, subspaces, targets):
    """``d^T H d`` is the second derivative of the loss with its predictions made linear."""
    with jax.enable_x64(True):
        params, target, masks = jax.tree.map(
            lambda x: jnp.asarray(np.asarray(x, np.float64)),
            (tiny[1], targets[:2], subspaces.masks),
        )
        config = preset(composition="pmsfc", layer=2, codes_per_subspace=2)
        codes = drawn_codes(tiny)
        rng = np.random.default_rng(0)
        codes, d = (
            jax.tree.map(lambda x, f=f: jnp.asarray(f(x)), codes)
            for f in (lambda x: np.asarray(x, np.float64), lambda x: rng.normal(size=x.shape))
        )
        whole = misfit(form(tiny[0], config), config, params, target, masks, codes)
        whole = whole._replace(terms=(whole.terms[0]._replace(weight=1.5),))

        def predict(codes):
            return whole.predict(whole.heads(codes.latent), codes)

        @jax.jit
        def curved(codes, d):
            model = quadratic(whole, predict, codes)
            return model.product(d), model.gradient

        product, gradient = curved(codes, d)
        image = jax.jit(lambda c: predict(c)[0][0])
        h = 1e-6
        ahead, behind = (
            image(jax.tree.map(lambda x, v, s=s: x + s * v, codes, d)) for s in (h, -h)
        )
        moved = np.asarray(ahead - behind) / (2 * h)
        residual = np.asarray(image(codes) - target)
    second = inner(product, d)
    np.testing.assert_allclose(second, 2 * 1.5 * mean(moved**2).sum(), rtol=1e-5)
    slope = inner(gradient, d)
    np.testing.assert_allclose(slope, 2 * 1.5 * mean(moved * residual).sum(), rtol=1e-5)
