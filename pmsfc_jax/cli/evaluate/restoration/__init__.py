"""``pmsfc evaluate --task colour super4 ...``: restorations beside baselines, a cell at a time.

OUT/cells/COLUMN/ROW.json   what was measured, and the settings that it was measured with
OUT/cells/COLUMN/ROW.png    the restored pictures, side by side
OUT/table.md, table.json    the tables, and all that was measured
OUT/sheet-COLUMN.png        the pictures of all rows
OUT/report.html             all of it on a page to look at
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.evaluate.restoration.prepare import prepare
from pmsfc_jax.cli.evaluate.restoration.report import (
    save_page,
    save_sheet,
    shown_pictures,
    write_tables,
)
from pmsfc_jax.cli.evaluate.restoration.work import baseline_cells, generated_cells
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE
from pmsfc_jax.evaluation.restoration.measure import given
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import make_folder


def run(options: Options, argv: Sequence[str]) -> int:
    """Measure what is not measured yet, and write the tables; returns the exit code.

    Raises:
      InputError: anything is wrong with the options, or something cannot be written.

    """
    job = prepare(options, argv)
    cells: dict[str, dict[str, Any]] = {}
    pictures: dict[str, dict[str, np.ndarray]] = {}
    names = list(job.rows)
    job.events.tell("started", columns=list(options.task), rows=names, images=len(job.truth))
    for column in options.task:
        make_folder(options.out / "cells" / column)
        there = given(column, job.truth, options.seed)
        cells[column] = baseline_cells(job, column, there)
        cells[column] |= generated_cells(job, column, there)
        pictures[column] = shown_pictures(job, column, there, cells[column])
        save_sheet(job, column, pictures[column])
        markdown = write_tables(job, cells)
    save_page(job, cells, pictures)
    # For programs, stdout is theirs alone.
    (notice if job.events.wanted else print)(markdown.rstrip("\n"))
    notice(
        f"written to {shown(options.out)}: report.html, table.md, table.json, sheet-*.png, cells/"
    )
    code = EXIT_INCOMPLETE if job.left_out else 0
    table = str(options.out / "table.json")
    job.events.tell("done", table=table, images=len(job.truth), exit_code=code)
    return code
