"""The compiled loop: its gradient, its update, and what it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.inversion.compose import reconstruct
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.optimise import Setting, advance, start, steps_per_call

from .conftest import drawn_codes

STEPS = 6


@pytest.fixture(scope="module")
def problem(tiny, subspaces, targets):
    generator, params = tiny
    config = InversionConfig(layer=2, codes_per_subspace=2, num_steps=STEPS)
    codes = drawn_codes(generator)
    setting = Setting(generator, config, 2)
    return setting, params, codes, jnp.asarray(targets[:2]), subspaces.masks


def loss(setting, params, codes, target, masks):
    image, _ = reconstruct(setting.generator, params, codes, masks, layer=2, method="pmsfc")
    return jnp.square(image - target).mean(axis=(1, 2, 3))


@pytest.mark.parametrize(("num_steps", "expected"), [(300, 10), (7, 7), (13, 1), (1, 1), (24, 8)])
def test_the_compiled_loop_divides_the_steps(num_steps, expected):
    assert steps_per_call(num_steps) == expected


def test_gradient_equals_finite_differences(problem):
    setting, *arrays = problem
    with jax.enable_x64(True):
        params, codes, target, masks = jax.tree.map(
            lambda x: jnp.asarray(np.asarray(x, np.float64)), arrays
        )
        value = jax.jit(lambda c: loss(setting, params, c, target, masks).sum())
        gradient = jax.grad(value)(codes)
        rng = np.random.default_rng(0)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), codes)
        slope = sum((g * d).sum() for g, d in zip(gradient, direction, strict=True))
        h = 1e-6
        ahead, behind = (
            value(jax.tree.map(lambda x, d, s=signed: x + s * d, codes, direction))
            for signed in (h, -h)
        )
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * h), rtol=1e-5)


def test_steps_equal_adam_written_out(problem):
    """The scanned loop against Adam with a cosine schedule in numpy, on float32 gradients."""
    setting, params, codes, target, masks = problem
    gradient = jax.jit(jax.grad(lambda c: loss(setting, params, c, target, masks).sum()))
    x = [np.asarray(leaf, np.float64) for leaf in codes]
    m = [np.zeros_like(leaf) for leaf in x]
    v = [np.zeros_like(leaf) for leaf in x]
    trace = []
    for step in range(STEPS):
        now = type(codes)(*(jnp.asarray(leaf, jnp.float32) for leaf in x))
        trace.append(np.asarray(loss(setting, params, now, target, masks)))
        rate = 0.05 * (0.9 * 0.5 * (1 + np.cos(np.pi * step / STEPS)) + 0.1)
        for i, g in enumerate(gradient(now)):
            g = np.asarray(g, np.float64)
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            hat = m[i] / (1 - 0.9 ** (step + 1)), v[i] / (1 - 0.999 ** (step + 1))
            x[i] = x[i] - rate * hat[0] / (np.sqrt(hat[1]) + 1e-8)
    constants, state = start(setting, {}, codes, target, masks)
    state, info = advance(setting, params, {}, constants, state, jnp.int32(0))
    np.testing.assert_allclose(info.loss, trace, rtol=1e-3)
    # Adam divides by the gradient's size: where a gradient is nearly zero its sign is rounding.
    for ours, expected in zip(state.codes, x, strict=True):
        assert np.mean(np.abs(np.asarray(ours) - expected) > 1e-2) < 0.01


def test_steps_of_sgd_are_plain_gradient_descent(problem):
    setting, params, codes, target, masks = problem
    config = InversionConfig(
        layer=2, codes_per_subspace=2, num_steps=3, optimiser="sgd", learning_rate=1.0
    )
    setting = setting._replace(config=config)
    gradient = jax.jit(jax.grad(lambda c: loss(setting, params, c, target, masks).sum()))
    expected = codes
    for _ in range(3):
        expected = jax.tree.map(lambda x, g: x - g, expected, gradient(expected))
    constants, state = start(setting, {}, codes, target, masks)
    state, _ = advance(setting, params, {}, constants, state, jnp.int32(0))
    for ours, value, before in zip(state.codes, expected, codes, strict=True):
        np.testing.assert_allclose(ours, value, rtol=1e-4, atol=1e-5)
        assert np.abs(np.asarray(ours) - np.asarray(before)).max() > 1e-3


def test_the_best_codes_of_each_image_are_kept(problem):
    setting, params, codes, target, masks = problem
    constants, state = start(setting, {}, codes, target, masks)
    state, info = advance(setting, params, {}, constants, state, jnp.int32(0))
    np.testing.assert_array_equal(state.best_loss, info.loss.min(axis=0))
    np.testing.assert_array_equal(state.best_step, info.loss.argmin(axis=0))
    again = loss(setting, params, state.best, target, masks)
    np.testing.assert_allclose(again, state.best_loss, rtol=1e-5)


def test_a_loss_that_is_not_finite_is_never_best(problem):
    setting, params, codes, target, masks = problem
    broken = codes._replace(w=codes.w.at[0].set(jnp.nan))
    constants, state = start(setting, {}, broken, target, masks)
    state, _ = advance(setting, params, {}, constants, state, jnp.int32(0))
    assert np.isposinf(state.best_loss[0])
    assert np.isfinite(state.best_loss[1])


def test_start_and_advance_trace_once(problem):
    setting, params, codes, target, masks = problem
    constants, state = start(setting, {}, codes, target, masks)
    state, _ = advance(setting, params, {}, constants, state, jnp.int32(0))
    before = advance._cache_size(), start._cache_size()
    for first in (0, STEPS):
        constants, state = start(setting, {}, codes, target + 0.1, masks)
        state, _ = advance(setting, params, {}, constants, state, jnp.int32(first))
    assert (advance._cache_size(), start._cache_size()) == before


def test_the_perceptual_term_counts(problem):
    setting, params, codes, target, masks = problem

    def extract(v, x):
        return [x * v["gain"], x[:, ::2]]

    config = InversionConfig(layer=2, codes_per_subspace=2, num_steps=1, perceptual_weight=0.5)
    weighted = Setting(setting.generator, config, 2, extract)
    v_params = {"gain": jnp.float32(3)}
    constants, state = start(weighted, v_params, codes, target, masks)
    _, info = advance(weighted, params, v_params, constants, state, jnp.int32(0))
    image, _ = reconstruct(setting.generator, params, codes, masks, layer=2, method="pmsfc")
    difference = np.abs(np.asarray(image - target))
    expected = 3 * difference.mean(axis=(1, 2, 3)) + difference[:, ::2].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(info.perceptual_loss[0], expected / 2, rtol=1e-4)
    np.testing.assert_allclose(info.loss, info.pixel_loss + 0.5 * info.perceptual_loss, rtol=1e-5)


def test_lbfgs_in_the_compiled_loop_never_rises_and_traces_once(problem):
    setting, params, codes, target, masks = problem
    config = InversionConfig(layer=2, codes_per_subspace=2, num_steps=STEPS, optimiser="lbfgs")
    setting = setting._replace(config=config)
    constants, state = start(setting, {}, codes, target, masks)
    state, first = advance(setting, params, {}, constants, state, jnp.int32(0))
    before = advance._cache_size()
    state, second = advance(setting, params, {}, constants, state, jnp.int32(STEPS))
    assert advance._cache_size() == before
    losses = np.concatenate([first.loss, second.loss])
    assert (np.diff(losses, axis=0) <= 0).all()
    assert (losses[-1] < 0.5 * losses[0]).all()
    np.testing.assert_array_equal(state.best_loss, losses[-1])
    again = loss(setting, params, state.best, target, masks)
    np.testing.assert_allclose(again, losses[-1], rtol=1e-4)
