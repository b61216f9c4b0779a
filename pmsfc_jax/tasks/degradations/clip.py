"""Range that is lost: levels below one and above another are flat (burnt out, drowned)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb

#: Half a grey level: what is as near to a limit counts as flat.
_NEAR = 1 / 255


def straight(x: Array, value: Array) -> Array:
    """``value`` with the derivative of ``x``: straight through what has none of its own."""
    return x + jax.lax.stop_gradient(value - x)


def clip(low: int = 0, high: int = 255) -> Degradation:
    """Clipped; no operands (``()``).

    Its derivative is one everywhere: a prediction beyond a limit where the photograph is not flat
    has to come back, and where the photograph is flat its residual is zero anyway.

    Args:
      low: the lowest level that the photograph has, in 0..255.
      high: the highest.

    Raises:
      InputError: they are not in order.

    """
    if not 0 <= low < high <= 255:
        raise InputError(f"cannot clip to {low}..{high}: give two rising levels in 0..255")
    floor, ceiling = (np.float32(level / 127.5 - 1) for level in (low, high))

    def apply(operands: Any, x: Array) -> Array:
        return straight(x, jnp.clip(x, floor, ceiling))

    def simulate(operands: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.clip(images, low, high).astype(np.uint8)

    def dagger(operands: Any, y: Array, image_shape: Shape) -> Array:
        return y

    def finish(operands: Any, y: Array, x: Array) -> Array:
        beyond = jnp.where(y >= ceiling - _NEAR, jnp.maximum(x, y), y)
        return jnp.where(y <= floor + _NEAR, jnp.minimum(x, y), beyond)

    operator = Operator("clip", (low, high), apply, view=as_rgb)
    return Degradation(operator, simulate, dagger, finish, linear=False, pointwise=True)
