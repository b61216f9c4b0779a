"""Blur by a known kernel, the picture mirrored at its border."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb, shape_of, to_levels
from pmsfc_jax.tasks.degradations.inverse import least_squares

#: Of the simple inverse, which may amplify what is wrong in an observation up to five times.
_INVERSE_DAMPING = 1e-2
#: Of what is put back: an observation is rounded to grey levels, and little else is wrong in it.
_FINISH_DAMPING = 4e-4
_STEPS = 60


def convolve(kernel: Array, x: Array) -> Array:
    """Each image with its own kernel, ``[b, k, k]`` and ``[b, H, W, c] -> [b, H, W, c]``.

    By Fourier transforms: kernels that differ from image to image would be a grouped convolution,
    which is slow, and this costs the same for every size of kernel. Beyond the border the picture
    is mirrored, its last row and column twice (scipy's ``reflect``).
    """
    radius = kernel.shape[-1] // 2
    height, width = x.shape[1:3]
    padded = jnp.pad(x, ((0, 0), (radius, radius), (radius, radius), (0, 0)), "symmetric")
    size = padded.shape[1:3]
    spectrum = jnp.fft.rfft2(padded, axes=(1, 2))
    of_kernel = jnp.fft.rfft2(kernel, s=size, axes=(1, 2))
    whole = jnp.fft.irfft2(spectrum * of_kernel[..., None], s=size, axes=(1, 2))
    # A circular convolution: where the kernel lies wholly inside, nothing has come around.
    start = kernel.shape[-1] - 1
    return whole[:, start : start + height, start : start + width]


def _simulate(kernel: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    side = kernel.shape[-1]
    radius = side // 2
    height, width = images.shape[1:3]
    padded = np.pad(
        images.astype(np.float64),
        ((0, 0), (radius, radius), (radius, radius), (0, 0)),
        "symmetric",
    )
    blurred = np.zeros(images.shape)
    for row in range(side):
        for column in range(side):
            weight = np.asarray(kernel)[:, side - 1 - row, side - 1 - column]
            part = padded[:, row : row + height, column : column + width]
            blurred += weight[:, None, None, None] * part
    return to_levels(blurred)


_OPERATOR = Operator("blur", (), convolve, view=as_rgb)


def _dagger(kernel: Array, y: Array, image_shape: Shape) -> Array:
    return _solved(kernel, y, image_shape, _INVERSE_DAMPING)


def _finish(kernel: Array, y: Array, x: Array) -> Array:
    return x + _solved(kernel, y - convolve(kernel, x), shape_of(x), _FINISH_DAMPING)


def _solved(kernel: Array, y: Array, image_shape: Shape, damping: float) -> Array:
    return least_squares(_OPERATOR, kernel, y, image_shape, damping=damping, steps=_STEPS)


def blur() -> Degradation:
    """Blurred; the operand is ``kernel [b, k, k]`` of `kernels_of`, of a radius below the sides."""
    return Degradation(_OPERATOR, _simulate, _dagger, _finish)
