"""The files that are made of all cells: tables, numbers and sheets."""

import json
from typing import Any

import jax
import numpy as np

from pmsfc_jax.cli.evaluate.restoration.cell import Cell
from pmsfc_jax.cli.evaluate.restoration.prepare import Job
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.images import as_colours, to_uint8
from pmsfc_jax.evaluation.restoration.measure import Given
from pmsfc_jax.evaluation.restoration.tables import best_baseline, beyond_best, summary
from pmsfc_jax.evaluation.statistics import bootstrap_interval
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.columns import Column, Line, save_columns_page
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
    about = job.facts | {
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


def shown_pictures(
    job: Job, column: str, there: Given, records: dict[str, Any]
) -> dict[str, np.ndarray]:
    """What was given, the best baseline, the rows, and what they should be: ``[n, H, W, 3]``."""
    best = best_baseline(records)
    names = [name for name in (best, *job.rows) if name is not None]
    found = {"given": as_colours(to_uint8(there.observed.target))}
    for name in names:
        found[name] = Cell(job, column, name, {}).pictures(len(job.truth))
    shown = {name: pictures[:_SHEET_ROWS] for name, pictures in found.items()}
    return shown | {"truth": job.truth[:_SHEET_ROWS]}


def save_sheet(job: Job, column: str, pictures: dict[str, np.ndarray]) -> None:
    """The pictures of `shown_pictures`, a photograph a row."""
    rows = [list(row) for row in zip(*pictures.values(), strict=True)]
    sheet = comparison_sheet(rows, column_titles=list(pictures), cell=128)
    save_png(job.options.out / f"sheet-{column}.png", sheet)


def save_page(
    job: Job, cells: dict[str, dict[str, Any]], pictures: dict[str, dict[str, np.ndarray]]
) -> None:
    """``report.html`` of all columns."""
    seed = job.options.seed
    columns = [
        Column(
            name,
            [
                Line(
                    row,
                    (
                        float(np.mean(record["psnr"])),
                        *bootstrap_interval(np.asarray(record["psnr"]), seed=seed),
                    ),
                    None if record["baseline"] else beyond_best(records, row, seed=seed),
                )
                for row, record in records.items()
            ],
            best_baseline(records),
            pictures[name],
        )
        for name, records in cells.items()
    ]
    settings = {
        "generator": job.options.generator,
        "subset": job.options.subset,
        "photographs": len(job.truth),
        "steps": job.options.steps,
        "layers": job.layers,
    }
    settings |= job.facts
    save_columns_page(job.options.out, columns, settings=settings, command=job.command)
