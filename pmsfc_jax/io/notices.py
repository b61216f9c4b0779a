"""What was done to photographs that their owner may not expect: one by one, and summed up."""

from collections.abc import Iterable
from typing import NamedTuple

#: What stands behind a count of photographs, by the kind of notice.
PHRASES = {
    "square": "cropped to squares",
    "cropped": "cropped",
    "stretched": "stretched to other proportions",
    "turned": "turned by EXIF",
    "reduced": "reduced to the generator's size",
    "enlarged": "enlarged to the generator's size",
    "frames": "with further frames, which are not used",
    "transparent": "put on white where transparent",
    "cmyk": "converted from CMYK without a profile",
    "profile": "converted to sRGB from another colour profile",
    "colours": "with colours that may be off",
    "range": "with values whose range had to be guessed",
    "dark": "dark, with few of their values used",
    "exif": "with a damaged EXIF block",
}

_PHRASES_OF_ONE = PHRASES | {"square": "cropped to a square"}


class Notice(NamedTuple):
    """One thing that was done to a photograph, or that is odd about it.

    Attributes:
      kind: a key of `PHRASES`.
      text: a clause without the photograph's name.

    """

    kind: str
    text: str


class Tally:
    """Counts photographs by the kinds of their notices."""

    def __init__(self) -> None:
        self._rows: dict[str, set[int]] = {}

    def add(self, row: int, notices: Iterable[Notice]) -> None:
        """Count the photograph ``row``, once for each kind however often it is added."""
        for notice in notices:
            self._rows.setdefault(notice.kind, set()).add(row)

    def counts(self) -> dict[str, int]:
        """How many photographs have notices of each kind, the most frequent first."""
        found = {kind: len(rows) for kind, rows in self._rows.items()}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def text(self) -> str:
        """For instance ``18 cropped to squares, 5 turned by EXIF``; empty without notices."""
        return ", ".join(
            f"{count} {(_PHRASES_OF_ONE if count == 1 else PHRASES)[kind]}"
            for kind, count in self.counts().items()
        )
