"""What an objective is made of, against numpy on the pictures it is made from."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.inversion.compose import initial_codes, reconstruct, served_groups
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.problem import (
    Setting,
    evaluate,
    objective_of,
    pose,
    value_and_gradient,
)
from pmsfc_jax.inversion.solvers.curvature import quadratic

from .conftest import drawn_codes


def extract(v, x):
    return [x * v, x[:, ::2]]


def posed(tiny, subspaces, targets, **fields):
    """``(info, codes, image)`` of two pictures under some settings."""
    generator, params = tiny
    config = InversionConfig(**({"layer": 2, "codes_per_subspace": 2} | fields))
    setting = Setting(generator, config, 2, extract)
    codes = drawn_codes(generator, config.method)
    target, masks, v = jnp.asarray(targets[:2]), subspaces.masks, jnp.float32(3)

    @jax.jit
    def measured(params, codes):
        objective = objective_of(setting, params, v, pose(setting, v, target, masks))
        image, _ = reconstruct(generator, params, codes, masks, layer=2, method=config.method)
        return evaluate(objective, codes), image

    info, image = measured(params, codes)
    return info, codes, np.asarray(image, np.float64)


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
    lengths = np.linalg.norm(np.asarray(codes.z, np.float64), axis=-1) / np.sqrt(6)
    latent = mean((lengths - 1) ** 2)
    np.testing.assert_allclose(info.pixel_loss, pixel, rtol=1e-4)
    np.testing.assert_allclose(info.perceptual_loss, perceptual, rtol=1e-4)
    expected = 2 * pixel + 0.5 * coarse + 0.25 * perceptual + 0.125 * latent
    np.testing.assert_allclose(info.loss, expected, rtol=1e-4)


def test_released_compares_the_base_alone_too(tiny, subspaces, targets):
    """Equal to a loop over subspaces and codes: masked sums, plus the last set on all channels."""
    generator, params = tiny
    info, codes, image = posed(
        tiny, subspaces, targets, method="released", pixel_weight=0.01, base_weight=1.0
    )
    assert codes.z.shape == (2, 4, 2, 6)
    flat = generator.head(params, codes.z.reshape(-1, 6), layer=2)[0]
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
    groups = served_groups(generator, np.asarray(subspaces.masks), "pmsfc")
    assert groups == ((0, 3, 5, 6, 9, 11), (1, 4, 7, 10), (2, 8))
    config = InversionConfig(layer=2, codes_per_subspace=2)
    codes = drawn_codes(generator)

    @partial(jax.jit, static_argnames="setting")
    def measured(setting, params, codes):
        problem = pose(setting, {}, jnp.asarray(targets[:2]), subspaces.masks)
        return value_and_gradient(objective_of(setting, params, {}, problem), codes)

    whole, own = (
        measured(Setting(generator, config, 2, None, g), params, codes) for g in (None, groups)
    )
    np.testing.assert_allclose(own[0].loss, whole[0].loss, rtol=1e-4)
    for ours, theirs in zip(own[1], whole[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)


def test_groups_are_for_partitions_and_methods_that_keep_to_them(tiny):
    generator, _ = tiny
    masks = np.eye(3, dtype=np.float32).repeat(4, axis=1)
    assert served_groups(generator, masks, "pmsfc_linear") is not None
    assert served_groups(generator, masks, "pmsfc_full") is None
    assert served_groups(generator, masks, "released") is None
    assert served_groups(generator, np.ones((3, 12)), "pmsfc") is None
    assert served_groups(dataclasses.replace(generator, head_sliced=None), masks, "pmsfc") is None


def test_curvature_reaches_through_the_generator(tiny, subspaces, targets):
    """``d^T H d`` is the second derivative of the loss with its predictions made linear."""
    with jax.enable_x64(True):
        params, target, masks = jax.tree.map(
            lambda x: jnp.asarray(np.asarray(x, np.float64)),
            (tiny[1], targets[:2], subspaces.masks),
        )
        config = InversionConfig("pmsfc", 2, 2, pixel_weight=1.5)
        setting = Setting(tiny[0], config, 2)
        codes = initial_codes(
            tiny[0],
            jax.random.split(jax.random.key(1), 2),
            layer=2,
            num_subspaces=3,
            codes_per_subspace=2,
            method="pmsfc",
        )
        rng = np.random.default_rng(0)
        codes, d = (
            jax.tree.map(lambda x, f=f: jnp.asarray(f(x)), codes)
            for f in (lambda x: np.asarray(x, np.float64), lambda x: rng.normal(size=x.shape))
        )
        objective = objective_of(setting, params, {}, pose(setting, {}, target, masks))

        def predict(codes):
            return objective.predict(objective.features(codes.z), codes)

        @jax.jit
        def curved(codes, d):
            model = quadratic(objective, predict, codes)
            return model.product(d), model.gradient

        product, gradient = curved(codes, d)
        image = jax.jit(lambda c: predict(c)[0][0])
        h = 1e-6
        ahead, behind = (
            image(jax.tree.map(lambda x, v, s=s: x + s * v, codes, d)) for s in (h, -h)
        )
        moved = np.asarray(ahead - behind) / (2 * h)
        residual = np.asarray(image(codes) - target)
    second = sum((np.asarray(a) * np.asarray(b)).sum() for a, b in zip(product, d, strict=True))
    np.testing.assert_allclose(second, 2 * 1.5 * mean(moved**2).sum(), rtol=1e-5)
    slope = sum((np.asarray(a) * np.asarray(b)).sum() for a, b in zip(gradient, d, strict=True))
    np.testing.assert_allclose(slope, 2 * 1.5 * mean(moved * residual).sum(), rtol=1e-5)
