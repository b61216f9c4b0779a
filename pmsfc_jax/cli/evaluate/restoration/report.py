"""The files that are made of all cells: tables, numbers and sheets."""

import json
from typing import Any

import jax
import numpy as np

from pmsfc_jax.cli.evaluate.restoration.cell import Cell
from pmsfc_jax.cli.evaluate.restoration.prepare import Job
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.evaluation.restoration.measure import Given
from pmsfc_jax.evaluation.restoration.tables import best_baseline, summary
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.sheet import comparison_sheet

_SHEET_ROWS = 16


def write_tables(job: Job, cells: dict[str, dict[str, Any]]) -> str:
    """Both tables of the columns so far; returns the Markdown."""
    of_baselines = dict.fromkeys(
        name for column in cells.values() for name, record in column.items() if record["baseline"]
    )
    markdown = summary(cells, list(of_baselines), job.rows, seed=job.options.seed)
    markdown += f"\n{counted(len(job.truth), 'photograph')}, {job.options.generator}.\n"
    write_text_atomic(job.options.out / "table.md", markdown)
    about = job.facts() | {
        "command": job.command,
        "generator": job.options.generator,
        "subset": job.options.subset,
        "steps": job.options.steps,
        "layers": job.layers,
        "distance": None if job.judge is None else job.judge.name,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "columns": cells,
    }
    write_text_atomic(job.options.out / "table.json", json.dumps(about, indent=1) + "\n")
    return markdown


def save_sheet(job: Job, column: str, there: Given, records: dict[str, Any]) -> None:
    """The photographs, the best baseline, the rows, and what they should be."""
    best = best_baseline(records)
    names = [name for name in (best, *job.rows) if name is not None]
    count = min(len(job.truth), _SHEET_ROWS)
    columns = [Cell(job, column, name, {}).pictures(len(job.truth)) for name in names]
    seen = np.asarray(there.observed.target)
    levels = np.clip(np.rint((seen + 1) * 127.5), 0, 255).astype(np.uint8)
    given_pictures = np.repeat(levels, 3, axis=-1) if levels.shape[-1] == 1 else levels
    rows = [
        [given_pictures[i], *(pictures[i] for pictures in columns), job.truth[i]]
        for i in range(count)
    ]
    sheet = comparison_sheet(rows, column_titles=["given", *names, "truth"], cell=128)
    save_png(job.options.out / f"sheet-{column}.png", sheet)
