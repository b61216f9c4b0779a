"""Read numpy's ``.npz``: a zip archive with one ``.npy`` entry an array, compressed or not.

An entry's header is a Python literal in a form that numpy always writes the same way. It is matched
and not evaluated.
"""

import math
import re

import numpy as np

from pmsfc_jax.weights.reader.archive import Archive
from pmsfc_jax.weights.reader.arrays import ARRAY_OVERHEAD, check_bools, checked_shape, native
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.quoting import show
from pmsfc_jax.weights.reader.records import Record

_SUFFIX = ".npy"
_MAGIC = b"\x93NUMPY"
# Where the header begins in versions 1 and 2, after its length.
_BEGINS = {b"\x01\x00": 10, b"\x02\x00": 12}
_MAX_HEADER = 10_000
_HEADER = re.compile(
    rb"\{'descr': '([<>|])([biufc]\d{1,2})', 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,20}, ?)*(?:\d{1,20})?)\),? ?\}\s*"
)
# Of text, objects and structured types.
_OTHER_HEADER = re.compile(rb"\{'descr': ('[<>|=]?([OSUVMm]\d{0,9}|f1[26])(\[\w{1,9}\])?'|\[\()")
_TYPES = {b"b1", *(b"%c%d" % (kind, size) for kind in b"iu" for size in (1, 2, 4, 8))} | {
    b"f2",
    b"f4",
    b"f8",
    b"c8",
    b"c16",
}


def is_npz(archive: Archive) -> bool:
    """Tell whether a zip archive holds arrays of numpy and nothing else."""
    return bool(archive.entries) and all(name.endswith(_SUFFIX) for name in archive.entries)


def read_npz(archive: Archive, budget: Budget) -> dict[str, np.ndarray | Record]:
    """Return the arrays by name, as read-only views where they have the machine's byte order.

    Text, structured types and pickled objects (of which nothing is run) become a `Record`.
    """
    return {name.removesuffix(_SUFFIX): _array(archive, name, budget) for name in archive.entries}


def _array(archive: Archive, name: str, budget: Budget) -> np.ndarray | Record:
    data = archive.read(name, inflate=True)
    begin = _BEGINS.get(bytes(data[6:8]), 0)
    if bytes(data[:6]) != _MAGIC or not begin:
        raise Damage(f"is a numpy .npz archive whose entry {show(name)} is no array")
    end = begin + int.from_bytes(data[8:begin], "little")
    text = bytes(data[begin : min(end, begin + _MAX_HEADER)])
    header = _HEADER.fullmatch(text)
    if header is None or header[2] not in _TYPES:
        if not _OTHER_HEADER.match(text):
            raise Damage(f"is a numpy .npz archive whose entry {show(name)} has no proper header")
        budget.spend(ARRAY_OVERHEAD)
        return Record("numpy.ndarray of something else than numbers")
    dtype = np.dtype((header[1] + header[2]).decode())
    shape = checked_shape(tuple(int(size) for size in re.findall(rb"\d+", header[4])))
    if math.prod(shape) * dtype.itemsize != len(data) - end:
        raise Damage(f"has {len(data) - end} bytes for an array of other size in {show(name)}")
    budget.spend(ARRAY_OVERHEAD)
    array = np.frombuffer(data[end:], dtype)
    array = array.reshape(shape, order="F" if header[3] == b"True" else "C")
    check_bools(array)
    return native(array, budget)
