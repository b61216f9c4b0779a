"""Equation 9 against numpy."""

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.inversion.objective import perceptual_loss, pixel_loss


def test_pixel_loss_is_the_mean_square_of_each_image():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4, 5, 3)).astype(np.float32)
    expected = ((a.astype(np.float64) - b) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(pixel_loss(jnp.asarray(a), jnp.asarray(b)), expected, rtol=1e-5)


def test_perceptual_loss_averages_the_means_of_the_maps():
    rng = np.random.default_rng(1)
    shapes = [(3, 8, 8, 4), (3, 2, 2, 16)]
    a = [rng.normal(size=s).astype(np.float32) for s in shapes]
    b = [rng.normal(size=s).astype(np.float32) for s in shapes]
    means = [
        np.abs(x.astype(np.float64) - y).mean(axis=(1, 2, 3)) for x, y in zip(a, b, strict=True)
    ]
    ours = perceptual_loss([jnp.asarray(x) for x in a], [jnp.asarray(y) for y in b])
    np.testing.assert_allclose(ours, (means[0] + means[1]) / 2, rtol=1e-5)
