"""Text on pictures, in the font that comes with Pillow."""

import unicodedata
from functools import cache

from PIL import ImageFont

# The font has the same letters at every size.
_ANY_SIZE = 14

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """Pillow's own font at ``size`` pixels: the same on every machine."""
    return ImageFont.load_default(size)


def line_height(font: Font) -> int:
    """Pixels from the top of a line to below its deepest letter."""
    return int(font.getbbox("Ajpqy|")[3])


def shorten(text: str, font: Font, width: int) -> str:
    """``text`` on one line of drawable characters, cut to ``width`` pixels with an ellipsis."""
    text = "".join(_drawable(font, char) for char in unicodedata.normalize("NFC", text))
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."


def can_draw(text: str) -> bool:
    """Whether `shorten` draws every letter of ``text``, be it without its accents."""
    plain = unicodedata.normalize("NFC", text)
    return all(char == "?" or _drawable(font(_ANY_SIZE), char) != "?" for char in plain)


@cache
def _drawable(font: Font, char: str) -> str:
    """``char`` if the font has it, else the letter under its accents, else a question mark.

    Pillow's built-in font has little beyond ASCII and draws a box for the rest; file names have
    accents.
    """
    if not char.isprintable():
        return " "
    box = bytes(font.getmask("\uffff"))
    for candidate in (char, unicodedata.normalize("NFKD", char)[0]):
        if bytes(font.getmask(candidate)) != box:
            return candidate
    return "?"
