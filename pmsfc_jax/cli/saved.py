"""What the folder of a run or an edit holds, to be drawn again."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from pmsfc_jax.api import Drawing, Edited, load_codes, load_edited
from pmsfc_jax.cli.edit.report import FORMAT, RECORD
from pmsfc_jax.cli.generators import RECORDED, recorded_settings
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.paths import os_reason, shown
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

    @property
    def num_pictures(self) -> int:
        """Pictures in all."""
        return sum(len(file.pictures) for file in self.files)


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
    path = folder / RECORD
    loaders: dict[str, Callable[[Path], Drawing | Edited]]
    loaders = {"codes": load_codes, "features": load_edited}
    try:
        record = json.loads(path.read_text())
        is_newer = record["format"] > FORMAT
        files = [
            File(
                partial(loaders[edit["holds"]], folder / edit["saved"]),
                [Path(frame).stem for frame in edit["frames"]],
            )
            for edit in ([] if is_newer else record["edits"])
        ]
        found = Saved(record["generator"], dict(record[RECORDED]), files)
    except OSError as error:
        raise InputError(f"cannot read {shown(path)}: {os_reason(error)}") from error
    except (ValueError, KeyError, TypeError) as error:
        text = f"{shown(path)} is damaged or of an earlier version: edit again"
        raise InputError(text) from error
    if is_newer:
        raise InputError(f"{shown(path)} was written by a newer version of pmsfc_jax: upgrade")
    if not files or not record.get("finished"):
        raise InputError(f"the edit in {shown(folder)} was not finished: edit again")
    return found
