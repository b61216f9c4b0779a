"""One cell of the table on disk."""

import re
from typing import Any

import numpy as np

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.evaluate.kept import Kept
from pmsfc_jax.cli.evaluate.restoration.prepare import Job
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.restoration.measure import Given, Restored, measured
from pmsfc_jax.io.images import read_png, save_png
from pmsfc_jax.io.paths import shown


class Cell(Kept):
    """One cell on disk."""

    def __init__(self, job: Job, column: str, row: str, settings: dict[str, Any]) -> None:
        self._job, self._column, self._row = job, column, row
        self._baseline = "baseline" in settings
        stem = re.sub(r"\W+", "_", row)
        path = job.options.out / "cells" / column / f"{stem}.json"
        super().__init__(path, job.facts | {"column": column} | settings)

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
            return np.stack(np.split(read_png(path), count, axis=1))
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot read {shown(path)}: remove {self.path.name} beside it, and it is made anew"
            ) from error
