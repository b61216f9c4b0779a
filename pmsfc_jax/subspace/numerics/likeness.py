"""The correlation of channels, as an affinity.

Features behind an activation share a large mean, which a Gram matrix about zero cannot tell from
likeness: there two unrelated channels that are always positive have a cosine near 1.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.numerics.affinity import cosine_affinity
from pmsfc_jax.subspace.numerics.checks import gram_matrix
from pmsfc_jax.subspace.numerics.precision import like_input

# A channel whose variance is below this share of its mean square does not vary: what is left in
# the difference of the two is rounding.
CONSTANT_VARIANCE = 1e-6


def feature_mean(
    generator: SplitGenerator,
    params: Any,
    *,
    layer: int,
    key: Key,
    num_samples: int,
    batch_size: int = 64,
) -> Array:
    """Mean of every channel over latents and positions, ``[C]`` float32.

    With the same ``key``, ``num_samples`` and ``batch_size`` it is taken on the same latents as
    `feature_gram`.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut.
      key: a jax random key.
      num_samples: how many latents to draw, at least 1.
      batch_size: latents a step.

    Raises:
      InputError: no such layer, or a count below 1.
    """
    generator.spec.feature_shape(layer)
    num_samples = positive_int(num_samples, "num_samples")
    batch_size = positive_int(batch_size, "batch_size")
    total: np.ndarray | float = 0.0
    for index, start in enumerate(range(0, num_samples, batch_size)):
        count = min(batch_size, num_samples - start)
        means = _batch_means(generator, params, key, np.uint32(index), layer, batch_size)
        total = total + np.asarray(means, np.float64)[:count].sum(axis=0)
    return jnp.asarray((np.asarray(total) / num_samples).astype(np.float32))


def correlation_affinity(gram: ArrayLike, mean: ArrayLike) -> Array:
    """Affinity ``A_ij = |corr(i, j)|`` ``[C, C]``, 0 on the diagonal and for constant channels.

    Args:
      gram: mean products ``[C, C]``, from `feature_gram`.
      mean: ``[C]``, from `feature_mean` on the same latents.

    Returns:
      ``[C, C]`` in the dtype of ``gram``, entries 0 to 1.

    Raises:
      InputError: as `cosine_affinity`, a mean of another shape, or no channel that varies.
    """
    matrix = gram_matrix(gram)
    centre = np.asarray(mean, np.float64)
    if centre.shape != matrix.shape[:1]:
        raise InputError(
            f"the mean has shape {centre.shape}: expected one number for each of the "
            f"{matrix.shape[0]} channels of the Gram matrix"
        )
    covariance = matrix - np.outer(centre, centre)
    varies = np.diag(covariance) > CONSTANT_VARIANCE * np.diag(matrix)
    if not varies.any():
        raise InputError("no channel varies: choose another layer, or check mean and Gram matrix")
    covariance[~varies] = 0
    covariance[:, ~varies] = 0
    return like_input(cosine_affinity(covariance), gram)


@partial(jax.jit, static_argnames=("generator", "layer", "batch_size"))
def _batch_means(
    generator: SplitGenerator, params: Any, key: Key, index: Array, layer: int, batch_size: int
) -> Array:
    """``[batch_size, C]``: of each latent of batch ``index``, as `feature_gram` draws them."""
    z = generator.draw(params, jax.random.fold_in(key, index), batch_size)
    features, _ = generator.head(params, z, layer=layer)
    return features.astype(jnp.float32).mean(axis=(1, 2))
