"""Independent normal noise of a known or estimated standard deviation."""

from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import (
    Degradation,
    Shape,
    as_rgb,
    per_image,
    to_levels,
)
from pmsfc_jax.tasks.degradations.wiener import wiener

#: Images span 2, grey levels 255.
_PER_LEVEL = 2 / 255
#: Daubechies' scaling filter with four taps, of norm one; its high-pass partner sees no line.
_LOW = np.array([1 + np.sqrt(3), 3 + np.sqrt(3), 3 - np.sqrt(3), 1 - np.sqrt(3)]) / np.sqrt(32)
_HIGH = _LOW[::-1] * np.array([1, -1, 1, -1])
#: Median of ``|n|`` for a standard normal ``n``.
_MEDIAN = 0.6744897501960817


def sigmas_of(sigma: float | np.ndarray, count: int) -> np.ndarray:
    """Operands of `noise`: standard deviations in the units of images, ``[count]``.

    Args:
      sigma: in grey levels of 255, one for all images or one each.
      count: how many images.

    Raises:
      InputError: one is not positive or above 255; one below 0.5 looks like a share of 1.

    """
    levels = per_image(sigma, count, 0, "sigma")
    if levels.min() < 0.5 or levels.max() > 255:
        wrong = levels.min() if levels.min() < 0.5 else levels.max()
        raise InputError(
            f"sigma is {wrong:g}: it is counted in grey levels of 255, from 0.5 on (a noise of 0.1 "
            "on pictures from 0 to 1 is 25.5)"
        )
    return levels * np.float32(_PER_LEVEL)


def estimate_sigma(observed: np.ndarray) -> np.ndarray:
    """Standard deviation of the noise in each picture, in grey levels, ``[n]``.

    From the finest diagonal details of Daubechies' wavelet with four taps, in which smooth
    pictures have little: their median absolute value over 0.6745, the mean over colours (Donoho and
    Johnstone 1994).

    Args:
      observed: ``[n, h, w, c]`` uint8, sides of at least 4.

    """
    x = np.moveaxis(observed.astype(np.float64), -1, 1)
    windows = np.lib.stride_tricks.sliding_window_view(x, (4, 4), axis=(2, 3))[:, :, ::2, ::2]
    details = np.einsum("nchwij,i,j->nchw", windows, _HIGH, _HIGH)
    return (np.median(np.abs(details), axis=(2, 3)) / _MEDIAN).mean(axis=1)


def _apply(sigma: Array, x: Array) -> Array:
    return x


def _simulate(sigma: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    levels = np.asarray(sigma, np.float64).reshape(-1, 1, 1, 1) / _PER_LEVEL
    return to_levels(images + levels * rng.standard_normal(images.shape))


def _dagger(sigma: Array, y: Array, image_shape: Shape) -> Array:
    return y


def _finish(sigma: Array, y: Array, x: Array) -> Array:
    return wiener(y, x, sigma)[0]


def _left(sigma: Array, y: Array, x: Array) -> Array:
    return wiener(y, x, sigma)[1]


def noise() -> Degradation:
    """Noisy; the operand is ``sigma [b]`` of `sigmas_of`.

    What is put back is what the restored picture lets one tell from noise: see
    `pmsfc_jax.tasks.degradations.wiener`.
    """
    return Degradation(
        Operator("noise", (), _apply, view=as_rgb, noise=lambda sigma: sigma),
        _simulate,
        _dagger,
        _finish,
        _left,
        pointwise=True,
    )
