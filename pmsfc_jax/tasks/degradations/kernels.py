"""Blur kernels: square, of odd side, never negative, of sum one. All numpy float32."""

import math
import os
from pathlib import Path

import numpy as np
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.degradations.degradation import per_image

#: Points along a pixel with which shapes are drawn into a kernel.
_FINE = 16


def gaussian(sigma: float, radius: int | None = None) -> np.ndarray:
    """A Gaussian of ``sigma`` pixels, cut off at ``radius`` pixels (three sigma, rounded up).

    Raises:
      InputError: ``sigma`` is not positive.

    """
    _check_positive("sigma of a Gaussian blur", sigma)
    radius = math.ceil(3 * sigma) if radius is None else radius
    line = np.exp(-0.5 * np.square(np.arange(-radius, radius + 1) / sigma))
    return normalised(np.outer(line, line))


def motion(length: float, angle: float) -> np.ndarray:
    """A straight, even motion over ``length`` pixels.

    Args:
      length: of the way, in pixels.
      angle: in degrees, counter-clockwise from the right.

    Raises:
      InputError: ``length`` is not positive.

    """
    _check_positive("length of a motion blur", length)
    radius = math.ceil(length / 2)
    t = np.linspace(-length / 2, length / 2, 2 * _FINE * radius + 1)
    turn = math.radians(angle)
    return _drawn(-t * math.sin(turn), t * math.cos(turn), radius)


def disk(radius: float) -> np.ndarray:
    """A lens out of focus: an even disk of ``radius`` pixels.

    Raises:
      InputError: ``radius`` is not positive.

    """
    _check_positive("radius of a disk blur", radius)
    reach = math.ceil(radius)
    fine = (np.arange(2 * reach * _FINE) + 0.5) / _FINE - reach
    rows, columns = np.meshgrid(fine, fine, indexing="ij")
    inside = np.hypot(rows, columns) <= radius
    return _drawn(rows[inside], columns[inside], reach)


def _check_positive(what: str, value: float) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise InputError(f"{what} is {value}: it has to be positive, in pixels")


def _drawn(rows: np.ndarray, columns: np.ndarray, radius: int) -> np.ndarray:
    """Points around the middle, each shared out linearly among the four pixels around it."""
    kernel = np.zeros((2 * radius + 3, 2 * radius + 3))
    y, x = rows + radius + 1, columns + radius + 1
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - down - (y - top)) * np.abs(1 - right - (x - left))
            np.add.at(kernel, (top + down, left + right), share)
    while len(kernel) > 1 and not _rim(kernel).any():
        kernel = kernel[1:-1, 1:-1]
    return normalised(kernel)


def _rim(kernel: np.ndarray) -> np.ndarray:
    edges = np.concatenate([kernel[0], kernel[-1], kernel[:, 0], kernel[:, -1]])
    return edges > 1e-6 * kernel.sum()


def normalised(kernel: np.ndarray) -> np.ndarray:
    """``[..., k, k]`` float32 of sum one.

    Raises:
      InputError: it is not square of odd side, has negative values, or is empty.

    """
    kernel = np.asarray(kernel, np.float64)
    if kernel.ndim < 2 or kernel.shape[-1] != kernel.shape[-2] or kernel.shape[-1] % 2 == 0:
        raise InputError(
            f"a blur kernel is square with an odd side, so that it has a middle, not of shape "
            f"{kernel.shape}"
        )
    total = kernel.sum(axis=(-2, -1), keepdims=True)
    if not np.isfinite(kernel).all() or kernel.min() < 0 or total.min() <= 0:
        raise InputError("a blur kernel has values from 0 on, and not zeros alone")
    return (kernel / total).astype(np.float32)


def kernels_of(kernel: np.ndarray, count: int) -> np.ndarray:
    """Operands of `blur`: one kernel for all images, or one each, as ``[count, k, k]``.

    Raises:
      InputError: as `normalised`, or there are neither one nor ``count`` of them.

    """
    return per_image(normalised(kernel), count, 2, "blur kernel")


def read_kernel(path: str | os.PathLike[str]) -> np.ndarray:
    """A kernel file: an array (``.npy``), numbers in lines (``.txt``, ``.csv``), or a grey picture.

    An even side gets a line of zeros, a side that is shorter than the other is filled up around.

    Raises:
      InputError: the file cannot be read as one, or is no kernel.

    """
    path = Path(path)
    try:
        if path.suffix == ".npy":
            kernel = np.load(path, allow_pickle=False)
        elif path.suffix in (".txt", ".csv"):
            separator = "," if path.suffix == ".csv" else None
            kernel = np.loadtxt(path, delimiter=separator, ndmin=2)
        else:
            with Image.open(path) as picture:
                kernel = np.asarray(picture.convert("L"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path.name} cannot be read as a blur kernel: give an array (.npy), numbers in lines "
            "(.txt, .csv) or a grey picture"
        ) from error
    if kernel.ndim != 2 or not np.issubdtype(kernel.dtype, np.number):
        raise InputError(f"{path.name} is no blur kernel: it has to hold a table of numbers")
    side = max(kernel.shape) | 1
    missing = [side - length for length in kernel.shape]
    return normalised(np.pad(kernel, [(m // 2, m - m // 2) for m in missing]))
