"""Where in a picture: boxes and masks, feathered at the resolution of the feature."""

import numpy as np

from pmsfc_jax.core.errors import InputError

#: Weights of a pixel's neighbours and itself along one side: the border of a region fades over two
#: pixels of the feature.
_FEATHER = (0.25, 0.5, 0.25)


def box(left: float, top: float, right: float, bottom: float, side: int = 256) -> np.ndarray:
    """A rectangle as a mask ``[side, side]`` of zeros and ones.

    Args:
      left: edges as shares of the picture's width and height, in [0, 1]; so are the others.
      top: as there.
      right: as there.
      bottom: as there.
      side: resolution of the mask.

    Raises:
      InputError: edges that are out of order or outside of the picture.

    """
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InputError(
            f"a box is LEFT,TOP,RIGHT,BOTTOM as shares of the picture, 0 to 1 and in order, not "
            f"{left:g},{top:g},{right:g},{bottom:g}"
        )
    centres = (np.arange(side) + 0.5) / side
    rows, columns = (top <= centres) & (centres < bottom), (left <= centres) & (centres < right)
    return (rows[:, None] & columns[None]).astype(np.float32)


def in_picture(where: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``[n, h, w]`` at the feature as ``[n, *shape]`` in the picture: each pixel its position's."""
    height, width = shape
    rows = np.arange(height) * where.shape[1] // height
    columns = np.arange(width) * where.shape[2] // width
    return np.asarray(where[:, rows][:, :, columns])


def pixel_box(x: int, y: int, width: int, height: int, shape: tuple[int, int]) -> np.ndarray:
    """A rectangle of pixels as a mask of a picture of ``shape`` ``(H, W)``.

    Args:
      x: left edge.
      y: upper edge.
      width: of the rectangle.
      height: of the rectangle.
      shape: of the picture.

    Raises:
      InputError: no pixel of the picture lies in it.

    """
    mask = np.zeros(shape, np.float32)
    if width > 0 and height > 0:
        mask[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = 1
    if not mask.any():
        raise InputError(
            f"the region {x},{y},{width},{height} covers nothing of a picture of {shape[1]}x"
            f"{shape[0]} pixels: give X,Y,WIDTH,HEIGHT inside of it"
        )
    return mask


def at_feature(mask: np.ndarray, shape: tuple[int, int], *, feather: bool = True) -> np.ndarray:
    """A mask ``[h, w]`` in [0, 1] as a region ``[H, W]`` of a feature: means of areas, feathered.

    Args:
      mask: of the whole picture, at any resolution.
      shape: ``(H, W)`` of the feature.
      feather: whether borders fade.

    Raises:
      InputError: it covers nothing.

    """
    mask = np.clip(np.asarray(mask, np.float32), 0, 1)
    if mask.ndim != 2 or not mask.size or mask.max() <= 0:
        raise InputError("the region covers nothing of the picture: draw it in white")
    region = _areas(_areas(mask, shape[0], 0), shape[1], 1)
    return feathered(region) if feather else region


def _areas(x: np.ndarray, size: int, axis: int) -> np.ndarray:
    """Means over the shares of ``axis`` that each of ``size`` new pixels covers."""
    old = x.shape[axis]
    edges = np.arange(size + 1) * old / size
    low, high = edges[:-1, None], edges[1:, None]
    pixels = np.arange(old)[None]
    overlap = np.clip(np.minimum(high, pixels + 1) - np.maximum(low, pixels), 0, None)
    weights = overlap / overlap.sum(axis=1, keepdims=True)
    return np.moveaxis(np.tensordot(weights, np.moveaxis(x, axis, 0), 1), 0, axis).astype(
        np.float32
    )


def feathered(x: np.ndarray, axes: tuple[int, int] = (0, 1)) -> np.ndarray:
    """A region ``[H, W]`` of a feature, or a feature, each position a mean with its neighbours.

    Borders fade over two pixels, and what differs between even and odd pixels alone is gone.
    """
    for axis in axes:
        ends = [(1, 1) if i == axis % x.ndim else (0, 0) for i in range(x.ndim)]
        wide = np.pad(x, ends, mode="edge")
        places = np.arange(x.shape[axis])
        shifted = [np.take(wide, places + shift, axis=axis) for shift in range(len(_FEATHER))]
        x = sum(
            (
                np.float32(weight) * part
                for weight, part in zip(_FEATHER[1:], shifted[1:], strict=True)
            ),
            start=np.float32(_FEATHER[0]) * shifted[0],
        )
    return x
