"""The folder that ``pmsfc evaluate`` writes: tables, numbers and a sheet."""

import json
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import to_uint8
from pmsfc_jax.cli.evaluate.prepare import Job
from pmsfc_jax.evaluation.tables import as_csv, as_markdown, summarise
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.images import save_png
from pmsfc_jax.report.methods import save_methods_page
from pmsfc_jax.report.sheet import comparison_sheet
from pmsfc_jax.version import __version__

_SHEET_ROWS = 16
_NOT_SETTINGS = ("summary", "methods")


def write_table(job: Job, records: dict[str, Any], pictures: list[np.ndarray]) -> str:
    """Write all files but those of the methods; returns the table as Markdown.

    Raises:
      InputError: the folder cannot be written to.

    """
    options, out = job.options, job.options.out
    rows = summarise(records, seed=options.seed)
    markdown = as_markdown(rows, peak_kind=next(iter(records.values()))["peak_kind"])
    about = {
        "generator": options.generator,
        "weights_sha256": job.task.generator.spec.identity,
        "subset": options.subset,
        "seed": options.seed,
        "distance": None if job.judge is None else job.judge.name,
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
        "pmsfc_jax": __version__,
        "summary": rows,
        "methods": records,
    }
    write_text_atomic(out / "table.csv", as_csv(rows))
    write_text_atomic(out / "table.md", markdown)
    write_text_atomic(out / "table.json", json.dumps(about, indent=2) + "\n")
    columns = [to_uint8(job.task.targets), *pictures]
    count = min(len(job.task.targets), _SHEET_ROWS)
    sheet = comparison_sheet(
        [[column[i] for column in columns] for i in range(count)],
        column_titles=["target", *records],
        cell=160,
    )
    save_png(out / "sheet.png", sheet)
    save_methods_page(
        out,
        rows,
        columns[0],
        dict(zip(records, pictures, strict=True)),
        settings={name: value for name, value in about.items() if name not in _NOT_SETTINGS},
        command=job.command,
    )
    return markdown
