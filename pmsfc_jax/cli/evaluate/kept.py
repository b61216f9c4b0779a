"""Records of a table on disk, each with the settings that it was measured with."""

import json
from pathlib import Path
from typing import Any

from pmsfc_jax.io.atomic import write_text_atomic


class Kept:
    """One record; what was measured with other settings is measured again.

    Attributes:
      path: its file.
      name: what the file calls the record.

    """

    def __init__(self, path: Path, settings: dict[str, Any], name: str = "record") -> None:
        self.path, self.name = path, name
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))

    def read(self) -> dict[str, Any] | None:
        """The record, where there is one of these settings."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            return dict(kept[self.name]) if kept["settings"] == self._settings else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, record: dict[str, Any]) -> dict[str, Any]:
        """Keep a record.

        Raises:
          InputError: it cannot be written.

        """
        text = json.dumps({"settings": self._settings, self.name: record}, indent=1)
        write_text_atomic(self.path, text + "\n")
        return record
