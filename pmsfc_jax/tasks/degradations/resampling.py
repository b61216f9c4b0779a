"""The matrices of Pillow's resampling: a resized picture is ``rows @ x @ columns^T``.

Pillow widens a filter by the factor of the reduction, samples it at the centres of the pixels,
drops what lies outside of the picture and normalises each output pixel's weights to sum to one.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal, get_args

import numpy as np

Filter = Literal["box", "bilinear", "bicubic", "lanczos"]
FILTERS: tuple[Filter, ...] = get_args(Filter)


def _box(t: np.ndarray) -> np.ndarray:
    return ((t > -0.5) & (t <= 0.5)).astype(np.float64)


def _bilinear(t: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(t), 0)


def _bicubic(t: np.ndarray) -> np.ndarray:
    """Keys' cubic convolution with a = -1/2."""
    t = np.abs(t)
    near = (1.5 * t - 2.5) * t * t + 1
    far = ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t < 1, near, np.where(t < 2, far, 0))


def _lanczos(t: np.ndarray) -> np.ndarray:
    """Lanczos with three lobes."""
    return np.where(np.abs(t) < 3, np.sinc(t) * np.sinc(t / 3), 0)


#: A filter's function and the half of its width.
_FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    "box": (_box, 0.5),
    "bilinear": (_bilinear, 1.0),
    "bicubic": (_bicubic, 2.0),
    "lanczos": (_lanczos, 3.0),
}


@lru_cache(maxsize=64)
def resampling_matrix(size: int, new_size: int, kind: Filter) -> np.ndarray:
    """``[new_size, size]`` float64, each row of sum one: one axis resized as Pillow does.

    Args:
      size: pixels along the axis.
      new_size: pixels after it, fewer or more.
      kind: the filter; ``box`` is the mean over areas where the factor is whole.

    """
    scale = size / new_size
    spread = max(scale, 1.0)
    function, half = _FILTERS[kind]
    matrix = np.zeros((new_size, size))
    for row in range(new_size):
        centre = (row + 0.5) * scale
        first = max(int(centre - half * spread + 0.5), 0)
        last = min(int(centre + half * spread + 0.5), size)
        weights = function((np.arange(first, last) + 0.5 - centre) / spread)
        matrix[row, first:last] = weights / weights.sum()
    matrix.setflags(write=False)
    return matrix


@lru_cache(maxsize=64)
def inverse_matrix(size: int, new_size: int, kind: Filter) -> np.ndarray:
    """``[size, new_size]`` float64: the pseudo-inverse of `resampling_matrix`."""
    inverse = np.linalg.pinv(resampling_matrix(size, new_size, kind))
    inverse.setflags(write=False)
    return inverse
