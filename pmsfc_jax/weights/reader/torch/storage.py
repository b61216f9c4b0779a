"""Storages of torch files, and the tensors that are views of them."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pmsfc_jax.weights.reader.arrays import (
    ARRAY_OVERHEAD,
    are_sizes,
    check_bools,
    checked_shape,
    is_size,
    native,
)
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.quoting import is_one_of, show, show_shape
from pmsfc_jax.weights.reader.records import Record

#: numpy has no bfloat16: such a tensor is widened to float32, which is exact.
BFLOAT16 = "bfloat16"

#: torch's name of an element type -> numpy's code.
ELEMENT_TYPES = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    BFLOAT16: BFLOAT16,
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint64": "u8",
    "uint32": "u4",
    "uint16": "u2",
    "uint8": "u1",
    "bool": "?",
    "complex64": "c8",
    "complex128": "c16",
}
_STORAGE_TYPES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": BFLOAT16,
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexFloat": "complex64",
    "ComplexDouble": "complex128",
    "Untyped": "uint8",
}
# Types whose numbers are not read, but whose bytes can be passed over.
_UNREAD_SIZES = {"QInt8": 1, "QUInt8": 1, "QInt32": 4, "QUInt4x2": 1, "QUInt2x4": 1}


@dataclass(slots=True, eq=False, repr=False)
class Storage(Record):
    """The numbers of one or more tensors, one after the other.

    Attributes:
        element_type: One of `ELEMENT_TYPES`; ``None`` for a type that numpy cannot hold.
        count: Number of elements.
        raw: Their bytes; ``None`` until they are found.
        big_endian: Whether each element's bytes begin with the highest.

    """

    element_type: str | None = None
    count: int = 0
    raw: memoryview | None = None
    big_endian: bool = False

    @property
    def item_size(self) -> int:
        """Bytes an element takes; 0 where that is not known."""
        if self.element_type is None:
            return _UNREAD_SIZES.get(_short(self.class_name), 0)
        code = ELEMENT_TYPES[self.element_type]
        return 2 if code == BFLOAT16 else np.dtype(code).itemsize


def parse_storage_id(identity: Any) -> tuple[str, Storage, Any]:
    """Read the persistent id that stands for a storage in a torch pickle.

    It is the tuple ``("storage", class, key, device, count)``, in old files with a sixth entry:
    the part of a larger storage that it is, or ``None``.

    Returns:
        Key, `Storage` without bytes, and that sixth entry.

    """
    proper = type(identity) is tuple and len(identity) in (5, 6)
    if not proper or not is_one_of(identity[0], "storage"):
        raise Damage("refers to data by something that is not a storage's description")
    kind, key, count = identity[1], identity[2], identity[4]
    if not isinstance(kind, Record) or type(key) is not str or not is_size(count):
        raise Damage("describes a storage without class, key and number of elements")
    element_type = _STORAGE_TYPES.get(_short(kind.class_name))
    storage = Storage(kind.class_name, element_type=element_type, count=count)
    return key, storage, identity[5] if len(identity) == 6 else None


def _short(class_name: str) -> str:
    """``"Float"`` of ``"torch.FloatStorage"``."""
    return class_name.rpartition(".")[2].removesuffix("Storage")


def part_of(storage: Storage, start: Any, count: Any) -> Storage:
    """Return `count` elements of a storage from `start` on."""
    if not is_size(start) or not is_size(count) or start + count > storage.count:
        raise Damage(f"takes elements {show(start)} and on of a storage of {storage.count}")
    raw = storage.raw
    if raw is not None:
        raw = raw[start * storage.item_size : (start + count) * storage.item_size]
    return replace(storage, count=count, raw=raw)


def typed(storage: Storage, element_type: str) -> Storage:
    """Return an untyped storage's bytes as elements of a type, whole ones only."""
    if element_type not in ELEMENT_TYPES:
        return replace(storage, element_type=None)
    known = replace(storage, element_type=element_type)
    known.count = storage.count * storage.item_size // known.item_size
    return known


def tensor_view(
    storage: Storage, offset: Any, size: Any, stride: Any, budget: Budget
) -> np.ndarray | Record:
    """View part of a storage as an array, once it is certain that nothing lies outside of it.

    Args:
        storage: Where the elements lie.
        offset: Of the first element, in elements.
        size: Elements along each dimension.
        stride: Elements from one to the next along each dimension.
        budget: What may still be allocated; charged with the whole array.

    Returns:
        A read-only array of shape `size`, without a copy except from bfloat16 and the other byte
        order; a `Record` for a type that numpy cannot hold.

    """
    shape = checked_shape(size)
    if not are_sizes(stride) or len(stride) != len(shape) or not is_size(offset):
        raise Damage(f"holds a tensor of shape {show_shape(shape)} with improper strides or offset")
    if storage.element_type is None or storage.raw is None:
        return Record(storage.class_name, (shape,))
    strides = tuple(stride)
    _check_bounds(storage, offset, shape, strides)
    code = ELEMENT_TYPES[storage.element_type]
    widen = code == BFLOAT16
    dtype = np.dtype("u2" if widen else code).newbyteorder(">" if storage.big_endian else "<")
    budget.spend(math.prod(shape) * dtype.itemsize + ARRAY_OVERHEAD)
    array: np.ndarray = np.ndarray(
        shape,
        dtype,
        storage.raw,
        offset=offset * dtype.itemsize,
        # A dimension of one element may have any stride; numpy checks them all.
        strides=[
            step * dtype.itemsize if extent > 1 else dtype.itemsize
            for extent, step in zip(shape, strides, strict=True)
        ],
    )
    check_bools(array)
    array = native(array, budget)
    return _widened(array, budget) if widen else array


def resolved(array: np.ndarray, *, negative: bool, conjugate: bool, budget: Budget) -> np.ndarray:
    """Apply the bits by which torch puts off a change of sign, or conjugation, of a view."""
    if not negative and not (conjugate and array.dtype.kind == "c"):
        return array
    if array.dtype.kind not in "ifc":
        raise Damage(f"holds a negated tensor of type {array.dtype.name}")
    budget.spend(2 * array.nbytes)
    if conjugate:
        array = np.conj(array)
    if negative:
        array = np.negative(array)
    array.flags.writeable = False
    return array


def _check_bounds(
    storage: Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    steps = ((extent - 1) * step for extent, step in zip(shape, strides, strict=True))
    end = offset if 0 in shape else offset + sum(steps) + 1
    if end > storage.count:
        raise Damage(
            f"holds a tensor of shape {show_shape(shape)} that reaches to element {end} of a "
            f"storage of {storage.count}"
        )


def _widened(halves: np.ndarray, budget: Budget) -> np.ndarray:
    """Turn the upper halves of float32 numbers, as uint16, into those numbers."""
    budget.spend(2 * halves.nbytes)
    bits = halves.astype(np.uint32)
    bits <<= np.uint32(16)
    floats = bits.view(np.float32)
    floats.flags.writeable = False
    return floats
