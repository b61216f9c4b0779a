"""A degradation: a forward operator, and what restoration needs beside it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.core.operator import Observation, Operator
from pmsfc_jax.core.typing import Array

#: ``(H, W, c)`` of one image.
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Degradation:
    """How a photograph became what the user has; static, hashable by its operator.

    The functions take images ``x [b, H, W, c]`` and observations ``y [b, h, w, c']`` in [-1, 1],
    with ``c`` 3, or 1 behind `grey` in a chain. Operands have the images in front.

    Attributes:
      operator: the differentiable model that an inversion looks through.
      simulate: ``(operands, images uint8 [n, H, W, c], rng) -> uint8 [n, h, w, c']``: the true
        degradation, through whole grey levels or a real file, in numpy and Pillow. For evaluation.
      dagger: ``(operands, y, image_shape) -> x``: a simple inverse. ``apply(dagger(y))`` is ``y``
        as far as the operator has such an ``x``.
      finish: ``(operands, y, x) -> x``: what is observed is put back into a restored ``x``. The
        nearest picture to ``x``, or one that is nearly so, of which ``y`` is the observation; of a
        noisy observation what can be told from noise.
      left: ``(operands, y, x) -> [b, H, W]``: the standard deviation of what `finish` leaves
        open even where ``x`` is sure; ``None`` where there is none, or it is not known.
      linear: ``apply(a x + b x') = a apply(x) + b apply(x')``.
      pointwise: a pixel of ``y`` depends on the same pixel of ``x`` alone, colour by colour.
      of_file: its operands speak of pixels of the file: nothing that mixes pixels can follow it.

    """

    operator: Operator
    simulate: Callable[[Any, np.ndarray, np.random.Generator], np.ndarray] = field(compare=False)
    dagger: Callable[[Any, Array, Shape], Array] = field(compare=False)
    finish: Callable[[Any, Array, Array], Array] = field(compare=False)
    left: Callable[[Any, Array, Array], Array] | None = field(default=None, compare=False)
    linear: bool = True
    pointwise: bool = False
    of_file: bool = False


def observe(
    degradation: Degradation, operands: Any, images: np.ndarray, rng: np.random.Generator
) -> Observation:
    """Degrade clean pictures truly: what a user of such photographs would have.

    Args:
      degradation: what happens to them.
      operands: its operands for ``n`` images.
      images: ``[n, H, W, 3]`` uint8.
      rng: of the noise.

    Returns:
      The observation, its target ``[n, h, w, c]`` float32 in [-1, 1].

    """
    return Observation(to_float(degradation.simulate(operands, images, rng)), operands)


def shape_of(x: Array) -> Shape:
    """``(H, W, c)`` of a batch ``[b, H, W, c]``."""
    _, height, width, colours = x.shape
    return height, width, colours


def as_rgb(y: Array) -> Array:
    """``[..., 1] -> [..., 3]``; pictures of three colours stay."""
    return jnp.broadcast_to(y, (*y.shape[:-1], 3)) if y.shape[-1] == 1 else y


def to_levels(y: np.ndarray) -> np.ndarray:
    """Floats in 0..255 to uint8: rounded and clipped, as they are in a file."""
    return np.clip(np.rint(y), 0, 255).astype(np.uint8)


def per_image(value: np.ndarray | float, count: int, ndim: int, what: str) -> np.ndarray:
    """One operand for all images, or one each, as ``[count, ...]`` float32.

    Args:
      value: of ``ndim`` axes for all images, or of one more for one each.
      count: how many images.
      ndim: axes of the operand of one image.
      what: what messages call it.

    Raises:
      InputError: there is neither one nor ``count`` of them, or a value is not finite.

    """
    array = np.asarray(value, np.float32)
    if array.ndim == ndim:
        array = np.broadcast_to(array, (count, *array.shape))
    if array.ndim != ndim + 1 or len(array) != count:
        raise InputError(
            f"{what}: there are {count} images and an array of shape {np.shape(value)}: give one "
            f"of {ndim} axes for all, or {count} of them"
        )
    if not np.isfinite(array).all():
        raise InputError(f"{what}: a value is not finite")
    return np.ascontiguousarray(array)
