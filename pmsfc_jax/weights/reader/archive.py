"""Find the entries of a zip archive that is held in memory.

torch stores its tensors without compression, so that an entry is a view of the file. What numpy
compressed is inflated, to no more than its table of contents says and the budget allows.
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from pmsfc_jax.weights.reader.budget import Budget
from pmsfc_jax.weights.reader.damage import Damage, Unsuitable
from pmsfc_jax.weights.reader.quoting import show

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
# How far back at a time the end record is looked for, and how many that look like one are tried.
_WINDOW = 1 << 20
_MAX_ENDS = 16
_ENTRY_OVERHEAD = 600
_DEFLATED = 8


class Entry(NamedTuple):
    """Where an entry's bytes lie, and what they must amount to."""

    start: int
    packed: int
    size: int
    crc: int
    method: int
    encrypted: bool


class Archive:
    """The table of contents of a zip archive, and checked access to what it lists."""

    def __init__(self, data: memoryview, budget: Budget) -> None:
        self._data = data
        self._budget = budget
        self.entries, end = _entries(data, budget)
        #: Bytes of `data` that lie behind the archive.
        self.trailing = len(data) - end
        # torch can be told to leave out checksums (`set_crc32_options`); it writes zeros then.
        self.checksummed = any(entry.crc for entry in self.entries.values())

    def read(self, name: str, *, inflate: bool = False) -> memoryview:
        """Return the bytes of an entry, after comparing their checksum; a view if not compressed.

        Args:
            name: Of the entry.
            inflate: Whether it may be compressed.

        """
        entry = self.entries.get(name)
        if entry is None:
            raise Damage(f"lacks its entry {show(name)}")
        if entry.encrypted:
            raise Unsuitable(f"is encrypted (entry {show(name)}); decrypt it first")
        if entry.method == _DEFLATED and inflate:
            view = self._inflated(name, entry)
        elif entry.method == 0:
            view = self._data[entry.start : entry.start + entry.size]
        else:
            raise Unsuitable(
                f"has the compressed entry {show(name)}, which torch.save never writes; "
                "load it with torch and save it again"
            )
        if self.checksummed and zlib.crc32(view) != entry.crc:
            raise Damage(f"has the wrong checksum (CRC-32) in entry {show(name)}")
        return view

    def _inflated(self, name: str, entry: Entry) -> memoryview:
        self._budget.spend(entry.size)
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        packed = self._data[entry.start : entry.start + entry.packed]
        try:
            raw = inflater.decompress(packed, entry.size + 1)
        except zlib.error as error:
            raise Damage(f"has the damaged compressed entry {show(name)}") from error
        if len(raw) != entry.size or not inflater.eof:
            raise Damage(f"has {len(raw)} bytes or more in entry {show(name)}, not {entry.size}")
        return memoryview(raw)


def _unpack(layout: struct.Struct, data: memoryview, at: int, signature: bytes) -> tuple:
    if at < 0 or at + layout.size > len(data) or bytes(data[at : at + 4]) != signature:
        raise Damage("has a damaged table of contents (zip directory)")
    return layout.unpack_from(data, at)


def _entries(data: memoryview, budget: Budget) -> tuple[dict[str, Entry], int]:
    """Return the entries by name, and where the archive ends."""
    count, directory_size, at, archive_end = _directory(data)
    end = at + directory_size
    entries: dict[str, Entry] = {}
    spans = []
    for _ in range(count):
        budget.spend(_ENTRY_OVERHEAD)
        fields = _unpack(_CENTRAL, data, at, b"PK\x01\x02")
        flags, method, crc = fields[3], fields[4], fields[7]
        packed, size, (name_size, extra_size, comment_size) = fields[8], fields[9], fields[10:13]
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_size
        at = extra_at + extra_size + comment_size
        if at > end:
            raise Damage("has a damaged table of contents (zip directory)")
        extra = bytes(data[extra_at : extra_at + extra_size])
        size, packed, header_at = _large_sizes(extra, size, packed, fields[16])
        local = _unpack(_LOCAL, data, header_at, b"PK\x03\x04")
        raw_name = bytes(data[name_at:extra_at])
        start = header_at + _LOCAL.size + local[9] + local[10]
        local_name = data[header_at + _LOCAL.size : header_at + _LOCAL.size + local[9]]
        name = raw_name.decode("utf-8", "replace")
        if name in entries or local_name != raw_name or start + packed > len(data):
            raise Damage(f"has a damaged table of contents (zip entry {show(name)})")
        if method == 0 and packed != size:
            raise Damage(f"has two different sizes for entry {show(name)}")
        spans.append((header_at, start + packed))
        entries[name] = Entry(start, packed, size, crc, method, bool(flags & 1))
    spans.sort()
    if any(before[1] > after[0] for before, after in pairwise(spans)):
        raise Damage("has entries that overlap one another")
    return entries, archive_end


def _directory(data: memoryview) -> tuple[int, int, int, int]:
    """Return number of entries, size and position of the table of contents, end of the archive.

    What looks like an end record may be part of bytes that were added behind the archive: the last
    one that fits is taken.
    """
    fault = Damage("has no table of contents at its end (zip directory): it was cut short")
    for tried, end_at in enumerate(_ends(data)):
        try:
            return _directory_before(data, end_at)
        except Damage as error:
            fault = error if not tried else fault
        if tried == _MAX_ENDS:
            break
    raise fault


def _ends(data: memoryview) -> Iterator[int]:
    """Positions of what looks like an end record, from the last to the first."""
    stop = len(data)
    while stop > 3:
        start = max(0, stop - _WINDOW)
        window = bytes(data[start:stop])
        at = window.rfind(b"PK\x05\x06")
        while at >= 0:
            yield start + at
            at = window.rfind(b"PK\x05\x06", 0, at + 3)
        # One may lie across the border.
        stop = start + 3 if start else 0


def _directory_before(data: memoryview, end_at: int) -> tuple[int, int, int, int]:
    """As `_directory`, for the end record at ``end_at``."""
    fields = _unpack(_END, data, end_at, b"PK\x05\x06")
    archive_end = end_at + _END.size + fields[7]
    if archive_end > len(data):
        raise Damage("ends in the middle of its comment (zip directory)")
    count, size, at = fields[4:7]
    locator_at = end_at - _END64_LOCATOR.size
    if locator_at >= 0 and bytes(data[locator_at : locator_at + 4]) == b"PK\x06\x07":
        end_at = _unpack(_END64_LOCATOR, data, locator_at, b"PK\x06\x07")[2]
        count, size, at = _unpack(_END64, data, end_at, b"PK\x06\x06")[7:10]
    if at + size != end_at or count * _CENTRAL.size > size:
        raise Damage("has a damaged table of contents (zip directory)")
    return count, size, at, archive_end


def _large_sizes(extra: bytes, size: int, packed: int, header_at: int) -> tuple[int, int, int]:
    """Take the numbers that do not fit into 32 bits from an entry's zip64 field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            numbers = [
                int.from_bytes(extra[place : place + 8], "little")
                for place in range(at + 4, min(at + 4 + length, len(extra)) - 7, 8)
            ]
            try:
                size = numbers.pop(0) if size == 0xFFFFFFFF else size
                packed = numbers.pop(0) if packed == 0xFFFFFFFF else packed
                header_at = numbers.pop(0) if header_at == 0xFFFFFFFF else header_at
            except IndexError as error:
                raise Damage("has a damaged table of contents (zip64 entry)") from error
        at += 4 + length
    return size, packed, header_at
