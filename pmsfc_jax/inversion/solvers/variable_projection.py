"""Codes by Adam, weights by Gauss-Newton in between (variable projection: Golub, Pereyra 1973).

The composed feature is linear in the weights for all methods but equation 7's quotient, and a step
on the weights needs no pass through the heads, where most of the work is: the features of the codes
stay as they are. So each step (1) solves for the weights by a few conjugate gradients on the
linearised tail, with a damping of each image's own, and keeps them where the loss fell, and (2)
moves the codes along the gradient at those weights, which is that of the reduced problem wherever
the weights are optimal (Kaufman 1975).
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import Heads
from pmsfc_jax.inversion.misfit import Info, Misfit, measured
from pmsfc_jax.inversion.solvers.curvature import newton_direction, quadratic
from pmsfc_jax.inversion.solvers.first_order import Moments, adam_direction, cosine, no_moments
from pmsfc_jax.inversion.solvers.levenberg_marquardt import adapted
from pmsfc_jax.inversion.solvers.per_image import axpy, per_image, select
from pmsfc_jax.inversion.solvers.solver import Rates, Solver, SolverSettings, Step


class Memory(NamedTuple):
    """Adam's, and the damping of each image's weights, ``[b]``."""

    adam: Moments
    damping: Array


@dataclass(frozen=True)
class VariableProjection(SolverSettings):
    """Adam on codes and contexts, Gauss-Newton on weights.

    Attributes:
      learning_rate: of the codes; it falls to a tenth along a cosine.
      context_learning_rate: of what is optimised of the context; ``None`` is the same.
      inner_steps: conjugate gradients in a step.
      damping: with which each image starts.

    """

    name: str = field(default="variable_projection", init=False)
    learning_rate: float = 0.05
    context_learning_rate: float | None = None
    inner_steps: int = 3
    damping: float = 1e-3

    label = "variable projection"
    needs_linear = True
    traced = ("learning_rate", "context_learning_rate", "damping")
    counts = ("inner_steps",)

    def solver(self) -> Solver:
        """See `SolverSettings`."""

        def init(codes: Codes, rates: Rates) -> Memory:
            one = jnp.ones(codes.w.shape[:1], codes.w.dtype)
            return Memory(no_moments((codes.latent, codes.context)), one * rates.damping)

        def step(misfit: Misfit, codes: Codes, memory: Memory, rates: Rates, number: Array) -> Step:
            heads, pull_heads = jax.vjp(misfit.heads, codes.latent)

            def predict(w: Array) -> tuple[tuple[Array, ...], Array]:
                return misfit.predict(heads, codes._replace(w=w))

            model = quadratic(misfit, predict, codes.w)
            damping = jnp.broadcast_to(per_image(memory.damping, codes.w), codes.w.shape)
            direction, predicted = newton_direction(model, damping, self.inner_steps)
            moved = codes.w + direction
            at_moved = measured(misfit, *predict(moved))
            better = at_moved.loss < model.info.loss
            w = select(better, moved, codes.w)

            def total(heads: Heads, latent: Any, context: Any) -> tuple[Array, Info]:
                info = measured(misfit, *misfit.predict(heads, Codes(latent, w, context)))
                return info.loss.sum(), info

            slopes, info = jax.grad(total, argnums=(0, 1, 2), has_aux=True)(
                heads, codes.latent, codes.context
            )
            of_latent = jax.tree.map(jnp.add, pull_heads(slopes[0])[0], slopes[1])
            outer, state = adam_direction((of_latent, slopes[2]), memory.adam, number)
            share = cosine(number, rates)
            new_codes = Codes(
                axpy(-share * rates.latent, outer[0], codes.latent),
                w,
                axpy(-share * rates.context, outer[1], codes.context),
            )
            ratio = (model.info.loss - at_moved.loss) / jnp.maximum(predicted, 1e-30)
            new = Memory(state, adapted(memory.damping, ratio))
            return Step(new_codes, new, codes._replace(w=w), info)

        return Solver(init, step)
