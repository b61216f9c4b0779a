"""Gauss-Newton steps with a damping of each image's own (Levenberg 1944, Marquardt 1963).

A step evaluates the trial point of each image and takes it where the loss fell; the damping falls
or rises with how much of the predicted decrease came true (Nielsen 1999). Then the objective is
linearised at the point taken and the damped system solved by a few conjugate gradients. One step
costs two passes forward, one back, and ``inner_steps + 1`` products with the curvature.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.misfit import Info, Misfit, evaluate
from pmsfc_jax.inversion.solvers.curvature import newton_direction, quadratic
from pmsfc_jax.inversion.solvers.per_image import axpy, per_image, select
from pmsfc_jax.inversion.solvers.solver import Rates, Solver, SolverSettings, Step, unknown

_LEAST, _MOST = 1e-12, 1e6


class Memory(NamedTuple):
    """Of each image: the last point taken and its loss, the predicted decrease, the damping."""

    base: Codes
    info: Info
    predicted: Array
    damping: Array


def adapted(damping: Array, ratio: Array) -> Array:
    """The damping after a step whose decrease was ``ratio`` of the predicted one, all ``[b]``.

    Falls to a third where the model was right, stays where it was half right, doubles to
    quadruples where it was wrong.
    """
    factor = jnp.clip(1 - (2 * ratio - 1) ** 3, 1 / 3, 4.0)
    factor = jnp.where(jnp.isfinite(ratio), factor, 4.0)
    return jnp.clip(damping * factor, _LEAST, _MOST)


@dataclass(frozen=True)
class LevenbergMarquardt(SolverSettings):
    """Damped Gauss-Newton on codes and weights.

    Attributes:
      inner_steps: conjugate gradients in a step.
      damping: with which each image starts.

    """

    name: str = field(default="levenberg_marquardt", init=False)
    inner_steps: int = 3
    damping: float = 1e-3

    label = "Levenberg-Marquardt"
    traced = ("damping",)
    counts = ("inner_steps",)

    def solver(self) -> Solver:
        """See `SolverSettings`."""

        def init(codes: Codes, rates: Rates) -> Memory:
            one = jnp.ones(codes.w.shape[:1], codes.w.dtype)
            return Memory(jax.tree.map(jnp.copy, codes), unknown(codes), one, one * rates.damping)

        def step(misfit: Misfit, codes: Codes, memory: Memory, rates: Rates, number: Array) -> Step:
            info = evaluate(misfit, codes)
            taken = info.loss < memory.info.loss
            base = select(taken, codes, memory.base)
            ratio = (memory.info.loss - info.loss) / jnp.maximum(memory.predicted, 1e-30)
            first = jnp.isinf(memory.info.loss)
            damping = jnp.where(first, memory.damping, adapted(memory.damping, ratio))

            def predict(codes: Codes) -> tuple[tuple[Array, ...], Array]:
                return misfit.predict(misfit.heads(codes.latent), codes)

            model = quadratic(misfit, predict, base)
            diagonal = jax.tree.map(
                lambda leaf: jnp.broadcast_to(per_image(damping, leaf), leaf.shape), base
            )
            direction, predicted = newton_direction(model, diagonal, self.inner_steps)
            trial = axpy(jnp.ones_like(damping), direction, base)
            info = select(taken, info, memory.info)
            return Step(trial, Memory(base, info, predicted, damping), base, info)

        return Solver(init, step)
