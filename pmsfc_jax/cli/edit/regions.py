"""``--region``: a mask, a box, or parts, as regions of the feature of each picture."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.api import Parts, SplitGenerator, check_parts, composed, load_parts
from pmsfc_jax.cli.edit.options import Where
from pmsfc_jax.cli.edit.pictures import Picture
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.region import read_region
from pmsfc_jax.tasks.edit.region import at_feature, pixel_box

_BOX = re.compile(r"(-?\d+),(-?\d+),(-?\d+),(-?\d+)")
_PARTS = re.compile(r"part:(\d+(?:,\d+)*)")


def regions_of(
    where: Where,
    generator: SplitGenerator,
    params: Any,
    pictures: Sequence[Picture],
    folders: Sequence[Path],
) -> dict[str, np.ndarray] | None:
    """The region ``[H, W]`` of the feature of each picture by its name; ``None`` for everywhere.

    Args:
      where: as given.
      generator: of the pictures.
      params: its weights.
      pictures: that are changed.
      folders: where parts are looked for.

    Raises:
      InputError: the words mean nothing, a file is of no use, or the region covers nothing.

    """
    if where.region is None:
        return None
    layer = pictures[0].drawing.layer
    found = _PARTS.fullmatch(where.region)
    if not found:
        mask = _mask_of(where.region, generator.spec)
        region = at_feature(mask, generator.spec.feature_shape(layer)[:2])
        return {picture.name: region for picture in pictures}
    parts = _read_parts(where, folders)
    check_parts(generator, parts, layer)
    numbers = [int(number) for number in found[1].split(",")]
    regions = {}
    for picture in pictures:
        h, _ = composed(generator, params, picture.drawing)
        try:
            regions[picture.name] = parts.region(h[0], numbers)
        except InputError as error:
            raise InputError(f"{shown(picture.path)}: {error}") from error
    return regions


def _read_parts(where: Where, folders: Sequence[Path]) -> Parts:
    if where.parts is not None:
        return load_parts(where.parts)
    for folder in folders:
        if (folder / "parts.npz").is_file():
            return load_parts(folder)
    raise InputError(
        "say with --parts which parts --region counts in: the folder of `pmsfc parts --out`"
    )


def _mask_of(text: str, spec: GeneratorSpec) -> np.ndarray:
    """The mask ``[H, W]`` in [0, 1] of a whole picture that the words stand for."""
    found = _BOX.fullmatch(text)
    if found:
        x, y, width, height = map(int, found.groups())
        return pixel_box(x, y, width, height, spec.image_shape[:2])
    if not Path(text).exists():
        raise InputError(
            f"--region {text!r} is neither a box X,Y,WIDTH,HEIGHT in whole pixels, nor part:N, nor "
            "a file"
        )
    mask = read_region(text)
    if not mask.any():
        raise InputError(f"the region {shown(text)} covers nothing: draw it in white")
    return mask
