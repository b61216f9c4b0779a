"""Where the algebra on ``[C, C]`` matrices runs: in float64, on the processor of the host.

These problems are small (C is at most about a thousand) and badly conditioned: channels that are
never negative share one large mean, and channels that nearly repeat each other are exactly what
discovery looks for. Float32 would lose the small eigenvalues, a TPU has no float64 of its own, and
a GPU rounds in another order. On the host the same Gram gives the same subspaces everywhere.
Where that takes too long, the solvers can run in float32 on the accelerator: `arithmetic`.

Callers pass arrays in with `on_host` and take results out with `like_input`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array

#: What a solver computes in, see `arithmetic`.
Precision = Literal["float64", "float32"]


def host_device() -> jax.Device:
    """The host's processor, or the default device where jax was started without it."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # for instance JAX_PLATFORMS=cuda; a GPU has float64 too
        return jax.local_devices()[0]


@contextmanager
def host_float64() -> Iterator[None]:
    """Within this context jax keeps float64 and runs on `host_device`."""
    with jax.enable_x64(True), jax.default_device(host_device()):
        yield


@contextmanager
def arithmetic(precision: Precision) -> Iterator[type[np.floating[Any]]]:
    """Within this context jax computes in ``precision``; the context gives the dtype to use.

    ``"float64"`` is `host_float64`; ``"float32"`` is the default device, multiplying matrices at
    the highest precision (a TPU would use bfloat16 otherwise, a GPU perhaps TF32).

    Raises:
      InputError: it is neither.
    """
    if check_precision(precision) == "float64":
        with host_float64():
            yield np.float64
    else:
        with jax.default_matmul_precision("highest"):
            yield np.float32


def check_precision(precision: Precision) -> Precision:
    """Return ``precision`` where it is one of the two.

    Raises:
      InputError: it is not.
    """
    if precision not in ("float64", "float32"):
        raise InputError(f"unknown precision {precision!r}: choose float64 or float32")
    return precision


def on_host(tree: Any) -> Any:
    """Move every array of ``tree`` to `host_device`, wherever it was computed."""
    return jax.device_put(tree, host_device())


def like_input(value: ArrayLike, source: ArrayLike) -> Array:
    """Return ``value`` in the floating dtype of ``source``, on the default device.

    Float64 becomes float32 unless ``jax_enable_x64`` is on, as everywhere in jax; a ``source`` that
    is no float of at least 32 bits counts as float32.
    """
    dtype = np.asarray(source).dtype
    wide = dtype if dtype in (np.dtype(np.float32), np.dtype(np.float64)) else np.float32
    return jnp.asarray(np.asarray(value).astype(wide))
