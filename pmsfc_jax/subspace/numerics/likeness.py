"""Affinities by likeness: how alike two channels are by themselves, without the others.

Nothing here needs coefficients. What a Gram matrix is of decides what likeness means: of features
(`features.feature_gram`), or of what channels change in pictures (`channel_effects`).
"""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.subspace.numerics.checks import gram_matrix
from pmsfc_jax.subspace.numerics.precision import like_input

# A channel whose variance is below this share of its mean square does not vary: what is left in
# the difference of the two is rounding.
CONSTANT_VARIANCE = 1e-6


def cosine_affinity(gram: ArrayLike) -> Array:
    """Affinity ``A_ij = |G_ij| / sqrt(G_ii G_jj)`` ``[C, C]``, 0 on the diagonal.

    The magnitude of the correlation about zero, not about the means, which a Gram matrix does not
    hold. A channel that is always zero has no affinity.

    Args:
      gram: G, ``[C, C]``, for instance from `feature_gram`.

    Returns:
      ``[C, C]`` in the dtype of ``gram``, entries 0 to 1.

    Raises:
      InputError: a Gram matrix that is not square, finite, symmetric, or whose channels are all
        zero or constant.
    """
    matrix = gram_matrix(gram)
    norms = np.sqrt(np.diag(matrix))
    scale = np.where(norms > 0, 1 / np.where(norms > 0, norms, 1), 0)
    cosines = np.abs(matrix) * np.outer(scale, scale)
    np.fill_diagonal(cosines, 0)
    return like_input(np.minimum(cosines, 1), gram)


def correlation_affinity(gram: ArrayLike, mean: ArrayLike) -> Array:
    """Affinity ``A_ij = |corr(i, j)|`` ``[C, C]``, 0 on the diagonal and for constant channels.

    Features behind an activation share a large mean, which a Gram matrix about zero cannot tell
    from likeness: two unrelated channels that are always positive have a cosine near 1.

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


def place_affinity(energy_maps: ArrayLike) -> Array:
    """Affinity ``[C, C]`` float32 of channels that change the same pixels, 0 to 1.

    Each map is scaled to a sum of 1 and the mean of these over channels is taken off, since most
    channels change what most pictures have in their middle; A holds the cosines of what is left,
    negative ones set to 0, and a zero diagonal. A channel without effect has no affinity.

    Args:
      energy_maps: ``[C, H, W]``, not negative, see `channel_effects`.

    Raises:
      InputError: another shape, negative or not finite entries, or no two maps that differ.
    """
    maps = np.asarray(energy_maps, np.float64)
    if maps.ndim != 3 or not np.all(np.isfinite(maps)) or np.any(maps < 0):
        raise InputError("the energy maps have to be finite and not negative, [C, H, W]")
    rows = maps.reshape(maps.shape[0], -1)
    total = rows.sum(axis=1, keepdims=True)
    acting = total[:, 0] > 0
    shares = rows / np.where(total > 0, total, 1)
    if acting.any():
        shares[acting] -= shares[acting].mean(axis=0)
    norms = np.linalg.norm(shares, axis=1, keepdims=True)
    if not np.any(norms > 0):
        raise InputError(
            "all channels change the same pixels alike, so their places relate none to another: "
            "choose another layer or another affinity"
        )
    shares /= np.where(norms > 0, norms, 1)
    cosines = np.clip(shares @ shares.T, 0, 1)
    np.fill_diagonal(cosines, 0)
    return jnp.asarray(((cosines + cosines.T) / 2).astype(np.float32))
