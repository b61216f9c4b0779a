"""Codes by Adam, weights by Gauss-Newton in between (variable projection: Golub, Pereyra 1973).

The composed feature is linear in the weights for all methods but equation 7's quotient, and a step
on the weights needs no pass through the heads, where most of the work is: the features of the codes
stay as they are. So each step (1) solves for the weights by a few conjugate gradients on the
linearised tail, with a damping of each image's own, and keeps them where the loss fell, and (2)
moves the codes along the gradient at those weights, which is that of the reduced problem wherever
the weights are optimal (Kaufman 1975).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compose import Codes, Features
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.problem import Info, Objective, measure
from pmsfc_jax.inversion.solvers.curvature import newton_direction, quadratic
from pmsfc_jax.inversion.solvers.first_order import transformation, updated
from pmsfc_jax.inversion.solvers.levenberg_marquardt import adapted
from pmsfc_jax.inversion.solvers.per_image import per_image, select
from pmsfc_jax.inversion.solvers.solver import Solver, Step


class Memory(NamedTuple):
    """Adam's, and the damping of each image's weights, ``[b]``."""

    adam: Any
    damping: Array


def variable_projection(config: InversionConfig) -> Solver:
    """``config.learning_rate`` is that of the codes; ``inner_steps`` are those of CG."""
    adam = transformation(config, config.learning_rate)

    def init(codes: Codes) -> Memory:
        one = jnp.ones(codes.z.shape[:1], codes.z.dtype)
        return Memory(adam.init(codes.z), one * config.damping)

    def step(objective: Objective, codes: Codes, memory: Memory) -> Step:
        features, pull_heads = jax.vjp(objective.features, codes.z)

        def predict(w: Array) -> tuple[tuple[Array, ...], Array]:
            return objective.predict(features, codes._replace(w=w))

        model = quadratic(objective, predict, codes.w)
        damping = jnp.broadcast_to(per_image(memory.damping, codes.w), codes.w.shape)
        direction, predicted = newton_direction(model, damping, config.inner_steps)
        moved = codes.w + direction
        at_moved = measure(objective, *predict(moved))
        better = at_moved.loss < model.info.loss
        w = select(better, moved, codes.w)

        def total(features: Features, z: Array) -> tuple[Array, Info]:
            info = measure(objective, *objective.predict(features, Codes(z, w)))
            return info.loss.sum(), info

        (of_features, of_z), info = jax.grad(total, argnums=(0, 1), has_aux=True)(features, codes.z)
        gradient = pull_heads(of_features)[0] + of_z
        z, state = updated(adam, gradient, memory.adam, codes.z)
        ratio = (model.info.loss - at_moved.loss) / jnp.maximum(predicted, 1e-30)
        new = Memory(state, adapted(memory.damping, ratio))
        return Step(Codes(z, w), new, Codes(codes.z, w), info)

    return Solver(init, step)
