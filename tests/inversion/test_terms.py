"""Equation 9 and its further terms against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pmsfc_jax.inversion.feature_distance import feature_distance
from pmsfc_jax.inversion.result import Perceptual
from pmsfc_jax.inversion.terms import (
    L1_EPSILON,
    Term,
    curvature,
    distance,
    kind_mean,
    pyramid,
    radius,
    weighted_sum,
)


def pairs(shapes, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(2, *shape)).astype(np.float32) for shape in shapes]


@pytest.mark.parametrize(("norm", "power"), [("l1", 1), ("l2", 2)])
def test_distance_is_the_mean_power_of_each_image(norm, power):
    ((a, b),) = pairs([(3, 4, 5, 3)])
    expected = (np.abs(a.astype(np.float64) - b) ** power).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(distance(jnp.asarray(a), jnp.asarray(b), norm), expected, rtol=1e-5)


def test_features_are_compared_map_by_map():
    """Every map counts alike, whatever its size."""
    a, b = pairs([(4, 4, 3), (4, 4, 3)])
    v = Perceptual(lambda gain, x: [gain * x, x[:, :1] ** 2], jnp.float32(3), "two maps")
    wide = 3 * np.abs(a.astype(np.float64) - b).mean(axis=(1, 2, 3))
    narrow = np.abs(a.astype(np.float64) ** 2 - b.astype(np.float64) ** 2)[:, :1]
    expected = (wide + narrow.mean(axis=(1, 2, 3))) / 2
    np.testing.assert_allclose(feature_distance(v)(a, b), expected, rtol=1e-5)


def test_terms_are_averaged_within_a_kind_and_weighted_in_the_sum():
    terms = [
        Term("pixel", 2.0, "l2", jnp.zeros((2, 3))),
        Term("perceptual", 0.25, "l1", jnp.zeros((2, 3))),
        Term("perceptual", 0.25, "l1", jnp.zeros((2, 5))),
    ]
    distances = [jnp.asarray(x) for x in ([1.0, 2.0], [3.0, 4.0], [5.0, 7.0])]
    np.testing.assert_allclose(weighted_sum(terms, distances), [4.0, 6.75])
    np.testing.assert_allclose(kind_mean(terms, distances, "perceptual"), [4.0, 5.5])
    np.testing.assert_allclose(kind_mean(terms, distances, "latent"), [0.0, 0.0])


def test_curvature_of_squares_is_the_second_derivative():
    ((target, value),) = pairs([(2, 3, 4)])
    term = Term("pixel", 0.7, "l2", jnp.asarray(target))
    with jax.enable_x64(True):
        wide = term._replace(target=jnp.asarray(target, jnp.float64))

        def loss(x):
            return 0.7 * distance(wide.target, x.reshape(target.shape), "l2").sum()

        hessian = jax.hessian(loss)(jnp.asarray(value.ravel(), jnp.float64))
    ours = np.asarray(curvature(term, jnp.asarray(value))).ravel()
    np.testing.assert_allclose(np.diag(ours), hessian, rtol=1e-6, atol=1e-12)


def test_the_parabola_of_l1_touches_from_above():
    """``|t| <= |r| + sign(r) (t - r) + c (t - r)^2 / 2`` for every t, with equality at t = r."""
    residuals = np.array([[-1.3, 0.4, 0.02, 2.0]], np.float32)
    term = Term("pixel", 3.0, "l1", jnp.zeros((1, 4)))
    c = np.asarray(curvature(term, jnp.asarray(residuals)))[0] * 4 / 3.0  # of the absolute value
    for r, second in zip(residuals[0], c, strict=True):
        t = np.linspace(-3, 3, 601)
        parabola = abs(r) + np.sign(r) * (t - r) + second * (t - r) ** 2 / 2
        assert (parabola >= np.abs(t) - 1e-5).all()
    steep = curvature(term, jnp.zeros((1, 4)))
    np.testing.assert_allclose(steep, 3.0 / 4 / L1_EPSILON, rtol=1e-6)


def test_pyramid_averages_blocks():
    x = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype(np.float32)
    for level, size in zip(pyramid(jnp.asarray(x)), (2, 4), strict=True):
        expected = np.zeros((2, 8 // size, 12 // size, 3))
        for i, j in np.ndindex(8 // size, 12 // size):
            block = x[:, i * size : (i + 1) * size, j * size : (j + 1) * size]
            expected[:, i, j] = block.mean(axis=(1, 2))
        np.testing.assert_allclose(level, expected, rtol=1e-5, atol=1e-6)


def test_radius_is_the_root_mean_square_and_differentiable_at_zero():
    z = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    expected = np.linalg.norm(z.astype(np.float64), axis=-1) / np.sqrt(5)
    np.testing.assert_allclose(radius(jnp.asarray(z)), expected, rtol=1e-5)
    gradient = jax.grad(lambda v: radius(v).sum())(jnp.zeros((1, 1, 1, 5)))
    assert jnp.isfinite(gradient).all()
