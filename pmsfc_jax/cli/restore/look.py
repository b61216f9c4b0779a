"""Photographs that can be restored, each decoded once to see what it has lost."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import jax
import numpy as np

from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.photographs import tell_left_out
from pmsfc_jax.cli.restore.observe import Observed, Request, observe
from pmsfc_jax.cli.restore.tasks import TASKS
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.refusals import PhotographError


@dataclass(frozen=True)
class Item:
    """A photograph that can be restored.

    Attributes:
      file: it.
      group: of those that share a degradation and the shapes of its operands; says which.
      tasks: what it has lost.
      sha256: of all that was observed of it.

    """

    file: PhotographFile
    group: str
    tasks: tuple[str, ...]
    sha256: str


def look(
    files: Sequence[PhotographFile], request: Request, events: Events, *, verbose: bool
) -> tuple[list[Item], int]:
    """The photographs that can be restored, and how many cannot; what each was taken for."""
    items: list[Item] = []
    counts: dict[str, int] = {}
    with progress_bar("photographs") as update:
        for done, file in enumerate(files):
            update(done, len(files), "")
            try:
                one = observe(file.path, file.path.stem, request)
            except PhotographError as error:
                tell_left_out(events, file.path, error.reason)
                continue
            what = ", ".join(one.tasks)
            if verbose or not request.tasks:
                notice(f"{file.name}: {what} ({', '.join(one.facts)})")
            events.tell("taken", image=file.name, tasks=list(one.tasks), facts=list(one.facts))
            counts[what] = counts.get(what, 0) + 1
            items.append(Item(file, group_of(one), one.tasks, _sha256(one)))
    for what, count in counts.items():
        notice(f"{counted(count, 'photograph')}: {what}")
    return items, len(files) - len(items)


def group_of(one: Observed) -> str:
    """What photographs have to share that are restored together."""
    height, width = one.target.shape[:2]
    operator = one.degradation.operator
    shapes = [np.shape(leaf) for leaf in jax.tree.leaves(one.operands)]
    words = [TASKS[task] for task in one.tasks]
    return f"{'+'.join(words)} {width}x{height} {operator.settings} {shapes}"


def _sha256(one: Observed) -> str:
    """Of what is compared and of what is known of the loss."""
    sha = hashlib.sha256(group_of(one).encode())
    for array in (one.target, *jax.tree.leaves(one.operands)):
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()
