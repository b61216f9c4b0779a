"""Quantisation tables of JPEG: of a quality, or of the file that the user has."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from PIL import Image, JpegImagePlugin

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.tasks.degradations.degradation import per_image

#: Chroma is kept whole, at half the columns, or at half of both.
Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
#: In Pillow's numbering.
SUBSAMPLINGS: tuple[Subsampling, ...] = ("4:4:4", "4:2:2", "4:2:0")


class Compression(NamedTuple):
    """How a JPEG was written.

    Attributes:
      tables: ``[2, 8, 8]`` float32: steps of the coefficients of luma and of chroma, rows down.
      subsampling: of chroma.

    """

    tables: np.ndarray
    subsampling: Subsampling


def compression_of_quality(quality: int, subsampling: Subsampling = "4:2:0") -> Compression:
    """The tables that libjpeg, and so nearly every program, uses for a quality.

    Raises:
      InputError: the quality is not in 1..95, or the subsampling is none.

    """
    if not 1 <= quality <= 95 or subsampling not in SUBSAMPLINGS:
        raise InputError(
            f"no JPEG of quality {quality} with chroma {subsampling}: qualities are 1 to 95, "
            f"chroma one of {', '.join(SUBSAMPLINGS)}"
        )
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(
        file, "JPEG", quality=quality, subsampling=SUBSAMPLINGS.index(subsampling)
    )
    file.seek(0)
    with Image.open(file) as picture:
        return _compression(picture)


def compression_of_file(path: str | os.PathLike[str]) -> Compression:
    """The tables and the subsampling of a JPEG file.

    Raises:
      InputError: it is no JPEG, or one of a kind that is not known here.

    """
    path = Path(path)
    try:
        with Image.open(path) as picture:
            if picture.format != "JPEG":
                raise InputError(
                    f"{path.name} is a {picture.format} file: only a JPEG says how it was "
                    "compressed; give --quality for a photograph that was a JPEG once"
                )
            return _compression(picture)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read as a JPEG file") from error


def _compression(picture: Any) -> Compression:
    tables = [np.array(table, np.float32).reshape(8, 8) for table in picture.quantization.values()]
    kind = JpegImagePlugin.get_sampling(picture) if picture.mode == "RGB" else 0
    if not len(tables) >= 1 or not 0 <= kind < len(SUBSAMPLINGS):
        raise InputError(
            "this JPEG's chroma is reduced in an unusual way: expected "
            f"{', '.join(SUBSAMPLINGS)}; save it as PNG and restore it as it is"
        )
    return Compression(np.stack([tables[0], tables[min(1, len(tables) - 1)]]), SUBSAMPLINGS[kind])


def tables_of(compressions: Compression | Sequence[Compression], count: int) -> np.ndarray:
    """Operands of `jpeg`: one compression for all images or one each, ``[count, 2, 8, 8]``.

    Raises:
      InputError: there are neither one nor ``count``, or they reduce chroma differently.

    """
    if isinstance(compressions, Compression):
        return per_image(compressions.tables, count, 3, "JPEG tables")
    kinds = sorted({compression.subsampling for compression in compressions})
    if len(kinds) != 1:
        raise InputError(
            f"these JPEGs keep chroma in different ways ({', '.join(kinds)}): restore the files of "
            "each way on their own"
        )
    tables = np.stack([compression.tables for compression in compressions])
    return per_image(tables, count, 3, "JPEG tables")
