"""Matrices, maps and bars as pictures: ``[H, W, 3]`` uint8, made with numpy and Pillow alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.report.text import font, line_height

_WHITE, _INK, _FAINT = (255, 255, 255), (32, 33, 36), (218, 220, 224)
_ACCENT, _REST = (31, 94, 168), (176, 182, 190)
_BORDER = (217, 95, 2)
# White to nearly black through yellow, red and violet: lightness falls all the way.
_STOPS = np.array([[255, 255, 255], [254, 224, 144], [236, 112, 64], [150, 30, 96], [28, 10, 60]])


def heat_colours(values: ArrayLike, limit: float) -> np.ndarray:
    """Colours ``[..., 3]`` uint8 of values 0 (white) to ``limit`` and above (darkest).

    Raises:
      InputError: ``limit`` is not positive.
    """
    if not limit > 0:
        raise InputError(f"a scale of colours ends at a positive number, not {limit:g}")
    place = np.clip(np.asarray(values, np.float64) / limit, 0, 1) * (len(_STOPS) - 1)
    stops = np.arange(len(_STOPS))
    channels = [np.interp(place, stops, _STOPS[:, k]) for k in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def heatmap(
    matrix: ArrayLike, *, limit: float, borders: Sequence[int] = (), side: int = 480
) -> np.ndarray:
    """A square matrix ``[C, C]`` as a picture, with lines between blocks.

    Every entry is a square of whole pixels, at least one.

    Args:
      matrix: not negative.
      limit: the value that is darkest.
      borders: for each block after the first the index at which it begins.
      side: pixels a side that the picture has at most, unless C is larger.
    """
    colours = heat_colours(matrix, limit)
    factor = max(1, side // colours.shape[0])
    picture = colours.repeat(factor, 0).repeat(factor, 1)
    for border in borders:
        # The line replaces pixels of the entries before the border; nothing is shifted.
        line = slice(max(border * factor - max(1, factor // 3), 0), border * factor)
        picture[line] = _BORDER
        picture[:, line] = _BORDER
    return picture


def effect_pictures(maps: ArrayLike, *, limit: float) -> list[np.ndarray]:
    """Maps ``[R, H, W]``, not negative, as pictures on one scale of colours."""
    return [heat_colours(one, limit) for one in np.asarray(maps)]


def bar_chart(
    values: Sequence[float],
    *,
    highlighted: int,
    title: str,
    height: int = 220,
    most: int = 24,
) -> np.ndarray:
    """Bars from 0, numbered from 1, the first ``highlighted`` of them in colour.

    Args:
      values: one a bar, the largest positive; negative ones are drawn as 0.
      highlighted: how many are in colour.
      title: a line above.
      height: pixels of the largest bar.
      most: bars that are drawn.

    Raises:
      InputError: there are no values, or none is positive.
    """
    shown = np.asarray(values, np.float64)[:most]
    if shown.size == 0 or not shown.max() > 0:
        raise InputError("a chart of bars needs a value above 0")
    text, small = font(16), font(12)
    bar, gap, left = 28, 10, 44
    top = 2 * line_height(text) + line_height(small)
    width = max(left + (bar + gap) * shown.size + gap, int(text.getlength(title)) + 2 * gap)
    picture = Image.new("RGB", (width, top + height + 2 * line_height(small)), _WHITE)
    draw = ImageDraw.Draw(picture)
    draw.text((gap, gap // 2), title, fill=_INK, font=text)
    for share in (0, 0.5, 1):
        y = top + height * (1 - share)
        draw.line((left, y, width, y), fill=_FAINT)
        draw.text((left - 6, y), f"{share * shown.max():.2f}", fill=_INK, font=small, anchor="rm")
    for number, value in enumerate(shown):
        x = left + gap + number * (bar + gap)
        y = top + height * (1 - max(value, 0) / shown.max())
        colour = _ACCENT if number < highlighted else _REST
        draw.rectangle((x, y, x + bar, top + height), fill=colour)
        middle = x + bar / 2
        draw.text((middle, y - 3), f"{value:.2f}", fill=_INK, font=small, anchor="mb")
        draw.text((middle, top + height + 4), str(number + 1), fill=_INK, font=small, anchor="ma")
    return np.array(picture)
