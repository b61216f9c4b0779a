"""A batch that does not fit into a device's memory, told apart from other faults."""

from collections.abc import Iterator
from contextlib import contextmanager

import jax

from pmsfc_jax.core.errors import InputError

#: How XLA's runtimes begin the message of this fault.
_MARK = "RESOURCE_EXHAUSTED"


class OutOfMemory(InputError):
    """The device has no room for the batch."""


@contextmanager
def telling_memory() -> Iterator[None]:
    """Turn the runtime's error of a full memory into `OutOfMemory`.

    Raises:
      OutOfMemory: the block did not fit.

    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if _MARK not in str(error):
            raise
        raise OutOfMemory(
            "one image does not fit into the device's memory: choose a solver with less memory "
            "(a smaller history, or Adam), fewer codes, or another device"
        ) from error
