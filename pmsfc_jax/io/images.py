"""Photographs of any size and kind to the pictures a generator can draw, and pictures to PNG.

Everything here is numpy and Pillow; nothing imports jax.
"""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_bytes_atomic
from pmsfc_jax.io.crop import CENTRE, Crop
from pmsfc_jax.io.decode import MAX_PIXELS, read_rgb
from pmsfc_jax.io.notices import Notice
from pmsfc_jax.io.paths import shown, unique_stems
from pmsfc_jax.io.refusals import PhotographError


class Photograph(NamedTuple):
    """A photograph, ready for a generator.

    Attributes:
      pixels: ``[H, W, 3]`` uint8, RGB.
      name: what outputs made from it are called: its file's name without the suffix.
      notices: what was done to it that a user may not expect.

    """

    pixels: np.ndarray
    name: str
    notices: tuple[Notice, ...]


class Skipped(NamedTuple):
    """A file that could not be used, and why, in words without its name."""

    path: Path
    reason: str


def load_photograph(
    path: str | os.PathLike[str],
    resolution: tuple[int, int],
    *,
    crop: Crop = CENTRE,
    max_pixels: int = MAX_PIXELS,
) -> Photograph:
    """Read a photograph and fit it to a generator's pictures.

    After decoding (`pmsfc_jax.io.decode.read_rgb`) the part that ``crop`` says is cut out and
    resampled with Pillow's Lanczos filter, which widens with the reduction and so does not alias.
    A picture of the right size is passed on untouched.

    Args:
      path: the file.
      resolution: ``(height, width)`` of the result in pixels.
      crop: by default the largest centred part with the target's proportions.
      max_pixels: limit on the pixels of the file, checked before decoding.

    Raises:
      PhotographError: an `InputError` naming the file: it is absent, may not be read, is a folder,
        empty, truncated, damaged, too large, no photograph, or too small for ``crop``.
      InputError: ``resolution`` is not two positive whole numbers.

    """
    height, width = _checked(resolution)
    image, notices = read_rgb(path, max_pixels=max_pixels)
    if not crop.lies_within(image.size):
        raise PhotographError(path, too_small(crop, image.size))
    box = crop.part(image.size, (width, height))
    part = (box[2] - box[0], box[3] - box[1])
    notices += _fitting(crop, image.size, part, (width, height))
    image = image.crop(box)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return Photograph(np.array(image), unique_stems([path])[0], tuple(notices))


def too_small(crop: Crop, size: tuple[int, int]) -> str:
    """The reason why a photograph of this ``(width, height)`` cannot be cropped so."""
    return f"it has {_by(size)} pixels, and not all of the crop {crop} lies within them"


def load_photographs(
    paths: Sequence[str | os.PathLike[str]],
    resolution: tuple[int, int],
    *,
    crop: Crop = CENTRE,
    max_pixels: int = MAX_PIXELS,
) -> tuple[list[Photograph], list[Skipped]]:
    """Read many photographs, going on past those that cannot be used.

    Names are unique among all ``paths`` (``a/x.jpg`` and ``b/x.png`` give ``x`` and ``x-2``) and
    do not depend on which of them can be read. Arguments are those of `load_photograph`.

    Returns:
      The photographs in the order of ``paths``, and the files left out with the reasons. Either
      may be empty.

    Raises:
      InputError: ``resolution`` is not two positive whole numbers.

    """
    photographs, skipped = [], []
    for path, name in zip(paths, unique_stems(paths), strict=True):
        try:
            photograph = load_photograph(path, resolution, crop=crop, max_pixels=max_pixels)
        except PhotographError as error:
            skipped.append(Skipped(error.path, error.reason))
        else:
            photographs.append(photograph._replace(name=name))
    return photographs, skipped


def save_png(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write ``[H, W, 3]`` uint8 RGB as a PNG file, whole or not at all.

    The same pixels give the same bytes with the same version of Pillow.

    Raises:
      InputError: the file cannot be written, or its name does not end in ``.png``.
      TypeError: ``image`` is not ``[H, W, 3]`` uint8.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise TypeError(f"save_png takes [H, W, 3] uint8, not {image.shape} {image.dtype}")
    if Path(path).suffix.lower() != ".png":
        raise InputError(f"{shown(path)} would hold a PNG picture: let its name end in .png")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    write_bytes_atomic(path, buffer.getvalue())


def read_png(path: Path) -> np.ndarray:
    """What `save_png` has written: ``[H, W, 3]`` uint8.

    Raises:
      OSError: it cannot be opened.
      SyntaxError: it is damaged; so Pillow says it, of some damages as a ValueError.

    """
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def _checked(resolution: tuple[int, int]) -> tuple[int, int]:
    if len(resolution) != 2 or not all(
        isinstance(size, int | np.integer) and size > 0 for size in resolution
    ):
        raise InputError(f"a resolution is (height, width), whole and positive, not {resolution}")
    return int(resolution[0]), int(resolution[1])


def _fitting(
    crop: Crop, size: tuple[int, int], part: tuple[int, int], target: tuple[int, int]
) -> list[Notice]:
    """What becomes of a photograph of ``size`` whose ``part`` is drawn at ``target``."""
    notices = []
    if part != size:
        kind = "square" if target[0] == target[1] else "cropped"
        where = "its centre"
        if crop.box is not None:
            where = f"{'' if part == crop.box[2:] else 'the centre of '}{crop}"
        text = f"{where} was cut out, {_by(part)} of {_by(size)} pixels"
        notices.append(Notice(kind, text))
    # A pixel more or less comes from rounding, not from other proportions.
    if abs(part[0] * target[1] - part[1] * target[0]) > max(*part, *target):
        notices.append(Notice("stretched", f"its {_by(part)} pixels were given other proportions"))
    if part[0] < target[0] or part[1] < target[1]:
        text = f"it was enlarged from {_by(part)} to {_by(target)} pixels"
        notices.append(Notice("enlarged", text))
    elif part != target:
        text = f"it was reduced from {_by(part)} to {_by(target)} pixels"
        notices.append(Notice("reduced", text))
    return notices


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
