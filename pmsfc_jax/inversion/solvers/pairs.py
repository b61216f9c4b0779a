"""The curvature that L-BFGS remembers: pairs of steps and changes, and their inner products.

The two loops of Nocedal (1980) need only inner products of the pairs and the gradient (Chen, Wang,
Zhou: *Large-scale L-BFGS using MapReduce*, NIPS 2014), and each loop solves a triangular system
(Byrd, Nocedal, Schnabel: *Representations of quasi-Newton matrices*, Mathematical Programming 63,
1994, equation 3.1). So the products of the pairs are kept, a row and a column a step, and a
direction costs one pass over the pairs for the gradient's products, one inverse of a small
triangular matrix, and one pass for the sum. A loop over pairs would be hundreds of small kernels.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.solvers.triangular import inverse_of_unit_upper

#: Pairs whose curvature is less than this share of what their lengths allow are not kept.
_LEAST_CURVATURE = 1e-6
#: Products of the curvature are in float32 whatever the inversion's own precision.
_EXACT = jax.lax.Precision.HIGHEST


class Pairs(NamedTuple):
    """The last steps between points taken: one a step of the solver, whether it was taken or not.

    Vectors lie in a ring, whose slots are the same for all images, so that writing one moves
    nothing else. Their products are small and lie in order, the oldest first. What holds no pair of
    an image is zero there.

    Attributes:
      steps: differences of points taken, ``[b, m, n]``, by slot.
      changes: differences of their gradients, ``[b, m, n]``, by slot.
      steps_changes: ``steps_i . changes_j``, ``[b, m, m]``, by age; of i <= j alone, else 0.
      changes_changes: ``changes_i . changes_j``, ``[b, m, m]``, by age.
      inner: ``steps_i . changes_i``, ``[b, m]``, by age: positive; zero in what does not count.
      scale: ``inner / changes . changes`` of each image's newest pair, ``[b]``, and 1 before it.
      next: the slot that is written next, which holds the oldest, a scalar.

    """

    steps: Array
    changes: Array
    steps_changes: Array
    changes_changes: Array
    inner: Array
    scale: Array
    next: Array


def no_pairs(points: Array, size: int) -> Pairs:
    """Room for ``size`` pairs of each image of ``points [b, n]``."""
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
    )


def with_pair(pairs: Pairs, step: Array, change: Array, where: Array) -> Pairs:
    """The pairs without the oldest and with one more, of images where it curves upwards.

    Args:
      pairs: those so far.
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
    following = (pairs.next + 1) % pairs.inner.shape[1]
    by_step = _by_age(_products(steps, change), following)
    by_change = _by_age(_products(changes, change), following)
    return Pairs(
        steps,
        changes,
        _later(pairs.steps_changes, jnp.zeros_like(by_step), by_step),
        _later(pairs.changes_changes, by_change, by_change),
        jnp.append(pairs.inner[:, 1:], jnp.where(kept, inner, 0)[:, None], axis=1),
        jnp.where(kept, inner / jnp.where(kept, size, 1), pairs.scale),
        following,
    )


def without_pairs(pairs: Pairs, where: Array) -> Pairs:
    """No pairs for the images ``where [b]``."""
    inner = jnp.where(where[:, None], 0, pairs.inner)
    return pairs._replace(inner=inner, scale=jnp.where(where, 1, pairs.scale))


def inverse_curvature(pairs: Pairs, gradient: Array) -> Array:
    """The inverse curvature that the pairs tell of, times ``gradient [b, n]``."""
    by_step = _by_age(_products(pairs.steps, gradient), pairs.next)
    by_change = _by_age(_products(pairs.changes, gradient), pairs.next)
    of_changes, of_steps = (
        _by_slot(coefficients, pairs.next)
        for coefficients in _coefficients(pairs, by_step, by_change)
    )
    along_changes = _sum(pairs.changes, of_changes)
    return pairs.scale[:, None] * (gradient - along_changes) + _sum(pairs.steps, of_steps)


def _coefficients(pairs: Pairs, by_step: Array, by_change: Array) -> tuple[Array, Array]:
    """What Nocedal's two loops come to, of all pairs at once.

    With ``R_ij = steps_i . changes_j`` for i <= j, the first loop, from the newest pair back, gives
    ``a = R^-1 by_step``, the second one ``R^-T diag(inner) (a - scale / inner * (by_change -
    changes_changes a))``. Rows and columns are divided by the roots of ``inner`` first: on a
    quadratic they are cosines then, and what does not count falls out.

    Args:
      pairs: those so far.
      by_step: ``steps_i . gradient``, ``[b, m]``, by age.
      by_change: ``changes_i . gradient``, ``[b, m]``, by age.

    Returns:
      Coefficients ``[b, m]`` by age: of the changes, before the scale, and of the steps.

    """
    counts = pairs.inner > 0
    root = jnp.where(counts, 1 / jnp.sqrt(jnp.where(counts, pairs.inner, 1)), 0)
    cosines = root[:, :, None] * pairs.steps_changes * root[:, None, :]
    inverse = inverse_of_unit_upper(jnp.triu(cosines, 1))
    first = _times(inverse, root * by_step)
    of_changes = root * first
    rest = by_change - _times(pairs.changes_changes, of_changes)
    second = first - pairs.scale[:, None] * root * rest
    return of_changes, root * _times(inverse.swapaxes(1, 2), second)


def _by_age(values: Array, next_slot: Array) -> Array:
    """``[b, m]`` by slot to by age, the oldest first."""
    return jnp.roll(values, -next_slot, axis=1)


def _by_slot(values: Array, next_slot: Array) -> Array:
    """``[b, m]`` by age to by slot."""
    return jnp.roll(values, next_slot, axis=1)


def _later(products: Array, row: Array, column: Array) -> Array:
    """``[b, m, m]`` by age without the oldest, and with the newest's row and column ``[b, m]``."""
    above = jnp.append(products[:, 1:, 1:], column[:, :-1, None], axis=2)
    below = jnp.append(row[:, :-1], column[:, -1:], axis=1)
    return jnp.append(above, below[:, None], axis=1)


def _put(ring: Array, new: Array, i: Array) -> Array:
    return jax.lax.dynamic_update_index_in_dim(ring, new, i, 1)


def _products(ring: Array, vector: Array) -> Array:
    """``[b, m, n]`` and ``[b, n]`` to ``[b, m]``."""
    return jnp.einsum("bmn,bn->bm", ring, vector, precision=_EXACT)


def _sum(ring: Array, coefficients: Array) -> Array:
    """``sum_m coefficients[b, m] * ring[b, m, n]``."""
    return jnp.einsum("bmn,bm->bn", ring, coefficients, precision=_EXACT)


def _times(matrix: Array, vector: Array) -> Array:
    """``[b, m, m]`` times ``[b, m]``."""
    return jnp.einsum("bij,bj->bi", matrix, vector, precision=_EXACT)
