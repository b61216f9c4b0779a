"""How far pictures are apart under V, as equation 9 has it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.result import Perceptual
from pmsfc_jax.inversion.terms import distance


def feature_distance(perceptual: Perceptual) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """``(a, b) -> [n]``: the mean absolute difference of V's feature maps, each by its own mean.

    Args:
      perceptual: V. Pictures are ``[n, H, W, 3]``, nominally in [-1, 1].

    """

    @jax.jit
    def between(params: Params, a: Array, b: Array) -> Array:
        maps = zip(perceptual.extract(params, a), perceptual.extract(params, b), strict=True)
        return jnp.stack([distance(x, y, "l1") for x, y in maps]).mean(axis=0)

    return lambda a, b: np.asarray(between(perceptual.params, a, b))
