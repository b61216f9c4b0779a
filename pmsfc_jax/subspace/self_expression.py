"""Self-expressive coefficients: every channel written by the other channels (equation 4).

A solver is a record in `SOLVERS`. It sees the Gram matrix in float64 on the host; checking the
input, choosing ``mu`` and measuring the answer are the same for all of them.
"""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.subspace.checks import gram_matrix, square_matrix
from pmsfc_jax.subspace.precision import host_float64, like_input
from pmsfc_jax.subspace.ridge import default_ridge_mu, ridge


class Solver(NamedTuple):
    """One way to find the coefficients.

    Attributes:
      solve: ``(gram [C, C], mu) -> coefficients [C, C]`` with a zero diagonal; pure, jittable.
      default_mu: ``(gram [C, C]) -> mu``, what ``mu=None`` means.
    """

    solve: Callable[[Array, Array], Array]
    default_mu: Callable[[np.ndarray], float]


SOLVERS: Mapping[str, Solver] = MappingProxyType({"ridge": Solver(ridge, default_ridge_mu)})


class SelfExpressionResult(NamedTuple):
    """Coefficients and how well they do.

    Attributes:
      coefficients: S, ``[C, C]`` with a zero diagonal; column j writes channel j.
      residual: ``||F - F S||^2 / ||F||^2`` on the Gram matrix that S was solved on, 0 to 1.
      mu: the penalty that was used, in the units of the Gram matrix.
      off_diagonal_norm: the Frobenius norm of S.
      method: the solver's name.
    """

    coefficients: Array
    residual: float
    mu: float
    off_diagonal_norm: float
    method: str


def self_expression(
    gram: ArrayLike, *, method: str = "ridge", mu: float | None = None
) -> SelfExpressionResult:
    """Coefficients S ``[C, C]`` with zero diagonal that write every channel by the others.

    Solved in float64 whatever the dtype of ``gram``, and returned in that dtype (see
    `subspace.precision`). A channel that is always zero gets a zero row and column.

    Args:
      gram: ``[C, C]``, symmetric, for instance from `feature_gram`.
      method: the solver, one of `SOLVERS`: ``"ridge"``.
      mu: the penalty, in the units of ``gram``; None is the solver's default, for ridge
        ``0.1 * trace(gram) / C``.

    Raises:
      InputError: an unknown method; a Gram matrix that is not square, finite, symmetric, or whose
        channels are all zero or constant; ``mu`` negative or too small for this matrix.
    """
    solver = find_solver(method)
    matrix = gram_matrix(gram)
    penalty = check_mu(mu) if mu is not None else solver.default_mu(matrix)
    with host_float64():
        coefficients = np.asarray(_solve(jnp.asarray(matrix), np.float64(penalty), solver.solve))
    if not np.all(np.isfinite(coefficients)):
        raise InputError(
            f"the Gram matrix cannot be inverted with mu={penalty:g}: give a larger mu, or none to "
            f"use the default, here {solver.default_mu(matrix):g}"
        )
    return SelfExpressionResult(
        coefficients=like_input(coefficients, gram),
        residual=_residual(matrix, coefficients),
        mu=penalty,
        off_diagonal_norm=float(np.linalg.norm(coefficients)),
        method=method,
    )


def residual(gram: ArrayLike, coefficients: ArrayLike) -> float:
    """``||F - F S||^2 / ||F||^2 = tr((I - S)^T G (I - S)) / tr(G)``, computed in float64.

    On the Gram matrix of other latents than those S was solved on this is the held-out residual.

    Args:
      gram: G, ``[C, C]``.
      coefficients: S, ``[C, C]``.

    Raises:
      InputError: as `self_expression` for ``gram``; coefficients that are not finite or have
        another shape.
    """
    matrix = gram_matrix(gram)
    weights = square_matrix(coefficients, "coefficient matrix")
    if weights.shape != matrix.shape:
        raise InputError(
            f"the coefficients have shape {weights.shape} and the Gram matrix {matrix.shape}: "
            "expected the same channels in both"
        )
    return _residual(matrix, weights)


def find_solver(method: str) -> Solver:
    """The solver called ``method``.

    Raises:
      InputError: there is none.
    """
    if method not in SOLVERS:
        raise InputError(f"unknown method {method!r}: choose one of {', '.join(SOLVERS)}")
    return SOLVERS[method]


def check_mu(mu: float) -> float:
    """Return ``mu`` as a finite float of at least 0.

    Raises:
      InputError: it is not.
    """
    penalty = float(mu)
    if not (np.isfinite(penalty) and penalty >= 0):
        raise InputError(f"mu is {penalty:g}: give a number of at least 0, or none for the default")
    return penalty


def _residual(gram: np.ndarray, coefficients: np.ndarray) -> float:
    """The residual of arrays that are already checked."""
    error = np.eye(gram.shape[0]) - coefficients
    return float(np.sum(error * (gram @ error)) / np.trace(gram))


@partial(jax.jit, static_argnames="solve")
def _solve(gram: Array, mu: Array, solve: Callable[[Array, Array], Array]) -> Array:
    return solve(gram, mu)
