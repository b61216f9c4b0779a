"""How far two partitions of the same channels agree.

Hubert and Arabie: Comparing partitions, Journal of Classification 2 (1985), 193-218.
"""

import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError


def adjusted_rand_index(labels: ArrayLike, others: ArrayLike) -> float:
    """Agreement of two partitions, corrected for chance.

    Of all pairs of channels, those that are together in both partitions are counted; what is
    expected of random partitions with the same sizes is subtracted, and the scale is such that
    equal partitions have 1. Which numbers name the clusters does not matter.

    Args:
      labels: ``[C]`` integers.
      others: ``[C]`` integers of the same channels.

    Returns:
      1 for equal partitions, 0 on average for unrelated ones, at least -0.5.

    Raises:
      InputError: arrays of other shapes, of unequal lengths, or not of integers.
    """
    first, second = np.asarray(labels), np.asarray(others)
    if (
        first.ndim != 1
        or first.shape != second.shape
        or first.size == 0
        or first.dtype.kind not in "iu"
        or second.dtype.kind not in "iu"
    ):
        raise InputError(
            f"the labels have shapes {first.shape} and {second.shape} and dtypes {first.dtype} and "
            f"{second.dtype}: expected two arrays [C] of integers for the same channels"
        )
    rows = np.unique(first, return_inverse=True)[1]
    columns = np.unique(second, return_inverse=True)[1]
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1)

    together = _pairs(table)
    in_first, in_second = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    if in_first == in_second == together:  # equal, also where nothing could differ by chance
        return 1.0
    expected = in_first * in_second / _pairs(np.array([first.size]))
    return float((together - expected) / ((in_first + in_second) / 2 - expected))


def _pairs(counts: np.ndarray) -> float:
    """The number of pairs within groups of these sizes."""
    return float(np.sum(counts * (counts - 1) / 2))
