"""Regions of pictures as they are painted: white where, black where not, or by transparency."""

import os

import numpy as np
from PIL import Image, ImageOps

from pmsfc_jax.io.decode import read_rgb


def read_region(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a mask ``[h, w]`` float32 in [0, 1]: 1 where it is white and opaque.

    A drawing on a transparent ground whose ink is all black means what is opaque.

    Raises:
      PhotographError: the file is absent or no picture.

    """
    rgb, _ = read_rgb(path)
    grey = np.asarray(rgb.convert("L"), np.float32) / 255
    with Image.open(path) as image:
        if not image.has_transparency_data:
            return grey
        upright = ImageOps.exif_transpose(image).convert("RGBA")
    *colours, alpha = np.moveaxis(np.asarray(upright, np.float32) / 255, -1, 0)
    ink = np.mean(colours, axis=0) * alpha
    return (ink if ink.any() else alpha).astype(np.float32)
