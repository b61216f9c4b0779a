"""Grey values of more than 8 bits, or of no stated range, to 8 bits.

Where a file states its range, that is taken. Where it does not (32-bit integers, floats), a usual
range is taken that fits almost all values, so that a single one beyond it, or a percent, does not
turn the others black; without a usual one the values are stretched. All of that is told.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from pmsfc_jax.io.notices import Notice
from pmsfc_jax.io.refusals import Refused

# Rows of a picture that are scaled at a time: whole pictures in float64 would not be small.
_BAND = 64
# Numbers of TIFF tags.
_TIFF_BITS_PER_SAMPLE = 258
_TIFF_PHOTOMETRIC = 262
# Modes of 16-bit files say their range; so do these formats where they come in 32 bits.
_STATED = ("PNG", "PPM")
_FULL = 65535.0

# Values that are looked at to find a range, about; the share on either side that may lie outside;
# and how far a value may lie outside, of the range's width, without being counted as such.
_SAMPLE = 1_000_000
_OUTLIERS = 0.005
_SLACK = 0.05
# Depths of integers that cameras, scanners and programs have, in bits.
_DEPTHS = (8, 10, 12, 14, 15, 16)
# Of a stated range of 16 bits so few are hardly meant.
_SUSPICIOUS_BITS = 13


class _Range(NamedTuple):
    black: float
    white: float


def grey_levels(image: Image.Image, notices: list[Notice]) -> np.ndarray:
    """The values of a picture in a mode of one wide channel (``I;16``, ``I``, ``F``).

    Returns:
      ``[H, W]`` uint8.

    Raises:
      Refused: some are not finite numbers.

    """
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise Refused("it holds values that are not finite numbers")
    sample = _ordered_sample(values)
    low, high = _almost_all(sample)
    if image.mode.startswith("I;16"):
        # A TIFF of 12 bits fills only a sixteenth of the range of its 16-bit mode.
        found = _Range(0.0, 2.0 ** _tiff_tag(image, _TIFF_BITS_PER_SAMPLE, 16) - 1)
    elif image.mode == "I" and image.format in _STATED:
        found = _Range(0.0, _FULL)
    else:
        found = _guess(sample, low, high)
        notices.append(Notice("range", _told(values, found)))
    if found == _Range(0.0, _FULL) and (bits := int(high).bit_length()) <= _SUSPICIOUS_BITS:
        text = (
            f"it is dark: almost all values need only {max(bits, 1)} of its 16 bits; save it in "
            "the full range if it is not meant so"
        )
        notices.append(Notice("dark", text))
    levels = _scale(values, found)
    if _tiff_tag(image, _TIFF_PHOTOMETRIC, 1) == 0:
        levels = 255 - levels  # "white is zero", which Pillow heeds in 8-bit TIFF only
    return levels


def _scale(values: np.ndarray, found: _Range) -> np.ndarray:
    levels = np.empty(values.shape, np.uint8)
    for rows in range(0, len(values), _BAND):
        band = values[rows : rows + _BAND].astype(np.float64)
        scaled = (band - found.black) * 255 / (found.white - found.black)
        levels[rows : rows + _BAND] = np.clip(np.rint(scaled), 0, 255)
    return levels


def _ordered_sample(values: np.ndarray) -> np.ndarray:
    """Evenly spaced values of a picture in ascending order, as float64."""
    step = max(1, int(np.sqrt(values.size / _SAMPLE)))
    return np.sort(values[::step, ::step].astype(np.float64), axis=None)


def _almost_all(ordered: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value but for the outliers."""
    out = int(_OUTLIERS * len(ordered))
    return float(ordered[out]), float(ordered[len(ordered) - 1 - out])


def _guess(ordered: np.ndarray, low: float, high: float) -> _Range:
    """A range for values of which nothing is said."""
    whole = bool((ordered == np.rint(ordered)).all())
    usual = _usual_for_whole(ordered, low, high) if whole else _usual_for_fractions(low, high)
    if usual is not None:
        return usual
    # Stretched, from 0 where that is not far: so that a picture keeps its shadows.
    black = 0.0 if 0 < low <= high / 2 else low
    return _Range(black, high if high > black else float(np.nextafter(black, np.inf)))


def _usual_for_whole(ordered: np.ndarray, low: float, high: float) -> _Range | None:
    if ordered[0] >= 0 and ordered[-1] <= 1:
        return _Range(0.0, 1.0)  # a mask
    if low < 0:
        return None
    for bits in _DEPTHS:
        white = 2.0**bits - 1
        # A picture of 8 bits may be dark; one of more that uses no half of them is stretched.
        if high <= white * (1 + _SLACK) and (bits == 8 or high >= white / 2):
            return _Range(0.0, white)
    return None


def _usual_for_fractions(low: float, high: float) -> _Range | None:
    if low >= -_SLACK and high <= 1 + _SLACK:
        return _Range(0.0, 1.0)
    if -1 - 2 * _SLACK <= low <= -0.5 and high <= 1 + 2 * _SLACK:
        return _Range(-1.0, 1.0)
    for white in (255.0, _FULL):
        if low >= -_SLACK * white and white / 2 <= high <= white * (1 + _SLACK):
            return _Range(0.0, white)
    return None


def _told(values: np.ndarray, found: _Range) -> str:
    text = f"its values were taken as {found.black:g}, black, to {found.white:g}, white"
    outside = float(np.mean((values < found.black) | (values > found.white)))
    return text if not outside else f"{text}; {max(100 * outside, 0.01):.2g} % lie outside"


def _tiff_tag(image: Image.Image, tag: int, default: int) -> int:
    """First value of a numeric tag; ``default`` without it or in a file that is no TIFF."""
    value = getattr(image, "tag_v2", {}).get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)
