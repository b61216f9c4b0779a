"""Solvers: each is a record of two functions, and the driver in `optimise` runs any of them."""

from collections.abc import Callable

from pmsfc_jax.inversion.config import InversionConfig, Optimiser
from pmsfc_jax.inversion.solvers.first_order import first_order
from pmsfc_jax.inversion.solvers.lbfgs import lbfgs
from pmsfc_jax.inversion.solvers.levenberg_marquardt import levenberg_marquardt
from pmsfc_jax.inversion.solvers.solver import Solver, Step
from pmsfc_jax.inversion.solvers.variable_projection import variable_projection

__all__ = ["SOLVERS", "Solver", "Step", "solver_of"]

SOLVERS: dict[Optimiser, Callable[[InversionConfig], Solver]] = {
    "adam": first_order,
    "sgd": first_order,
    "lbfgs": lbfgs,
    "levenberg_marquardt": levenberg_marquardt,
    "variable_projection": variable_projection,
}


def solver_of(config: InversionConfig) -> Solver:
    """The solver of an inversion."""
    return SOLVERS[config.optimiser](config)
