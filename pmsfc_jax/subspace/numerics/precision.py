"""Where the algebra on ``[C, C]`` matrices runs: in float64, by numpy on the processor of the host.

These problems are small (C is at most about a thousand) and badly conditioned: channels that are
never negative share one large mean, and channels that nearly repeat each other are exactly what
discovery looks for. Float32 would lose the small eigenvalues, a TPU has no float64 of its own, and
a GPU rounds in another order. By numpy the same Gram gives the same subspaces everywhere, jax needs
no backend for the host, and nothing is compiled. Where that takes too long, the solvers can run in
float32 on the accelerator: `arithmetic`.

What runs in both is written once, for arrays of numpy or jax: `namespace`.
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
#: An array of numpy or of jax.
AnyArray = Any


def namespace(array: AnyArray) -> Any:
    """The functions for this array: `numpy` or `jax.numpy`."""
    return np if isinstance(array, np.ndarray | np.generic) else jnp


@contextmanager
def arithmetic(precision: Precision) -> Iterator[Any]:
    """Within this context solvers compute in ``precision``; gives the function that makes arrays.

    ``"float64"`` makes arrays of numpy; ``"float32"`` arrays of jax on the default device, whose
    matrices are multiplied at the highest precision (a TPU would use bfloat16 otherwise, a GPU
    perhaps TF32).

    Raises:
      InputError: it is neither.
    """
    if check_precision(precision) == "float64":
        yield lambda value: np.asarray(value, np.float64)
    else:
        with jax.default_matmul_precision("highest"):
            yield lambda value: jnp.asarray(value, jnp.float32)


def check_precision(precision: Precision) -> Precision:
    """Return ``precision`` where it is one of the two.

    Raises:
      InputError: it is not.
    """
    if precision not in ("float64", "float32"):
        raise InputError(f"unknown precision {precision!r}: choose float64 or float32")
    return precision


def like_input(value: ArrayLike, source: ArrayLike) -> Array:
    """Return ``value`` in the floating dtype of ``source``, on the default device.

    Float64 becomes float32 unless ``jax_enable_x64`` is on, as everywhere in jax; a ``source`` that
    is no float of at least 32 bits counts as float32.
    """
    dtype = np.asarray(source).dtype
    wide = dtype if dtype in (np.dtype(np.float32), np.dtype(np.float64)) else np.float32
    return jnp.asarray(np.asarray(value).astype(wide))
