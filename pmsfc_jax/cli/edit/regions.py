"""``--region``: a mask or a box, as regions of the feature."""

import re
from pathlib import Path

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.region import read_region
from pmsfc_jax.tasks.edit.region import at_feature, pixel_box

_BOX = re.compile(r"(-?\d+),(-?\d+),(-?\d+),(-?\d+)")


def mask_of(text: str, spec: GeneratorSpec) -> np.ndarray:
    """The mask ``[H, W]`` in [0, 1] of a whole picture that the words stand for.

    Raises:
      InputError: they are neither box nor file, or cover nothing.

    """
    found = _BOX.fullmatch(text)
    if found:
        x, y, width, height = map(int, found.groups())
        return pixel_box(x, y, width, height, spec.image_shape[:2])
    if not Path(text).exists():
        raise InputError(
            f"--region {text!r} is neither a box X,Y,WIDTH,HEIGHT in whole pixels nor a file"
        )
    mask = read_region(text)
    if not mask.any():
        raise InputError(f"the region {shown(text)} covers nothing: draw it in white")
    return mask


def region_of(mask: np.ndarray, spec: GeneratorSpec, layer: int) -> np.ndarray:
    """A mask of a whole picture at the resolution of the feature, feathered, ``[H, W]``.

    Raises:
      InputError: it covers nothing.

    """
    return at_feature(mask, spec.feature_shape(layer)[:2])
