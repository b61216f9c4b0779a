"""A job in its folder: what there is of it when the command begins, and what becomes of it."""

from dataclasses import dataclass

from pmsfc_jax.cli.invert.resume import Plan
from pmsfc_jax.cli.restore.folder import RestorationFolder
from pmsfc_jax.cli.restore.prepare import Job
from pmsfc_jax.io.metrics_table import MetricsTable
from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.photographs import PhotographFile


@dataclass
class Run:
    """A job in its folder.

    Attributes:
      job: what is to be done.
      folder: where it goes.
      files: the photographs, by the names that they have in the run.
      finished: which of them are done.
      table: the metrics of all photographs of the run.
      plan: the batches of the run.
      bad: names of photographs that could no longer be read.
      failed: names of those that have no finite result.

    """

    job: Job
    folder: RestorationFolder
    files: list[PhotographFile]
    finished: list[bool]
    table: MetricsTable
    plan: Plan
    bad: set[str]
    failed: set[str]


def standing(job: Job, folder: RestorationFolder) -> Run:
    """What there is of a job's photographs in its folder.

    Raises:
      InputError: its metrics cannot be read.

    """
    table, plan = folder.metrics(), Plan(folder)
    expected = [image for batch in plan.planned for image in batch.images]
    files = names_in_run([item.file for item in job.items], table.rows, expected)
    finished = [
        table.rows.get(file.name, {}).get("observed_sha256") == item.sha256
        and folder.is_restored(file.name, job.options.how.samples)
        for file, item in zip(files, job.items, strict=True)
    ]
    return Run(job, folder, files, finished, table, plan, set(), set())
