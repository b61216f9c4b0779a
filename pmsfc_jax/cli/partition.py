"""``--subspaces``: the partition of a file, at a cut."""

from pathlib import Path

import numpy as np

from pmsfc_jax.api import SplitGenerator, Subspaces, check_subspaces, load_subspaces
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import pixels_sha256


def subspaces_at(
    path: Path, generator: SplitGenerator, layer: int | None, otherwise: str
) -> Subspaces:
    """The subspaces of a file or folder, if they are of this layer.

    Args:
      path: as given.
      generator: whose channels they are.
      layer: the cut; ``None`` where it is theirs.
      otherwise: how the message about another layer goes on.

    Raises:
      InputError: they cannot be read, or are of another generator or layer.

    """
    subspaces = load_subspaces(path)
    check_subspaces(generator, subspaces)
    if layer not in (None, subspaces.layer):
        raise InputError(f"{shown(path)} holds subspaces of layer {subspaces.layer}{otherwise}")
    return subspaces


def partition_at(path: Path, generator: SplitGenerator, layer: int, otherwise: str) -> np.ndarray:
    """The masks ``[R, C]`` float32 of `subspaces_at`."""
    return np.asarray(subspaces_at(path, generator, layer, otherwise).masks, np.float32)


def labels_sha256(subspaces: Subspaces) -> str:
    """What tells one partition from another in the settings of a run or a table."""
    return pixels_sha256(np.asarray(subspaces.labels, np.int32))
