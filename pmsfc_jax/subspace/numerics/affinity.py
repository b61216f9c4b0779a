"""From coefficients to an affinity between channels.

The paper's affinity is ``A = (|S| + |S^T|) / 2``. The authors' released script refines it in the
manner of the subspace clustering literature; every step of that is an option of `affinity`.
"""

import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.subspace.numerics.checks import cluster_count, square_matrix
from pmsfc_jax.subspace.numerics.precision import like_input

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
    if keep_mass is not None:
        matrix = keep_largest(matrix, keep_mass)
    if rank is None:
        similarity = (np.abs(matrix) + np.abs(matrix.T)) / 2
    else:
        similarity = low_rank_similarity(matrix, rank)
    powered = similarity**affinity_power
    return like_input((powered + powered.T) / 2, coefficients)


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


def keep_largest(coefficients: np.ndarray, keep_mass: float) -> np.ndarray:
    """Zero all but the largest magnitudes of each column, as few as exceed a share of its mass.

    Args:
      coefficients: ``[C, C]``.
      keep_mass: in (0, 1].
    """
    magnitudes = np.abs(coefficients)
    order = np.argsort(-magnitudes, axis=0, kind="stable")
    ordered = np.take_along_axis(magnitudes, order, axis=0)
    mass_up_to = np.cumsum(ordered, axis=0)
    mass_before = np.concatenate([np.zeros_like(mass_up_to[:1]), mass_up_to[:-1]])
    kept = np.empty(coefficients.shape, bool)
    np.put_along_axis(kept, order, mass_before <= keep_mass * mass_up_to[-1:], axis=0)
    return np.where(kept, coefficients, 0)


def low_rank_similarity(coefficients: np.ndarray, rank: int) -> np.ndarray:
    """Cosines, cut at 0, between the channels' rows in a ``rank``-dimensional factor of S.

    Args:
      coefficients: ``[C, C]``; its symmetric part is factorised.
      rank: number of singular values kept, 1 to C.
    """
    # The singular values of a symmetric matrix are the magnitudes of its eigenvalues.
    eigenvalues, eigenvectors = np.linalg.eigh((coefficients + coefficients.T) / 2)
    largest = np.argsort(-np.abs(eigenvalues), kind="stable")[:rank]
    rows = eigenvectors[:, largest] * np.sqrt(np.abs(eigenvalues[largest]))
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    # The row of a channel without coefficients is rounding; it has no direction.
    present = norms > NO_DIRECTION * norms.max()
    rows = np.where(present, rows / np.where(present, norms, 1), 0)
    return np.maximum(rows @ rows.T, 0)
