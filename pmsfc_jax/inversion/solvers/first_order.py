"""Adam (Kingma, Ba: ICLR 2015) with a cosine schedule, and plain gradient descent."""

from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import optax

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.misfit import Misfit, value_and_gradient
from pmsfc_jax.inversion.solvers.per_image import axpy
from pmsfc_jax.inversion.solvers.solver import Rates, Solver, SolverSettings, Step

#: Adam's rate falls to this share of its start.
_LAST_SHARE = 0.1


def cosine(number: Array, rates: Rates) -> Array:
    """Share of the learning rate at step ``number``: a cosine from 1 to a tenth."""
    turn = jnp.minimum(number / rates.num_steps, 1).astype(rates.latent.dtype)
    return (1 - _LAST_SHARE) * 0.5 * (1 + jnp.cos(jnp.pi * turn)) + _LAST_SHARE


def adam_direction(gradient: Any, memory: Any) -> tuple[Any, Any]:
    """``(direction to subtract, new memory)`` of Adam, before the learning rate."""
    # optax computes its bias correction with implicit promotion, which our tests forbid.
    with jax.numpy_dtype_promotion("standard"):
        return optax.scale_by_adam().update(gradient, memory)


def _moved(codes: Codes, direction: Codes, rates: Rates, share: Array) -> Codes:
    """Codes after a step: each block by its own rate."""
    return Codes(
        axpy(-share * rates.latent, direction.latent, codes.latent),
        axpy(-share * rates.w, direction.w, codes.w),
        axpy(-share * rates.context, direction.context, codes.context),
    )


@dataclass(frozen=True)
class Adam(SolverSettings):
    """Adam, with a learning rate that falls to a tenth along a cosine.

    Attributes:
      learning_rate: of codes.
      weight_learning_rate: of the weights; ``None`` is the same.
      context_learning_rate: of what is optimised of the context; ``None`` is the same.

    """

    name: str = field(default="adam", init=False)
    learning_rate: float = 0.05
    weight_learning_rate: float | None = None
    context_learning_rate: float | None = None

    label = "Adam"
    traced = ("learning_rate", "weight_learning_rate", "context_learning_rate")

    def solver(self) -> Solver:
        """See `SolverSettings`."""

        def init(codes: Codes, rates: Rates) -> Any:
            return optax.scale_by_adam().init(codes)

        def step(misfit: Misfit, codes: Codes, memory: Any, rates: Rates, number: Array) -> Step:
            info, gradient = value_and_gradient(misfit, codes)
            direction, memory = adam_direction(gradient, memory)
            share = cosine(number, rates)
            return Step(_moved(codes, direction, rates, share), memory, codes, info)

        return Solver(init, step)


@dataclass(frozen=True)
class SGD(SolverSettings):
    """Plain gradient descent at constant rates, as the published mGANprior has it.

    Attributes: those of `Adam`.

    """

    name: str = field(default="sgd", init=False)
    learning_rate: float = 0.05
    weight_learning_rate: float | None = None
    context_learning_rate: float | None = None

    label = "gradient descent"
    traced = ("learning_rate", "weight_learning_rate", "context_learning_rate")

    def solver(self) -> Solver:
        """See `SolverSettings`."""

        def init(codes: Codes, rates: Rates) -> tuple[()]:
            return ()

        def step(misfit: Misfit, codes: Codes, memory: Any, rates: Rates, number: Array) -> Step:
            info, gradient = value_and_gradient(misfit, codes)
            return Step(
                _moved(codes, gradient, rates, jnp.ones_like(rates.latent)), memory, codes, info
            )

        return Solver(init, step)
