"""Shapes and numbers of arrays as a file gives them: checked, and in this machine's byte order."""

import math
from typing import Any

import numpy as np

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage

MAX_RANK = 32
MAX_ELEMENTS = 1 << 56
# Bytes that an array takes besides its numbers: its header, shape, strides and a view of a buffer.
ARRAY_OVERHEAD = 400


def is_size(value: Any) -> bool:
    """Tell whether a value from a file is a whole number that can be a length."""
    return type(value) is int and 0 <= value <= MAX_ELEMENTS


def are_sizes(value: Any) -> bool:
    """Tell whether a value from a file is a tuple or list with a length for each dimension."""
    return type(value) in (tuple, list) and len(value) <= MAX_RANK and all(map(is_size, value))


def checked_shape(shape: Any) -> tuple[int, ...]:
    """Return the shape of an array as a file gives it, or raise `Damage`."""
    if not are_sizes(shape):
        raise Damage("holds an array whose shape is not a short tuple of sizes")
    # Also without the zeros: numpy computes strides from what is left.
    if math.prod(size for size in shape if size) > MAX_ELEMENTS:
        raise Damage("holds an array of more than 2**56 elements")
    return tuple(shape)


def native(array: np.ndarray, budget: Budget) -> np.ndarray:
    """Return an array in this machine's byte order, a copy only where it was in the other."""
    if array.dtype.isnative:
        return array
    budget.spend(array.nbytes)
    array = array.astype(array.dtype.newbyteorder("="))
    array.flags.writeable = False
    return array


def check_bools(array: np.ndarray) -> None:
    """Raise `Damage` if booleans are anything but 0 and 1, which numpy would take unseen."""
    if array.dtype == np.bool_ and array.size and int(array.view(np.uint8).max()) > 1:
        raise Damage("holds booleans that are neither 0 nor 1")
