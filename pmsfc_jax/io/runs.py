"""A run's folder: settings, codes, pictures and metrics, complete after every batch.

config.json          the settings that decide the outcome; the same ones continue the run
subspaces.npz        the partition, where there is one
codes/NAME.npz       see `pmsfc_jax.io.codes`
targets/NAME.png     what was inverted: the photograph as the generator could draw it at best
images/NAME.png      what the codes draw
metrics.csv          one row an image, with the file it came from (`pmsfc_jax.io.metrics_table`)
sheet.png            what was inverted beside what was drawn; sheet-2.png, ... of many images
report.html          all of it on a page to look at; report-2.html, ... of many images
rendered/NAME.png    drawn again by ``pmsfc render``
batches.json         which images were inverted together (`pmsfc_jax.io.plans`)
state/               batches in progress, gone when the run is done (`pmsfc_jax.io.states`)
shares.json, shares/ of a run on many machines, gone when it is merged (`pmsfc_jax.io.shares`)
.lock                which process writes, gone when it has ended (`pmsfc_jax.io.lock`)
"""

import errno
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import remove_leftovers, write_text_atomic
from pmsfc_jax.io.codes import SavedCodes, load_codes, save_codes
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.lock import check_no_writer, only_writer
from pmsfc_jax.io.metrics_table import MetricsTable
from pmsfc_jax.io.paths import os_reason, shown
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.shares import DEALT, SHARES

_CONFIG, _PLAN = "config.json", "batches.json"
#: Format 1 knew photographs by their decoded pixels, and had no number.
_FORMAT = 2
_PICTURES = ("targets", "images")
_FOLDERS = ("codes", *_PICTURES)
#: All files that a run may have, but for its settings and batches in progress.
_FILES = (
    "codes/*.npz",
    "targets/*.png",
    "images/*.png",
    "rendered/*.png",
    "sheet*.png",
    "report*.html",
    "metrics.csv",
    "subspaces.npz",
    _PLAN,
    DEALT,
)


def pixels_sha256(pixels: np.ndarray) -> str:
    """The sha256 of uint8 pixels ``[H, W, 3]``."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


class RunFolder:
    """One folder of results. All writes are whole or not at all; finished images survive a kill.

    Attributes:
      folders: those inside of it that are made when it is opened.
      files: all that a run may have, but for its settings and batches in progress.

    """

    folders: ClassVar[tuple[str, ...]] = _FOLDERS
    files: ClassVar[tuple[str, ...]] = _FILES

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def check(cls, path: Path, settings: dict[str, Any], *, overwrite: bool = False) -> bool:
        """Check that `open` would do, and change nothing.

        Returns:
          Whether the folder holds a run of these settings, which would be continued.

        Raises:
          InputError: the folder holds something else, a run of other settings or of another version
            of pmsfc_jax, is written by another process, or cannot be written to.

        """
        run = cls(path)
        _check_writable(path)
        check_no_writer(path)
        return run._continues(_as_stored(settings), overwrite=overwrite)

    @classmethod
    @contextmanager
    def open(
        cls,
        path: Path,
        settings: dict[str, Any],
        *,
        environment: dict[str, str],
        overwrite: bool = False,
        patience: float | None = None,
    ) -> Iterator[Self]:
        """Start a run, or continue one that has the same settings, and hold its folder meanwhile.

        Args:
          path: the folder; made where it does not exist.
          settings: JSON values that decide the outcome.
          environment: versions and device, recorded beside them and not compared.
          overwrite: start anew in a folder that holds a run of other settings; nothing of that run
            stays.
          patience: of `pmsfc_jax.io.lock.only_writer`, for a holder on another machine.

        Raises:
          InputError: as for `check`.

        """
        run, stored = cls(path), _as_stored(settings)
        _check_writable(path)
        if patience is None:
            check_no_writer(path)
        run._continues(stored, overwrite=overwrite)
        make_folder(path)
        with only_writer(path, patience=patience):
            try:
                if not run._continues(stored, overwrite=overwrite):
                    run._clear()
                    # The settings come first: a kill must not leave a folder that is no run.
                    record = stored | {"environment": environment}
                    text = json.dumps(record, indent=2, sort_keys=True) + "\n"
                    write_text_atomic(path / _CONFIG, text)
                for folder in cls.folders:
                    (path / folder).mkdir(exist_ok=True)
            except OSError as error:
                raise InputError(
                    f"cannot use {shown(path)} for a run: {os_reason(error)}"
                ) from error
            yield run

    def _continues(self, stored: dict[str, Any], *, overwrite: bool) -> bool:
        """Whether the folder holds a run of these settings; an error where it may not be used."""
        path = self.path
        if not (path / _CONFIG).exists():
            # What a kill in the middle of writing has left does not count.
            if path.exists() and any(path.glob("[!.]*")):
                raise InputError(
                    f"{shown(path)} is not empty and holds no run: choose another --out"
                )
            return False
        before = self.settings()
        if before.pop("environment", None) is None:  # a file of that name is nothing uncommon
            raise InputError(
                f"{shown(path)} holds a {_CONFIG} that is of no run: choose another --out"
            )
        if before == stored:
            return True
        if overwrite:
            return False
        written = before.get("format", 1)
        if written != _FORMAT:
            older = isinstance(written, int) and written < _FORMAT
            raise InputError(
                f"{shown(path)} holds a run of {'an earlier' if older else 'a newer'} version of "
                "pmsfc_jax, which can be rendered but not continued: choose another --out, or "
                "--overwrite to start it anew"
            )
        differing = ", ".join(differences(before, stored))
        raise InputError(
            f"{shown(path)} holds a run with other settings ({differing}): "
            "choose another --out, or --overwrite to start it anew"
        )

    def _clear(self) -> None:
        """Remove all files of a run, and no others."""
        for pattern in self.files:
            for file in self.path.glob(pattern):
                file.unlink(missing_ok=True)
        for folder in (self.states_path, self.path / SHARES):
            shutil.rmtree(folder, ignore_errors=True)

    def holds(self, settings: dict[str, Any], *, overwrite: bool = False) -> bool:
        """Whether the folder holds a run of these settings already; changes nothing.

        Args:
          settings: of the run.
          overwrite: a run of other settings is no error: it is going to be cleared away.

        Raises:
          InputError: it holds something else.

        """
        return self._continues(_as_stored(settings), overwrite=overwrite)

    def settings(self) -> dict[str, Any]:
        """The settings of the run in this folder.

        Raises:
          InputError: there is no run, or its settings cannot be read.

        """
        try:
            settings = json.loads((self.path / _CONFIG).read_text())
        except OSError as error:
            raise InputError(
                f"{shown(self.path)} holds no run ({_CONFIG}: {os_reason(error)}): "
                "give the --out folder of `pmsfc invert`"
            ) from error
        except ValueError as error:
            raise InputError(
                f"{shown(self.path / _CONFIG)} is damaged: it is no JSON; choose another folder"
            ) from error
        if not isinstance(settings, dict):
            raise InputError(
                f"{shown(self.path / _CONFIG)} is damaged: it holds no settings; choose another "
                "folder"
            )
        return settings

    def is_finished(self, photograph: PhotographFile, table: MetricsTable) -> bool:
        """Whether a photograph of this name was inverted before from the same file."""
        name = photograph.name
        row = table.rows.get(name)
        if row is None or row.get("source_sha256") != photograph.sha256:
            return False
        try:
            load_codes(self.codes_path(name))
        except InputError:
            return False
        return all((self.path / folder / f"{name}.png").exists() for folder in _PICTURES)

    def save_image(
        self, name: str, target: np.ndarray, image: np.ndarray, codes: SavedCodes
    ) -> None:
        """Write one image's files; its codes come last, since they mark it as finished."""
        save_png(self.path / "targets" / f"{name}.png", target)
        save_png(self.path / "images" / f"{name}.png", image)
        save_codes(self.path / "codes" / f"{name}.npz", codes)

    def names(self) -> list[str]:
        """Names of all images that have codes, sorted.

        Raises:
          InputError: there are none.

        """
        names = sorted(path.stem for path in self.path.glob("codes/*.npz"))
        if not names:
            raise InputError(f"{shown(self.path)} holds no codes: give the folder of a run")
        return names

    def codes_path(self, name: str) -> Path:
        """Where the codes of an image are."""
        return self.path / "codes" / f"{name}.npz"

    @property
    def plan_path(self) -> Path:
        """Where it is written which images are inverted together."""
        return self.path / _PLAN

    @property
    def states_path(self) -> Path:
        """Folder of batches in progress."""
        return self.path / "state"

    def sweep(self) -> None:
        """Remove what this process or dead ones have left in the middle of writing."""
        remove_leftovers(self.path)

    def metrics(self) -> MetricsTable:
        """The rows of ``metrics.csv``; none where there is no file yet.

        Raises:
          InputError: the file cannot be read.

        """
        return MetricsTable(self.path / "metrics.csv")


def _as_stored(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they come back from ``config.json``."""
    stored: dict[str, Any] = json.loads(json.dumps(settings | {"format": _FORMAT}))
    return stored


def _check_writable(path: Path) -> None:
    """Check that a folder can be made at ``path``, or written to; changes nothing."""
    there = path
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        if not stat.S_ISDIR(os.stat(there).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise InputError(f"cannot use {shown(path)} for a run: {os_reason(error)}") from error


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the settings that differ, those of nested settings by their own name.

    What others have too, ``name`` and ``sha256``, has that of what it belongs to in front.
    """
    names = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            nested = differences(old, new)
            names += [f"{key}.{name}" if name in ("name", "sha256") else name for name in nested]
        elif old != new:
            names.append(key)
    return names


def make_folder(path: Path) -> None:
    """Make a folder and those above it.

    Raises:
      InputError: it cannot be made.

    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {shown(path)}: {os_reason(error)}") from error
