"""Holes: pixels of the photograph that were not observed.

The mask belongs on the residual, not on the picture: what the generator draws in the hole is free,
and noise, blur and edges see no border there.
"""

from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.degradation import (
    Degradation,
    Shape,
    as_rgb,
    per_image,
    to_levels,
)

_MID_GREY = 127.5


def known_where(holes: np.ndarray, count: int) -> np.ndarray:
    """Masks as operands of `mask`: ``known [count, h, w, 1]``, 1 where a pixel was observed.

    Args:
      holes: ``[h, w]`` for all images or ``[count, h, w]``: true or 1 (255 in uint8) is a hole,
        what lies between counts in part.
      count: how many images.

    Raises:
      InputError: a mask has no hole, or hides everything, or leaves [0, 1].

    """
    holes = np.asarray(holes)
    scale = 255 if holes.dtype == np.uint8 else 1
    hidden = per_image(holes / scale, count, 2, "mask")
    if hidden.min() < 0 or hidden.max() > 1:
        raise InputError("a mask has values outside 0 to 1: give 1 (or white) for holes, else 0")
    share = hidden.mean(axis=(1, 2))
    for i in np.flatnonzero((share == 0) | (share == 1)):
        what = "has no hole" if share[i] == 0 else "hides the whole picture"
        raise InputError(f"mask {i} {what}: white (1) is a hole, black (0) is what was observed")
    return np.float32(1) - hidden[..., None]


def _apply(known: Array, x: Array) -> Array:
    return x


def _weights(known: Array, y: Array) -> Array:
    return known


def _simulate(known: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    share = np.asarray(known, np.float64)
    return to_levels(share * images + (1 - share) * _MID_GREY)


def _dagger(known: Array, y: Array, image_shape: Shape) -> Array:
    """Holes filled with the mean colour of what is known."""
    mean = (known * y).sum(axis=(1, 2), keepdims=True) / known.sum(axis=(1, 2), keepdims=True)
    return known * y + (1 - known) * mean


def _finish(known: Array, y: Array, x: Array) -> Array:
    return known * y + (1 - known) * x


def mask() -> Degradation:
    """Holes; the operand is ``known [b, h, w, 1]`` of `known_where`."""
    return Degradation(
        Operator("mask", (), _apply, view=as_rgb, weights=_weights),
        _simulate,
        _dagger,
        _finish,
        pointwise=True,
        of_file=True,
    )


def centre_hole(height: int, width: int, share: float) -> np.ndarray:
    """A hole ``[height, width]`` bool in the middle whose sides are ``share`` of the picture's."""
    rows, columns = round(height * share), round(width * share)
    top, left = (height - rows) // 2, (width - columns) // 2
    hole = np.zeros((height, width), bool)
    hole[top : top + rows, left : left + columns] = True
    return hole


def missing_pixels(height: int, width: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """Holes ``[height, width]`` bool: ``share`` of the pixels, at random, exactly counted."""
    hole = np.zeros(height * width, bool)
    hole[rng.permutation(height * width)[: round(share * height * width)]] = True
    return hole.reshape(height, width)


def strokes(
    height: int, width: int, share: float, rng: np.random.Generator, brush: float = 1.5
) -> np.ndarray:
    """Scratches ``[height, width]`` bool: straight strokes until at least ``share`` is hidden.

    Args:
      height: of the picture.
      width: of the picture.
      share: of the pixels, below 1.
      rng: where they run.
      brush: half the breadth of a stroke in pixels.

    """
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float64)
    hole = np.zeros((height, width), bool)
    while hole.mean() < share:
        a, b = rng.uniform(0, 1, (2, 2)) * np.array([height, width])
        along = (b - a) / max(np.linalg.norm(b - a), 1e-9)
        t = np.clip(
            (rows - a[0]) * along[0] + (columns - a[1]) * along[1], 0, np.linalg.norm(b - a)
        )
        away = np.hypot(rows - a[0] - t * along[0], columns - a[1] - t * along[1])
        hole |= away <= brush
    return hole
