"""A linear boundary between labelled rows: a support vector machine with squared hinge loss.

    min over w, b of  penalty |w|^2 + sum_i max(0, 1 - y_i (w . x_i + b))^2

by Newton's method on the rows' products (Chapelle, *Training a Support Vector Machine in the
Primal*, Neural Computation 2007, section 3), so that rows may be long. The bias is not penalised.
"""

from typing import NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError

_STEPS = 100
_FOLDS = 5


class Boundary(NamedTuple):
    """A hyperplane ``w . x + b = 0``; positive labels lie where that is above 0.

    Attributes:
      normal: w, ``[d]`` float64.
      bias: b.

    """

    normal: np.ndarray
    bias: float

    def side(self, rows: np.ndarray) -> np.ndarray:
        """``w . x + b`` of each row."""
        return np.asarray(rows.astype(np.float64) @ self.normal + self.bias)


def linear_boundary(rows: np.ndarray, positive: np.ndarray, *, penalty: float = 1e-2) -> Boundary:
    """The boundary of the module's equation.

    Args:
      rows: ``[n, d]``, one a picture.
      positive: ``[n]`` bool, both values among them.
      penalty: as a share of the rows' mean squared length.

    Raises:
      InputError: one label only, or numbers that do not fit.

    """
    rows = np.asarray(rows, np.float64)
    y = np.where(np.asarray(positive, bool), 1.0, -1.0)
    if rows.ndim != 2 or len(rows) != len(y):
        raise InputError(f"there are {len(rows)} rows and {len(y)} labels: give one each")
    if len(set(y)) < 2:
        raise InputError("all labels are the same: a boundary takes pictures of both kinds")
    mean = rows.mean(axis=0)
    centred = rows - mean
    products = centred @ centred.T
    ridge = penalty * float(np.trace(products)) / len(y)
    if not ridge > 0:
        raise InputError("all pictures have the same features: there is no boundary between them")
    beta, bias = _newton(products, y, ridge)
    normal = beta @ centred
    return Boundary(normal, float(bias - normal @ mean))


def held_out_accuracy(
    rows: np.ndarray, positive: np.ndarray, *, penalty: float = 1e-2, seed: int = 0
) -> float:
    """Balanced accuracy of `linear_boundary` on folds it has not seen; NaN for too few labels.

    The mean over both kinds of the share that lies on its side. Folds are dealt at random, within
    each kind; of a kind with fewer members than five there are as many folds.
    """
    positive = np.asarray(positive, bool)
    folds = min(_FOLDS, int(positive.sum()), int((~positive).sum()))
    if folds < 2:
        return float("nan")
    rng = np.random.default_rng(seed)
    fold = np.empty(len(positive), int)
    for kind in (positive, ~positive):
        fold[rng.permutation(np.flatnonzero(kind))] = np.arange(kind.sum()) % folds
    right = np.zeros(len(positive), bool)
    for number in range(folds):
        held_out = fold == number
        boundary = linear_boundary(rows[~held_out], positive[~held_out], penalty=penalty)
        right[held_out] = (boundary.side(rows[held_out]) > 0) == positive[held_out]
    return float((right[positive].mean() + right[~positive].mean()) / 2)


def _newton(products: np.ndarray, y: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Coefficients of the rows and the bias."""

    def loss(beta: np.ndarray, bias: float) -> float:
        along = products @ beta
        slack = np.maximum(0, 1 - y * (along + bias))
        return float(ridge * beta @ along + slack @ slack)

    beta, bias = np.zeros(len(y)), 0.0
    inside = np.ones(len(y), bool)
    for _ in range(_STEPS):
        there = np.flatnonzero(inside)
        size = len(there)
        system = np.zeros((size + 1, size + 1))
        system[0, 1:] = system[1:, 0] = 1
        system[1:, 1:] = products[np.ix_(there, there)] + ridge * np.eye(size)
        solved = np.linalg.solve(system, np.concatenate([[0.0], y[there]]))
        aim = np.zeros(len(y))
        aim[there] = solved[1:]
        share, before = 1.0, loss(beta, bias)
        while share > 1e-4 and loss(*_towards(beta, bias, aim, solved[0], share)) > before:
            share /= 2
        beta, bias = _towards(beta, bias, aim, float(solved[0]), share)
        now = y * (products @ beta + bias) < 1
        if np.array_equal(now, inside) and share == 1.0:
            break
        inside = now if now.any() else inside
    return beta, bias


def _towards(
    beta: np.ndarray, bias: float, aim: np.ndarray, aim_bias: float, share: float
) -> tuple[np.ndarray, float]:
    return beta + share * (aim - beta), float(bias + share * (aim_bias - bias))
