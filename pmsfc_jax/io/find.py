"""Which files are meant by files and folders of photographs."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import os_reason, shown

#: What a file in a folder has to end in to count as a photograph (a file named explicitly need
#: not). HEIC is among them so that such a photograph is reported rather than passed over.
SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".avif", ".heic", ".heif",
    ".hif", ".tif", ".tiff", ".bmp", ".dib", ".gif", ".jp2", ".j2k", ".ppm", ".pgm", ".pbm",
    ".pnm", ".pfm",
})  # fmt: skip


class Found(NamedTuple):
    """What files and folders stand for.

    Attributes:
      files: the photographs, each once.
      passed_over: how many subfolders were not looked into.

    """

    files: list[Path]
    passed_over: int


def search_photographs(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, recursive: bool = False
) -> Found:
    """List the photographs that files and folders stand for.

    A file stands for itself, whatever it is called. A folder stands for the files in it whose
    suffix is an image's, in the order of their names, hidden ones left out; then, with
    ``recursive``, for those of its subfolders, in the order of their names. Order is otherwise that
    of ``paths``, and a file that comes up again is listed once. Links are followed.

    Raises:
      InputError: a path does not exist or may not be looked into, or there is no photograph at all.

    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    found: dict[Path, Path] = {}
    looked_into: set[str] = set()
    below: set[str] = set()
    for path in map(Path, given):
        if not _is_folder(path):
            _list_once(found, path)
            continue
        for folder, files, subfolders in _walk(path, recursive, seen=set()):
            looked_into.add(os.path.realpath(folder))
            below |= {os.path.realpath(folder / name) for name in subfolders}
            for file in files:
                _list_once(found, folder / file)
    passed_over = len(below - looked_into)
    if not found:
        where = ", ".join(shown(path) for path in given) or "an empty list"
        inside = f"; subfolders ({passed_over}) were passed over: ask for recursive"
        raise InputError(
            f"no photographs in {where}: name files, or folders that hold .jpg, .png or others"
            f"{inside if passed_over else ''}"
        )
    return Found(list(found.values()), passed_over)


def find_photographs(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], *, recursive: bool = False
) -> list[Path]:
    """The files of `search_photographs`, which has the arguments and the errors."""
    return search_photographs(paths, recursive=recursive).files


def _list_once(found: dict[Path, Path], file: Path) -> None:
    # Links to a folder are the same folder, but two links to one file are two names.
    found.setdefault(Path(os.path.realpath(file.parent), file.name), file)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError as error:
        raise InputError(
            f"cannot use {shown(path)}: {os_reason(error)}; name a file or a folder"
        ) from error


def _walk(
    folder: Path, recursive: bool, seen: set[str]
) -> Iterator[tuple[Path, list[str], list[str]]]:
    """The folder, its photographs and its subfolders by name; with ``recursive``, of all below.

    ``seen`` are the folders that were visited, so that links that form a loop end.
    """
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError(f"cannot look into {shown(folder)}: {os_reason(error)}") from error
    entries = [entry for entry in entries if not entry.name.startswith(".")]
    subfolders = [entry for entry in entries if os.path.isdir(entry)]
    # A dangling link stays in: it is reported when it is read.
    files = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    inside = {entry.name for entry in subfolders}
    yield folder, [file.name for file in files if file.name not in inside], sorted(inside)
    if recursive:
        for subfolder in subfolders:
            yield from _walk(subfolder, recursive, seen)
