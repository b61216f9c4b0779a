"""Adjoints, and the regularised inverse of any operator that is linear or nearly so."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Shape


def adjoint(operator: Operator, operands: Any, y: Array, image_shape: Shape) -> Array:
    """``A^T y [b, *image_shape]``: of the operator's derivative at mid grey."""
    at = jnp.zeros((y.shape[0], *image_shape), y.dtype)
    return jax.vjp(partial(operator.apply, operands), at)[1](y)[0]


def least_squares(
    operator: Operator,
    operands: Any,
    y: Array,
    image_shape: Shape,
    *,
    damping: float,
    steps: int,
) -> Array:
    """``argmin_x |A x - y|^2 + damping |x|^2`` for each image, by conjugate gradients.

    ``A`` is the operator's derivative at mid grey (0); an operator that is not linear is replaced
    by its tangent there. The gradients are those of the normal equations (CGLS), and each image
    has its own step sizes.

    Args:
      operator: any.
      operands: leaves ``[b, ...]``.
      y: ``[b, h, w, c]``.
      image_shape: of one ``x``.
      damping: in units of the largest possible ``|A x|^2 / |x|^2`` where that is 1.
      steps: conjugate gradients, a fixed number.

    Returns:
      ``[b, *image_shape]``.

    """
    start = jnp.zeros((y.shape[0], *image_shape), y.dtype)
    value, forward = jax.linearize(partial(operator.apply, operands), start)
    backward = jax.linear_transpose(forward, start)

    def normal(p: Array) -> Array:
        return backward(forward(p))[0] + damping * p

    def dot(a: Array, b: Array) -> Array:
        return (a * b).sum(axis=(1, 2, 3), keepdims=True)

    def step(_: int, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        x, r, p = state
        image = normal(p)
        length = _quotient(dot(r, r), dot(p, image))
        x, fresh = x + length * p, r - length * image
        return x, fresh, fresh + _quotient(dot(fresh, fresh), dot(r, r)) * p

    r = backward(y - value)[0]
    return jax.lax.fori_loop(0, steps, step, (start, r, r))[0]


def _quotient(a: Array, b: Array) -> Array:
    """``a / b``, 0 where an image is solved and both are 0."""
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)
