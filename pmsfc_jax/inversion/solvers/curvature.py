"""Gauss-Newton curvature of a sum of terms, and conjugate gradients on it, one system an image.

With predictions ``p(x)`` and terms whose second derivative in the predictions is the diagonal
``D``, the curvature is ``J^T D J`` with ``J = dp/dx``: symmetric, never negative, and equal to the
Hessian where ``p`` is linear.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.misfit import Info, Misfit, measured
from pmsfc_jax.inversion.solvers.per_image import axpy, dot, negative, select, zeros_like
from pmsfc_jax.inversion.terms import curvature

Tree = TypeVar("Tree")
#: An image's system counts as solved once its squared residual has fallen by this factor.
_SOLVED = 1e-10


class Quadratic(NamedTuple):
    """The objective around a point: ``info.loss + gradient . d + d . product(d) / 2``.

    Attributes:
      info: the objective at the point.
      gradient: exact.
      product: ``d -> J^T D J d``, each image by itself.

    """

    info: Info
    gradient: Tree  # type: ignore[valid-type]
    product: Callable


def push_forward(pull: Callable, values: tuple[Array, ...]) -> Callable:
    """``v -> J v`` from a pull-back ``u -> (J^T u,)``, which is linear, by pulling back again.

    Forward mode is no choice: convolutions in `nn.layers` carry their own reverse rule.

    Args:
      pull: of `jax.vjp`.
      values: predictions, for their shapes.

    """
    transposed = jax.vjp(lambda u: pull(u)[0], zeros_like(values))[1]
    return lambda v: transposed(v)[0]


def quadratic(
    misfit: Misfit, predict: Callable[[Tree], tuple[tuple[Array, ...], Array]], at: Tree
) -> Quadratic:
    """The model of the objective around ``at``.

    Args:
      misfit: its terms.
      predict: predictions and guarded denominators as a function of ``at``.
      at: a tree of ``[b, ...]`` leaves.

    """
    predictions, pull, guarded = jax.vjp(predict, at, has_aux=True)

    def total(predictions: tuple[Array, ...]) -> tuple[Array, Info]:
        info = measured(misfit, predictions, guarded)
        return info.loss.sum(), info

    slopes, info = jax.grad(total, has_aux=True)(predictions)
    diagonals = [curvature(t, p) for t, p in zip(misfit.terms, predictions, strict=True)]
    push = push_forward(pull, predictions)

    def product(direction: Tree) -> Tree:
        moved = push(direction)
        return pull(tuple(d * m for d, m in zip(diagonals, moved, strict=True)))[0]

    return Quadratic(info, pull(slopes)[0], product)


def conjugate_gradients(
    product: Callable[[Tree], Tree], right: Tree, damping: Tree, num_steps: int
) -> Tree:
    """Solve ``(product + diag(damping)) x = right`` approximately (Hestenes, Stiefel 1952).

    Preconditioned by the damping, so that the first iterate is the gradient on its scale.

    Args:
      product: a symmetric operator that is never negative, one an image.
      right: ``[b, ...]`` leaves.
      damping: positive, of the shapes of ``right``.
      num_steps: iterations; an image that is solved earlier stays where it is.

    """
    precondition = lambda r: jax.tree.map(jnp.divide, r, damping)  # noqa: E731

    def body(_: int, carry: tuple) -> tuple:
        x, r, p, rz = carry
        ap = jax.tree.map(lambda a, d, v: a + d * v, product(p), damping, p)
        curved = dot(p, ap)
        going = (rz > _SOLVED * first) & (curved > 0)
        step = jnp.where(going, rz / jnp.where(going, curved, 1), 0)
        x, r = axpy(step, p, x), axpy(-step, ap, r)
        s = precondition(r)
        new = dot(r, s)
        ratio = jnp.where(going, new / jnp.where(going, rz, 1), 0)
        p = select(going, axpy(ratio, p, s), p)
        return x, r, p, jnp.where(going, new, rz)

    s = precondition(right)
    first = dot(right, s)
    x, *_ = jax.lax.fori_loop(0, num_steps, body, (zeros_like(right), right, s, first))
    return x


def newton_direction(model: Quadratic, damping: Tree, num_steps: int) -> tuple[Tree, Array]:
    """Minimise the damped model; returns the direction and the decrease that the model predicts."""
    direction = conjugate_gradients(model.product, negative(model.gradient), damping, num_steps)
    change = dot(model.gradient, direction) + dot(direction, model.product(direction)) / 2
    return direction, -change
