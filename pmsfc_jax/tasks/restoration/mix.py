"""A restored picture and the simple way's: their errors differ, and partly cancel."""

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float, to_uint8
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.tasks.degradations import Degradation

#: Shares of the simple way by what was lost, the best of 0, 1/8, 1/4, ... on sixteen training
#: photographs of 32x32 (of masks, over 90 % missing and a hole); of everything else it is a half.
_SHARES = {"downsample": 0.25, "mask": 0.25}


def usual_share(degradation: Degradation) -> float:
    """The share of the simple way that is best on training photographs."""
    return _SHARES.get(degradation.operator.name, 0.5)


def mixed(
    degradation: Degradation,
    observed: Observation,
    restored: np.ndarray,
    simple: np.ndarray,
    share: float,
) -> np.ndarray:
    """``(1 - share) restored + share simple``, into which what was observed is put back.

    Args:
      degradation: what had happened.
      observed: what was given.
      restored: ``[n, H, W, 3]`` uint8.
      simple: likewise, without a generator.
      share: of the simple way, from 0 to 1.

    Returns:
      ``[n, H, W, 3]`` uint8.

    Raises:
      InputError: the share is none.

    """
    if not 0 <= share <= 1:
        raise InputError(f"mix is {share:g}: it is a share from 0 to 1")
    mean = (1 - share) * to_float(restored) + share * to_float(simple)
    finish = jax.jit(degradation.finish)
    x = jnp.asarray(mean, jnp.float32)
    return np.asarray(to_uint8(finish(observed.operands, observed.target, x)))
