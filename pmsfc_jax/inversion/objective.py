"""The misfit between a target and its reconstruction (paper, equation 9).

``pixel_weight * mean (x - x_hat)^2 + perceptual_weight * mean |V(x) - V(x_hat)|``, for each image
by itself, on images in [-1, 1]. ``V`` reaches this module as a callable and may give several
feature maps; each counts by its own mean, and the means are averaged.
"""

from collections.abc import Callable, Sequence

import chex
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

#: ``x [b, H, W, 3] -> feature maps [b, ...]``
FeatureExtractor = Callable[[Array], Sequence[Array]]


def mean_per_image(x: Array) -> Array:
    """``[b, ...] -> [b]``."""
    return x.reshape(x.shape[0], -1).mean(axis=1)


def pixel_loss(target: Array, image: Array) -> Array:
    """Mean squared difference ``[b]``."""
    chex.assert_equal_shape([target, image])
    return mean_per_image(jnp.square(target - image))


def perceptual_loss(target: Sequence[Array], image: Sequence[Array]) -> Array:
    """Mean absolute difference of each feature map, averaged over the maps: ``[b]``."""
    losses = [mean_per_image(jnp.abs(t - f)) for t, f in zip(target, image, strict=True)]
    return sum(losses[1:], start=losses[0]) / len(losses)
