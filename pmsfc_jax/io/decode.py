"""One photograph file of any kind to an upright 8-bit RGB picture, or a plain reason why not."""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from pmsfc_jax.io.notices import Notice
from pmsfc_jax.io.paths import os_reason
from pmsfc_jax.io.refusals import PhotographError, Refused

#: Default limit on the pixels of one photograph; Pillow's own only stops above 179 million.
MAX_PIXELS = 64_000_000

# Formats of photographs. Others that Pillow opens are kept out on purpose: it hands EPS to an
# external interpreter, and some (TGA, PCX) have no signature, so that any bytes may pass for one.
# HEIF is there when the pillow-heif plugin has been registered.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "PPM", "JPEG2000", "AVIF", "HEIF")
_EXPECTED = "expected a JPEG, PNG, WebP, TIFF, BMP, GIF, PNM, JPEG 2000 or AVIF photograph"

# The transposition that makes a picture with this EXIF orientation upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Rows of a picture that are scaled at a time.
_BAND = 64
# Numbers of TIFF tags.
_TIFF_BITS_PER_SAMPLE = 258
_TIFF_PHOTOMETRIC = 262


def read_rgb(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS
) -> tuple[Image.Image, list[Notice]]:
    """Decode the first frame of a photograph.

    Orientation (EXIF) is applied; transparency is put on white; CMYK and other colour spaces
    become RGB by Pillow's plain formulas, embedded profiles are not used; 16-bit grey is scaled
    by its full range; integers and floats of no stated range are scaled as the notice says.
    No warning of Pillow's escapes.

    Args:
      path: the file.
      max_pixels: limit on width times height, checked in the header before anything is decoded.

    Returns:
      The picture in mode RGB, and notices of what was done that a user may not expect.

    Raises:
      PhotographError: the file cannot be used, for whatever reason.
    """
    with _told_of(path), open(path, "rb") as file:
        return _decode(file, max_pixels)


def check_photograph(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS
) -> tuple[int, int]:
    """Look at a photograph's header, and decode nothing.

    Returns:
      Width and height in pixels as they are stored, which EXIF may exchange.

    Raises:
      PhotographError: it is seen already that the file cannot be used. One that is damaged further
        on is noticed by `read_rgb` only.

    """
    with _told_of(path), open(path, "rb") as file:
        return _open(file, max_pixels).size


@contextmanager
def _told_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """Check the file, let no warning escape, and turn whatever is raised into a plain reason."""
    try:
        _check_file(path)
        with warnings.catch_warnings():
            # Theirs alone: other threads share this setting for as long as it lasts.
            warnings.filterwarnings("ignore", module=r"PIL|pillow_heif")
            yield
    except Exception as error:
        # Whatever a decoder raises on a foreign file is the file's fault: Pillow's plugins answer
        # damage with anything from SyntaxError to struct.error.
        raise PhotographError(path, _reason(error)) from error


def _check_file(path: str | os.PathLike[str]) -> None:
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise Refused("it is a folder, not a photograph")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("it is not a regular file")  # reading a pipe would wait forever
    if status.st_size == 0:
        raise Refused("the file is empty")


def _reason(error: Exception) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return f"its content is not an image of a known kind; {_EXPECTED}"
    if isinstance(error, Image.DecompressionBombError):
        return "it has more pixels than Pillow decodes; make it smaller"
    if isinstance(error, MemoryError):
        return "there is not enough memory to decode it; make it smaller"
    if isinstance(error, OSError) and error.errno is not None:
        return os_reason(error)
    return "it is truncated or damaged; copy or save it again"


def _open(file: IO[bytes], max_pixels: int) -> Image.Image:
    Image.init()
    image = Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
    width, height = image.size
    if width * height > max_pixels:
        raise Refused(
            f"it has {width}x{height} pixels and the limit is {max_pixels / 1e6:g} million; "
            "make it smaller"
        )
    if width * height == 0:
        raise Refused("it has no pixels")
    return image


def _decode(file: IO[bytes], max_pixels: int) -> tuple[Image.Image, list[Notice]]:
    image = _open(file, max_pixels)
    notices: list[Notice] = []
    frames = _count_frames(image)
    image.load()
    if frames > 1:
        notices.append(Notice("frames", f"only the first of its {frames} frames is used"))
    rgb = _to_rgb(image, notices)
    turn = _UPRIGHT.get(_orientation(image, notices))
    if turn is None:
        return rgb, notices
    notices.append(Notice("turned", "it was turned upright, as its EXIF block says"))
    return rgb.transpose(turn), notices


def _count_frames(image: Image.Image) -> int:
    """Number of frames; 1 where a later one is damaged, since only the first is wanted."""
    try:
        frames = int(getattr(image, "n_frames", 1))
        image.seek(0)
    except (OSError, EOFError, ValueError, SyntaxError, KeyError):
        frames = 1
    return frames


def _orientation(image: Image.Image, notices: list[Notice]) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a broken block of metadata does not spoil the picture
        notices.append(Notice("exif", "its EXIF block is damaged and was ignored"))
        return 1


def _to_rgb(image: Image.Image, notices: list[Notice]) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return Image.fromarray(_grey_levels(image, notices)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            notices.append(Notice("transparent", "its transparent parts were put on white"))
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode == "CMYK":
        notices.append(Notice("cmyk", "it was converted from CMYK without its colour profile"))
    return image.convert("RGB")


def _grey_levels(image: Image.Image, notices: list[Notice]) -> np.ndarray:
    """Grey values of more than 8 bits, ``[H, W]``, scaled to uint8."""
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise Refused("it holds values that are not finite numbers")
    low, high = float(values.min()), float(values.max())
    black = 0.0
    if image.mode.startswith("I;16"):
        # A TIFF of 12 bits fills only a sixteenth of the range of its 16-bit mode.
        span = 2.0 ** _tiff_tag(image, _TIFF_BITS_PER_SAMPLE, 16) - 1
    elif image.mode == "I" and low >= 0 and high <= 65535:
        span = 65535.0  # how 16-bit PNM files, and PNG in earlier versions of Pillow, arrive
    elif image.mode == "F" and low >= 0 and high <= 255:
        span = 1.0 if high <= 1 else 255.0
        notices.append(Notice("range", f"its float values were taken as 0 to {span:g}"))
    else:
        black, span = low, (high - low) or 1.0
        notices.append(
            Notice("range", f"its values, {low:g} to {high:g}, were stretched from black to white")
        )
    levels = np.empty(values.shape, np.uint8)
    for rows in range(0, len(values), _BAND):  # whole pictures in float64 would not be small
        scaled = (values[rows : rows + _BAND].astype(np.float64) - black) * 255 / span
        levels[rows : rows + _BAND] = np.clip(np.rint(scaled), 0, 255)
    if image.mode.startswith("I;16") and _tiff_tag(image, _TIFF_PHOTOMETRIC, 1) == 0:
        levels = 255 - levels  # "white is zero", which Pillow heeds in 8-bit TIFF only
    key = image.info.get("transparency")
    if isinstance(key, int) and (transparent := values == key).any():
        notices.append(Notice("transparent", "its transparent parts were put on white"))
        levels[transparent] = 255
    return levels


def _tiff_tag(image: Image.Image, tag: int, default: int) -> int:
    """First value of a numeric tag; ``default`` without it or in a file that is no TIFF."""
    value = getattr(image, "tag_v2", {}).get(tag, default)
    return int(value[0] if isinstance(value, tuple) else value)
