"""What the folder of a run or an edit holds, to be drawn again."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pmsfc_jax.api import Drawing, Edited, load_codes, load_edited
from pmsfc_jax.cli.edit.report import RECORD, read_record
from pmsfc_jax.cli.generators import RECORDED, recorded_settings
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import RunFolder


class File(NamedTuple):
    """One file, and the names of the pictures it draws, without their ending."""

    load: Callable[[], Drawing | Edited]
    pictures: list[str]


class Saved(NamedTuple):
    """All of a folder.

    Attributes:
      generator: its name.
      settings: what was chosen anew of it.
      files: at least one.

    """

    generator: str
    settings: dict[str, Any]
    files: list[File]


def saved_in(folder: Path) -> Saved:
    """Read the record of a run's folder, or an edit's.

    Raises:
      InputError: it is damaged, of a newer version, or of an edit that was not finished; the folder
        holds neither.

    """
    if (folder / RECORD).is_file():
        return _edits(folder)
    run = RunFolder(folder)
    files = [File(partial(load_codes, run.codes_path(name)), [name]) for name in run.names()]
    return Saved(str(run.settings().get("generator")), recorded_settings(folder), files)


def _edits(folder: Path) -> Saved:
    loaders: dict[str, Callable[[Path], Drawing | Edited]]
    loaders = {"codes": load_codes, "features": load_edited}
    record = read_record(folder)
    try:
        files = [
            File(
                partial(loaders[edit["holds"]], folder / edit["saved"]),
                [Path(frame).stem for frame in edit["frames"]],
            )
            for edit in record["edits"]
        ]
        found = Saved(record["generator"], dict(record[RECORDED]), files)
    except (ValueError, KeyError, TypeError) as error:
        text = f"{shown(folder / RECORD)} is damaged or of an earlier version: edit again"
        raise InputError(text) from error
    if not files or not record.get("finished"):
        raise InputError(f"the edit in {shown(folder)} was not finished: edit again")
    return found
