"""Colour is lost: the luma of ITU-R BT.601 is what remains, as in Pillow's mode ``L``."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb, to_levels

#: Shares of red, green and blue.
LUMA = (0.299, 0.587, 0.114)


def luma(x: Array) -> Array:
    """``[..., 3] -> [..., 1]``."""
    return (x * jnp.asarray(LUMA, x.dtype).reshape((1,) * (x.ndim - 1) + (3,))).sum(
        axis=-1, keepdims=True
    )


def _apply(operands: Any, x: Array) -> Array:
    return luma(x)


def _simulate(operands: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return to_levels(images.astype(np.float64) @ np.array(LUMA)[:, None])


def _dagger(operands: Any, y: Array, image_shape: Shape) -> Array:
    return as_rgb(y)


def _finish(operands: Any, y: Array, x: Array) -> Array:
    """The same correction to each colour: chroma (Cb, Cr) stays, luma becomes ``y``."""
    return x + (y - luma(x))


def grey() -> Degradation:
    """The photograph is grey; no operands (``()``). ``y [b, H, W, 1]``."""
    return Degradation(
        Operator("grey", (), _apply, lambda shape: (*shape[:2], 1), as_rgb),
        _simulate,
        _dagger,
        _finish,
    )
