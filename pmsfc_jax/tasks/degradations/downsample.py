"""A smaller picture: area means, bicubic or Lanczos, as Pillow's ``resize`` gives them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb, shape_of
from pmsfc_jax.tasks.degradations.resampling import (
    FILTERS,
    Filter,
    inverse_matrix,
    resampling_matrix,
)

_PILLOW = {
    "box": Image.Resampling.BOX,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def resize(images: np.ndarray, size: tuple[int, int], kind: Filter) -> np.ndarray:
    """``[n, H, W, c]`` uint8 to ``[n, *size, c]`` by Pillow, ``c`` 1 or 3."""
    return np.stack([_resize_one(image, size, kind) for image in images])


def _resize_one(image: np.ndarray, size: tuple[int, int], kind: Filter) -> np.ndarray:
    picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    small = np.asarray(picture.resize((size[1], size[0]), _PILLOW[kind]))
    return small.reshape(*size, image.shape[-1])


def between(matrices: tuple[np.ndarray, np.ndarray], x: Array) -> Array:
    """``rows @ x @ columns^T`` of each colour: ``[b, H, W, c] -> [b, h, w, c]``."""
    rows, columns = (jnp.asarray(matrix, x.dtype) for matrix in matrices)
    precise = jax.lax.Precision.HIGHEST
    return jnp.einsum("hH,bHWc,wW->bhwc", rows, x, columns, precision=precise)


def downsample(size: tuple[int, int], kind: Filter = "bicubic") -> Degradation:
    """The photograph is small; no operands (``()``). Any factor, each axis its own.

    ``dagger`` is the exact pseudo-inverse, so that `finish` gives the nearest picture which is
    ``y`` when it is made small (back-projection in one step).

    Args:
      size: ``(h, w)`` of the observation.
      kind: the filter.

    Raises:
      InputError: the size or the filter is impossible.

    """
    if min(size) < 1 or kind not in FILTERS:
        raise InputError(
            f"cannot make a picture small to {size[1]}x{size[0]} by {kind!r}: sides are at least 1 "
            f"and filters are {', '.join(FILTERS)}"
        )

    def shape(image_shape: Shape) -> Shape:
        height, width, colours = image_shape
        if height < size[0] or width < size[1] or (height, width) == size:
            raise InputError(
                f"a picture of {size[1]}x{size[0]} is not smaller than one of {width}x{height}: "
                "nothing is to be enlarged"
            )
        return (*size, colours)

    def apply(operands: Any, x: Array) -> Array:
        height, width, _ = x.shape[1:]
        down = (
            resampling_matrix(height, size[0], kind),
            resampling_matrix(width, size[1], kind),
        )
        return between(down, x)

    def simulate(operands: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return resize(images, size, kind)

    def dagger(operands: Any, y: Array, image_shape: Shape) -> Array:
        height, width, _ = image_shape
        up = (inverse_matrix(height, size[0], kind), inverse_matrix(width, size[1], kind))
        return between(up, y)

    def finish(operands: Any, y: Array, x: Array) -> Array:
        return x + dagger(operands, y - apply(operands, x), shape_of(x))

    operator = Operator("downsample", (size, kind), apply, shape, as_rgb)
    return Degradation(operator, simulate, dagger, finish)
