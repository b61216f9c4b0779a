"""Spherical k-means: groups of directions. Arrays in, arrays out.

    max over unit vectors c_1 .. c_k of  sum_i  max_j  x_i . c_j / |x_i|

by Lloyd's alternation (Dhillon and Modha, *Concept Decompositions for Large Sparse Text Data Using
Clustering*, Machine Learning 2001), the best of several starts. Rows of zeros point nowhere: they
join the first group and move no centre.
"""

from typing import NamedTuple

import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError

_STEPS = 200


class Groups(NamedTuple):
    """Groups of rows, the largest first.

    Attributes:
      centres: ``[k, d]`` unit vectors, float64.
      labels: ``[n]`` int, the group of each row.
      cohesion: mean cosine of a row and its centre; 1 where all rows of a group point the same way.

    """

    centres: np.ndarray
    labels: np.ndarray
    cohesion: float


def spherical_kmeans(rows: np.ndarray, num: int, *, seed: int = 0, starts: int = 5) -> Groups:
    """The best grouping of several starts.

    Args:
      rows: ``[n, d]``.
      num: k.
      seed: of the starts; the same seed gives the same groups.
      starts: how many.

    Raises:
      InputError: fewer rows that are not zero than groups.

    """
    num, starts = positive_int(num, "num_parts"), positive_int(starts, "starts")
    unit = unit_rows(rows)
    there = np.flatnonzero(np.any(unit != 0, axis=1))
    if len(there) < num:
        raise InputError(f"{len(there)} rows that are not zero make no {num} groups: ask for fewer")
    rng = np.random.default_rng(seed)
    found = [_lloyd(unit, _start(unit[there], num, rng)) for _ in range(starts)]
    return _by_size(max(found, key=lambda groups: groups.cohesion))


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows ``[..., d]`` at length 1, in their own precision; zeros stay zeros."""
    rows = np.asarray(rows)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0))


def nearest(unit: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The centre ``[...]`` that each unit row ``[..., d]`` points to most."""
    return np.asarray((unit @ centres.T.astype(unit.dtype)).argmax(axis=-1))


def _start(unit: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    """Rows far from each other (k-means++ by ``1 - cosine``)."""
    chosen = [unit[rng.integers(len(unit))]]
    away = 1 - unit @ chosen[0]
    for _ in range(num - 1):
        weights = np.clip(away, 0, None).astype(np.float64)
        total = weights.sum()
        number = rng.choice(len(unit), p=weights / total) if total > 0 else rng.integers(len(unit))
        chosen.append(unit[number])
        away = np.minimum(away, 1 - unit @ chosen[-1])
    return np.asarray(chosen, np.float64)


def _lloyd(unit: np.ndarray, centres: np.ndarray) -> Groups:
    labels = nearest(unit, centres)
    for _ in range(_STEPS):
        centres = _centres(unit, labels, centres)
        new = nearest(unit, centres)
        if np.array_equal(new, labels):
            break
        labels = new
    cosines = np.einsum("nd,nd->n", unit, centres[labels], dtype=np.float64)
    there = np.any(unit != 0, axis=1)
    return Groups(centres, labels, float(cosines[there].mean()))


def _centres(unit: np.ndarray, labels: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The mean direction of each group; one without members stays where it was."""
    members = (labels[None, :] == np.arange(len(before))[:, None]).astype(unit.dtype)
    sums = (members @ unit).astype(np.float64)
    moved = unit_rows(sums)
    return np.where(np.any(sums != 0, axis=1, keepdims=True), moved, before)


def _by_size(groups: Groups) -> Groups:
    sizes = np.bincount(groups.labels, minlength=len(groups.centres))
    order = np.argsort(-sizes, kind="stable")
    return Groups(groups.centres[order], np.argsort(order)[groups.labels], groups.cohesion)
