"""The kernel of an unknown blur, from a picture and its blurred version."""

import jax
import jax.numpy as jnp
import optax

from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.blur import convolve

_RATE = 0.1


def fit_kernel(start: Array, x: Array, y: Array, *, steps: int = 500) -> Array:
    """The kernel of each image that best explains ``y`` as ``x`` blurred.

    It minimises ``mean (kernel * x - y)^2`` over the softmax of free numbers, which keeps it from
    being negative and its sum at one, by Adam.

    Args:
      start: ``[b, k, k]``, where to begin: positive, of sum one. Zeros count as 1e-4 of the mean.
      x: ``[b, H, W, c]``, a guess of the sharp picture.
      y: ``[b, H, W, c]``, what was observed.
      steps: of Adam.

    Returns:
      ``[b, k, k]``, never negative, each of sum one.

    """
    return _fit(start, x, y, steps)


def _softmax(logits: Array) -> Array:
    flat = logits.reshape(logits.shape[0], -1)
    return jax.nn.softmax(flat, axis=-1).reshape(logits.shape)


@jax.jit(static_argnames="steps")
def _fit(start: Array, x: Array, y: Array, steps: int) -> Array:
    optimiser = optax.adam(_RATE)

    def misfit(logits: Array) -> Array:
        # Of an image each: the sum does not let one image's scale act on another's.
        return jnp.square(convolve(_softmax(logits), x) - y).mean(axis=(1, 2, 3)).sum()

    def step(_: int, state: tuple[Array, optax.OptState]) -> tuple[Array, optax.OptState]:
        logits, moments = state
        # optax multiplies dtypes implicitly.
        with jax.numpy_dtype_promotion("standard"):
            changes, moments = optimiser.update(jax.grad(misfit)(logits), moments)
        return logits + changes, moments

    least = 1e-4 * start.mean(axis=(1, 2), keepdims=True)
    logits = jnp.log(jnp.maximum(start, least))
    return _softmax(jax.lax.fori_loop(0, steps, step, (logits, optimiser.init(logits)))[0])
