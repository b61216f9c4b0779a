"""Adam (Kingma, Ba: ICLR 2015) with a cosine schedule, and plain gradient descent."""

from typing import Any

import jax
import optax

from pmsfc_jax.inversion.compose import Codes
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.problem import Objective, value_and_gradient
from pmsfc_jax.inversion.solvers.solver import Solver, Step


def transformation(config: InversionConfig, rate: float) -> optax.GradientTransformation:
    """One group's update: Adam's rate falls to a tenth along a cosine, that of descent stays."""
    if config.optimiser == "sgd":
        return optax.sgd(rate)
    return optax.adam(optax.cosine_decay_schedule(rate, config.num_steps, alpha=0.1))


def updated(
    optimiser: optax.GradientTransformation, gradient: Any, memory: Any, values: Any
) -> tuple[Any, Any]:
    """``(new values, new memory)``."""
    # optax computes its bias correction with implicit promotion, which our tests forbid.
    with jax.numpy_dtype_promotion("standard"):
        update, memory = optimiser.update(gradient, memory)
    return optax.apply_updates(values, update), memory


def first_order(config: InversionConfig) -> Solver:
    """Codes and weights by the same rule, each with its own rate."""
    for_z = transformation(config, config.learning_rate)
    for_w = transformation(config, config.rate_of_weights)

    def init(codes: Codes) -> tuple[Any, Any]:
        return for_z.init(codes.z), for_w.init(codes.w)

    def step(objective: Objective, codes: Codes, memory: tuple[Any, Any]) -> Step:
        info, gradient = value_and_gradient(objective, codes)
        z, memory_z = updated(for_z, gradient.z, memory[0], codes.z)
        w, memory_w = updated(for_w, gradient.w, memory[1], codes.w)
        return Step(Codes(z, w), (memory_z, memory_w), codes, info)

    return Solver(init, step)
