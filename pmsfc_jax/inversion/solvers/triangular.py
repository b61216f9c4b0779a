"""Inverses of many small triangular matrices by doubling: few products, no loop over rows."""

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

#: Up to this size all diagonal blocks are inverted together, within masks.
_BLOCK = 16
_EXACT = jax.lax.Precision.HIGHEST


def inverse_of_unit_upper(strict: Array) -> Array:
    """``(I + strict)^-1`` of strictly upper triangular matrices ``[b, m, m]``.

    Of two diagonal blocks whose inverses are known, and the block between them, the inverse has
    ``-first^-1 between second^-1`` there (Higham: *Accuracy and stability of numerical algorithms*,
    section 14.2.2). So every product doubles the size of what is inverted.
    """
    count, size = strict.shape[:2]
    padded = _BLOCK
    while padded < size:
        padded *= 2
    strict = jnp.pad(strict, ((0, 0), (0, padded - size), (0, padded - size)))

    inverse = _small_inverses(_blocks(strict, 0, _BLOCK, _BLOCK))
    width = _BLOCK
    while width < padded:
        between = _blocks(strict, width, width, 2 * width)
        first, second = inverse[:, 0::2], inverse[:, 1::2]
        corner = -_product(_product(first, between), second)
        upper = jnp.concatenate([first, corner], axis=3)
        lower = jnp.concatenate([jnp.zeros_like(corner), second], axis=3)
        inverse = jnp.concatenate([upper, lower], axis=2)
        width *= 2
    return inverse.reshape(count, padded, padded)[:, :size, :size]


def _small_inverses(strict: Array) -> Array:
    """As `inverse_of_unit_upper`, of blocks ``[b, k, _BLOCK, _BLOCK]``."""
    place = jnp.arange(_BLOCK)
    inverse = jnp.broadcast_to(jnp.eye(_BLOCK, dtype=strict.dtype), strict.shape)
    width = 1
    while width < _BLOCK:
        row, column = place[:, None] // width, place[None] // width
        between = jnp.where((row + 1 == column) & (column % 2 == 1), strict, 0)
        inverse -= _product(_product(inverse, between), inverse)
        width *= 2
    return inverse


def _blocks(matrix: Array, shift: int, width: int, stride: int) -> Array:
    """Blocks ``[b, k, width, width]`` beside the diagonal, ``shift`` columns to the right of it."""
    starts = range(0, matrix.shape[1], stride)
    return jnp.stack(
        [matrix[:, i : i + width, i + shift : i + shift + width] for i in starts], axis=1
    )


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=_EXACT)
