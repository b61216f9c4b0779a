"""Files that belong to photographs: masks and clean pictures, by the photographs' names."""

from collections.abc import Sequence
from pathlib import Path

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.find import search_photographs
from pmsfc_jax.io.photographs import PhotographFile


def by_stem(folder: Path) -> dict[str, Path]:
    """Pictures by their names without the suffix."""
    found: dict[str, Path] = {}
    for path in search_photographs(folder).files:
        found.setdefault(path.stem, path)
    return found


def masks_of(mask: Path | None, files: Sequence[PhotographFile]) -> dict[str, Path] | None:
    """``--mask``: the file of each photograph's mask by the photograph's name.

    Raises:
      InputError: there is neither a file nor a folder.

    """
    if mask is None:
        return None
    if mask.is_dir():
        return by_stem(mask)
    if not mask.is_file():
        raise InputError(f"--mask is {mask}, which is no file and no folder")
    return {file.path.stem: mask for file in files}
