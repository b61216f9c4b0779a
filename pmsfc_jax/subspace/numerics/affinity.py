"""From coefficients to an affinity between channels.

The paper's affinity is ``A = (|S| + |S^T|) / 2``. The authors' released script refines it in the
manner of the subspace clustering literature; every step of that is an option of `affinity`.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.subspace.numerics.checks import cluster_count, square_matrix
from pmsfc_jax.subspace.numerics.precision import host_float64, like_input

# A row of the low-rank factor shorter than this share of the longest one is zero.
NO_DIRECTION = 1e-10


def affinity(
    coefficients: ArrayLike,
    *,
    keep_mass: float | None = None,
    rank: int | None = None,
    affinity_power: float = 1.0,
) -> Array:
    """Affinity ``A [C, C]`` of channels: symmetric, not negative.

    Without options ``A = (|S| + |S^T|) / 2``. The steps of the released script, in its order:

    1. ``keep_mass``: in every column of S only the largest magnitudes stay, as few as hold more
       than this share of the column's L1 mass.
    2. ``rank``: ``(S + S^T) / 2 = U diag(s) V^T`` is cut to its largest singular values; the rows
       of ``U diag(sqrt(s))`` are scaled to unit length; A holds their inner products, negative ones
       set to 0. Its diagonal is then 1.
    3. ``affinity_power``: every entry of A is raised to it.

    The script used ``keep_mass=0.2``, ``rank=num_subspaces * 6 + 1`` and ``affinity_power`` 2 to 3.

    Args:
      coefficients: S, ``[C, C]``.
      keep_mass: in (0, 1], or None to keep everything.
      rank: 1 to C, or None for no low-rank step.
      affinity_power: positive.

    Returns:
      ``[C, C]`` in the dtype of ``coefficients``.

    Raises:
      InputError: coefficients that are not finite, square and somewhere nonzero, or an option out
        of its range.
    """
    matrix = square_matrix(coefficients, "coefficient matrix")
    if not np.any(matrix):
        raise InputError("every coefficient is zero, so no channel is related to any other")
    check_refinement(keep_mass, rank, affinity_power)
    if rank is not None:
        rank = cluster_count(rank, matrix.shape[0], "rank", "channels")
    with host_float64():
        share = None if keep_mass is None else np.float64(keep_mass)
        values = np.asarray(_affinity(jnp.asarray(matrix), share, np.float64(affinity_power), rank))
    return like_input(values, coefficients)


def check_refinement(keep_mass: float | None, rank: int | None, affinity_power: float) -> None:
    """Check the options of `affinity`, as far as that goes without coefficients.

    Raises:
      InputError: one is out of its range.
    """
    if keep_mass is not None and not 0 < keep_mass <= 1:
        raise InputError(f"keep_mass is {keep_mass:g}: give a share above 0 and up to 1")
    if rank is not None:
        positive_int(rank, "rank")
    if not (np.isfinite(affinity_power) and affinity_power > 0):
        raise InputError(f"affinity_power is {affinity_power:g}: give a positive number")


def keep_largest(coefficients: Array, keep_mass: Array) -> Array:
    """Zero all but the largest magnitudes of each column, as few as exceed a share of its mass.

    Args:
      coefficients: ``[C, C]``.
      keep_mass: scalar in (0, 1].
    """
    magnitudes = jnp.abs(coefficients)
    order = jnp.argsort(-magnitudes, axis=0)
    ordered = jnp.take_along_axis(magnitudes, order, axis=0)
    mass_up_to = jnp.cumsum(ordered, axis=0)
    mass_before = jnp.concatenate([jnp.zeros_like(mass_up_to[:1]), mass_up_to[:-1]])
    kept_ordered = mass_before <= keep_mass * mass_up_to[-1:]
    rank_of_entry = jnp.argsort(order, axis=0)
    kept = jnp.take_along_axis(kept_ordered, rank_of_entry, axis=0)
    return jnp.where(kept, coefficients, jnp.zeros_like(coefficients))


def low_rank_similarity(coefficients: Array, rank: int) -> Array:
    """Cosines, cut at 0, between the channels' rows in a ``rank``-dimensional factor of S.

    Args:
      coefficients: ``[C, C]``; its symmetric part is factorised.
      rank: number of singular values kept, 1 to C, static.
    """
    # The singular values of a symmetric matrix are the magnitudes of its eigenvalues.
    eigenvalues, eigenvectors = jnp.linalg.eigh((coefficients + coefficients.T) / 2)
    largest = jnp.argsort(-jnp.abs(eigenvalues))[:rank]
    rows = eigenvectors[:, largest] * jnp.sqrt(jnp.abs(eigenvalues[largest]))[None, :]
    norms = jnp.linalg.norm(rows, axis=1, keepdims=True)
    # The row of a channel without coefficients is rounding; it has no direction.
    present = norms > NO_DIRECTION * jnp.max(norms)
    rows = jnp.where(present, rows / jnp.where(present, norms, 1), 0)
    return jnp.maximum(rows @ rows.T, 0)


@partial(jax.jit, static_argnames="rank")
def _affinity(
    coefficients: Array, keep_mass: Array | None, affinity_power: Array, rank: int | None
) -> Array:
    if keep_mass is not None:
        coefficients = keep_largest(coefficients, keep_mass)
    if rank is None:
        similarity = (jnp.abs(coefficients) + jnp.abs(coefficients.T)) / 2
    else:
        similarity = low_rank_similarity(coefficients, rank)
    powered = similarity**affinity_power
    return (powered + powered.T) / 2
