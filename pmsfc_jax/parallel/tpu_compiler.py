"""The TPU's real compiler on a machine without a TPU, where libtpu is installed."""

import importlib.util
import os
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.parallel.chips import Chip
from pmsfc_jax.parallel.mesh import DATA

#: The smallest slices of which a description can be had, and how many chips they have.
_SLICES = {"v4": "2x2x1", "v5e": "2x2", "v5p": "2x2x1", "v6e": "2x2"}
#: No TPU is looked for, and processes may compile side by side. Read when libtpu is loaded.
_ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": "v5litepod-4",
    "TPU_WORKER_HOSTNAMES": "localhost",
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
}


def has_compiler(chip: Chip) -> bool:
    """Whether programs for this chip can be compiled here."""
    return chip.name in _SLICES and importlib.util.find_spec("libtpu") is not None


def slice_of(chip: Chip) -> Mesh:
    """A mesh of four chips to compile for; nothing can be run on it.

    Raises:
      InputError: libtpu does not describe them.

    """
    from jax.experimental import topologies

    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        found = topologies.get_topology_desc(
            platform="tpu", topology_name=f"{chip.name}:{_SLICES[chip.name]}"
        )
    except Exception as error:  # what libtpu raises has many types
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"the TPU compiler cannot be used: {reason}; give --quick for the model alone"
        ) from error
    devices: np.ndarray = np.array(found.devices)
    return Mesh(devices, (DATA,), axis_types=(AxisType.Auto,))


def placed(mesh: Mesh, count: int, tree: Any, split: bool) -> Any:
    """Shapes of arrays with their place on ``mesh``.

    Args:
      mesh: the chips.
      count: images; axes of this length in front are theirs.
      tree: the shapes.
      split: whether axes of images are split over the chips; else all is on every chip.

    """

    def shape(leaf: Any) -> jax.ShapeDtypeStruct:
        rows = split and len(leaf.shape) > 0 and leaf.shape[0] == count
        sharding = NamedSharding(mesh, PartitionSpec(DATA) if rows else PartitionSpec())
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)

    return jax.tree.map(shape, tree)
