"""The cells of a column: those that are on disk are kept, the others measured."""

import dataclasses
from typing import Any

import jax

from pmsfc_jax.api import RestoreConfig
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.evaluate.restoration.cell import Cell
from pmsfc_jax.cli.evaluate.restoration.prepare import Job
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.baselines import baselines
from pmsfc_jax.evaluation.restoration.measure import Given, Restored, restored
from pmsfc_jax.evaluation.restoration.rows import Row, mixed_of, row_of
from pmsfc_jax.evaluation.simple import simple_way
from pmsfc_jax.tasks.restoration.choose import choose
from pmsfc_jax.tasks.restoration.mix import mixed, usual_share

#: Samples of a photograph that share a batch: `--batch-size` counts photographs.
_SAMPLES = 4


def baseline_cells(job: Job, column: str, there: Given) -> dict[str, Any]:
    """Records of the rows that take no generator; one whose package is missing is told.

    Raises:
      InputError: a file cannot be written.

    """
    records = {}
    known = baselines(there.degradation, job.generator.spec.image_shape)
    for name, baseline in known.items():
        cell = Cell(job, column, name, {"baseline": True})
        record = cell.read()
        if record is None:
            try:
                pictures = baseline(there.observed)
            except InputError as error:
                notice(f"{column}, {name}: left out, {error}")
                continue
            record = cell.write(there, Restored(pictures, None))
        records[name] = record
    return records


def generated_cells(job: Job, column: str, there: Given) -> dict[str, Any]:
    """The rows that the generator fills; rows that share their samples are drawn together."""
    layer, batch = _layer(job, column, there), job.options.batch_size * _SAMPLES
    drawn = dict.fromkeys(mixed_of(name) or name for name in job.rows)
    rows = {
        name: row_of(name, layer=layer, steps=job.options.steps, batch_size=batch) for name in drawn
    }
    cells = {name: Cell(job, column, name, _settings(job, row)) for name, row in rows.items()}
    records = {name: cell.read() for name, cell in cells.items()}
    families: dict[Any, dict[str, Row]] = {}
    for name, row in rows.items():
        if records[name] is None:
            families.setdefault((row.inversion, row.partition), {})[name] = row
    for (_, partition), family in families.items():
        with progress_bar(f"{column}, {', '.join(family)}") as update:
            found = restored(
                family,
                there,
                job.generator,
                job.params,
                subspaces=job.partitions.of(partition, layer),
                seed=job.options.seed,
                on_progress=lambda done, total, loss: update(done, total, f"loss {loss:.5f}"),
            )
        for name, each in found.items():
            records[name] = cells[name].write(there, each)
    for name in job.rows:
        source = mixed_of(name)
        if source is not None:
            records[name] = _mixed_cell(job, column, there, name, rows[source], cells[source])
    return {name: records[name] for name in job.rows}


def _settings(job: Job, row: Row) -> dict[str, Any]:
    """What decides the cells of a row."""
    inversion = dataclasses.asdict(row.inversion)
    own = {"inversion": inversion, "samples": row.samples}
    return own | job.partitions.settings_of(row.partition)


def _mixed_cell(
    job: Job, column: str, there: Given, name: str, row: Row, source: Cell
) -> dict[str, Any]:
    """The record of a row that mixes the pictures of another cell with the simple way."""
    shape = job.generator.spec.image_shape
    label, simple = simple_way(there.degradation, there.observed, shape)
    share = usual_share(there.degradation)
    mixing = {"mixed": share, "simple_way": label}
    cell = Cell(job, column, name, _settings(job, row) | mixing)
    record = cell.read()
    if record is None:
        pictures = mixed(
            there.degradation, there.observed, source.pictures(len(job.truth)), simple, share
        )
        record = cell.write(there, Restored(pictures, None))
    return record


def _layer(job: Job, column: str, there: Given) -> int:
    """The cut that was given, or that which tells held-out measurements best."""
    if column in job.layers:
        return job.layers[column]
    cell = Cell(job, column, "layer", {"steps": job.options.steps})
    record = cell.read()
    if record is None:
        with progress_bar(f"{column}, layer") as update:
            choice = choose(
                job.generator,
                job.params,
                there.observed,
                there.degradation,
                key=jax.random.key(job.options.seed),
                config=RestoreConfig(steps=job.options.steps),
                on_progress=lambda done, total, loss: update(done, total, f"loss {loss:.5f}"),
            )
        record = cell.save({"layer": choice.inversion.layer})
    return int(record["layer"])
