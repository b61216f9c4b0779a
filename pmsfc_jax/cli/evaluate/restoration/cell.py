"""One cell of the table on disk."""

import json
import re
from typing import Any

import numpy as np
from PIL import Image

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.evaluate.restoration.prepare import Job
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.restoration.measure import Given, Restored, measured
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import shown


class Cell:
    """One cell on disk; what was measured with other settings is measured again."""

    def __init__(self, job: Job, column: str, row: str, settings: dict[str, Any]) -> None:
        self._job, self._column, self._row = job, column, row
        facts = job.facts() | {"column": column} | settings
        self._settings: dict[str, Any] = json.loads(json.dumps(facts))
        self._baseline = "baseline" in settings
        stem = re.sub(r"\W+", "_", row)
        self.path = job.options.out / "cells" / column / f"{stem}.json"

    def read(self) -> dict[str, Any] | None:
        """The record, where there is one of these settings."""
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["settings"] == self._settings:
                record: dict[str, Any] = kept["record"]
                return record
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return None

    def write(self, there: Given, found: Restored) -> dict[str, Any]:
        """Measure, keep the pictures and then the record, and tell it."""
        judge = None if self._job.judge is None else self._job.judge.distance
        record = {"baseline": self._baseline} | measured(there, found, judge)
        save_png(self.path.with_suffix(".png"), np.concatenate(list(found.pictures), axis=1))
        self.save(record)
        decibels = float(np.mean(record["psnr"]))
        notice(f"{self._column}, {self._row}: {decibels:.2f} dB")
        self._job.events.tell("cell", column=self._column, row=self._row, psnr_db=decibels)
        return record

    def pictures(self, count: int) -> np.ndarray:
        """Its ``count`` pictures ``[n, H, W, 3]`` uint8.

        Raises:
          InputError: they are not there.

        """
        path = self.path.with_suffix(".png")
        try:
            with Image.open(path) as strip:
                return np.stack(np.split(np.asarray(strip.convert("RGB")), count, axis=1))
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot read {shown(path)}: remove {self.path.name} beside it, and it is made anew"
            ) from error

    def save(self, record: dict[str, Any]) -> dict[str, Any]:
        """Keep a record."""
        text = json.dumps({"settings": self._settings, "record": record}, indent=1)
        write_text_atomic(self.path, text + "\n")
        return record
