"""How close two pictures are: PSNR and SSIM.

Conventions, for every function here:

* images are RGB, NHWC ``[b, H, W, 3]`` **uint8** (the picture a user gets, after rounding and
  clipping), as numpy or jax arrays; both arguments have the same shape;
* the answer is one float32 number for each pair, ``[b]``;
* levels are divided by 255 first, so the peak value in both metrics is 1;
* no colour-space transform: all three channels count alike, and SSIM is the mean of theirs;
* each function is jitted once and compiles anew only for a new shape;
* a wrong shape or dtype is an `InputError`.
"""

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array

#: Side of the Gaussian window of SSIM, in pixels, and its standard deviation.
SSIM_WINDOW = 11
SSIM_SIGMA = 1.5


def psnr(a: Array | np.ndarray, b: Array | np.ndarray) -> Array:
    """Peak signal-to-noise ratio of each pair, in decibels.

    ``-10 log10(mean((a - b)^2))`` on [0, 1], the mean over pixels and channels. Identical images
    give ``inf``, not a large number; the smallest difference there is, one level in one channel of
    a 32x32 picture, gives 83.0 dB.

    Args:
      a: ``[b, H, W, 3]`` uint8.
      b: the same.

    Returns:
      ``[b]`` float32.

    Raises:
      InputError: the two are not batches of uint8 images of one shape.
    """
    check_pair(a, b)
    return _psnr(a, b)


def ssim(a: Array | np.ndarray, b: Array | np.ndarray) -> Array:
    """Structural similarity of each pair, 1 for identical images (Wang, Bovik et al. 2004).

    The window is a Gaussian of 11x11 pixels with standard deviation 1.5, K1 = 0.01, K2 = 0.03,
    variances are the weighted ones (divided by N, not N - 1). Only windows that lie wholly inside
    the picture count: nothing is padded or mirrored, so a 32x32 picture is judged at its 22x22
    inner positions and one of 11x11 at a single one. This is what the original article and
    ``tf.image.ssim`` do, and scikit-image with ``gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False`` on [0, 1].

    Args:
      a: ``[b, H, W, 3]`` uint8 with ``H, W >= 11``.
      b: the same.

    Returns:
      ``[b]`` float32 in [-1, 1].

    Raises:
      InputError: the two are not batches of uint8 images of one shape, or are smaller than the
        window.
    """
    check_pair(a, b)
    if min(a.shape[1:3]) < SSIM_WINDOW:
        raise InputError(
            f"SSIM looks through a window of {SSIM_WINDOW}x{SSIM_WINDOW} pixels and the images are "
            f"{a.shape[1]}x{a.shape[2]}: give larger ones, or use PSNR"
        )
    return _ssim(a, b)


def check_pair(a: Array | np.ndarray, b: Array | np.ndarray) -> None:
    """Raise `InputError` unless ``a`` and ``b`` are uint8 ``[b, H, W, 3]`` of one shape."""
    for images in (a, b):
        check_images(images)
    if a.shape != b.shape:
        raise InputError(
            f"images are compared pair by pair and these differ in shape: {a.shape} and {b.shape}"
        )


def check_images(images: Array | np.ndarray) -> None:
    """Raise `InputError` unless ``images`` is uint8 ``[b, H, W, 3]``."""
    if images.dtype != np.uint8:
        raise InputError(
            f"metrics are taken on uint8 images in 0..255, not {images.dtype}: "
            "convert with core.images.to_uint8"
        )
    if images.ndim != 4 or images.shape[3] != 3 or 0 in images.shape:
        raise InputError(
            f"metrics take a batch [b, H, W, 3] of one or more images, not shape {images.shape}"
        )


@jax.jit
def _psnr(a: Array, b: Array) -> Array:
    # The difference is taken in integers, where it is exact: near-identical images would
    # otherwise lose digits to the rounding of level / 255.
    difference = a.astype(jnp.int16) - b.astype(jnp.int16)
    scaled = difference.astype(jnp.float32) / jnp.float32(255)
    return dm_pix.psnr(scaled, jnp.zeros_like(scaled))


@jax.jit
def _ssim(a: Array, b: Array) -> Array:
    scale = jnp.float32(1 / 255)
    # dm_pix builds its window from an integer range and Python floats, which strict promotion
    # forbids; everything it gets and gives is float32 either way.
    with jax.numpy_dtype_promotion("standard"):
        return dm_pix.ssim(
            a.astype(jnp.float32) * scale,
            b.astype(jnp.float32) * scale,
            filter_size=SSIM_WINDOW,
            filter_sigma=SSIM_SIGMA,
        )
