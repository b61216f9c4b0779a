"""A photograph as it is: its pixels uncut in size, its holes, and how it was compressed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pmsfc_jax.api import degradations
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.crop import Crop
from pmsfc_jax.io.decode import read_opacity, read_rgb
from pmsfc_jax.io.images import too_small
from pmsfc_jax.io.refusals import PhotographError

#: Less opaque than this is a hole: what shines through is not the photograph's.
_OPAQUE = 250
#: Levels by which the colours of a grey pixel may differ, and the share of pixels that have to be.
_GREY_LEVELS, _GREY_SHARE = 8, 0.995
_WHITE = 128


@dataclass(frozen=True)
class Picture:
    """The part of a photograph that is wanted, in its own pixels.

    Attributes:
      pixels: ``[h, w, 3]`` uint8.
      holes: ``[h, w]`` bool, or ``None`` where neither a mask nor transparency tells of any.
      corner: left and upper edge of the part in the upright photograph.
      compression: of a JPEG whose pixels are as they were stored, else ``None``.

    """

    pixels: np.ndarray
    holes: np.ndarray | None
    corner: tuple[int, int]
    compression: degradations.Compression | None

    @property
    def size(self) -> tuple[int, int]:
        """``(h, w)``."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def is_grey(self) -> bool:
        """Whether what is seen of it has no colour."""
        seen = self.pixels if self.holes is None else self.pixels[~self.holes]
        if not len(seen):
            return False
        spread = seen.max(axis=-1).astype(np.int64) - seen.min(axis=-1)
        return bool((spread <= _GREY_LEVELS).mean() >= _GREY_SHARE)


def read_picture(
    path: Path, crop: Crop, proportions: tuple[int, int], mask: Path | None
) -> Picture:
    """Read a photograph and cut out the part that is wanted.

    Args:
      path: the file.
      crop: ``centre`` or a rectangle.
      proportions: ``(height, width)`` of what the generator draws.
      mask: picture whose white is a hole; where there is none, transparency tells.

    Raises:
      PhotographError: one of the files cannot be used.

    """
    image, _ = read_rgb(path)
    if not crop.lies_within(image.size):
        raise PhotographError(path, too_small(crop, image.size))
    box = crop.part(image.size, (proportions[1], proportions[0]))
    holes = _read_mask(mask, path, image.size) if mask else _transparent(path)
    if holes is not None:
        holes = holes[box[1] : box[3], box[0] : box[2]]
    return Picture(np.array(image.crop(box)), holes, box[:2], _compression(path, image.size))


def _transparent(path: Path) -> np.ndarray | None:
    opacity = read_opacity(path)
    if opacity is None or opacity.min() >= _OPAQUE:
        return None
    return opacity < _OPAQUE


def _read_mask(mask: Path, path: Path, size: tuple[int, int]) -> np.ndarray:
    """Where a mask is white, ``[h, w]``; what is transparent in it is not."""
    image, _ = read_rgb(mask)
    if image.size != size:
        raise PhotographError(
            path,
            f"its mask has {image.size[0]}x{image.size[1]} pixels and it has {size[0]}x{size[1]}: "
            "give a mask of the photograph's size",
        )
    levels = np.array(image.convert("L"), np.float64)
    opacity = read_opacity(mask)
    if opacity is not None:
        # `read_rgb` has put it on white.
        levels -= 255.0 - opacity
    return levels >= _WHITE


def _compression(path: Path, size: tuple[int, int]) -> degradations.Compression | None:
    """That of a JPEG file which lies upright as it is stored."""
    with Image.open(path) as file:
        if file.format != "JPEG" or file.size != size or file.getexif().get(0x0112, 1) != 1:
            return None
    try:
        return degradations.compression_of_file(path)
    except InputError:
        return None
