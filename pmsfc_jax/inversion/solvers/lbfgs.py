"""L-BFGS (Nocedal 1980) with a backtracking line search, every image on its own.

A step costs one value and gradient, as Adam's does: it evaluates the trial point of each image.
Where the loss fell enough (Armijo), the point is taken, the image's history grows and the next
trial is the full quasi-Newton step; elsewhere the next trial lies nearer on the same line. So
images advance at their own pace and none waits for another. The loss of the points taken never
rises.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compose import Codes
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.problem import Info, Objective, value_and_gradient
from pmsfc_jax.inversion.solvers.per_image import (
    axpy,
    dimension,
    dot,
    negative,
    per_image,
    select,
    zeros_like,
)
from pmsfc_jax.inversion.solvers.solver import Solver, Step, unknown

#: Share of the decrease along the slope that a step has to reach.
ARMIJO = 1e-4
#: Trials on one line, after which the history is dropped and the gradient taken instead.
MOST_TRIALS = 8
#: Pairs whose curvature is less than this share of what their lengths allow are not kept.
_LEAST_CURVATURE = 1e-6


class Pairs(NamedTuple):
    """The last steps between points taken, in a ring: one slot a step, whether it was taken or not.

    Slots are the same for all images, so that writing one moves nothing else.

    Attributes:
      steps: differences of points taken, ``[b, m, ...]`` leaves; zero in a slot that holds no pair.
      changes: differences of their gradients, likewise.
      inner: ``steps . changes``, ``[b, m]``, positive; zero in a slot that holds no pair.
      scale: ``inner / changes . changes`` of each image's newest pair, ``[b]``, and 1 before it.
      next: the slot that is written next, a scalar.

    """

    steps: Codes
    changes: Codes
    inner: Array
    scale: Array
    next: Array


class Memory(NamedTuple):
    """Of each image: the last point taken, the line from it, and the pairs.

    Attributes:
      base: the last point taken.
      info: there; the loss is infinite before the first.
      gradient: there.
      direction: of the line.
      slope: of the loss along the line, ``[b]``.
      length: of the trial on the line, ``[b]``.
      trials: on the line so far, ``[b]``.
      reach: root mean square of a first step without history, ``[b]``.
      pairs: from which the curvature is known.

    """

    base: Codes
    info: Info
    gradient: Codes
    direction: Codes
    slope: Array
    length: Array
    trials: Array
    reach: Array
    pairs: Pairs


def no_pairs(codes: Codes, size: int) -> Pairs:
    """A ring of ``size`` empty slots for each image."""
    count = codes.z.shape[0]
    empty = jax.tree.map(lambda x: jnp.zeros((count, size, *x.shape[1:]), x.dtype), codes)
    one = jnp.ones((count,), codes.z.dtype)
    inner = jnp.zeros((count, size), codes.z.dtype)
    return Pairs(empty, jax.tree.map(jnp.copy, empty), inner, one, jnp.zeros((), jnp.int32))


def with_pair(pairs: Pairs, step: Codes, change: Codes, where: Array) -> Pairs:
    """The ring with one more slot written: a pair for images where it curves upwards."""
    inner, size = dot(step, change), dot(change, change)
    kept = where & (inner > _LEAST_CURVATURE * jnp.sqrt(dot(step, step) * size))

    def put(ring: Array, new: Array) -> Array:
        new = jnp.where(per_image(kept, new), new, 0)
        return jax.lax.dynamic_update_index_in_dim(ring, new, pairs.next, 1)

    return Pairs(
        jax.tree.map(put, pairs.steps, step),
        jax.tree.map(put, pairs.changes, change),
        put(pairs.inner, inner),
        jnp.where(kept, inner / jnp.where(kept, size, 1), pairs.scale),
        (pairs.next + 1) % pairs.inner.shape[1],
    )


def without_pairs(pairs: Pairs, where: Array) -> Pairs:
    """The ring with nothing in it for some images."""
    inner = jnp.where(where[:, None], 0, pairs.inner)
    return pairs._replace(inner=inner, scale=jnp.where(where, 1, pairs.scale))


def two_loops(gradient: Codes, pairs: Pairs) -> Codes:
    """Inverse curvature times ``gradient`` by Nocedal's two loops, newest pair first and back."""
    weight = jnp.where(pairs.inner > 0, 1 / jnp.where(pairs.inner > 0, pairs.inner, 1), 0)
    size = pairs.inner.shape[1]

    def at(slots: Codes, i: Array) -> Codes:
        return jax.tree.map(
            lambda leaf: jax.lax.dynamic_index_in_dim(leaf, i, 1, keepdims=False), slots
        )

    def forth(age: Array, carry: tuple[Codes, Array]) -> tuple[Codes, Array]:
        q, shares = carry
        i = (pairs.next - 1 - age) % size
        share = weight[:, i] * dot(at(pairs.steps, i), q)
        return axpy(-share, at(pairs.changes, i), q), shares.at[:, i].set(share)

    def back(turn: Array, r: Codes) -> Codes:
        i = (pairs.next + turn) % size
        share = shares[:, i] - weight[:, i] * dot(at(pairs.changes, i), r)
        return axpy(share, at(pairs.steps, i), r)

    q, shares = jax.lax.fori_loop(0, size, forth, (gradient, jnp.zeros_like(pairs.inner)))
    r = jax.tree.map(lambda leaf: per_image(pairs.scale, leaf) * leaf, q)
    return jax.lax.fori_loop(0, size, back, r)


def lbfgs(config: InversionConfig) -> Solver:
    """``config.history`` pairs; ``learning_rate`` is the size of the first trial step."""

    def init(codes: Codes) -> Memory:
        zero = jnp.zeros(codes.z.shape[:1], codes.z.dtype)
        return Memory(
            base=jax.tree.map(jnp.copy, codes),
            info=unknown(codes),
            gradient=zeros_like(codes),
            direction=zeros_like(codes),
            slope=zero,
            length=zero + 1,
            trials=jnp.zeros(zero.shape, jnp.int32),
            reach=zero + config.learning_rate,
            pairs=no_pairs(codes, min(config.history, config.num_steps)),
        )

    def step(objective: Objective, codes: Codes, memory: Memory) -> Step:
        info, gradient = value_and_gradient(objective, codes)
        taken = info.loss <= memory.info.loss + ARMIJO * memory.length * memory.slope
        taken &= jnp.isfinite(info.loss)
        memory = _remember(memory, codes, info, gradient, taken)
        stuck = ~taken & (memory.trials >= MOST_TRIALS)
        memory = memory._replace(
            pairs=without_pairs(memory.pairs, stuck),
            reach=jnp.where(stuck, memory.reach / 10, memory.reach),
        )
        memory = _next_line(memory, info.loss, taken, stuck)
        trial = axpy(memory.length, memory.direction, memory.base)
        return Step(trial, memory, memory.base, memory.info)

    return Solver(init, step)


def _remember(memory: Memory, codes: Codes, info: Info, gradient: Codes, taken: Array) -> Memory:
    """Move the base to points that are taken, and keep their pairs if they curve upwards."""
    moved = jax.tree.map(jnp.subtract, codes, memory.base)
    change = jax.tree.map(jnp.subtract, gradient, memory.gradient)
    second = taken & jnp.isfinite(memory.info.loss)
    return memory._replace(
        base=select(taken, codes, memory.base),
        info=select(taken, info, memory.info),
        gradient=select(taken, gradient, memory.gradient),
        pairs=with_pair(memory.pairs, moved, change, second),
    )


def _next_line(memory: Memory, loss: Array, taken: Array, stuck: Array) -> Memory:
    """A new line where the point was taken or the old one led nowhere, else nearer on the old."""
    newton = negative(two_loops(memory.gradient, memory.pairs))
    slope = dot(newton, memory.gradient)
    plain = ~(memory.pairs.inner > 0).any(axis=1) | ~(slope < 0)
    steepest = negative(memory.gradient)
    norm_squared = dot(memory.gradient, memory.gradient)
    first = memory.reach * jnp.sqrt(dimension(memory.gradient) / jnp.maximum(norm_squared, 1e-30))
    new = taken | stuck
    # The minimum of the parabola through the base's loss and slope and the trial's loss.
    rise = loss - memory.info.loss - memory.length * memory.slope
    nearer = -memory.slope * memory.length / (2 * jnp.where(rise > 0, rise, 1))
    nearer = jnp.where(jnp.isfinite(rise) & (rise > 0), jnp.clip(nearer, 0.1, 0.5), 0.1)
    return memory._replace(
        pairs=without_pairs(memory.pairs, new & plain),
        direction=select(new, select(plain, steepest, newton), memory.direction),
        slope=jnp.where(new, jnp.where(plain, -norm_squared, slope), memory.slope),
        length=jnp.where(new, jnp.where(plain, first, 1), nearer * memory.length),
        trials=jnp.where(new, 0, memory.trials + 1),
    )
