"""How ``pmsfc invert`` goes on where it was stopped: which batches, and a batch in progress."""

from collections.abc import Sequence
from typing import NamedTuple

import jax

from pmsfc_jax.cli.console import notice
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.plan import Batch, plan_batches
from pmsfc_jax.inversion.resume import Resume, Snapshot
from pmsfc_jax.io.metrics_table import MetricsTable
from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.plans import (
    PlannedBatch,
    load_plan,
    present_batches,
    save_plan,
    with_batches,
)
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.io.states import State, StateFolder


class Standing(NamedTuple):
    """What there is of a run when the command begins.

    Attributes:
      files: the photographs, by the names that they have in the run.
      finished: which of them are done.
      table: the metrics of all images of the run.
      plan: the batches of the run.

    """

    files: list[PhotographFile]
    finished: list[bool]
    table: MetricsTable
    plan: "Plan"


class Plan:
    """The batches of a run, as they are kept in its folder.

    Args:
      run: keeps them; a plan that cannot be read is told, and made anew.

    """

    def __init__(self, run: RunFolder) -> None:
        self._path = run.plan_path
        self._files: Sequence[PhotographFile] = ()
        self._new: list[PlannedBatch] = []
        self.planned: list[PlannedBatch] = []
        try:
            self.planned = load_plan(self._path)
        except InputError as error:
            notice(f"{error}; what is left is planned anew")

    def to_do(
        self,
        files: Sequence[PhotographFile],
        finished: Sequence[bool],
        batch_size: int,
        *,
        queue: bool = False,
    ) -> list[Batch]:
        """Batches with an image that is not finished; those planned before stay as they are.

        Args:
          files: all photographs of the command; rows are places in this list.
          finished: which of them are done.
          batch_size: for photographs that no plan has.
          queue: they come one after the other, and not batch after batch.

        """
        self._files = files
        row_of = {file.name: row for row, file in enumerate(files)}
        present = present_batches(self.planned, {file.name: file.sha256 for file in files})
        known = {name for batch in present for name, _ in batch.images}
        new = [row for row, f in enumerate(files) if not finished[row] and f.name not in known]
        added = [self._planned(batch) for batch in plan_batches(new, batch_size, queue=queue)]
        self._new += added
        self.save()
        batches = [
            Batch(tuple(row_of[name] for name, _ in batch.images), batch.size)
            for batch in [*present, *added]
        ]
        return [batch for batch in batches if not all(finished[row] for row in batch.rows)]

    def split(self, parts: Sequence[Batch]) -> None:
        """Take these in the place of the batch that they are of, when it is next saved."""
        self._new += [self._planned(batch) for batch in parts]

    def save(self) -> None:
        """Write what has changed.

        Raises:
          InputError: the file cannot be written.

        """
        if self._new:
            self.planned = with_batches(self.planned, self._new)
            save_plan(self._path, self.planned)
            self._new = []

    def _planned(self, batch: Batch) -> PlannedBatch:
        images = ((self._files[row].name, self._files[row].sha256) for row in batch.rows)
        return PlannedBatch(tuple(images), batch.size)


def standing_of(run: RunFolder, files: Sequence[PhotographFile]) -> Standing:
    """What there is of these photographs in a run's folder.

    Raises:
      InputError: its metrics cannot be read.

    """
    table, plan = run.metrics(), Plan(run)
    expected = [image for batch in plan.planned for image in batch.images]
    named = names_in_run(files, table.rows, expected)
    finished = [run.is_finished(file, table) for file in named]
    return Standing(named, finished, table, plan)


def resume_in(states: StateFolder) -> Resume:
    """Keep batches in progress in ``states``."""

    def load(name: str, shapes: tuple[jax.ShapeDtypeStruct, ...]) -> Snapshot | None:
        state = states.load(name, shapes)
        return None if state is None else Snapshot(*state)

    def save(name: str, snapshot: Snapshot) -> None:
        states.save(name, State(*snapshot))

    return Resume(load=load, save=save, due=states.due, clear=states.clear)
