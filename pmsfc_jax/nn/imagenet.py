"""What networks trained on ImageNet by torchvision expect of their input."""

import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

#: Mean and deviation of red, green and blue over ImageNet, of pixels in [0, 1].
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)


def standardise(x: Array) -> Array:
    """RGB ``x [b, H, W, 3]`` in [-1, 1] to ``((x + 1) / 2 - mean) / deviation`` of each channel.

    Written as LPIPS writes it, as a shift by ``2 mean - 1`` (-.030, -.088, -.188) and a scale by
    ``2 deviation`` (.458, .448, .450): the same function.
    """
    shift = jnp.asarray([2 * mean - 1 for mean in MEAN], x.dtype).reshape(1, 1, 1, 3)
    scale = jnp.asarray([2 * deviation for deviation in DEVIATION], x.dtype).reshape(1, 1, 1, 3)
    return (x - shift) / scale
