"""Read numpy's ``.npz``: a zip archive with one ``.npy`` entry an array, all uncompressed."""

import io
import math

import numpy as np

from pmsfc_jax.weights._limits import Budget, Damage, Unsuitable, show
from pmsfc_jax.weights._numpy_calls import ARRAY_OVERHEAD, check_bools, checked_shape, native
from pmsfc_jax.weights._zip import Archive

# Of a header, which is a short Python literal; numpy evaluates it as one and nothing else.
_MAX_HEADER = 10_000
_SUFFIX = ".npy"


def is_npz(archive: Archive) -> bool:
    """Tell whether a zip archive holds arrays of numpy and nothing else."""
    return bool(archive.entries) and all(name.endswith(_SUFFIX) for name in archive.entries)


def read_npz(archive: Archive, budget: Budget) -> dict[str, np.ndarray]:
    """Return the arrays by name, as read-only views where the machine's byte order allows."""
    return {name.removesuffix(_SUFFIX): _array(archive, name, budget) for name in archive.entries}


def _array(archive: Archive, name: str, budget: Budget) -> np.ndarray:
    if archive.entries[name].method != 0:
        raise Unsuitable(
            f"has the compressed entry {show(name)}; load it with numpy, save it with numpy.savez"
        )
    data = archive.read(name)
    header = io.BytesIO(bytes(data[: _MAX_HEADER + 16]))
    try:
        version = np.lib.format.read_magic(header)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, by_columns, dtype = read(header, max_header_size=_MAX_HEADER)
    except (ValueError, KeyError, RecursionError, MemoryError) as error:
        raise Damage(f"is a numpy .npz archive whose entry {show(name)} is no array") from error
    if dtype.kind not in "biufc":
        raise Unsuitable(
            f"holds no numbers but {dtype.name} in {show(name)}; nothing of it was run"
        )
    shape = checked_shape(shape)
    body = data[header.tell() :]
    if math.prod(shape) * dtype.itemsize != len(body):
        raise Damage(f"has {len(body)} bytes in {show(name)}, which its shape does not fill")
    budget.spend(ARRAY_OVERHEAD)
    array = np.frombuffer(body, dtype).reshape(shape, order="F" if by_columns else "C")
    check_bools(array)
    return native(array, budget)
