"""How ``pmsfc invert`` goes on where it was stopped: which batches, and a batch in progress."""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from pmsfc_jax.cli._console import notice
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.plan import Batch, plan_batches
from pmsfc_jax.inversion.resume import Resume, Snapshot
from pmsfc_jax.io.images import Photograph
from pmsfc_jax.io.plans import PlannedBatch, load_plan, save_plan
from pmsfc_jax.io.runs import RunFolder, pixels_sha256
from pmsfc_jax.io.snapshots import Contents, SnapshotFolder


def batches_to_do(
    run: RunFolder, photographs: list[Photograph], finished: list[bool], batch_size: int
) -> list[Batch]:
    """Batches with an image that is not finished; those that were planned before stay as they are.

    Args:
      run: keeps the plan.
      photographs: all of the run.
      finished: which of them are done.
      batch_size: for photographs that no plan has.

    """
    digests = {p.name: pixels_sha256(p.pixels) for p in photographs}
    row_of = {p.name: row for row, p in enumerate(photographs)}
    try:
        plan = load_plan(run.plan_path, digests)
    except InputError as error:
        notice(f"{error}; what is left is planned anew")
        plan = []
    planned = {name for batch in plan for name, _ in batch.images}
    new = [row for row, p in enumerate(photographs) if not finished[row] and p.name not in planned]
    if new:
        for batch in plan_batches(new, batch_size):
            names = [photographs[row].name for row in batch.rows]
            plan.append(PlannedBatch(tuple((n, digests[n]) for n in names), batch.size))
        save_plan(run.plan_path, plan)
    rows = [tuple(row_of[name] for name, _ in batch.images) for batch in plan]
    return [
        Batch(row, batch.size)
        for row, batch in zip(rows, plan, strict=True)
        if not all(finished[i] for i in row)
    ]


def resume_in(folder: SnapshotFolder, save_every_seconds: float) -> Resume:
    """Keep batches in progress in ``folder``, and save them every so many seconds.

    What cannot be used is passed over with a notice.
    """
    clock = _Clock(save_every_seconds)

    def load(name: str, shapes: tuple[jax.ShapeDtypeStruct, ...]) -> Snapshot | None:
        found = folder.load(name, lambda contents: _fits(contents, shapes))
        if found is None:
            return None
        arrays, facts = found
        notice(f"going on at step {facts['step']} of a batch")
        # numpy's files know no bfloat16; its bits are there under another type.
        leaves = tuple(
            arrays[f"leaf_{i}"].view(shape.dtype).reshape(shape.shape)
            for i, shape in enumerate(shapes)
        )
        return Snapshot(
            facts["step"], leaves, arrays["losses"], arrays["guarded"], facts["seconds"]
        )

    def save(name: str, snapshot: Snapshot) -> None:
        leaves = {f"leaf_{i}": leaf for i, leaf in enumerate(snapshot.leaves)}
        arrays = leaves | {"losses": snapshot.losses, "guarded": snapshot.guarded}
        facts = {"step": snapshot.step, "seconds": snapshot.seconds}
        folder.save(name, snapshot.step, arrays, facts)
        clock.restart()

    return Resume(load=load, save=save, due=clock.due, clear=folder.clear)


class _Clock:
    """Tells when ``seconds`` have passed since it was made or restarted."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic):
        self.seconds, self.now = seconds, now
        self.began = now()

    def due(self) -> bool:
        return self.now() - self.began >= self.seconds

    def restart(self) -> None:
        self.began = self.now()


def _fits(contents: Contents, shapes: tuple[Any, ...]) -> bool:
    arrays, facts = contents
    if not {"step", "seconds"} <= set(facts) or not {"losses", "guarded"} <= set(arrays):
        return False
    leaves = [arrays.get(f"leaf_{i}") for i in range(len(arrays) - 2)]
    return len(leaves) == len(shapes) and all(
        leaf is not None
        and leaf.shape == shape.shape
        and leaf.dtype.itemsize == np.dtype(shape.dtype).itemsize
        for leaf, shape in zip(leaves, shapes, strict=True)
    )
