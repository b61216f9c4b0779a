"""Principal components of rows, and the closed form of SeFa. Arrays in, arrays out, float64."""

from typing import NamedTuple

import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError

#: Columns that are multiplied at once, so that many samples are not all copied to float64.
_COLUMNS = 8192


class Components(NamedTuple):
    """Orthogonal directions, the strongest first.

    Attributes:
      directions: ``[num, d]``, unit vectors; the largest entry of each is positive.
      deviations: ``[num]``, standard deviation of the rows along each.
      shares: ``[num]``, of the variance of all rows.

    """

    directions: np.ndarray
    deviations: np.ndarray
    shares: np.ndarray


def principal_components(rows: np.ndarray, num: int) -> Components:
    """The ``num`` directions along which rows ``[n, d]`` vary most (their mean taken off).

    Raises:
      InputError: fewer than two rows, or more directions than the rows span.

    """
    num = positive_int(num, "num")
    n, d = rows.shape
    if n < 2:
        raise InputError("principal components take two samples or more")
    if num > min(n - 1, d):
        raise InputError(
            f"{n} samples of {d} numbers have at most {min(n - 1, d)} principal components, not "
            f"{num}: take more samples or fewer components"
        )
    centred = rows - rows.mean(axis=0, dtype=np.float64).astype(rows.dtype)
    if d < n:
        values, basis = np.linalg.eigh(_products(centred.T))
        directions = basis[:, ::-1][:, :num].T
    else:
        values, basis = np.linalg.eigh(_products(centred))
        strongest = basis[:, ::-1][:, :num]
        directions = np.stack(
            [column.astype(centred.dtype) @ centred for column in strongest.T]
        ).astype(np.float64)
        directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-300)
    strengths = np.clip(values[::-1], 0, None)
    total = max(float(strengths.sum()), 1e-300)
    deviations = np.sqrt(strengths[:num] / (n - 1))
    return Components(_signed(directions), deviations, strengths[:num] / total)


def closed_form(weights: np.ndarray, num: int) -> Components:
    """The ``num`` unit vectors that weights ``[m, d]`` stretch most (SeFa, equation 6).

    Shen and Zhou, *Closed-Form Factorization of Latent Semantics in GANs* (CVPR 2021): the
    eigenvectors of ``A^T A`` with the largest eigenvalues.

    Returns:
      Directions; as ``deviations`` how much each is stretched; as ``shares`` of the squares of all.

    Raises:
      InputError: more directions than the weights have columns.

    """
    num = positive_int(num, "num")
    weights = np.asarray(weights, np.float64)
    if num > weights.shape[1]:
        raise InputError(
            f"{weights.shape[1]} numbers have at most as many directions, not {num}: ask for fewer"
        )
    values, basis = np.linalg.eigh(weights.T @ weights)
    values = np.clip(values[::-1], 0, None)
    return Components(
        _signed(basis[:, ::-1][:, :num].T), np.sqrt(values[:num]), values[:num] / values.sum()
    )


def deviations_along(rows: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Standard deviation of rows ``[n, d]`` along unit vectors ``[num, d]``."""
    along = rows.astype(np.float64) @ directions.T
    return np.asarray(along.std(axis=0, ddof=1))


def _products(rows: np.ndarray) -> np.ndarray:
    """``rows @ rows.T`` in float64, some columns at a time."""
    total = np.zeros((len(rows), len(rows)))
    for first in range(0, rows.shape[1], _COLUMNS):
        part = rows[:, first : first + _COLUMNS].astype(np.float64)
        total += part @ part.T
    return total


def _signed(directions: np.ndarray) -> np.ndarray:
    """Each with its largest entry positive: the same whichever sign the algebra gave."""
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(len(directions)), largest])
    return np.asarray(directions * np.where(signs == 0, 1, signs)[:, None])
