"""The photographs that a command is given: found, looked at, and what became of them told."""

from collections.abc import Sequence
from pathlib import Path

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.crop import CENTRE, Crop
from pmsfc_jax.io.find import search_photographs
from pmsfc_jax.io.images import Skipped
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.photographs import PhotographFile, identify_photographs


def look_at_photographs(
    paths: Sequence[Path], *, recursive: bool = False, crop: Crop = CENTRE
) -> tuple[list[PhotographFile], list[Skipped]]:
    """The photographs that files and folders stand for, by their bytes, and those of no use.

    Raises:
      InputError: a path does not exist, or there is no photograph.

    """
    if not paths:
        raise InputError("no photographs are given: name files, or folders of them")
    try:
        found = search_photographs(paths, recursive=recursive)
    except InputError as error:
        raise InputError(str(error).replace("ask for recursive", "give --recursive")) from error
    if found.passed_over:
        folders = counted(found.passed_over, "subfolder was", "subfolders were")
        notice(f"{folders} passed over: --recursive looks into them")
    with progress_bar("photographs") as update:
        return identify_photographs(found.files, crop=crop, on_progress=update)


def tell_left_out(events: Events, path: Path, reason: str) -> None:
    """A photograph that cannot be used."""
    notice(f"left out {shown(path)}: {reason}")
    events.tell("left_out", photograph=shown(path), reason=reason)
