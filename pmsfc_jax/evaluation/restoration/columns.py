"""The columns of a table of restorations: losses by name. A new one is a function and a line."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pmsfc_jax.tasks import degradations as d
from pmsfc_jax.tasks.degradations import Degradation

#: ``(H, W)``, how many pictures, and where chance comes from, to a degradation and its operands.
Column = Callable[[tuple[int, int], int, np.random.Generator], tuple[Degradation, Any]]

#: Width of the Gaussian of ``blur`` in pixels.
_BLUR = 1.5


def _colour(size: tuple[int, int], count: int, rng: np.random.Generator) -> tuple[Degradation, Any]:
    return d.grey(), ()


def _super(factor: int) -> Column:
    """Sides divided by ``factor``, as Pillow's bicubic filter does."""

    def column(
        size: tuple[int, int], count: int, rng: np.random.Generator
    ) -> tuple[Degradation, Any]:
        return d.downsample((max(1, size[0] // factor), max(1, size[1] // factor))), ()

    return column


def _hole(size: tuple[int, int], count: int, rng: np.random.Generator) -> tuple[Degradation, Any]:
    """The middle quarter."""
    return d.mask(), d.known_where(d.centre_hole(*size, 0.5), count)


def _missing(share: float) -> Column:
    """Pixels at random, others in each picture."""

    def column(
        size: tuple[int, int], count: int, rng: np.random.Generator
    ) -> tuple[Degradation, Any]:
        holes = np.stack([d.missing_pixels(*size, share, rng) for _ in range(count)])
        return d.mask(), d.known_where(holes, count)

    return column


def _strokes(
    size: tuple[int, int], count: int, rng: np.random.Generator
) -> tuple[Degradation, Any]:
    """Scratches over a quarter of each picture."""
    holes = np.stack([d.strokes(*size, 0.25, rng) for _ in range(count)])
    return d.mask(), d.known_where(holes, count)


def _noise(levels: float) -> Column:
    def column(
        size: tuple[int, int], count: int, rng: np.random.Generator
    ) -> tuple[Degradation, Any]:
        return d.noise(), d.sigmas_of(levels, count)

    return column


def _blur(size: tuple[int, int], count: int, rng: np.random.Generator) -> tuple[Degradation, Any]:
    return d.blur(), d.kernels_of(d.gaussian(_BLUR), count)


def _jpeg(quality: int) -> Column:
    def column(
        size: tuple[int, int], count: int, rng: np.random.Generator
    ) -> tuple[Degradation, Any]:
        compression = d.compression_of_quality(quality)
        return d.jpeg(compression.subsampling), d.tables_of(compression, count)

    return column


def _small_and_noisy(
    size: tuple[int, int], count: int, rng: np.random.Generator
) -> tuple[Degradation, Any]:
    """Half as large, and noise of 15 grey levels."""
    half = d.downsample((size[0] // 2, size[1] // 2))
    return d.chain(half, d.noise()), ((), d.sigmas_of(15, count))


COLUMNS: dict[str, Column] = {
    "colour": _colour,
    "super2": _super(2),
    "super4": _super(4),
    "super8": _super(8),
    "hole": _hole,
    "missing90": _missing(0.9),
    "strokes": _strokes,
    "noise15": _noise(15),
    "noise25": _noise(25),
    "noise50": _noise(50),
    "blur": _blur,
    "jpeg10": _jpeg(10),
    "jpeg30": _jpeg(30),
    "super2_noise15": _small_and_noisy,
}
