"""One mesh axis, ``data``: batches are split over devices, weights are on every one.

Computations need not know: what is compiled follows where its arguments lie.
"""

from collections.abc import Sequence
from typing import Any

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

#: Name of the mesh axis along which batches are split.
DATA = "data"


def data_mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """A one-dimensional mesh of ``devices``, by default all devices of this process."""
    devices = list(jax.local_devices() if devices is None else devices)
    return jax.make_mesh((len(devices),), (DATA,), axis_types=(AxisType.Auto,), devices=devices)


def shard_batch(tree: Any, mesh: Mesh, *, axis: int = 0) -> Any:
    """Split every array of ``tree`` along ``axis`` over the devices of ``mesh``.

    The length of that axis has to be a multiple of the number of devices; see `padded_size`.
    """
    spec = PartitionSpec(*(None,) * axis, DATA)
    return jax.device_put(tree, NamedSharding(mesh, spec))


def shard_leading(tree: Any, mesh: Mesh, count: int) -> Any:
    """Split the arrays of ``tree`` whose first axis has ``count`` entries; copy the others.

    For the state of an optimiser, which holds arrays of an entry an image beside counters. What a
    program computes does not depend on where its arguments lie, so that an axis that only happens
    to be as long costs time and no correctness.
    """

    def sharding(leaf: Any) -> NamedSharding:
        split = leaf.ndim > 0 and leaf.shape[0] == count
        return NamedSharding(mesh, PartitionSpec(DATA) if split else PartitionSpec())

    return jax.device_put(tree, jax.tree.map(sharding, tree))


def replicate(tree: Any, mesh: Mesh) -> Any:
    """Place a copy of every array of ``tree`` on every device of ``mesh``."""
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


def padded_size(count: int, mesh: Mesh) -> int:
    """The smallest multiple of the number of devices that is at least ``count``."""
    return -(-count // mesh.size) * mesh.size
