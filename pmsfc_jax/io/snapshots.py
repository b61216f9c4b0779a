"""Work in progress on disk: ``FOLDER/NAME/STEP-SHA256.npz``.

Each step is a file of its own, whose name holds the sha256 of its content, and which appears under
that name whole or not at all. The newest two of a name are kept, so that a damaged one costs a
little time and not the work.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.arrays import pack_arrays, unpack_arrays
from pmsfc_jax.io.atomic import write_bytes_atomic
from pmsfc_jax.io.paths import os_reason, shown

_KIND, _FORMAT = "work in progress", 1
_KEPT = 2

Contents = tuple[dict[str, np.ndarray], dict[str, Any]]


class SnapshotFolder:
    """Snapshots by name and step. Nothing is made on disk before the first is saved.

    Attributes:
      path: the folder.
      on_damage: told, in one line, of a snapshot that had to be passed over.

    """

    def __init__(self, path: Path, on_damage: Callable[[str], None] = lambda text: None):
        self.path = path
        self.on_damage = on_damage

    def save(
        self, name: str, step: int, arrays: dict[str, np.ndarray], facts: dict[str, Any]
    ) -> None:
        """Keep ``arrays`` and ``facts`` (JSON values) as ``step`` of ``name``.

        Raises:
          InputError: the file cannot be written; older snapshots are as before.

        """
        data = pack_arrays(arrays, facts | {"kind": _KIND, "format": _FORMAT})
        folder = self.path / name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make folder {shown(folder)}: {os_reason(error)}") from error
        write_bytes_atomic(folder / f"{step:08d}-{hashlib.sha256(data).hexdigest()}.npz", data)
        for old in self._files(name)[_KEPT:]:
            old.unlink(missing_ok=True)

    def load(
        self, name: str, fits: Callable[[Contents], bool] = lambda contents: True
    ) -> Contents | None:
        """The newest snapshot of ``name`` that is sound and ``fits``; ``None`` if there is none.

        Others are passed over, and `on_damage` is told.
        """
        for path in self._files(name):
            try:
                contents = self._read(path)
                if fits(contents):
                    return contents
                reason = "it is of another version"
            except InputError as error:
                reason = str(error)
            self.on_damage(f"passed over a state that cannot be used ({path.name[:12]}: {reason})")
        return None

    def clear(self, name: str) -> None:
        """Forget all snapshots of ``name``."""
        shutil.rmtree(self.path / name, ignore_errors=True)

    def remove(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _files(self, name: str) -> list[Path]:
        """All snapshots of a name, the newest first."""
        return sorted((self.path / name).glob("[0-9]*-*.npz"), reverse=True)

    def _read(self, path: Path) -> Contents:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(os_reason(error)) from error
        if hashlib.sha256(data).hexdigest() != path.stem.partition("-")[2]:
            raise InputError("its content is damaged")
        return unpack_arrays(data, shown(path), kind=_KIND, newest=_FORMAT)
