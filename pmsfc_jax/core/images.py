"""Ranges and layouts of images.

Inside the package images are NHWC float32 in [-1, 1]; at the edge (files, metrics) they are uint8.
"""

import numpy as np

from pmsfc_jax.core.typing import Array

#: Grey levels of 255 in a unit of images in [-1, 1].
LEVELS = 127.5


def to_float(images: np.ndarray) -> np.ndarray:
    """``[..., H, W, C]`` uint8 in 0..255 to float32 in [-1, 1]."""
    if images.dtype != np.uint8:
        raise TypeError(f"to_float takes uint8 images, not {images.dtype}")
    return images.astype(np.float32) / np.float32(LEVELS) - np.float32(1)


def to_uint8(images: Array | np.ndarray) -> np.ndarray:
    """``[..., H, W, C]`` floats in [-1, 1] (clipped) to uint8, rounded to the nearest level."""
    scaled = (np.asarray(images, np.float32) + np.float32(1)) * np.float32(LEVELS)
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def as_colours(images: np.ndarray) -> np.ndarray:
    """``[..., H, W, 3]`` of ``[..., H, W, 1 or 3]``: grey is three equal channels."""
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
