"""Adam (Kingma, Ba: ICLR 2015) with a cosine schedule, and plain gradient descent."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.misfit import Misfit, value_and_gradient
from pmsfc_jax.inversion.solvers.per_image import axpy, per_image, zeros_like
from pmsfc_jax.inversion.solvers.solver import Rates, Solver, SolverSettings, Step

#: Adam's rate falls to this share of its start.
_LAST_SHARE = 0.1
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class Moments(NamedTuple):
    """Running means of the gradient and of its square, trees of ``[b, ...]`` leaves."""

    first: Any
    second: Any


def cosine(number: Array, rates: Rates) -> Array:
    """Share of the learning rate at step ``number [b]``: a cosine from 1 to a tenth."""
    turn = jnp.minimum(number / rates.num_steps, 1).astype(rates.latent.dtype)
    return (1 - _LAST_SHARE) * 0.5 * (1 + jnp.cos(jnp.pi * turn)) + _LAST_SHARE


def no_moments(tree: Any) -> Moments:
    """Those before the first step."""
    return Moments(zeros_like(tree), zeros_like(tree))


def adam_direction(gradient: Any, moments: Moments, number: Array) -> tuple[Any, Moments]:
    """``(direction to subtract, new moments)`` of Adam, before the learning rate.

    Args:
      gradient: a tree of ``[b, ...]`` leaves.
      moments: of the step before.
      number: of this step of each image, counted from 0, ``[b]``: images of a batch need not have
        begun together.

    """
    a, b = _BETAS
    first = jax.tree.map(lambda g, m: (1 - a) * g + a * m, gradient, moments.first)
    second = jax.tree.map(lambda g, v: (1 - b) * (g * g) + b * v, gradient, moments.second)

    def direction(m: Array, v: Array) -> Array:
        power = per_image(number + 1, m).astype(m.dtype)
        m, v = m / (1 - a**power), v / (1 - b**power)
        return m / (jnp.sqrt(v) + _EPSILON)

    return jax.tree.map(direction, first, second), Moments(first, second)


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
            return no_moments(codes)

        def step(misfit: Misfit, codes: Codes, memory: Any, rates: Rates, number: Array) -> Step:
            info, gradient = value_and_gradient(misfit, codes)
            direction, memory = adam_direction(gradient, memory, number)
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
