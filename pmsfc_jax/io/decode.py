"""One photograph file of any kind to an upright 8-bit RGB picture, or a plain reason why not."""

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from pmsfc_jax.io.colour import notice_colours, to_srgb
from pmsfc_jax.io.foreign import explain_unrecognised, register_plugins
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


def read_rgb(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS
) -> tuple[Image.Image, list[Notice]]:
    """Decode the first frame of a photograph.

    Orientation (EXIF) is applied; transparency is put on white; colours become sRGB by the embedded
    profile, without one by Pillow's plain formulas; 16-bit grey is scaled by its full range;
    integers and floats of no stated range are scaled as the notice says. No warning of Pillow's
    escapes.

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


def read_opacity(
    path: str | os.PathLike[str], *, max_pixels: int = MAX_PIXELS
) -> np.ndarray | None:
    """How opaque each pixel of a photograph is, upright as `read_rgb` gives it.

    Returns:
      ``[h, w]`` uint8, 255 where nothing shines through; ``None`` where the file says nothing of
      transparency.

    Raises:
      PhotographError: as for `read_rgb`.

    """
    with _told_of(path), open(path, "rb") as file:
        image = _open(file, max_pixels)
        image.load()
        if not image.has_transparency_data:
            return None
        turn = _UPRIGHT.get(_orientation(image, []))
        opacity = image.convert("RGBA").getchannel("A")
        return np.array(opacity if turn is None else opacity.transpose(turn))


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
    register_plugins()
    try:
        image = Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])
    except UnidentifiedImageError:
        if (reason := explain_unrecognised(file)) is None:
            raise
        raise Refused(reason) from None
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
    turn = _UPRIGHT.get(_orientation(image, notices))
    notice_colours(image, notices)
    rgb = to_srgb(image, notices)
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
