"""JPEG: 8x8 cosine transforms, coefficients rounded to steps, chroma at half the size.

The model is libjpeg's: BT.601 luma and chroma, chroma reduced by means, enlarged again by a
triangle filter, pictures continued to whole blocks by their last row and column. Rounding, of
coefficients and of levels in between, passes its derivative straight through.
"""

import io
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array
from pmsfc_jax.tasks.degradations.clip import straight
from pmsfc_jax.tasks.degradations.degradation import Degradation, Shape, as_rgb
from pmsfc_jax.tasks.degradations.jpeg_tables import SUBSAMPLINGS, Subsampling

_PRECISE = jax.lax.Precision.HIGHEST
_BLOCK = 8
#: Half of a step, less what keeps a coefficient from being rounded away from there again.
_INSIDE = 0.48
#: Colour to luma and the two chromas, which are 0 where a pixel is grey; rows make one plane.
_TO_PLANES = np.array(
    [
        [0.299, 0.587, 0.114],
        [-0.299 / 1.772, -0.587 / 1.772, 0.5],
        [0.5, -0.587 / 1.402, -0.114 / 1.402],
    ]
)
_TO_COLOURS = np.linalg.inv(_TO_PLANES)


def _cosines() -> np.ndarray:
    """The orthonormal DCT-II of eight numbers, ``[8, 8]``, a frequency a row."""
    k, n = np.mgrid[0:_BLOCK, 0:_BLOCK]
    rows = np.cos(np.pi * k * (2 * n + 1) / (2 * _BLOCK)) * np.sqrt(2 / _BLOCK)
    rows[0] /= np.sqrt(2)
    return rows


_DCT = _cosines()


@lru_cache(maxsize=32)
def _reduction(size: int, halved: bool) -> np.ndarray:
    """``[ceil(size / 2), size]``: means of two neighbours, the last pixel alone twice."""
    if not halved:
        return np.eye(size)
    matrix = np.zeros(((size + 1) // 2, size))
    for i in range(size + size % 2):
        matrix[i // 2, min(i, size - 1)] += 0.5
    return matrix


@lru_cache(maxsize=32)
def _enlargement(size: int, halved: bool) -> np.ndarray:
    """``[size, ceil(size / 2)]``: three quarters of the nearest pixel, one of the next."""
    if not halved:
        return np.eye(size)
    half = (size + 1) // 2
    matrix = np.zeros((size, half))
    for i in range(size):
        beside = i // 2 + (1 if i % 2 else -1)
        matrix[i, i // 2] += 0.75
        matrix[i, min(max(beside, 0), half - 1)] += 0.25
    return matrix


@lru_cache(maxsize=32)
def _repetition(size: int, halved: bool) -> np.ndarray:
    """``[size, ceil(size / 2)]``: each pixel twice; `_reduction` undoes it."""
    return (_reduction(size, halved) > 0).T.astype(np.float64)


@lru_cache(maxsize=32)
def _undone(size: int, halved: bool) -> np.ndarray:
    """The pseudo-inverse of `_enlargement`."""
    return np.linalg.pinv(_enlargement(size, halved))


def _along(rows: np.ndarray, columns: np.ndarray, plane: Array) -> Array:
    """``rows @ plane @ columns^T`` of ``[b, h, w]``."""
    r, c = jnp.asarray(rows, plane.dtype), jnp.asarray(columns, plane.dtype)
    return jnp.einsum("hH,bHW,wW->bhw", r, plane, c, precision=_PRECISE)


def _mixed(matrix: np.ndarray, x: Array) -> Array:
    return jnp.einsum("pc,bhwc->bhwp", jnp.asarray(matrix, x.dtype), x, precision=_PRECISE)


def _coefficients(plane: Array) -> Array:
    """``[b, h, w] -> [b, rows, columns, 8, 8]``, the plane continued to whole blocks."""
    b, height, width = plane.shape
    more = (-height % _BLOCK, -width % _BLOCK)
    plane = jnp.pad(plane, ((0, 0), (0, more[0]), (0, more[1])), "edge")
    shape = (b, plane.shape[1] // _BLOCK, _BLOCK, plane.shape[2] // _BLOCK, _BLOCK)
    blocks = plane.reshape(shape).transpose(0, 1, 3, 2, 4)
    dct = jnp.asarray(_DCT, plane.dtype)
    return jnp.einsum("ki,brcij,lj->brckl", dct, blocks, dct, precision=_PRECISE)


def _plane(coefficients: Array, size: tuple[int, int]) -> Array:
    """The inverse of `_coefficients`, ``[b, *size]``."""
    dct = jnp.asarray(_DCT, coefficients.dtype)
    blocks = jnp.einsum("ki,brckl,lj->brcij", dct, coefficients, dct, precision=_PRECISE)
    b, rows, columns = blocks.shape[:3]
    whole = blocks.transpose(0, 1, 3, 2, 4).reshape(b, rows * _BLOCK, columns * _BLOCK)
    return whole[:, : size[0], : size[1]]


def _rounded(x: Array) -> Array:
    return straight(x, jnp.round(x))


def _steps(tables: Array, plane: int) -> Array:
    """Steps of a plane's coefficients, ``[b, 1, 1, 8, 8]``."""
    return tables[:, min(plane, 1), None, None]


def jpeg(subsampling: Subsampling = "4:2:0") -> Degradation:
    """Compressed; the operand is ``tables [b, 2, 8, 8]``, see `jpeg_tables`.

    ``finish`` puts each coefficient of the restored picture back into the interval that was
    rounded to the one in the file: exactly where the sides are whole blocks.
    """
    columns_halved = subsampling != "4:4:4"
    rows_halved = subsampling == "4:2:0"

    def halved(plane: int) -> tuple[bool, bool]:
        return (rows_halved and plane > 0, columns_halved and plane > 0)

    def planes_of(levels: Array) -> list[Array]:
        """Luma and chromas ``[b, h, w]``, around 0, chromas at the picture's size."""
        if levels.shape[-1] == 1:
            return [levels[..., 0] - 128]
        planes = _mixed(_TO_PLANES, levels)
        return [planes[..., 0] - 128, planes[..., 1], planes[..., 2]]

    def levels_of(planes: list[Array]) -> Array:
        whole = jnp.stack([planes[0] + 128, *planes[1:]], axis=-1)
        return whole if len(planes) == 1 else _mixed(_TO_COLOURS, whole)

    def apply(tables: Array, x: Array) -> Array:
        size = x.shape[1:3]
        planes = []
        for i, plane in enumerate(planes_of((x + 1) * 127.5)):
            h, w = halved(i)
            whole = _rounded(plane)
            small = _rounded(_along(_reduction(size[0], h), _reduction(size[1], w), whole))
            scaled = _coefficients(small) / _steps(tables, i)
            kept = _rounded(scaled) * _steps(tables, i)
            read = _rounded(_plane(kept, (small.shape[1], small.shape[2])))
            planes.append(_along(_enlargement(size[0], h), _enlargement(size[1], w), read))
        levels = levels_of(planes)
        return straight(levels, jnp.clip(levels, 0, 255)) / 127.5 - 1

    def finish(tables: Array, y: Array, x: Array) -> Array:
        size = x.shape[1:3]
        changes = []
        theirs, ours = planes_of((y + 1) * 127.5), planes_of((x + 1) * 127.5)
        for i, (given, restored) in enumerate(zip(theirs, ours, strict=True)):
            h, w = halved(i)
            small = _along(_undone(size[0], h), _undone(size[1], w), given)
            step = _steps(tables, i)
            middle = jnp.round(_coefficients(small) / step) * step
            reduced = _along(_reduction(size[0], h), _reduction(size[1], w), restored)
            now = _coefficients(reduced)
            change = jnp.clip(now, middle - _INSIDE * step, middle + _INSIDE * step) - now
            plane = _plane(change, (small.shape[1], small.shape[2]))
            changes.append(_along(_repetition(size[0], h), _repetition(size[1], w), plane))
        whole = jnp.stack(changes, axis=-1)
        difference = whole if len(changes) == 1 else _mixed(_TO_COLOURS, whole)
        return x + difference / 127.5

    def simulate(tables: Any, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.stack(
            [
                _through_a_file(image, table, subsampling)
                for image, table in zip(images, np.asarray(tables), strict=True)
            ]
        )

    def dagger(tables: Array, y: Array, image_shape: Shape) -> Array:
        return y

    operator = Operator("jpeg", (subsampling,), apply, view=as_rgb)
    return Degradation(operator, simulate, dagger, finish, linear=False)


def _through_a_file(image: np.ndarray, tables: np.ndarray, subsampling: Subsampling) -> np.ndarray:
    """Written as JPEG by Pillow, and read."""
    file = io.BytesIO()
    steps = [[int(step) for step in table.ravel()] for table in tables]
    if image.shape[-1] == 1:
        Image.fromarray(image[..., 0]).save(file, "JPEG", qtables=steps[:1])
    else:
        Image.fromarray(image).save(
            file, "JPEG", qtables=steps, subsampling=SUBSAMPLINGS.index(subsampling)
        )
    file.seek(0)
    with Image.open(file) as picture:
        return np.asarray(picture).reshape(image.shape)
