"""Opcodes that read a value from the stream and push it."""

import struct
from collections.abc import Callable
from typing import Any

from pmsfc_jax.weights.reader.damage import Damage
from pmsfc_jax.weights.reader.pickle.cursor import Cursor

#: Opcode -> (bytes of memory charged for the value's object, how it is read).
LITERALS: dict[int, tuple[int, Callable[[Cursor], Any]]] = {
    ord("N"): (16, lambda c: None),
    0x88: (16, lambda c: True),
    0x89: (16, lambda c: False),
    ord("]"): (72, lambda c: []),
    ord("}"): (72, lambda c: {}),
    ord(")"): (16, lambda c: ()),
    0x8F: (224, lambda c: set()),
    # Numbers.
    ord("K"): (16, lambda c: c.byte()),
    ord("M"): (40, lambda c: c.unsigned(2)),
    ord("J"): (40, lambda c: c.signed(4)),
    0x8A: (48, lambda c: c.signed(c.byte())),
    0x8B: (48, lambda c: c.signed(_length(c, 4))),
    ord("L"): (80, lambda c: c.integer_line()),
    ord("I"): (80, lambda c: _integer_or_bool(c)),
    ord("F"): (32, lambda c: c.float_line()),
    ord("G"): (32, lambda c: struct.unpack(">d", c.take(8))[0]),
    # Text.
    ord("X"): (64, lambda c: c.text(c.unsigned(4))),
    0x8C: (64, lambda c: c.text(c.byte())),
    0x8D: (64, lambda c: c.text(c.unsigned(8))),
    ord("V"): (64, lambda c: c.unicode_line()),
    # Bytes. A view of the file costs an object of 200 bytes.
    ord("C"): (64, lambda c: c.raw(c.byte())),
    ord("B"): (200, lambda c: c.raw(c.unsigned(4))),
    0x8E: (200, lambda c: c.raw(c.unsigned(8))),
    0x96: (200, lambda c: c.raw(c.unsigned(8))),
    # Byte strings of Python 2.
    ord("U"): (64, lambda c: c.python2_string(c.byte())),
    ord("T"): (200, lambda c: c.python2_string(_length(c, 4))),
    ord("S"): (64, lambda c: c.quoted_line()),
}


def _length(cursor: Cursor, count: int) -> int:
    """Read a length that its opcode declares signed."""
    length = cursor.signed(count)
    if length < 0:
        raise Damage(f"holds the negative length {length}")
    return length


def _integer_or_bool(cursor: Cursor) -> int:
    """Read protocol 0's whole number, where 00 and 01 stand for False and True."""
    start = cursor.position
    value = cursor.integer_line()
    if bytes(cursor.data[start : start + 3]) in (b"00\n", b"01\n"):
        return bool(value)
    return value
