"""Do targets, settings, subspaces and generator fit together?"""

from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.inversion.compose import SUBSPACE_METHODS
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.subspace.discover import Subspaces


def partition_of(
    generator: SplitGenerator, config: InversionConfig, subspaces: Subspaces | None
) -> tuple[int, np.ndarray]:
    """The cut and the masks ``[R, C]`` of an inversion.

    Raises:
      InputError: settings and subspaces contradict each other, or one is missing.

    """
    by_subspace = config.method in SUBSPACE_METHODS
    if by_subspace and subspaces is None:
        raise InputError(
            f"method {config.method} composes features within subspaces: give subspaces= "
            "(see discover_subspaces), or choose method mganprior or single"
        )
    layer = config.layer
    if subspaces is not None:
        if layer is None:
            layer = subspaces.layer
        elif layer != subspaces.layer and by_subspace:
            raise InputError(
                f"the subspaces are of layer {subspaces.layer} and the inversion is at layer "
                f"{layer}: use one layer for both"
            )
    if layer is None:
        raise InputError(f"method {config.method} needs a layer to cut at: set config.layer")
    channels = generator.spec.feature_shape(layer)[-1]
    if not by_subspace or subspaces is None:
        return layer, np.ones((1, channels), np.float32)
    masks = np.asarray(subspaces.masks, np.float32)
    if masks.shape[1] != channels:
        raise InputError(
            f"the subspaces have {masks.shape[1]} channels and layer {layer} of "
            f"{generator.spec.name} has {channels}: discover them for this generator"
        )
    return layer, masks


def check_targets(generator: SplitGenerator, targets: Any) -> np.ndarray:
    """Targets as float32 ``[n, H, W, 3]`` of the generator's size.

    Raises:
      InputError: another shape or type, no image, values that are not finite or far off [-1, 1].

    """
    array = np.asarray(targets)
    expected = generator.spec.image_shape
    if array.ndim != 4 or array.shape[1:] != expected or not len(array):
        raise InputError(
            f"targets have shape {array.shape}: {generator.spec.name} draws images of "
            f"{expected}, so give [n, {', '.join(map(str, expected))}]"
        )
    if not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"targets are {array.dtype}: give floats in [-1, 1] (pixels / 127.5 - 1)")
    if not np.isfinite(array).all() or np.abs(array).max() > 1.5:
        raise InputError("targets must be finite and in [-1, 1] (pixels / 127.5 - 1)")
    return array.astype(np.float32)
