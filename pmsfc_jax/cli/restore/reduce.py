"""A photograph and what is known of its loss, at the size that the generator draws."""

import numpy as np
from PIL import Image

from pmsfc_jax.api import degradations
from pmsfc_jax.cli.restore.picture import Picture
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.degradations.resampling import resampling_matrix

#: Noise below this, in grey levels, is what rounding makes of it.
_LEAST_NOISE = 0.5
#: A pixel of a reduced photograph is known where at least this share of its area is.
_KNOWN_SHARE = 0.5


def reduced(
    picture: Picture, size: tuple[int, int], *, holed: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels ``[h, w, 3]`` uint8 and, with holes, the known share of each pixel ``[h, w]``.

    Beside holes a reduced pixel is the mean over that part of its area which is known.
    """
    if not holed:
        if picture.size == size:
            return picture.pixels, None
        image = Image.fromarray(picture.pixels)
        return np.array(image.resize(size[::-1], Image.Resampling.LANCZOS)), None
    assert picture.holes is not None
    known = (~picture.holes).astype(np.float64)
    if picture.size == size:
        return picture.pixels, known
    rows = resampling_matrix(picture.size[0], size[0], "box")
    columns = resampling_matrix(picture.size[1], size[1], "box")
    share = rows @ known @ columns.T
    total = np.einsum("hH,HWc,wW->hwc", rows, known[..., None] * picture.pixels, columns)
    levels = total / np.maximum(share, 1e-6)[..., None]
    pixels = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return pixels, np.where(share >= _KNOWN_SHARE, share, 0.0)


def known_operand(known: np.ndarray) -> np.ndarray:
    """The operand of `mask` from known shares ``[h, w]``.

    Raises:
      InputError: nothing is hidden, or everything.

    """
    if known.min() == 1:
        raise InputError("its mask has no hole: white is a hole, black is what was observed")
    if known.max() == 0:
        raise InputError("its mask hides the whole picture: white is a hole, black is not")
    operand: np.ndarray = degradations.known_where(1 - known, 1)[0]
    return operand


def noise_level(picture: Picture, size: tuple[int, int], sigma: float | None) -> float:
    """Noise in grey levels once the photograph is reduced: means of many pixels have less.

    Raises:
      InputError: it cannot be estimated, or is no more than rounding makes.

    """
    if sigma is None:
        if min(picture.size) < 4:
            raise InputError("it is too small to estimate its noise: give --sigma")
        sigma = float(degradations.estimate_sigma(picture.pixels[None])[0])
    for before, after in zip(picture.size, size, strict=True):
        if before != after:
            rows = resampling_matrix(before, after, "lanczos")
            sigma *= float(np.sqrt(np.square(rows).sum(axis=1)).mean())
    if sigma < _LEAST_NOISE:
        raise InputError(
            f"its noise is {sigma:.2f} grey levels at {size[1]}x{size[0]} pixels, less than "
            "rounding makes: there is nothing to remove"
        )
    return sigma


def kernel_at(
    kernel: np.ndarray | None, before: tuple[int, int], after: tuple[int, int]
) -> np.ndarray | None:
    """The kernel in pixels of the reduced photograph; ``None`` stays, for it is estimated later.

    Args:
      kernel: ``[k, k]`` in pixels of the file.
      before: ``(h, w)`` of the photograph.
      after: the same once it is reduced.

    Raises:
      InputError: nothing is left of the blur, or it is as wide as the picture.

    """
    if kernel is None:
        return None
    factor = before[0] / after[0]
    if factor > 1:
        kernel = _smaller(kernel, factor)
        if len(kernel) == 1:
            raise InputError(
                f"reduced {factor:.1f} times to what the generator draws, nothing is left of its "
                "blur: it needs no deblurring"
            )
    if len(kernel) // 2 >= min(after):
        raise InputError(
            f"its kernel has {len(kernel)} pixels a side and it has {min(after)}: a blur reaches "
            "less far than the picture"
        )
    return kernel


def _smaller(kernel: np.ndarray, factor: float) -> np.ndarray:
    """A kernel whose points lie ``factor`` times closer, shared out linearly among pixels."""
    radius = len(kernel) // 2
    reach = int(np.ceil(radius / factor))
    line = np.zeros((2 * reach + 1, len(kernel)))
    for i, place in enumerate((np.arange(len(kernel)) - radius) / factor + reach):
        low = int(np.floor(place))
        line[low, i] += 1 - (place - low)
        if place > low:
            line[low + 1, i] += place - low
    small = line @ kernel @ line.T
    # What is nearly one point is none.
    if small[reach, reach] > 0.98 * small.sum():
        return np.ones((1, 1), np.float32)
    return (small / small.sum()).astype(np.float32)


def compression_at(
    picture: Picture, size: tuple[int, int], quality: int | None
) -> degradations.Compression:
    """How it was compressed: what the file says, or the quality that is given for it.

    Raises:
      InputError: nothing tells, or the blocks of the compression are no longer where they were.

    """
    if quality is None and picture.compression is None:
        raise InputError(
            "it is no JPEG file, or was turned, and so does not say how it was compressed: give "
            "--quality"
        )
    if picture.size != size:
        raise InputError(
            f"it has {picture.size[1]}x{picture.size[0]} pixels, and blocks of a JPEG do not "
            f"outlast being reduced to {size[1]}x{size[0]}: give --crop X,Y,{size[1]},{size[0]}"
        )
    compression = picture.compression
    if quality is not None:
        compression = degradations.compression_of_quality(quality)
    assert compression is not None
    block = 8 if compression.subsampling == "4:4:4" else 16
    if any(edge % block for edge in picture.corner):
        raise InputError(
            f"the crop cuts through blocks of the JPEG: let X and Y be multiples of {block}"
        )
    return compression
