"""Choosing the penalty of the self-expression by what it does on latents it was not found on."""

from typing import NamedTuple

import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace.numerics.admm import AdmmState
from pmsfc_jax.subspace.numerics.checks import gram_matrix
from pmsfc_jax.subspace.numerics.precision import Precision
from pmsfc_jax.subspace.numerics.self_expression import residual, solve
from pmsfc_jax.subspace.numerics.solvers import find_solver

#: By how much of the best held-out residual the chosen one may be worse.
SLACK = 0.02


class MuPath(NamedTuple):
    """Solutions along a falling penalty, all arrays ``[num]``.

    Attributes:
      mu: penalties, largest first.
      residual: ``||F - F S||^2 / ||F||^2`` on the Gram matrix that was solved on.
      held_out_residual: the same on the other one.
      sparsity: share of off-diagonal coefficients that are zero.
      off_diagonal_norm: Frobenius norm of S.
      converged: of each solution.
      chosen: the penalty chosen, one of ``mu``.
    """

    mu: np.ndarray
    residual: np.ndarray
    held_out_residual: np.ndarray
    sparsity: np.ndarray
    off_diagonal_norm: np.ndarray
    converged: np.ndarray
    chosen: float


def choose_mu(
    gram: ArrayLike,
    held_out_gram: ArrayLike,
    *,
    method: str = "ridge",
    num: int = 17,
    smallest: float = 1e-4,
    slack: float = SLACK,
    precision: Precision = "float64",
) -> MuPath:
    """The largest penalty whose held-out residual is within ``slack`` of the best on a path.

    With many samples the held-out residual itself hardly ever stops falling as the penalty does,
    while the coefficients grow and cancel between channels that nearly repeat each other. So not
    the least residual is taken but the simplest solution that is about as good, as the
    one-standard-error rule of the lasso literature does.

    Args:
      gram: ``[C, C]``, solved on.
      held_out_gram: ``[C, C]`` of independent latents.
      method: see `self_expression`.
      num: penalties on the path, at least 2, in a geometric sequence; each solution starts from
        the one before.
      smallest: the last penalty as a share of the first, which for the L1 methods makes all
        coefficients zero and for ridge is ten times the mean energy of a channel.
      slack: at least 0.
      precision: see `self_expression`.

    Raises:
      InputError: as `self_expression`; Gram matrices of different sizes; an option out of its
        range.
    """
    solver = find_solver(method)
    matrix, held_out = gram_matrix(gram), gram_matrix(held_out_gram)
    if matrix.shape != held_out.shape:
        raise InputError(
            f"the Gram matrices have shapes {matrix.shape} and {held_out.shape}: expected the same "
            "channels in both"
        )
    if positive_int(num, "num") < 2 or not 0 < smallest < 1 or not slack >= 0:
        raise InputError("num must be at least 2, smallest between 0 and 1, slack at least 0")
    penalties = solver.largest_mu(matrix) * np.geomspace(1, smallest, num)
    results, held = [], []
    state: AdmmState | None = None
    for mu in penalties:
        result, state = solve(matrix, method, float(mu), start=state, precision=precision)
        results.append(result)
        held.append(residual(held_out, result.coefficients))
    held_out_residual = np.array(held)
    good = held_out_residual <= (1 + slack) * held_out_residual.min()
    return MuPath(
        mu=penalties,
        residual=np.array([r.residual for r in results]),
        held_out_residual=held_out_residual,
        sparsity=np.array([r.sparsity for r in results]),
        off_diagonal_norm=np.array([r.off_diagonal_norm for r in results]),
        converged=np.array([r.converged for r in results]),
        chosen=float(penalties[int(np.argmax(good))]),
    )
