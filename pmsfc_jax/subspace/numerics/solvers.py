"""The penalties that a self-expression can have, and what their sizes mean."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace.numerics.admm import lambda_max
from pmsfc_jax.subspace.numerics.ridge import default_ridge_mu

#: Largest violation of the optimality conditions that counts as solved, see `kkt_residual`.
TOLERANCE = 1e-4
#: Default penalty of the L1 methods, as a share of the one that makes all coefficients zero.
RELATIVE_L1 = 0.03
#: The method that sees pictures too and so takes a generator, see `paper_expression`.
PAPER = "paper"


def all_zero_mu(gram: np.ndarray) -> float:
    """`lambda_max` of a float64 Gram matrix ``[C, C]`` of numpy."""
    return float(lambda_max(gram))


def default_l1_mu(gram: np.ndarray) -> float:
    """``RELATIVE_L1`` of `all_zero_mu`."""
    return RELATIVE_L1 * all_zero_mu(gram)


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
        "lasso": Solver(1.0, default_l1_mu, all_zero_mu),
        "elastic_net": Solver(0.5, default_l1_mu, all_zero_mu),
    }
)


def find_solver(method: str) -> Solver:
    """The solver called ``method``, of those that need nothing but a Gram matrix.

    Raises:
      InputError: there is none.
    """
    if method == PAPER:
        raise InputError(
            "method 'paper' compares pictures and needs a generator: call discover_subspaces or "
            f"paper_expression, or choose one of {', '.join(SOLVERS)}"
        )
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
        raise InputError(f"mu is {penalty:g}: give a number of at least 0, or leave it out")
    return penalty


def check_tolerance(tolerance: float) -> None:
    """Check that it is between 0 and 1.

    Raises:
      InputError: it is not.
    """
    if not 0 < tolerance < 1:
        raise InputError(f"tolerance is {tolerance:g}: give a number between 0 and 1")
