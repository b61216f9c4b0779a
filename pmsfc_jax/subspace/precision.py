"""Where the algebra on ``[C, C]`` matrices runs: in float64, on the processor of the host.

These problems are small (C is at most about a thousand) and badly conditioned: channels that are
never negative share one large mean, and channels that nearly repeat each other are exactly what
discovery looks for. Float32 would lose the small eigenvalues, a TPU has no float64 of its own, and
a GPU rounds in another order. On the host the same Gram gives the same subspaces everywhere.

Callers pass arrays in with `on_host` and take results out with `like_input`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.typing import Array


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
