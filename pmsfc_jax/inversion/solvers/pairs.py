"""The curvature that L-BFGS remembers: pairs of steps and changes, and their inner products.

The two loops of Nocedal (1980) need only inner products of the pairs and the gradient. Those of the
pairs are kept, a row and a column a step; so a direction costs one pass over the pairs for the
gradient's products, loops over coefficients alone, and one pass for the sum (Chen, Wang, Zhou:
*Large-scale L-BFGS using MapReduce*, NIPS 2014).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

#: Pairs whose curvature is less than this share of what their lengths allow are not kept.
_LEAST_CURVATURE = 1e-6
#: Products of the curvature are in float32 whatever the inversion's own precision.
_EXACT = jax.lax.Precision.HIGHEST


class Pairs(NamedTuple):
    """The last steps between points taken, in a ring: one slot a step, whether it was taken or not.

    Slots are the same for all images, so that writing one moves nothing else. A slot that holds no
    pair of an image has zeros there.

    Attributes:
      steps: differences of points taken, ``[b, m, n]``.
      changes: differences of their gradients, ``[b, m, n]``.
      steps_changes: ``steps_i . changes_j``, ``[b, m, m]``.
      changes_changes: ``changes_i . changes_j``, ``[b, m, m]``.
      inner: ``steps_i . changes_i``, ``[b, m]``, positive; zero in a slot that does not count.
      scale: ``inner / changes . changes`` of each image's newest pair, ``[b]``, and 1 before it.
      next: the slot that is written next, a scalar.
      filled: slots written so far, at most m, a scalar.

    """

    steps: Array
    changes: Array
    steps_changes: Array
    changes_changes: Array
    inner: Array
    scale: Array
    next: Array
    filled: Array


def no_pairs(points: Array, size: int) -> Pairs:
    """A ring of ``size`` empty slots for each image of ``points [b, n]``."""
    count, numbers = points.shape

    def zeros(*shape: int) -> Array:
        return jnp.zeros((count, *shape), points.dtype)

    return Pairs(
        zeros(size, numbers),
        zeros(size, numbers),
        zeros(size, size),
        zeros(size, size),
        zeros(size),
        zeros() + 1,
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.int32),
    )


def with_pair(pairs: Pairs, step: Array, change: Array, where: Array) -> Pairs:
    """The ring with one more slot written: a pair for images where it curves upwards.

    Args:
      pairs: the ring.
      step: ``[b, n]``.
      change: ``[b, n]``.
      where: ``[b]``, images that have a pair to keep.

    """
    inner, size = (step * change).sum(axis=1), (change * change).sum(axis=1)
    length = (step * step).sum(axis=1)
    kept = where & (inner > _LEAST_CURVATURE * jnp.sqrt(length * size))
    # Not a product: an infinite step of an image that diverged would leave nan.
    step = jnp.where(kept[:, None], step, 0)
    change = jnp.where(kept[:, None], change, 0)
    steps, changes = _put(pairs.steps, step, pairs.next), _put(pairs.changes, change, pairs.next)
    by_step = _products(steps, change[:, None])[..., 0]
    by_change = _products(changes, jnp.stack([step, change], axis=1))
    steps_changes = _put(pairs.steps_changes, by_change[..., 0], pairs.next)
    slots = pairs.inner.shape[1]
    return Pairs(
        steps,
        changes,
        _put(steps_changes, by_step, pairs.next, axis=2),
        _put(
            _put(pairs.changes_changes, by_change[..., 1], pairs.next),
            by_change[..., 1],
            pairs.next,
            axis=2,
        ),
        _put(pairs.inner, jnp.where(kept, inner, 0), pairs.next),
        jnp.where(kept, inner / jnp.where(kept, size, 1), pairs.scale),
        (pairs.next + 1) % slots,
        jnp.minimum(pairs.filled + 1, slots),
    )


def without_pairs(pairs: Pairs, where: Array) -> Pairs:
    """The ring with nothing in it for the images ``where [b]``."""
    inner = jnp.where(where[:, None], 0, pairs.inner)
    return pairs._replace(inner=inner, scale=jnp.where(where, 1, pairs.scale))


def inverse_curvature(pairs: Pairs, gradient: Array) -> Array:
    """The inverse curvature that the pairs tell of, times ``gradient [b, n]``."""
    by_step = _products(pairs.steps, gradient[:, None])[..., 0]
    by_change = _products(pairs.changes, gradient[:, None])[..., 0]
    of_changes, of_steps = _two_loops(pairs, by_step, by_change)
    along_changes = _sum(pairs.changes, of_changes)
    return pairs.scale[:, None] * (gradient - along_changes) + _sum(pairs.steps, of_steps)


def _two_loops(pairs: Pairs, by_step: Array, by_change: Array) -> tuple[Array, Array]:
    """Nocedal's two loops on coefficients, newest pair first and back, over filled slots alone.

    Args:
      pairs: the ring.
      by_step: ``steps_i . gradient``, ``[b, m]``.
      by_change: ``changes_i . gradient``, ``[b, m]``.

    Returns:
      Coefficients ``[b, m]``: of the changes, before the scale, and of the steps.

    """
    counts = pairs.inner > 0
    weight = jnp.where(counts, 1 / jnp.where(counts, pairs.inner, 1), 0)
    slots = pairs.inner.shape[1]

    def forth(age: Array, shares: Array) -> Array:
        i = (pairs.next - 1 - age) % slots
        known = (shares * _at(pairs.steps_changes, i)).sum(axis=1)
        share = _at(weight, i) * (_at(by_step, i) - known)
        return jax.lax.dynamic_update_index_in_dim(shares, share, i, 1)

    shares = jax.lax.fori_loop(0, pairs.filled, forth, jnp.zeros_like(weight))

    def back(turn: Array, sums: Array) -> Array:
        i = (pairs.next - pairs.filled + turn) % slots
        known = pairs.scale * (
            _at(by_change, i) - (shares * _at(pairs.changes_changes, i)).sum(axis=1)
        )
        known += (sums * _at(pairs.steps_changes, i, axis=2)).sum(axis=1)
        share = _at(shares, i) - _at(weight, i) * known
        return jax.lax.dynamic_update_index_in_dim(sums, share, i, 1)

    return shares, jax.lax.fori_loop(0, pairs.filled, back, jnp.zeros_like(weight))


def _at(array: Array, i: Array, axis: int = 1) -> Array:
    return jax.lax.dynamic_index_in_dim(array, i, axis, keepdims=False)


def _put(ring: Array, new: Array, i: Array, axis: int = 1) -> Array:
    return jax.lax.dynamic_update_index_in_dim(ring, new, i, axis)


def _products(ring: Array, vectors: Array) -> Array:
    """``[b, m, n]`` and ``[b, k, n]`` to ``[b, m, k]``."""
    return jnp.einsum("bmn,bkn->bmk", ring, vectors, precision=_EXACT)


def _sum(ring: Array, coefficients: Array) -> Array:
    """``sum_m coefficients[b, m] * ring[b, m, n]``."""
    return jnp.einsum("bmn,bm->bn", ring, coefficients, precision=_EXACT)
