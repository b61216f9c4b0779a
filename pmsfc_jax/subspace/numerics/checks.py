"""What the functions of this package demand of their inputs, as one-line errors."""

import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError

# Entries (i, j) and (j, i) of a symmetric matrix that was accumulated in float32 may differ by this
# much of its largest entry.
SYMMETRY_TOLERANCE = 1e-4
# Channels whose cosines all lie this close to 1 in magnitude carry a single pattern.
CONSTANT_TOLERANCE = 1e-6


def square_matrix(value: ArrayLike, name: str) -> np.ndarray:
    """Return ``value`` as a finite float64 matrix ``[C, C]`` with C of at least 2.

    Raises:
      InputError: another shape, or an entry that is not finite.
    """
    matrix = np.asarray(value)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 2:
        raise InputError(
            f"the {name} has shape {matrix.shape}: expected a square matrix [C, C] over at least "
            "two channels"
        )
    matrix = matrix.astype(np.float64)
    bad = int(np.count_nonzero(~np.isfinite(matrix)))
    if bad:
        raise InputError(
            f"the {name} has {bad} entries that are not finite: check the features it was computed "
            "from"
        )
    return matrix


def symmetric_matrix(value: ArrayLike, name: str) -> np.ndarray:
    """Return ``value`` as a finite float64 matrix ``[C, C]`` that equals its transpose.

    Raises:
      InputError: as `square_matrix`, or ``value`` differs from its transpose by more than rounding.
    """
    matrix = square_matrix(value, name)
    if np.max(np.abs(matrix - matrix.T)) > SYMMETRY_TOLERANCE * np.max(np.abs(matrix)):
        raise InputError(f"the {name} is not symmetric: expected entry (i, j) to equal (j, i)")
    return (matrix + matrix.T) / 2


def gram_matrix(value: ArrayLike) -> np.ndarray:
    """Return a Gram matrix ``[C, C]`` in float64 that has something to discover in it.

    Raises:
      InputError: as `symmetric_matrix`; a negative diagonal entry; all channels zero; or all
        channels multiples of one pattern, as when the features do not vary.
    """
    gram = symmetric_matrix(value, "Gram matrix")
    energy = np.diag(gram)
    if np.any(energy < 0):
        raise InputError(
            "the Gram matrix has a negative entry on its diagonal, where it holds mean squares: "
            "expected F^T F"
        )
    alive = energy > 0
    if not np.any(alive):
        raise InputError(
            "every feature is zero: check the generator's weights, or choose another layer"
        )
    norms = np.sqrt(energy[alive])
    cosines = gram[np.ix_(alive, alive)] / np.outer(norms, norms)
    if np.min(np.abs(cosines)) > 1 - CONSTANT_TOLERANCE:
        raise InputError(
            "the features are constant: all channels are multiples of one pattern and hold no "
            "subspaces; check the generator's weights, or choose another layer"
        )
    return gram


def cluster_count(num_clusters: int, num_items: int, name: str, items: str) -> int:
    """Return ``num_clusters`` as an int in 1..``num_items``.

    Raises:
      InputError: it is below 1 or there are fewer items than clusters.
    """
    number = positive_int(num_clusters, name)
    if number > num_items:
        raise InputError(
            f"{name} is {number} but there are only {num_items} {items}: choose at most {num_items}"
        )
    return number
