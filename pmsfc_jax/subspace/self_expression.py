"""Self-expressive coefficients: every channel written by the other channels (equation 4).

The methods differ in the penalty on the coefficients; checking the input, choosing ``mu`` and
measuring the answer are the same for all of them. With ``E`` the mean over latents and positions,

    ridge         min  E||F - F S||^2 + mu ||S||_F^2                       closed form
    lasso         min  E||F - F S||^2 + mu ||S||_1                         `admm`
    elastic_net   min  E||F - F S||^2 + mu (q ||S||_1 + (1 - q) ||S||_F^2) `admm`

over matrices S with zero diagonal. (For scikit-learn's Lasso ``alpha`` is ``mu / 2``, for its Ridge
``mu`` times the number of rows.)
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.subspace.admm import AdmmState, admm, admm_start, kkt_residual, lambda_max
from pmsfc_jax.subspace.checks import gram_matrix, positive_int, square_matrix
from pmsfc_jax.subspace.precision import host_float64, like_input
from pmsfc_jax.subspace.ridge import default_ridge_mu, ridge

#: Largest violation of the optimality conditions that counts as solved, see `kkt_residual`.
TOLERANCE = 1e-4
#: Default penalty of the L1 methods, as a share of the one that makes all coefficients zero.
RELATIVE_L1 = 0.03


def _all_zero_mu(gram: np.ndarray) -> float:
    with host_float64():
        return float(lambda_max(jnp.asarray(gram)))


def _default_l1_mu(gram: np.ndarray) -> float:
    return RELATIVE_L1 * _all_zero_mu(gram)


class Solver(NamedTuple):
    """One way to penalise the coefficients.

    Attributes:
      l1_share: the share q of ``mu`` that is on the L1 norm; the rest is on the squared norm.
      default_mu: ``(gram [C, C]) -> mu``, what ``mu=None`` means.
      largest_mu: ``(gram [C, C]) -> mu`` where a path of penalties begins.
    """

    l1_share: float
    default_mu: Callable[[np.ndarray], float]
    largest_mu: Callable[[np.ndarray], float]


SOLVERS: Mapping[str, Solver] = MappingProxyType(
    {
        "ridge": Solver(0.0, default_ridge_mu, lambda gram: 100 * default_ridge_mu(gram)),
        "lasso": Solver(1.0, _default_l1_mu, _all_zero_mu),
        "elastic_net": Solver(0.5, _default_l1_mu, _all_zero_mu),
    }
)


class SelfExpressionResult(NamedTuple):
    """Coefficients and how well they do.

    Attributes:
      coefficients: S, ``[C, C]`` with a zero diagonal; column j writes channel j.
      residual: ``||F - F S||^2 / ||F||^2`` on the Gram matrix that S was solved on, 0 to 1.
      mu: the penalty that was used, in the units of the Gram matrix.
      off_diagonal_norm: the Frobenius norm of S.
      sparsity: share of the off-diagonal coefficients that are exactly zero.
      kkt_residual: largest violation of the optimality conditions, see `admm.kkt_residual`.
      iterations: of the solver; 0 for a closed form.
      converged: whether ``kkt_residual`` is at most the tolerance asked for.
      advice: what to do where it is not, else empty.
      method: the solver's name.
    """

    coefficients: Array
    residual: float
    mu: float
    off_diagonal_norm: float
    sparsity: float
    kkt_residual: float
    iterations: int
    converged: bool
    advice: str
    method: str


def self_expression(
    gram: ArrayLike,
    *,
    method: str = "ridge",
    mu: float | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = 5000,
) -> SelfExpressionResult:
    """Coefficients S ``[C, C]`` with zero diagonal that write every channel by the others.

    Solved in float64 whatever the dtype of ``gram``, and returned in that dtype (see
    `subspace.precision`). A channel that is always zero gets a zero row and column.

    Args:
      gram: ``[C, C]``, symmetric, for instance from `feature_gram`.
      method: one of `SOLVERS`: ``"ridge"``, ``"lasso"``, or ``"elastic_net"`` with equal shares.
      mu: the penalty, in the units of ``gram``; None is the method's default, for ridge
        ``0.1 * trace(gram) / C``, for the others 0.03 of the penalty at which all coefficients are
        zero.
      tolerance: KKT residual at which an iteration stops; a closed form has none to choose.
      max_iterations: after which an iteration gives up; the result says so.

    Raises:
      InputError: an unknown method; a Gram matrix that is not square, finite, symmetric, or whose
        channels are all zero or constant; ``mu`` negative or too small for this matrix.
    """
    solver = find_solver(method)
    matrix = gram_matrix(gram)
    penalty = check_mu(mu) if mu is not None else solver.default_mu(matrix)
    answer = solve(
        matrix, method, penalty, tolerance=tolerance, max_iterations=max_iterations
    ).result
    return answer._replace(coefficients=like_input(answer.coefficients, gram))


class Solved(NamedTuple):
    """A result in float64, and the state from which a problem nearby can start."""

    result: SelfExpressionResult
    state: AdmmState | None


def solve(
    gram: np.ndarray,
    method: str,
    mu: float,
    *,
    tolerance: float = TOLERANCE,
    max_iterations: int = 5000,
    start: AdmmState | None = None,
) -> Solved:
    """`self_expression` of a checked float64 Gram matrix, warm-started where ``start`` is given.

    Raises:
      InputError: ``mu`` is too small for this matrix, or an option out of its range.
    """
    solver = find_solver(method)
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance is {tolerance:g}: give a number between 0 and 1")
    most = positive_int(max_iterations, "max_iterations")
    with host_float64():
        matrix = jnp.asarray(gram)
        l1 = np.float64(mu * solver.l1_share)
        l2 = np.float64(mu * (1 - solver.l1_share))
        if solver.l1_share:
            state, count = _admm(
                matrix, l1, l2, start or admm_start(matrix), np.float64(tolerance), np.int32(most)
            )
            solution, iterations = state.coefficients, int(count)
        else:
            solution, state, iterations = _ridge(matrix, l2), None, 0
        violation = float(_kkt_residual(matrix, solution, l1, l2))
        coefficients = np.asarray(solution)
    if not np.all(np.isfinite(coefficients)):
        raise InputError(
            f"the Gram matrix cannot be inverted with mu={mu:g}: give a larger mu, or none to "
            f"use the default, here {solver.default_mu(gram):g}"
        )
    converged = violation <= tolerance
    advice = (
        ""
        if converged
        else f"{method} stopped after {iterations} iterations with a KKT residual of "
        f"{violation:.2g}, above {tolerance:g}: give more max_iterations, or a larger mu"
    )
    size = len(gram)
    result = SelfExpressionResult(
        coefficients=solution,
        residual=_residual(gram, coefficients),
        mu=mu,
        off_diagonal_norm=float(np.linalg.norm(coefficients)),
        sparsity=1 - np.count_nonzero(coefficients) / (size * (size - 1)),
        kkt_residual=violation,
        iterations=iterations,
        converged=converged,
        advice=advice,
        method=method,
    )
    return Solved(result, state)


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


_ridge = jax.jit(ridge)
_admm = jax.jit(admm)
_kkt_residual = jax.jit(kkt_residual)
