"""Equation 7 of the article: the weights of a channel sum to one, within each subspace.

    f^r = sum_k  m^r * head(z^r_k) * tanh(w^r_k)  /  sum_k tanh(w^r_k)

A channel is mixed and cannot be rescaled; with one code the weights cancel.
"""

import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition

#: Denominators nearer to zero than this are moved out to it.
MIN_DENOMINATOR = 1e-3


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """Mixing coefficients of equation 7.

    The denominator may pass through zero when weights change sign; there it is kept
    `MIN_DENOMINATOR` away, on its own side.
    """
    squashed = jnp.tanh(w)
    denominator = squashed.sum(axis=2, keepdims=True)
    near_zero = jnp.abs(denominator) < MIN_DENOMINATOR
    guard = jnp.copysign(jnp.full_like(denominator, MIN_DENOMINATOR), denominator)
    guarded = near_zero.sum(axis=(1, 2, 3), dtype=jnp.int32)
    coefficients = squashed / jnp.where(near_zero, guard, denominator)
    return coefficients * rows[None, :, None, :], guarded


def live(rows: Array, codes: int) -> Array:
    """Weights of a subspace's own channels; none where there is one code."""
    return (rows != 0) & (codes > 1)


COMPOSITION = Composition(
    "pmsfc",
    by_subspace=True,
    sliceable=True,
    linear=False,
    mix=mix,
    live=live,
    # Equal and positive under the tanh: of random signs, half of the denominators cross zero.
    level=lambda codes: 0.5,
)
