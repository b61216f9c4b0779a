"""Photographs that are known by their files' bytes, before any of them is decoded."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.io.crop import CENTRE, Crop
from pmsfc_jax.io.decode import MAX_PIXELS, check_photograph
from pmsfc_jax.io.images import Skipped, too_small
from pmsfc_jax.io.paths import os_reason, shown, unique_stems
from pmsfc_jax.io.refusals import PhotographError


class PhotographFile(NamedTuple):
    """A photograph that has not been decoded.

    Attributes:
      path: the file, as it was given or found.
      name: what outputs made from it are called, unique among its companions.
      sha256: of the file's bytes: what the photograph is known by, wherever it lies.

    """

    path: Path
    name: str
    sha256: str

    @property
    def source(self) -> str:
        """The whole path as one line of text, as records name the file."""
        return shown(os.path.abspath(self.path))


def identify_photographs(
    paths: Sequence[str | os.PathLike[str]],
    *,
    crop: Crop = CENTRE,
    max_pixels: int = MAX_PIXELS,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[PhotographFile], list[Skipped]]:
    """Read every file once, for its hash, and look at its header; decode and keep nothing.

    Names are unique among all ``paths`` and do not depend on which of them can be used, as in
    `pmsfc_jax.io.images.load_photographs`.

    Args:
      paths: files, as `pmsfc_jax.io.find.search_photographs` lists them.
      crop: the part that will be wanted, which a photograph has to have.
      max_pixels: limit on the pixels of a photograph.
      on_progress: told how many files of how many have been looked at.

    Returns:
      The photographs in the order of ``paths``, and the files that are seen to be of no use, with
      the reasons. Damage further on in a file is noticed when it is decoded.

    """
    files, skipped = [], []
    for done, (path, name) in enumerate(zip(map(Path, paths), unique_stems(paths), strict=True)):
        on_progress(done, len(paths))
        try:
            # A picture that lies on its side has these the other way round.
            size = check_photograph(path, max_pixels=max_pixels)
            if not (crop.lies_within(size) or crop.lies_within(size[::-1])):
                raise PhotographError(path, too_small(crop, size))
            files.append(PhotographFile(path, name, file_sha256(path)))
        except PhotographError as error:
            skipped.append(Skipped(error.path, error.reason))
    on_progress(len(paths), len(paths))
    return files, skipped


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes.

    Raises:
      PhotographError: it cannot be read.

    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PhotographError(path, os_reason(error)) from error
