"""Bounds-checked reading of bytes, numbers, lines and strings."""

import codecs
import re

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.quoting import show

# Byte strings longer than this stay views of the file: they are array data.
COPIED_BYTES = 1024
MAX_NAME = 1024
MAX_INTEGER_DIGITS = 100
MAX_INTEGER_BYTES = 64

# Everything that Python 2's repr of a byte string could write.
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {b"\\": b"\\", b"'": b"'", b'"': b'"', b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Cursor:
    """A place in a read-only buffer, from which nothing beyond the end can be read."""

    __slots__ = ("budget", "data", "position")

    def __init__(self, data: memoryview, position: int, budget: Budget) -> None:
        self.data = data
        self.position = position
        self.budget = budget

    def take(self, count: int) -> memoryview:
        """Return the next `count` bytes as a view and move past them."""
        start = self.position
        if count > len(self.data) - start:
            raise Damage(f"ends at byte {len(self.data)}, in the middle of {count} bytes of data")
        self.position = start + count
        return self.data[start : start + count]

    def byte(self) -> int:
        """Read one byte as a number."""
        position = self.position
        if position >= len(self.data):
            raise Damage(f"ends at byte {len(self.data)}, before its end")
        self.position = position + 1
        return self.data[position]

    def unsigned(self, count: int) -> int:
        """Read a little-endian unsigned number of `count` bytes."""
        return int.from_bytes(self.take(count), "little")

    def signed(self, count: int) -> int:
        """Read a little-endian signed number of `count` bytes."""
        if count > MAX_INTEGER_BYTES:
            raise Damage(f"holds a whole number of {count} bytes")
        return int.from_bytes(self.take(count), "little", signed=True)

    def line(self) -> bytes:
        """Read up to the next newline, which is left out."""
        start, width = self.position, 256
        while True:
            chunk = bytes(self.data[start : start + width])
            at = chunk.find(b"\n")
            if at >= 0:
                self.position = start + at + 1
                self.budget.spend(at)
                return chunk[:at]
            if len(chunk) < width:
                raise Damage(f"ends at byte {len(self.data)}, in the middle of a line")
            width *= 4

    def name(self) -> str:
        """Read a line that is a dotted name."""
        line = self.line()
        if len(line) > MAX_NAME:
            raise Damage(f"holds a name of {len(line)} bytes")
        return decode(line)

    def integer_line(self) -> int:
        """Read a decimal whole number on a line of its own."""
        line = self.line().removesuffix(b"L")
        if len(line) > MAX_INTEGER_DIGITS or not re.fullmatch(rb"-?[0-9]+", line):
            raise Damage(f"holds {show(line)} where a whole number belongs")
        return int(line)

    def float_line(self) -> float:
        """Read a decimal number on a line of its own."""
        line = self.line()
        try:
            if len(line) <= MAX_INTEGER_DIGITS:
                return float(line)
        except ValueError:
            pass
        raise Damage(f"holds {show(line)} where a number belongs")

    def text(self, count: int) -> str:
        """Read `count` bytes of UTF-8."""
        view = self.take(count)
        self.budget.spend(count)
        text = decode(view)
        # Up to four bytes a character where one is outside Latin-1; known only afterwards.
        self.budget.spend(max(0, text.__sizeof__() - count))
        return text

    def raw(self, count: int) -> bytes | memoryview:
        """Read `count` bytes: copied where they are few, a view of the file where many."""
        view = self.take(count)
        if count > COPIED_BYTES:
            return view
        self.budget.spend(count)
        return bytes(view)

    def python2_string(self, count: int) -> str | bytes | memoryview:
        """Read a byte string of Python 2: text if it is ASCII, else data."""
        raw = self.raw(count)
        if isinstance(raw, bytes) and raw.isascii():
            self.budget.spend(count)
            return raw.decode("ascii")
        return raw

    def quoted_line(self) -> str | bytes:
        """Read a byte string of Python 2 in quotes, as protocol 0 writes it."""
        line = self.line().strip()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise Damage(f"holds {show(line)} where a quoted string belongs")
        raw = _ESCAPE.sub(_unescape, line[1:-1])
        return raw.decode("ascii") if raw.isascii() else raw

    def unicode_line(self) -> str:
        """Read text escaped the way protocol 0 writes it."""
        try:
            text = codecs.raw_unicode_escape_decode(self.line())[0]
            text.encode("utf-8")
        except UnicodeError as error:
            raise Damage("holds text that cannot be decoded") from error
        return text


def decode(raw: bytes | memoryview) -> str:
    """Decode strict UTF-8; text that could not be printed again is damage."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise Damage("holds text that is not UTF-8") from error


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code[:1] == b"x" and len(code) == 3:
        return bytes([int(code[1:], 16)])
    if code not in _ESCAPED:
        raise Damage(f"holds the unknown escape {show(match[0])}")
    return _ESCAPED[code]
