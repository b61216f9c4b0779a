"""The one low-pass filter of StyleGAN2, ``[1, 3, 3, 1]`` in both directions, and doubling with it.

Written as weighted sums of shifted maps: XLA fuses them, their gradients are of the same kind, and
a convolution of each channel by itself is slow on CPU. Maps are NHWC with zeros around them.
"""

import jax.numpy as jnp
from jax import lax

from pmsfc_jax.core.typing import Array

#: The filter along one axis, before it is normalised.
TAPS = (1, 3, 3, 1)


def _padded(x: Array, axis: int) -> Array:
    return jnp.pad(x, [(1, 1) if a == axis else (0, 0) for a in range(x.ndim)])


def blur(x: Array) -> Array:
    """Filter ``x [b, H, W, C]`` to ``[b, H - 1, W - 1, C]``, with a gain of 4.

    What follows a transposed convolution of stride 2: three of four pixels between its inputs had
    been zeros, hence the gain.
    """
    for axis in (1, 2):
        wide, length = _padded(x, axis), x.shape[axis] - 1
        parts = (
            (2 * tap / sum(TAPS)) * lax.slice_in_dim(wide, at, at + length, axis=axis)
            for at, tap in enumerate(TAPS)
        )
        x = sum(parts, jnp.zeros((), x.dtype))
    return x


def upsample_blur(x: Array) -> Array:
    """Double ``x [b, H, W, C]``: zeros in between, then the filter with a gain of 4.

    Each new pixel meets two old ones, three quarters of the near and one quarter of the far:
    bilinear doubling with half-pixel centres, but with zeros, not the border, outside.
    """
    for axis in (1, 2):
        wide, length = _padded(x, axis), x.shape[axis]
        before, after = (lax.slice_in_dim(wide, at, at + length, axis=axis) for at in (0, 2))
        pair = jnp.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], axis + 1)
        x = pair.reshape(*x.shape[:axis], 2 * length, *x.shape[axis + 1 :])
    return x
