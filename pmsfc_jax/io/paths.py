"""Paths in messages and names of outputs; operating-system errors in plain words."""

import errno
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

# Longest stem of an output in bytes: leaves room for suffixes within the usual limit of 255.
_LONGEST_STEM = 120
# Not allowed in file names on Windows, or meaningful to a shell or path on any system.
_FORBIDDEN = frozenset('<>:"/\\|?*')

_WORDS = {
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EROFS: "the disk is read-only",
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENOENT: "it does not exist",
    errno.ENOTDIR: "a part of its path is a file, not a folder",
    errno.EISDIR: "it is a folder",
    errno.ENAMETOOLONG: "its name is too long",
    errno.ELOOP: "its symbolic links form a loop",
}


def shown(path: str | os.PathLike[str]) -> str:
    """A path as text for a one-line message: line breaks and undecodable bytes are escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in os.fspath(path)
    )


def os_reason(error: OSError) -> str:
    """What went wrong, without the path and the error number."""
    if error.errno in _WORDS:
        return _WORDS[error.errno]
    return error.strerror or type(error).__name__


def unique_stems(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """One name for the outputs of each input, all different.

    A name is the file's name without its last suffix, made safe for any file system. Where several
    inputs share one, ignoring case, the first keeps it and the others become ``name-2``,
    ``name-3``, ... in their order, passing over numbers that would be another input's own name.
    The answer depends on the paths alone, not on whether they can be read.
    """
    stems = [_safe_stem(path) for path in paths]
    own = {stem.casefold() for stem in stems}
    taken: set[str] = set()
    names = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in taken or (number > 1 and name.casefold() in own):
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _safe_stem(path: str | os.PathLike[str]) -> str:
    """The stem with odd characters as ``_``, no dots or blanks at its ends, and not too long."""
    stem = unicodedata.normalize("NFC", Path(path).stem)
    stem = "".join(char if char.isprintable() and char not in _FORBIDDEN else "_" for char in stem)
    stem = stem.encode()[:_LONGEST_STEM].decode(errors="ignore").strip(". ")
    return stem or "image"
