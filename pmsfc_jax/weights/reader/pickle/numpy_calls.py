"""Calls in pickles that make numpy arrays, scalars and dtypes.

numpy's own functions for this are not used: they trust the sizes they are given, and with dtype
object they call whatever a file says. What cannot be built here (objects, structured types, text)
becomes a `Record`.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from pmsfc_jax.weights.reader.arrays import ARRAY_OVERHEAD, check_bools, checked_shape, native
from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.pickle.machine import Pending
from pmsfc_jax.weights.reader.quoting import is_one_of, show_shape
from pmsfc_jax.weights.reader.records import Record

Args = tuple[Any, ...]

_SIZES = {"b": [1], "i": [1, 2, 4, 8], "u": [1, 2, 4, 8], "f": [2, 4, 8], "c": [8, 16]}
_CODES = [f"{kind}{size}" for kind, sizes in _SIZES.items() for size in sizes]
#: Arguments of `numpy.dtype` in a pickle -> the dtype.
_DTYPES = {code: np.dtype(code) for code in _CODES} | {"bool": np.dtype("b1")}


def numpy_calls(budget: Budget) -> dict[str, Callable[[Args], Any]]:
    """Return the functions that a pickle with numpy arrays calls."""
    return {
        "numpy.dtype": _dtype,
        "numpy.core.multiarray._reconstruct": partial(_reconstruct, budget),
        "numpy.core.multiarray.scalar": partial(_scalar, budget),
        "numpy.core.numeric._frombuffer": partial(_from_buffer, budget),
    }


def _dtype(args: Args) -> Pending:
    code = args[0] if args else None
    known = _DTYPES.get(code) if type(code) is str else None

    def finish(state: Any) -> np.dtype | Record:
        if type(state) is not tuple or len(state) < 2 or not is_one_of(state[1], *"<>=|"):
            raise Damage("holds a numpy dtype without a byte order")
        if known is None:
            return Record("numpy.dtype", args, state)
        return known.newbyteorder(state[1])

    return Pending(finish)


def _reconstruct(budget: Budget, args: Args) -> Pending:
    subtype = args[0] if args else None
    plain = isinstance(subtype, Record) and subtype.class_name == "numpy.ndarray"

    def finish(state: Any) -> np.ndarray | Record:
        if not plain:
            return Record("numpy.ndarray", args, state)
        # Files of numpy before 1.0 leave out the version in front.
        if type(state) is not tuple or len(state) not in (4, 5):
            raise Damage("holds a numpy array whose state is not a tuple of 5")
        shape, dtype, columns_first, data = state[-4:]
        return _array(budget, shape, dtype, _is_true(columns_first), data)

    return Pending(finish)


def _from_buffer(budget: Budget, args: Args) -> np.ndarray | Record:
    if len(args) != 4 or not is_one_of(args[3], "C", "F"):
        raise Damage("holds a numpy array from a buffer without its four arguments")
    data, dtype, shape, order = args
    return _array(budget, shape, dtype, order == "F", data)


def _is_true(flag: Any) -> bool:
    """Read a truth value, which Python 2 may have written as a number."""
    return type(flag) in (bool, int) and bool(flag)


def _scalar(budget: Budget, args: Args) -> Any:
    if len(args) != 2:
        raise Damage("holds a numpy scalar without its two arguments")
    value = _array(budget, (), args[0], False, args[1])
    return value if isinstance(value, Record) else value[()]


def _array(
    budget: Budget, shape: Any, dtype: Any, columns_first: bool, data: Any
) -> np.ndarray | Record:
    """View `data` as an array of `shape`; a `Record` where the dtype is none of ours."""
    if isinstance(dtype, Record):
        return Record("numpy.ndarray", (shape, dtype), data)
    if not isinstance(dtype, np.dtype):
        raise Damage("holds a numpy array without a dtype")
    sizes = checked_shape(shape)
    if type(data) is str:
        # A byte string of Python 2 that happened to be ASCII, or was read as Latin-1.
        budget.spend(len(data))
        try:
            data = data.encode("latin-1")
        except UnicodeEncodeError as error:
            raise Damage("holds a numpy array whose data is not bytes") from error
    if not isinstance(data, bytes | memoryview):
        raise Damage("holds a numpy array whose data is not bytes")
    needed = math.prod(sizes) * dtype.itemsize
    if needed != len(data):
        raise Damage(
            f"holds a numpy array of shape {show_shape(sizes)} and type {dtype.name} "
            f"({needed} bytes) with {len(data)} bytes of data"
        )
    budget.spend(needed + ARRAY_OVERHEAD)
    array: np.ndarray = np.ndarray(sizes, dtype, data, order="F" if columns_first else "C")
    check_bools(array)
    return native(array, budget)
