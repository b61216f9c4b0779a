"""Photographs for an inversion: decoded when they are asked for, and not held."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from pmsfc_jax.io.crop import CENTRE, Crop
from pmsfc_jax.io.decode import MAX_PIXELS
from pmsfc_jax.io.images import load_photograph
from pmsfc_jax.io.notices import Notice
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.refusals import PhotographError


class TakenPixels(NamedTuple):
    """Photographs that could be decoded.

    Attributes:
      rows: which of them, ``b`` of those that were asked for, in the same order.
      pixels: ``[b, H, W, 3]`` uint8.

    """

    rows: tuple[int, ...]
    pixels: np.ndarray


class PhotographSource:
    """A folder of photographs that is decoded a batch at a time.

    Args:
      files: the photographs; a row is a place in this list.
      resolution: ``(height, width)`` of what the generator draws, in pixels.
      crop: the part of a photograph that is wanted.
      max_pixels: limit on the pixels of a photograph.
      on_bad: told, of each photograph that turns out not to be usable, its row and the reason
        without its name.
      on_notices: told, of each photograph that is decoded, its row and what was done to it. Both
        are called in the thread that calls `take`, and again when a row is taken again.

    """

    def __init__(
        self,
        files: Sequence[PhotographFile],
        resolution: tuple[int, int],
        *,
        crop: Crop = CENTRE,
        max_pixels: int = MAX_PIXELS,
        on_bad: Callable[[int, str], None] = lambda row, reason: None,
        on_notices: Callable[[int, tuple[Notice, ...]], None] = lambda row, notices: None,
    ) -> None:
        self.files = tuple(files)
        self.resolution = resolution
        self.crop = crop
        self.max_pixels = max_pixels
        self.on_bad = on_bad
        self.on_notices = on_notices

    def __len__(self) -> int:
        return len(self.files)

    def take_pixels(self, rows: Sequence[int]) -> TakenPixels:
        """Decode these rows; those that cannot be used are left out, and ``on_bad`` is told.

        Raises:
          InputError: ``resolution`` is not two positive whole numbers.

        """
        taken: list[int] = []
        pixels = np.empty((len(rows), *self.resolution, 3), np.uint8)
        for row in rows:
            try:
                photograph = load_photograph(
                    self.files[row].path,
                    self.resolution,
                    crop=self.crop,
                    max_pixels=self.max_pixels,
                )
            except PhotographError as error:
                self.on_bad(row, error.reason)
                continue
            self.on_notices(row, photograph.notices)
            pixels[len(taken)] = photograph.pixels
            taken.append(row)
        return TakenPixels(tuple(taken), pixels[: len(taken)])
