"""Self-expressive coefficients: every channel written by the other channels (equation 4).

The methods differ in the penalty on the coefficients; checking the input, choosing ``mu`` and
measuring the answer are the same for all of them. With ``E`` the mean over latents and positions,

    ridge         min  E||F - F S||^2 + mu ||S||_F^2                       closed form
    lasso         min  E||F - F S||^2 + mu ||S||_1                         `admm`
    elastic_net   min  E||F - F S||^2 + mu (q ||S||_1 + (1 - q) ||S||_F^2) `admm`

over matrices S with zero diagonal. (For scikit-learn's Lasso ``alpha`` is ``mu / 2``, for its Ridge
``mu`` times the number of rows.) `paper_expression` adds a term on pictures to the lasso.
"""

from typing import NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.subspace.numerics.admm import AdmmState, admm, admm_start, kkt_residual
from pmsfc_jax.subspace.numerics.checks import gram_matrix, square_matrix
from pmsfc_jax.subspace.numerics.precision import AnyArray, Precision, arithmetic, like_input
from pmsfc_jax.subspace.numerics.ridge import ridge
from pmsfc_jax.subspace.numerics.solvers import TOLERANCE, check_mu, check_tolerance, find_solver

# In float32 the iteration's own look at the optimality conditions is off by some of this share.
_FLOAT32_MARGIN = 0.9


class SelfExpressionResult(NamedTuple):
    """Coefficients and how well they do.

    Attributes:
      coefficients: S, ``[C, C]`` with a zero diagonal; column j writes channel j.
      residual: ``||F - F S||^2 / ||F||^2`` on the Gram matrix that S was solved on, 0 to 1.
      mu: the penalty that was used, in the units of the Gram matrix.
      off_diagonal_norm: the Frobenius norm of S.
      sparsity: share of the off-diagonal coefficients that are exactly zero.
      kkt_residual: largest violation of the optimality conditions, see `admm.kkt_residual`; in
        float64 whatever it was solved in.
      iterations: of the solver; 0 for a closed form.
      converged: whether ``kkt_residual`` is at most the tolerance asked for; for ``"paper"`` see
        `paper_expression`.
      advice: what to do where it is not, else empty.
      method: the solver's name.
      image_error: mean squared difference, in [-1, 1] units, of pictures drawn from ``F`` and from
        ``F S`` on held-out latents; None for the solvers that never draw.
      image_weight: the weight of that term in the objective, lam of equation 6; None likewise.
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
    image_error: float | None = None
    image_weight: float | None = None


def self_expression(
    gram: ArrayLike,
    *,
    method: str = "ridge",
    mu: float | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = 5000,
    precision: Precision = "float64",
) -> SelfExpressionResult:
    """Coefficients S ``[C, C]`` with zero diagonal that write every channel by the others.

    Solved in float64 on the host unless ``precision`` says otherwise, and returned in the dtype of
    ``gram`` (see `subspace.precision`). A channel that is always zero gets a zero row and column.

    Args:
      gram: ``[C, C]``, symmetric, for instance from `feature_gram`.
      method: one of `SOLVERS`: ``"ridge"``, ``"lasso"``, or ``"elastic_net"`` with equal shares.
      mu: the penalty, in the units of ``gram``; None is the method's default, for ridge
        ``0.1 * trace(gram) / C``, for the others 0.03 of the penalty at which all coefficients are
        zero.
      tolerance: KKT residual at which an iteration stops; a closed form has none to choose.
      max_iterations: after which an iteration gives up; the result says so.
      precision: ``"float64"`` on the host, or ``"float32"`` on the default device, for several
        hundred channels on an accelerator. The measurements in the result are taken in float64
        either way.

    Raises:
      InputError: an unknown method or precision; a Gram matrix that is not square, finite,
        symmetric, or whose channels are all zero or constant; ``mu`` negative or too small for this
        matrix.
    """
    solver = find_solver(method)
    matrix = gram_matrix(gram)
    penalty = check_mu(mu) if mu is not None else solver.default_mu(matrix)
    answer = solve(
        matrix,
        method,
        penalty,
        tolerance=tolerance,
        max_iterations=max_iterations,
        precision=precision,
    ).result
    return answer._replace(coefficients=like_input(answer.coefficients, gram))


class Solved(NamedTuple):
    """A result, and the state from which a problem nearby can start in the same precision."""

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
    precision: Precision = "float64",
) -> Solved:
    """`self_expression` of a checked float64 Gram matrix, warm-started where ``start`` is given.

    Raises:
      InputError: ``mu`` is too small for this matrix, or an option out of its range.
    """
    solver = find_solver(method)
    check_tolerance(tolerance)
    most = positive_int(max_iterations, "max_iterations")
    with arithmetic(precision) as array:
        matrix = array(gram)
        l1, l2 = array(mu * solver.l1_share), array(mu * (1 - solver.l1_share))
        if solver.l1_share:
            asked = tolerance if precision == "float64" else _FLOAT32_MARGIN * tolerance
            state, iterations = admm(matrix, l1, l2, start or admm_start(matrix), asked, most)
            solution = state.coefficients
        else:
            solution, state, iterations = _ridge(matrix, l2), None, 0
        coefficients = np.asarray(solution, np.float64)
    if not np.all(np.isfinite(coefficients)):
        raise InputError(
            f"the Gram matrix cannot be inverted in {precision} with mu={mu:g}: give a larger mu, "
            f"or none to use the default, here {solver.default_mu(gram):g}"
        )
    violation = kkt(gram, coefficients, mu * solver.l1_share, mu * (1 - solver.l1_share))
    converged = violation <= tolerance
    remedy = "give more max_iterations, or a larger mu"
    if precision == "float32":
        remedy += ", or precision='float64'"
    advice = (
        ""
        if converged
        else f"{method} stopped after {iterations} iterations with a KKT residual of "
        f"{violation:.2g}, above {tolerance:g}: {remedy}"
    )
    result = SelfExpressionResult(
        coefficients=solution,
        residual=residual_of(gram, coefficients),
        mu=mu,
        off_diagonal_norm=float(np.linalg.norm(coefficients)),
        sparsity=sparsity_of(coefficients),
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
    return residual_of(matrix, weights)


def residual_of(gram: np.ndarray, coefficients: np.ndarray) -> float:
    """`residual` of float64 arrays that are already checked."""
    error = np.eye(len(gram)) - coefficients
    return float(np.sum(error * (gram @ error)) / np.trace(gram))


def sparsity_of(coefficients: np.ndarray) -> float:
    """Share of the off-diagonal coefficients that are exactly zero."""
    size = len(coefficients)
    return 1 - np.count_nonzero(coefficients) / (size * (size - 1))


def kkt(gram: np.ndarray, coefficients: np.ndarray, l1: float, l2: float) -> float:
    """`kkt_residual` of float64 arrays of numpy."""
    return float(kkt_residual(gram, coefficients, np.float64(l1), np.float64(l2)))


def _ridge(gram: AnyArray, mu: AnyArray) -> AnyArray:
    """`ridge`, not finite where there is none, for arrays of numpy too."""
    if not isinstance(gram, np.ndarray):
        return _jitted_ridge(gram, mu)
    try:
        return ridge(gram, mu)
    except np.linalg.LinAlgError:
        return np.full_like(gram, np.nan)


_jitted_ridge = jax.jit(ridge)
