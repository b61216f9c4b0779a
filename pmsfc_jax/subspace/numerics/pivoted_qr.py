"""Cluster assignment from eigenvectors without a random choice.

Damle, Minden and Ying: Simple, direct and efficient multi-way spectral clustering, Information and
Inference 8 (2019). If the channels fall into R groups, the rows of the R leading eigenvectors point
into R orthogonal directions. A QR factorisation of the transpose that takes the largest remaining
column first finds one row of each; the polar factor of these R rows turns the eigenvectors such
that each group has a coordinate of its own.
"""

import numpy as np


def pivoted_qr_labels(vectors: np.ndarray) -> np.ndarray:
    """Labels ``[C]`` in 0..R-1, by the largest magnitude of the turned eigenvectors.

    A label may be missing where the rows do not span R directions.

    Args:
      vectors: ``[C, R]``, orthonormal columns, the rows not scaled.
    """
    rows = vectors[pivots(vectors)]
    left, _, right = np.linalg.svd(rows.T)
    return np.abs(vectors @ (left @ right)).argmax(axis=1)


def pivots(vectors: np.ndarray) -> np.ndarray:
    """The R rows ``[R]`` that column pivoting takes, each farthest from the span of those before.

    By Gram-Schmidt, which is exact enough for a few columns that are orthonormal the other way.
    """
    rest = vectors.copy()
    taken = np.zeros(len(vectors), bool)
    chosen = []
    for _ in range(vectors.shape[1]):
        size = np.square(rest).sum(axis=1)
        index = int(np.argmax(np.where(taken, -1, size)))
        chosen.append(index)
        taken[index] = True
        if size[index] > 0:
            direction = rest[index] / np.sqrt(size[index])
            rest = rest - np.outer(rest @ direction, direction)
    return np.array(chosen)
