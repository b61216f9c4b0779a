"""The compiled loop: its gradient, its update, and what it keeps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.inversion.compose import reconstruct
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.optimise import STEPS_PER_CALL, advance, start
from pmsfc_jax.inversion.presets import preset

from .conftest import Loop, drawn_codes, form

STEPS = 6


def settings(**fields):
    usual = {"composition": "pmsfc", "layer": 2, "codes_per_subspace": 2, "num_steps": STEPS}
    return preset(**({"optimiser": "adam"} | usual | fields))


@pytest.fixture(scope="module")
def problem(tiny, subspaces, targets):
    generator, params = tiny
    return generator, params, drawn_codes(tiny), jnp.asarray(targets[:2]), subspaces.masks


def loop_of(problem, config, extract=None, v_params=None):
    generator, params, _, target, masks = problem
    return Loop(form(generator, config, extract), config, params, target, masks, v_params)


def loss(generator, params, codes, target, masks):
    cut, composition = Cut(generator, 2), composition_of("pmsfc")
    image, _ = reconstruct(cut, composition, params, codes, masks)
    return jnp.square(image - target).mean(axis=(1, 2, 3))


def test_gradient_equals_finite_differences(problem):
    generator, *arrays = problem
    with jax.enable_x64(True):
        params, codes, target, masks = jax.tree.map(
            lambda x: jnp.asarray(np.asarray(x, np.float64)), arrays
        )
        value = jax.jit(lambda c: loss(generator, params, c, target, masks).sum())
        gradient = jax.grad(value)(codes)
        rng = np.random.default_rng(0)
        direction = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=x.shape)), codes)
        slope = sum(
            (g * d).sum() for g, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True)
        )
        h = 1e-6
        ahead, behind = (
            value(jax.tree.map(lambda x, d, s=signed: x + s * d, codes, direction))
            for signed in (h, -h)
        )
        np.testing.assert_allclose(slope, (ahead - behind) / (2 * h), rtol=1e-5)


def test_steps_equal_adam_written_out(problem):
    """The scanned loop against Adam with a cosine schedule in numpy, on float32 gradients."""
    generator, params, codes, target, masks = problem
    gradient = jax.jit(jax.grad(lambda c: loss(generator, params, c, target, masks).sum()))
    x = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(codes)]
    m = [np.zeros_like(leaf) for leaf in x]
    v = [np.zeros_like(leaf) for leaf in x]
    trace = []
    for step in range(STEPS):
        now = type(codes)(*(jnp.asarray(leaf, jnp.float32) for leaf in x))
        trace.append(np.asarray(loss(generator, params, now, target, masks)))
        rate = 0.05 * (0.9 * 0.5 * (1 + np.cos(np.pi * step / STEPS)) + 0.1)
        for i, g in enumerate(jax.tree.leaves(gradient(now))):
            g = np.asarray(g, np.float64)
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            hat = m[i] / (1 - 0.9 ** (step + 1)), v[i] / (1 - 0.999 ** (step + 1))
            x[i] = x[i] - rate * hat[0] / (np.sqrt(hat[1]) + 1e-8)
    state, info = loop_of(problem, settings()).run(codes, STEPS)
    np.testing.assert_allclose(info.loss, trace, rtol=1e-3)
    # Adam divides by the gradient's size: where a gradient is nearly zero its sign is rounding.
    for ours, expected in zip(jax.tree.leaves(state.codes), x, strict=True):
        assert np.mean(np.abs(np.asarray(ours) - expected) > 1e-2) < 0.01


def test_steps_of_sgd_are_plain_gradient_descent(problem):
    generator, params, codes, target, masks = problem
    gradient = jax.jit(jax.grad(lambda c: loss(generator, params, c, target, masks).sum()))
    expected = codes
    for _ in range(3):
        expected = jax.tree.map(lambda x, g: x - g, expected, gradient(expected))
    config = settings(num_steps=3, optimiser="sgd", learning_rate=1.0)
    state, _ = loop_of(problem, config).run(codes, 3)
    leaves = map(jax.tree.leaves, (state.codes, expected, codes))
    for ours, value, before in zip(*leaves, strict=True):
        np.testing.assert_allclose(ours, value, rtol=1e-4, atol=1e-5)
        assert np.abs(np.asarray(ours) - np.asarray(before)).max() > 1e-3


def test_the_best_codes_of_each_image_are_kept(problem):
    generator, params, codes, target, masks = problem
    state, info = loop_of(problem, settings()).run(codes, STEPS)
    np.testing.assert_array_equal(state.best_loss, info.loss.min(axis=0))
    np.testing.assert_array_equal(state.best_step, info.loss.argmin(axis=0))
    again = loss(generator, params, state.best, target, masks)
    np.testing.assert_allclose(again, state.best_loss, rtol=1e-5)


def test_a_loss_that_is_not_finite_is_never_best(problem):
    codes = problem[2]
    broken = codes._replace(w=codes.w.at[0].set(jnp.nan))
    state, _ = loop_of(problem, settings()).run(broken, STEPS)
    assert np.isposinf(state.best_loss[0])
    assert np.isfinite(state.best_loss[1])


def test_what_is_traced_compiles_nothing_again(problem):
    """Other rates, weights of terms, numbers of steps, first steps, targets."""
    generator, params, codes, target, masks = problem
    config = settings(coarse_weight=0.5)
    loop_of(problem, config).run(codes, STEPS)
    before = advance._cache_size(), start._cache_size()
    others = (
        {"learning_rate": 0.2, "weight_learning_rate": 0.1},
        {"pixel_weight": 0.25, "coarse_weight": 2.0},
        {"num_steps": 101},
        {"batch_size": 2, "num_candidates": 3},
    )
    for other in others:
        changed = settings(**({"coarse_weight": 0.5} | other))
        loop = Loop(form(generator, changed), changed, params, target + 0.1, masks)
        constants, state = loop.start(codes)
        state, _ = loop.advance(constants, state, STEPS_PER_CALL)
        state, _ = loop.advance(constants, state, 1)
    assert (advance._cache_size(), start._cache_size()) == before
    loop_of(problem, settings(coarse_weight=0.5, pixel_norm="l1")).run(codes, 1)
    assert advance._cache_size() == before[0] + 1


def test_the_perceptual_term_counts(problem):
    generator, params, codes, target, masks = problem

    def extract(v, x):
        return [x * v["gain"], x[:, ::2]]

    config = settings(num_steps=1, perceptual_weight=0.5)
    loop = loop_of(problem, config, extract, {"gain": jnp.float32(3)})
    _, info = loop.run(codes, 1)
    image, _ = reconstruct(Cut(generator, 2), composition_of("pmsfc"), params, codes, masks)
    difference = np.abs(np.asarray(image - target))
    expected = 3 * difference.mean(axis=(1, 2, 3)) + difference[:, ::2].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(info.perceptual_loss[0], expected / 2, rtol=1e-4)
    np.testing.assert_allclose(info.loss, info.pixel_loss + 0.5 * info.perceptual_loss, rtol=1e-5)


def test_lbfgs_in_the_compiled_loop_never_rises(problem):
    generator, params, codes, target, masks = problem
    loop = loop_of(problem, settings(optimiser="lbfgs", num_steps=2 * STEPS))
    constants, state = loop.start(codes)
    state, first = loop.advance(constants, state, STEPS)
    state, second = loop.advance(constants, state, STEPS)
    losses = np.concatenate([first.loss, second.loss])
    assert (np.diff(losses, axis=0) <= 0).all()
    assert (losses[-1] < 0.5 * losses[0]).all()
    np.testing.assert_array_equal(state.best_loss, losses[-1])
    again = loss(generator, params, state.best, target, masks)
    np.testing.assert_allclose(again, losses[-1], rtol=1e-4)
