"""How ``pmsfc invert`` goes on where it was stopped: which batches, and a batch in progress."""

import jax

from pmsfc_jax.cli.console import notice
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.plan import Batch, plan_batches
from pmsfc_jax.inversion.resume import Resume, Snapshot
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


def plan_of(run: RunFolder) -> list[PlannedBatch]:
    """The batches that were planned before; none, with a notice, where that cannot be read."""
    try:
        return load_plan(run.plan_path)
    except InputError as error:
        notice(f"{error}; what is left is planned anew")
        return []


def batches_to_do(
    run: RunFolder,
    plan: list[PlannedBatch],
    files: list[PhotographFile],
    finished: list[bool],
    batch_size: int,
) -> list[Batch]:
    """Batches with an image that is not finished; those that were planned before stay as they are.

    Args:
      run: keeps the plan.
      plan: what was planned before.
      files: all photographs of the command.
      finished: which of them are done.
      batch_size: for photographs that no plan has.

    """
    digests = {file.name: file.sha256 for file in files}
    row_of = {file.name: row for row, file in enumerate(files)}
    present = present_batches(plan, digests)
    planned = {name for batch in present for name, _ in batch.images}
    new = [row for row, f in enumerate(files) if not finished[row] and f.name not in planned]
    added = [
        PlannedBatch(tuple((files[row].name, files[row].sha256) for row in batch.rows), batch.size)
        for batch in plan_batches(new, batch_size)
    ]
    if added:
        save_plan(run.plan_path, with_batches(plan, added))
    batches = [
        Batch(tuple(row_of[name] for name, _ in batch.images), batch.size)
        for batch in [*present, *added]
    ]
    return [batch for batch in batches if not all(finished[row] for row in batch.rows)]


def resume_in(states: StateFolder) -> Resume:
    """Keep batches in progress in ``states``."""

    def load(name: str, shapes: tuple[jax.ShapeDtypeStruct, ...]) -> Snapshot | None:
        state = states.load(name, shapes)
        return None if state is None else Snapshot(*state)

    def save(name: str, snapshot: Snapshot) -> None:
        states.save(name, State(*snapshot))

    return Resume(load=load, save=save, due=states.due, clear=states.clear)
