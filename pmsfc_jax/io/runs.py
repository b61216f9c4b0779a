"""A run's folder: settings, codes, pictures and metrics, complete after every batch.

config.json          the settings that decide the outcome; the same ones continue the run
codes/NAME.npz       see `pmsfc_jax.io.codes`
targets/NAME.png     what was inverted: the photograph as the generator could draw it at best
images/NAME.png      what the codes draw
metrics.csv          one row an image
batches.json         which images were inverted together (`pmsfc_jax.io.plans`)
state/               batches in progress, gone when the run is done (`pmsfc_jax.io.snapshots`)
"""

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.codes import SavedCodes, load_codes, save_codes
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import os_reason, shown

_CONFIG, _PLAN = "config.json", "batches.json"
_FOLDERS = ("codes", "targets", "images")


def pixels_sha256(pixels: np.ndarray) -> str:
    """The sha256 of uint8 pixels ``[H, W, 3]``."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


class RunFolder:
    """One folder of results. All writes are atomic; finished images survive a kill."""

    def __init__(self, path: Path):
        self.path = path

    @staticmethod
    def open(
        path: Path,
        settings: dict[str, Any],
        *,
        environment: dict[str, str],
        overwrite: bool = False,
    ) -> "RunFolder":
        """Start a run, or continue one that has the same settings.

        Args:
          path: the folder; made where it does not exist.
          settings: JSON values that decide the outcome.
          environment: versions and device, recorded beside them and not compared.
          overwrite: start anew in a folder that holds a run of other settings.

        Raises:
          InputError: the folder holds something else, another run, or cannot be written.

        """
        run, settings = RunFolder(path), json.loads(json.dumps(settings))
        try:
            # The settings come first: a kill must not leave a folder that is no run.
            if not run._continues(settings, overwrite=overwrite):
                path.mkdir(parents=True, exist_ok=True)
                record = settings | {"environment": environment}
                text = json.dumps(record, indent=2, sort_keys=True) + "\n"
                write_text_atomic(path / _CONFIG, text)
            for folder in _FOLDERS:
                (path / folder).mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot use {shown(path)} for a run: {os_reason(error)}") from error
        return run

    def _continues(self, settings: dict[str, Any], *, overwrite: bool) -> bool:
        """Whether the folder holds a run of these settings; makes room for one where it may."""
        path = self.path
        if not (path / _CONFIG).exists():
            # What a kill in the middle of writing has left does not count.
            if path.exists() and any(path.glob("[!.]*")):
                raise InputError(
                    f"{shown(path)} is not empty and holds no run: choose another --out"
                )
            return False
        before = self.settings()
        before.pop("environment", None)
        if before == settings:
            return True
        if not overwrite:
            differing = _differences(before, settings)
            raise InputError(
                f"{shown(path)} holds a run with other settings ({', '.join(differing)}): "
                "choose another --out, or --overwrite to start it anew"
            )
        stale = ("metrics.csv", "subspaces.npz", "sheet.png", _PLAN)
        for file in [*path.glob("codes/*.npz"), *(path / name for name in stale)]:
            file.unlink(missing_ok=True)
        shutil.rmtree(self.states_path, ignore_errors=True)
        return False

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
            raise InputError(f"{shown(self.path / _CONFIG)} is damaged: it is no JSON") from error
        if not isinstance(settings, dict):
            raise InputError(f"{shown(self.path / _CONFIG)} is damaged: it holds no settings")
        return settings

    def is_finished(self, name: str, target: np.ndarray) -> bool:
        """Whether this image was inverted before, from the same pixels."""
        path = self.path / "codes" / f"{name}.npz"
        if not path.exists() or not (self.path / "images" / f"{name}.png").exists():
            return False
        try:
            return load_codes(path).target_sha256 == pixels_sha256(target)
        except InputError:
            return False

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
        """Remove what kills in the middle of writing have left behind."""
        for file in self.path.rglob(".*.tmp"):
            file.unlink(missing_ok=True)

    def load_metrics(self) -> dict[str, dict[str, str]]:
        """Rows of ``metrics.csv`` by image name; empty where there are none yet.

        Raises:
          InputError: the file cannot be read.

        """
        path = self.path / "metrics.csv"
        try:
            with path.open(newline="", encoding="utf-8") as file:
                return {row["image"]: row for row in csv.DictReader(file) if row.get("image")}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, csv.Error) as error:
            reason = os_reason(error) if isinstance(error, OSError) else "it is damaged"
            raise InputError(f"cannot read {shown(path)}: {reason}") from error

    def save_metrics(self, rows: dict[str, dict[str, str]]) -> None:
        """Write ``metrics.csv`` anew, a row an image, in the order given."""
        if not rows:
            return
        # A run that an earlier version began may lack columns.
        columns = list({column: None for row in rows.values() for column in row})
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
        write_text_atomic(self.path / "metrics.csv", buffer.getvalue())


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the settings that differ, those of nested settings by their own name."""
    names = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            names += _differences(old, new)
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
