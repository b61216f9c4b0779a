"""L-BFGS (Nocedal 1980) with a backtracking line search, every image on its own.

A step costs one value and gradient, as Adam's does: it evaluates the trial point of each image.
Where the loss fell enough (Armijo), the point is taken, the image's history grows and the next
trial is the full quasi-Newton step; elsewhere the next trial lies nearer on the same line. So
images advance at their own pace and none waits for another. The loss of the points taken never
rises.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes, flatten, unflatten
from pmsfc_jax.inversion.misfit import Info, Misfit, value_and_gradient
from pmsfc_jax.inversion.solvers.pairs import (
    Pairs,
    inverse_curvature,
    no_pairs,
    with_pair,
    without_pairs,
)
from pmsfc_jax.inversion.solvers.per_image import dimension, select
from pmsfc_jax.inversion.solvers.solver import Rates, Solver, SolverSettings, Step, unknown

#: Share of the decrease along the slope that a step has to reach.
ARMIJO = 1e-4
#: Trials on one line, after which the history is dropped and the gradient taken instead.
MOST_TRIALS = 8


class Memory(NamedTuple):
    """Of each image: the last point taken, the line from it, and the pairs.

    Attributes:
      base: the last point taken, ``[b, n]``.
      info: there; the loss is infinite before the first.
      gradient: there, ``[b, n]``.
      direction: of the line, ``[b, n]``.
      slope: of the loss along the line, ``[b]``.
      length: of the trial on the line, ``[b]``.
      trials: on the line so far, ``[b]``.
      reach: root mean square of a first step without history, ``[b]``.
      pairs: from which the curvature is known.

    """

    base: Array
    info: Info
    gradient: Array
    direction: Array
    slope: Array
    length: Array
    trials: Array
    reach: Array
    pairs: Pairs


@dataclass(frozen=True)
class LBFGS(SolverSettings):
    """L-BFGS with a line search of each image's own.

    Attributes:
      learning_rate: root mean square of the first trial step.
      history: pairs of steps and changes of the gradient that are kept of each image; its memory
        is ``2 * history`` times the codes.

    """

    name: str = field(default="lbfgs", init=False)
    learning_rate: float = 0.05
    history: int = 100

    label = "L-BFGS"
    traced = ("learning_rate",)
    counts = ("history",)

    def solver(self) -> Solver:
        """See `SolverSettings`."""

        def init(codes: Codes, rates: Rates) -> Memory:
            flat = flatten(codes)
            count = len(flat)
            zero = jnp.zeros((count,), flat.dtype)
            return Memory(
                base=flat,
                info=unknown(codes),
                gradient=jnp.zeros_like(flat),
                direction=jnp.zeros_like(flat),
                slope=zero,
                length=zero + 1,
                trials=jnp.zeros((count,), jnp.int32),
                reach=zero + rates.latent,
                pairs=no_pairs(flat, self.history),
            )

        return Solver(init, _step)


def _step(misfit: Misfit, codes: Codes, memory: Memory, rates: Rates, number: Array) -> Step:
    info, gradient = value_and_gradient(misfit, codes)
    taken = info.loss <= memory.info.loss + ARMIJO * memory.length * memory.slope
    taken &= jnp.isfinite(info.loss)
    memory = _remember(memory, flatten(codes), info, flatten(gradient), taken)
    stuck = ~taken & (memory.trials >= MOST_TRIALS)
    memory = memory._replace(
        pairs=without_pairs(memory.pairs, stuck),
        reach=jnp.where(stuck, memory.reach / 10, memory.reach),
    )
    memory = _next_line(memory, info.loss, taken, stuck, _live_dimension(misfit, codes))
    trial = memory.base + memory.length[:, None] * memory.direction
    base = unflatten(memory.base, codes)
    return Step(unflatten(trial, codes), memory, base, memory.info)


def _live_dimension(misfit: Misfit, codes: Codes) -> Array:
    """Numbers of one image that have an effect: weights may have none (`Composition.live`)."""
    count = codes.w.shape[2]
    weights = misfit.live(count).sum(dtype=codes.w.dtype) * count
    return weights + dimension((codes.latent, codes.context))


def _remember(memory: Memory, point: Array, info: Info, gradient: Array, taken: Array) -> Memory:
    """Move the base to points that are taken, and keep their pairs if they curve upwards."""
    second = taken & jnp.isfinite(memory.info.loss)
    pairs = with_pair(memory.pairs, point - memory.base, gradient - memory.gradient, second)
    return memory._replace(
        base=select(taken, point, memory.base),
        info=select(taken, info, memory.info),
        gradient=select(taken, gradient, memory.gradient),
        pairs=pairs,
    )


def _next_line(memory: Memory, loss: Array, taken: Array, stuck: Array, numbers: Array) -> Memory:
    """A new line where the point was taken or the old one led nowhere, else nearer on the old."""
    newton = -inverse_curvature(memory.pairs, memory.gradient)
    slope = (newton * memory.gradient).sum(axis=1)
    plain = ~(memory.pairs.inner > 0).any(axis=1) | ~(slope < 0)
    norm_squared = (memory.gradient * memory.gradient).sum(axis=1)
    first = memory.reach * jnp.sqrt(numbers / jnp.maximum(norm_squared, 1e-30))
    new = taken | stuck
    # The minimum of the parabola through the base's loss and slope and the trial's loss.
    rise = loss - memory.info.loss - memory.length * memory.slope
    nearer = -memory.slope * memory.length / (2 * jnp.where(rise > 0, rise, 1))
    nearer = jnp.where(jnp.isfinite(rise) & (rise > 0), jnp.clip(nearer, 0.1, 0.5), 0.1)
    return memory._replace(
        pairs=without_pairs(memory.pairs, new & plain),
        direction=select(new, select(plain, -memory.gradient, newton), memory.direction),
        slope=jnp.where(new, jnp.where(plain, -norm_squared, slope), memory.slope),
        length=jnp.where(new, jnp.where(plain, first, 1), nearer * memory.length),
        trials=jnp.where(new, 0, memory.trials + 1),
    )
