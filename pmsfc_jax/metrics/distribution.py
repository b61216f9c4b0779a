"""How like two sets of pictures are, from one descriptor for each picture.

Everything is numpy in float64 on features ``[n, d]``, one row a picture, for instance those of
`pmsfc_jax.metrics.perceptual_embedding`. All three measures depend on how many pictures there are:
compare numbers only where both sides have as many as there.
"""

from typing import NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array

Features = Array | np.ndarray


class PrecisionRecall(NamedTuple):
    """Answer of `precision_recall`, both in [0, 1].

    Attributes:
      precision: share of the generated pictures that lie among the real ones: fidelity.
      recall: share of the real pictures that lie among the generated ones: variety.

    """

    precision: float
    recall: float


class Neighbours(NamedTuple):
    """Answer of `nearest_neighbours`.

    Attributes:
      distances: ``[q, num]`` float64, Euclidean, the nearest first.
      indices: ``[q, num]``, rows of the references; of equally near ones the first comes first.

    """

    distances: np.ndarray
    indices: np.ndarray


def precision_recall(real: Features, generated: Features, k: int = 3) -> PrecisionRecall:
    """Precision and recall of Kynkäänniemi et al. (NeurIPS 2019, arXiv:1904.06991, equation 1).

    A set's manifold is the union of balls around its points, each reaching to the ``k``-th nearest
    other point of the same set. A point on the edge of a ball is in it.

    Args:
      real: ``[n, d]``.
      generated: ``[m, d]``.
      k: the neighbour that a ball reaches to, at least 1.

    Raises:
      InputError: either is no finite ``[n, d]``, they differ in ``d``, or a set has no more than
        ``k`` points.

    """
    real, generated = _pair(real, generated)
    if k < 1 or k >= min(len(real), len(generated)):
        raise InputError(
            f"a ball reaches to the {k}th nearest other point and the sets have {len(real)} and "
            f"{len(generated)} points: give k of at least 1 and more points than k"
        )
    between = _squared_distances(generated, real)
    return PrecisionRecall(
        precision=_share_covered(between, _squared_radii(real, k)),
        recall=_share_covered(between.T, _squared_radii(generated, k)),
    )


def frechet_distance(a: Features, b: Features) -> float:
    """Fréchet distance of the two Gaussians with the sets' means and covariances.

        |mean_a - mean_b|^2 + tr C_a + tr C_b - 2 tr (C_a C_b)^(1/2)

    (Heusel et al., NeurIPS 2017, arXiv:1706.08500, equation 6; covariances divided by ``n - 1``).
    With ``C = X^T X`` for the centred and scaled features ``X``, the eigenvalues of ``C_a C_b`` are
    the squared singular values of ``X_a X_b^T``, so the last trace is the sum of those: no root of
    a matrix is taken, and fewer points than features are no trouble to the arithmetic. They are to
    the estimate, which is then far too large: judge it beside that of two sets of real pictures.

    Args:
      a: ``[n, d]`` with ``n`` of at least 2.
      b: ``[m, d]`` with ``m`` of at least 2.

    Returns:
      The squared distance, as is the custom; 0 or more, in squared units of the features.

    Raises:
      InputError: either is no finite ``[n, d]``, they differ in ``d``, or a set has one point.

    """
    a, b = _pair(a, b)
    if min(len(a), len(b)) < 2:
        raise InputError("a covariance takes two or more points in each set")
    factors = [(x - x.mean(axis=0)) / np.sqrt(len(x) - 1) for x in (a, b)]
    # The triangle of QR has the covariance of the rows it came from, and at most d rows.
    of_a, of_b = (np.asarray(np.linalg.qr(x, mode="r")) for x in factors)
    overlap = np.linalg.svd(of_a @ of_b.T, compute_uv=False).sum()
    traces = sum(np.square(x).sum() for x in factors)
    between = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    # Rounding can leave equal sets a hair below zero.
    return max(0.0, float(between + traces - 2 * overlap))


def nearest_neighbours(queries: Features, references: Features, num: int) -> Neighbours:
    """Find the ``num`` references nearest to each query, by Euclidean distance.

    Args:
      queries: ``[q, d]``.
      references: ``[n, d]``; a query that is among them finds itself.
      num: how many, 1 to ``n``.

    Raises:
      InputError: either is no finite ``[n, d]``, they differ in ``d``, or ``num`` is impossible.

    """
    queries, references = _pair(queries, references)
    if not 1 <= num <= len(references):
        raise InputError(f"there are {len(references)} references: ask for 1 to as many, not {num}")
    squared = _squared_distances(queries, references)
    indices = np.argsort(squared, axis=1, kind="stable")[:, :num]
    return Neighbours(np.sqrt(np.take_along_axis(squared, indices, axis=1)), indices)


def _squared_radii(points: np.ndarray, k: int) -> np.ndarray:
    squared = _squared_distances(points, points)
    # A point is not its own neighbour, but another one in the same place is.
    np.fill_diagonal(squared, np.inf)
    return np.partition(squared, k - 1, axis=1)[:, k - 1]


def _share_covered(squared: np.ndarray, squared_radii: np.ndarray) -> float:
    """Share of the rows of ``squared [q, n]`` within the radius of at least one column."""
    return float((squared <= squared_radii[None, :]).any(axis=1).mean())


def _squared_distances(queries: np.ndarray, references: np.ndarray) -> np.ndarray:
    # From differences, row by row: |a|^2 + |b|^2 - 2ab loses the small distances that decide who
    # is whose neighbour, and all differences at once take q * n * d numbers.
    return np.stack([np.square(references - query[None, :]).sum(axis=1) for query in queries])


def _pair(a: Features, b: Features) -> tuple[np.ndarray, np.ndarray]:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or 0 in (*a.shape, *b.shape):
        raise InputError(
            "sets are compared by features [n, d] of one width d, one row a picture, "
            f"not by arrays of shapes {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("some features are not finite: check the pictures they were taken from")
    return a, b
