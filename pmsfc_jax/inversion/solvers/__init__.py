"""Solvers by name: settings, and what they do; the driver in `optimise` runs any of them.

A new one is a file here and a line below.
"""

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.solvers.first_order import SGD, Adam
from pmsfc_jax.inversion.solvers.lbfgs import LBFGS
from pmsfc_jax.inversion.solvers.levenberg_marquardt import LevenbergMarquardt
from pmsfc_jax.inversion.solvers.solver import Rates, Solver, SolverSettings, Step
from pmsfc_jax.inversion.solvers.variable_projection import VariableProjection

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "Adam",
    "LevenbergMarquardt",
    "Rates",
    "Solver",
    "SolverSettings",
    "Step",
    "VariableProjection",
    "solver_settings",
]

SOLVERS: dict[str, type[SolverSettings]] = {
    "adam": Adam,
    "sgd": SGD,
    "lbfgs": LBFGS,
    "levenberg_marquardt": LevenbergMarquardt,
    "variable_projection": VariableProjection,
}


def solver_settings(name: str) -> type[SolverSettings]:
    """The settings of the solver of this name.

    Raises:
      InputError: there is none.

    """
    if name not in SOLVERS:
        raise InputError(f"there is no optimiser {name!r}: choose one of {', '.join(SOLVERS)}")
    return SOLVERS[name]
