"""Photographs that Pillow alone does not read: HEIC by a plug-in, others by name at least."""

from functools import cache
from typing import IO

from PIL import Image, features

_HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_AVIF = (b"avif", b"avis")
#: Kinds that are read, by how a file begins.
_READ = {
    b"\xff\xd8": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"RIFF": "WebP",
    b"\0\0\0\x0cjP": "JPEG 2000",
}
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
#: Kinds that are not.
_OTHERS = {
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"%PDF": "PDF",
    b"%!PS": "PostScript",
    b"8BPS": "Photoshop",
    b"<svg": "SVG",
    b"PK\x03\x04": "ZIP",
    b"<!DO": "HTML",
    b"<!do": "HTML",
    b"<htm": "HTML",
    b"\x93NUMPY": "numpy",
}


@cache
def register_plugins() -> None:
    """Let Pillow read HEIC, and AVIF where it does not already, if pillow-heif is installed."""
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.register_heif_opener()
    if not features.check("avif") and hasattr(pillow_heif, "register_avif_opener"):
        pillow_heif.register_avif_opener()


def explain_unrecognised(file: IO[bytes]) -> str | None:
    """What a file is that Pillow could not open, and what to do; ``None`` if it is unknown."""
    file.seek(0)
    head = file.read(24)
    kind = head[4:8] == b"ftyp" and head[8:12]
    if kind in _HEIC and "HEIF" not in Image.OPEN:
        return (
            "it is a HEIC photograph, which needs the package pillow-heif: install "
            "pmsfc-jax[heif], or save it as JPEG"
        )
    if kind in _AVIF and "AVIF" not in Image.OPEN:
        return (
            "it is an AVIF photograph, which this Pillow does not read: install Pillow 11.3 or "
            "newer, or save it as JPEG"
        )
    if head.startswith(_TIFF):
        return (
            "it is a TIFF file that is truncated, or of a kind that is not read, such as floats in "
            "colour; save it with 8 or 16 bits a channel"
        )
    if head.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS, not the photograph; fetch it with git lfs pull"
    for start, name in _READ.items():
        if head.startswith(start):
            return f"it begins like {name} and is truncated or damaged; copy or save it again"
    for start, name in _OTHERS.items():
        if head.startswith(start):
            return f"its content is {name}, not a photograph that is read here; save it as JPEG"
    return None
