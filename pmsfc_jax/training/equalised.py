"""Equalised learning rates (Karras 2018, 4.1) as a change of parameters.

The optimiser sees kernels of unit variance; networks see them times their He constant. Networks
therefore need no run-time scales, and an exported kernel is simply the product.
"""

import math

import jax

from pmsfc_jax.core.typing import Params


def _scale(path: tuple[jax.tree_util.DictKey, ...], shape: tuple[int, ...]) -> float:
    module, leaf = str(path[-2].key), str(path[-1].key)
    if leaf != "kernel":
        return 1.0
    # The generator's first kernel [d, 4, 4, C] reads d numbers; all others read all but their last.
    fan_in = shape[0] if (module == "conv0") else math.prod(shape[:-1])
    linear_output = (module.startswith("rgb") and shape[-1] == 3) or module == "logit"
    return math.sqrt((1.0 if linear_output else 2.0) / fan_in)


def to_effective(raw: Params) -> Params:
    """Kernels that the networks use, from those that the optimiser keeps."""
    return jax.tree_util.tree_map_with_path(lambda path, w: w * _scale(path, w.shape), raw)


def to_raw(effective: Params) -> Params:
    """Inverse of `to_effective`."""
    return jax.tree_util.tree_map_with_path(lambda path, w: w / _scale(path, w.shape), effective)
