"""``--subspaces``: the partition of a file, at a cut."""

from pathlib import Path

import numpy as np

from pmsfc_jax.api import SplitGenerator, check_subspaces, load_subspaces
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown


def partition_at(path: Path, generator: SplitGenerator, layer: int, otherwise: str) -> np.ndarray:
    """The masks ``[R, C]`` float32 of a file or folder, if they are of this layer.

    Args:
      path: as given.
      generator: whose channels they are.
      layer: the cut.
      otherwise: how the message about another layer goes on.

    Raises:
      InputError: they cannot be read, or are of another generator or layer.

    """
    subspaces = load_subspaces(path)
    check_subspaces(generator, subspaces)
    if subspaces.layer != layer:
        raise InputError(f"{shown(path)} holds subspaces of layer {subspaces.layer}{otherwise}")
    return np.asarray(subspaces.masks, np.float32)
