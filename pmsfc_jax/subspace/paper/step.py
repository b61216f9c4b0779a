"""Equation 6 as a function of the coefficients, and one step of its minimisation.

    min over S with zero diagonal of   E||F - F S||^2
                                     + lam E||tail(h) - tail(T(F S))||^2
                                     + mu ||S||_1

The first and the last term need only the Gram matrix. The middle one redraws pictures from
self-expressed features, so it is a mean over latents that are drawn afresh in every step. Steps are
Adam's (Kingma and Ba, ICLR 2015) on the two smooth terms, followed by the proximal map of the L1
norm in Adam's own metric, which leaves exact zeros (Yun, Lozano and Yang: Adaptive Proximal
Gradient Methods for Structured Neural Networks, NeurIPS 2021).
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.typing import Array, Key, Params

_DECAY_MEAN, _DECAY_SQUARE, _EPSILON = 0.9, 0.999, 1e-8


class Weights(NamedTuple):
    """Scalars of the objective, in the dtype of the coefficients.

    Attributes:
      image_weight: lam, on the mean square over latents, pixels and colours.
      mu: on the L1 norm.
    """

    image_weight: Array
    mu: Array


class State(NamedTuple):
    """What a step carries.

    Attributes:
      coefficients: S, ``[C, C]``, the diagonal zero.
      mean: Adam's running mean of the gradient, ``[C, C]``.
      square: Adam's running mean of its square, ``[C, C]``.
    """

    coefficients: Array
    mean: Array
    square: Array


def first_state(coefficients: Array) -> State:
    """The state before the first step, with buffers of its own."""
    zero = jnp.zeros_like(coefficients)
    return State(jnp.array(coefficients), zero, jnp.zeros_like(zero))


def feature_term(gram: Array, coefficients: Array) -> Array:
    """``E||F - F S||^2 = tr((I - S)^T G (I - S))``, a scalar."""
    error = jnp.eye(gram.shape[0], dtype=gram.dtype) - coefficients
    return jnp.sum(error * (gram @ error))


def express(features: Array, coefficients: Array) -> Array:
    """``T(F S)``: every channel ``[b, H, W, C]`` written by the others, in the features' dtype."""
    rows = features.astype(coefficients.dtype).reshape(-1, coefficients.shape[0])
    return (rows @ coefficients).reshape(features.shape).astype(features.dtype)


def image_term(
    cut: Cut, params: Params, coefficients: Array, features: Array, context: Any, images: Array
) -> Array:
    """Mean square over latents, pixels and colours of ``tail(h) - tail(T(F S))``, a scalar.

    Args:
      cut: the generator and its layer.
      params: its weights.
      coefficients: S, ``[C, C]``.
      features: h, ``[b, H, W, C]``.
      context: what came with them from the head.
      images: ``tail(h)``, ``[b, H', W', 3]``.
    """
    redrawn = cut.tail(params, express(features, coefficients), context)
    return jnp.mean(jnp.square((redrawn - images).astype(coefficients.dtype)))


def draw(
    cut: Cut, params: Params, key: Key, index: Array, batch_size: int
) -> tuple[Array, Any, Array]:
    """Features, context and pictures of batch ``index`` of the stream ``key``."""
    latent = cut.generator.draw(params, jax.random.fold_in(key, index), batch_size)
    features, context = cut.head(params, latent)
    return features, context, cut.tail(params, features, context)


def proximal_adam(
    state: State, gradient: Array, mu: Array, learning_rate: Array, step: Array
) -> State:
    """One step of Adam on the smooth part, then the L1 norm and the zero diagonal.

    With ``mu`` 0 it is Adam. The threshold of a coefficient is ``mu`` times its own step size, so
    a coefficient of zero stays zero exactly where the gradient is at most ``mu``.

    Args:
      state: before the step.
      gradient: of the smooth part, ``[C, C]``.
      mu: weight of the L1 norm.
      learning_rate: largest change of a coefficient, about.
      step: counted from 0.
    """
    dtype = gradient.dtype
    mean = _DECAY_MEAN * state.mean + (1 - _DECAY_MEAN) * gradient
    square = _DECAY_SQUARE * state.square + (1 - _DECAY_SQUARE) * jnp.square(gradient)
    count = (step + 1).astype(dtype)
    unbiased_mean = mean / (1 - jnp.asarray(_DECAY_MEAN, dtype) ** count)
    unbiased_square = square / (1 - jnp.asarray(_DECAY_SQUARE, dtype) ** count)
    size = learning_rate / (jnp.sqrt(unbiased_square) + _EPSILON)
    moved = state.coefficients - size * unbiased_mean
    shrunk = jnp.sign(moved) * jnp.maximum(jnp.abs(moved) - size * mu, 0)
    return State(without_diagonal(shrunk), mean, square)


def without_diagonal(matrix: Array) -> Array:
    """The ``[C, C]`` matrix with zeros on its diagonal."""
    return jnp.where(jnp.eye(matrix.shape[0], dtype=bool), jnp.zeros_like(matrix), matrix)


def smooth_part(
    coefficients: Array,
    cut: Cut,
    params: Params,
    gram: Array,
    image_weight: Array,
    batch: tuple[Array, Any, Array],
) -> Array:
    """The first two terms of equation 6 on one batch of `draw`, a scalar."""
    image = image_term(cut, params, coefficients, *batch)
    return feature_term(gram, coefficients) + image_weight * image


@partial(jax.jit, static_argnames=("cut", "batch_size"), donate_argnames="state")
def advance(
    cut: Cut,
    params: Params,
    gram: Array,
    weights: Weights,
    state: State,
    key: Key,
    step: Array,
    learning_rate: Array,
    batch_size: int,
) -> State:
    """One step on fresh latents: batch ``step`` of the stream ``key``."""
    with jax.default_matmul_precision("highest"):
        batch = draw(cut, params, key, step, batch_size)
        gradient = jax.grad(smooth_part)(
            state.coefficients, cut, params, gram, weights.image_weight, batch
        )
    return proximal_adam(state, gradient, weights.mu, learning_rate, step)


@partial(jax.jit, static_argnames=("cut", "batch_size"))
def measure(
    cut: Cut, params: Params, coefficients: Array, key: Key, index: Array, batch_size: int
) -> tuple[Array, Array, Array]:
    """Image term, its gradient ``[C, C]``, and the mean square of the pictures, on one batch."""
    with jax.default_matmul_precision("highest"):
        batch = draw(cut, params, key, index, batch_size)
        error, gradient = jax.value_and_grad(lambda s: image_term(cut, params, s, *batch))(
            coefficients
        )
        return error, gradient, jnp.mean(jnp.square(batch[2].astype(coefficients.dtype)))
