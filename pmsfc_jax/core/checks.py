"""What arguments of many functions have to be, as one-line errors."""

import operator

from pmsfc_jax.core.errors import InputError


def positive_int(value: int, name: str) -> int:
    """Return ``value`` as an int of at least 1.

    Raises:
      InputError: it is not an integer, or it is below 1.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise InputError(f"{name} is {value!r}: give a whole number of at least 1") from None
    if number < 1:
        raise InputError(f"{name} is {number}: give a whole number of at least 1")
    return number
