"""Pictures inside a page: small files as data URIs."""

import base64
import io

import numpy as np
from PIL import Image

from pmsfc_jax.core.errors import InputError

#: Bytes of one embedded picture: two hundred of them make a page of less than 20 MB.
MOST_BYTES = 64_000
#: Bytes of all pictures of a page: as text they are a third more.
_PAGE_BYTES = 13_000_000
# Bytes a pixel of which fewer are not tried: without loss, and with it.
_WITHOUT_LOSS, _WITH_LOSS = 0.5, 0.12
_QUALITIES = (92, 85, 75, 60)


def data_uri(picture: np.ndarray, *, most: int = MOST_BYTES) -> str:
    """A picture as the address of itself.

    A PNG where that is small enough, else WebP of falling quality, else of half the size.

    Args:
      picture: ``[H, W, 3]`` uint8.
      most: bytes of the file; in the address three of them are four.

    Raises:
      InputError: it is no such picture.
    """
    kind, data = _file_within(Image.fromarray(checked(picture)), most)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def bytes_each(count: int) -> int:
    """Bytes of one of ``count`` pictures, so that the page of them all is of bounded size."""
    return min(MOST_BYTES, _PAGE_BYTES // max(count, 1))


def checked(picture: np.ndarray) -> np.ndarray:
    """The picture, if it is one: ``[H, W, 3]`` uint8.

    Raises:
      InputError: it is none.
    """
    picture = np.asarray(picture)
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        raise InputError(
            f"a page shows [H, W, 3] uint8 pictures, not {picture.shape} {picture.dtype}"
        )
    return picture


def _file_within(image: Image.Image, most: int) -> tuple[str, bytes]:
    """Kind and bytes of the best file of at most so many bytes; of one pixel, of any size."""
    pixels = image.width * image.height
    if pixels * _WITHOUT_LOSS <= most:
        data = _file(image, "PNG", optimize=True)
        if len(data) <= most:
            return "png", data
    for quality in _QUALITIES if pixels * _WITH_LOSS <= most or pixels == 1 else ():
        data = _file(image, "WEBP", quality=quality, method=2)
        if len(data) <= most or pixels == 1:
            return "webp", data
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    return _file_within(half, most)


def _file(image: Image.Image, kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
