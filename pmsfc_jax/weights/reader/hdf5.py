"""Read the arrays of an HDF5 file, as Keras writes it, where h5py is installed.

Only datasets of numbers that lie in the file itself are read: no links to other files, no storage
outside of it, no references.
"""

import importlib
import io
from typing import Any

import numpy as np

from pmsfc_jax.weights.reader.arrays import ARRAY_OVERHEAD, native
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage, Unsuitable
from pmsfc_jax.weights.reader.quoting import show
from pmsfc_jax.weights.reader.records import Record

MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_DEPTH = 16
_ENTRY_OVERHEAD = 1000


def read_hdf5(data: memoryview, budget: Budget) -> dict[str, np.ndarray | Record]:
    """Return the datasets by their path (``"block1_conv1/kernel:0"``).

    What is no array of numbers becomes a `Record`.
    """
    try:
        library: Any = importlib.import_module("h5py")
    except ImportError as error:
        raise Unsuitable(
            "is an HDF5 file, which takes the package h5py to read; "
            "run: python -m pip install 'pmsfc-jax[h5]'"
        ) from error
    found: dict[str, np.ndarray | Record] = {}
    # The library reads from a file-like object; it takes a copy of the bytes it asks for.
    budget.spend(len(data))
    try:
        with library.File(io.BytesIO(data), "r") as file:
            _collect(library, file, "", found, budget, 0)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise Damage(f"cannot be read as HDF5 ({reason})") from error
    return found


def _collect(
    library: Any, group: Any, prefix: str, found: dict[str, Any], budget: Budget, depth: int
) -> None:
    if depth > _MAX_DEPTH:
        raise Damage(f"nests its groups more than {_MAX_DEPTH} deep")
    for name in group:
        budget.spend(_ENTRY_OVERHEAD)
        path = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), library.HardLink):
            found[path] = Record("a link of HDF5")
            continue
        node = group[name]
        if isinstance(node, library.Group):
            _collect(library, node, f"{path}/", found, budget, depth + 1)
        else:
            found[path] = _array(library, node, path, budget)


def _array(library: Any, node: Any, path: str, budget: Budget) -> np.ndarray | Record:
    if not isinstance(node, library.Dataset) or node.dtype.kind not in "biufc":
        return Record("numpy.ndarray of something else than numbers")
    if node.external or node.is_virtual:
        raise Unsuitable(f"keeps the numbers of {show(path)} in another file; give one whole file")
    # Compressed numbers may be many more than the bytes of the file.
    budget.spend(node.nbytes + ARRAY_OVERHEAD)
    array = native(np.asarray(node[()]), budget)
    array.flags.writeable = False
    return array
