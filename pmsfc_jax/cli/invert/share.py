"""``pmsfc invert --share``: the photographs of a run dealt to processes on any machines.

The first share discovers the subspaces, deals the photographs and writes both; the others wait for
it. Each share is a run of its own below the run's folder. The last that is done merges them.
"""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.invert.options import Options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.plan import plan_batches
from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.plans import PlannedBatch, load_plan, save_plan, with_batches
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.io.shares import DEALT, Dealt, deal, load_dealt, save_dealt, share_folder


class Share(NamedTuple):
    """Which share of a run a process inverts.

    Attributes:
      number: from 1.
      of: how many shares there are.
      deals: whether this process discovers and deals, or waits for the one that does.

    """

    number: int
    of: int
    deals: bool

    def folder(self, run: Path) -> Path:
        """Where it writes."""
        return share_folder(run, self.number, self.of)


def share_asked(options: Options) -> Share | None:
    """The share that is asked for; ``None`` where all is inverted by this process.

    Raises:
      InputError: ``--share`` is no share, or does not go with other options.

    """
    asked = options.shares
    if asked.share is None:
        return None
    if asked.distributed:
        raise InputError("give --share or --distributed, not both")
    found = re.fullmatch(r"(\d+)/(\d+)", asked.share)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise InputError(
            f"--share is {asked.share!r}: give its number, from 1, and how many there are, such as "
            "2/8"
        )
    return share_of(options, int(found[1]), int(found[2]))


def share_of(options: Options, number: int, count: int) -> Share | None:
    """Share ``number``, from 1, of ``count``; ``None`` where it is the only one."""
    return Share(number, count, number == 1 or options.shares.own_disk) if count > 1 else None


def check_own_disk(options: Options, *, by_subspace: bool) -> None:
    """Machines that do not see each other's folders need the same partition.

    Raises:
      InputError: they would discover one each.

    """
    earlier = options.what.start_from is not None
    if options.shares.own_disk and by_subspace and not options.method.subspaces and not earlier:
        raise InputError(
            "give --subspaces with --own-disk (pmsfc discover makes them): machines that do not "
            "share a disk would discover subspaces each for itself, and rounding may tell them "
            "apart"
        )


def check_not_shared(run: Path) -> None:
    """A run that was dealt and is not merged has to be merged first.

    Raises:
      InputError: this one was.

    """
    if (run / DEALT).exists():
        raise InputError(
            f"{shown(run)} was dealt to shares that are not merged: give --share, or `pmsfc merge "
            f"{shown(run)}` first"
        )


def deal_photographs(
    run: RunFolder, files: list[PhotographFile], share: Share, batch_size: int
) -> Dealt:
    """Deal the photographs that no share has and the run has not finished, and write that.

    Raises:
      InputError: the run was dealt to another number of shares.

    """
    before = _checked(load_dealt(run.path), run.path, share)
    table = run.metrics()
    known = before.photographs if before else {}
    named = names_in_run(files, table.rows, [(name, sha) for name, (sha, _) in known.items()])
    new = [f for f in named if f.name not in known and not run.is_finished(f, table)]
    # As many batches as shares at least, where there are so many photographs.
    size = min(batch_size, -(-len(new) // share.of)) if new else batch_size
    batches = [
        PlannedBatch(tuple((new[row].name, new[row].sha256) for row in batch.rows), batch.size)
        for batch in plan_batches(range(len(new)), size)
    ]
    photographs = {f.name: (f.sha256, str(f.path.absolute())) for f in named}
    dealt = deal(photographs, batches, share.of, before)
    save_dealt(run.path, dealt)
    return dealt


def wait_for_dealt(
    run: Path,
    settings: dict[str, Any],
    share: Share,
    seconds: float,
    *,
    overwrite: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> Dealt:
    """What the first share has dealt, as soon as it has.

    Raises:
      InputError: it has not, within ``seconds``; or the folder holds another run.

    """
    end, told = time.monotonic() + seconds, False
    while True:
        if RunFolder(run).holds(settings, overwrite=overwrite):
            dealt = _checked(load_dealt(run), run, share)
            if dealt is not None:
                return dealt
        if time.monotonic() >= end:
            raise InputError(
                f"share 1 of {share.of} has dealt no photographs in {shown(run)} for "
                f"{seconds:g} seconds: start it with the same --out on a disk that both see (or "
                "give --own-disk), or --wait-seconds more"
            )
        if not told:
            notice(f"waiting for share 1 of {share.of}, which deals the photographs")
            told = True
        sleep(0.5)


def own_photographs(
    dealt: Dealt, share: Share, identified: Callable[[list[Path]], list[PhotographFile]]
) -> list[PhotographFile]:
    """The photographs of a share that can be used, by the names they were dealt under.

    Args:
      dealt: to all shares.
      share: whose are wanted.
      identified: of paths, those that can be used.

    """
    names = dealt.names(share.number)
    name_of = {Path(dealt.photographs[name][1]): name for name in names}
    return [file._replace(name=name_of[file.path]) for file in identified(list(name_of))]


def begin_folder(folder: RunFolder, run: Path, dealt: Dealt, share: Share, *, queue: bool) -> None:
    """Give a share's folder the partition of the run, and the batches that were dealt to it.

    Args:
      folder: of the share.
      run: folder of the whole run.
      dealt: to all shares.
      share: which one.
      queue: the new batches are one queue.

    """
    partition = run / "subspaces.npz"
    if partition.exists() and not (folder.path / "subspaces.npz").exists():
        shutil.copyfile(partition, folder.path / "subspaces.npz")
    planned = load_plan(folder.plan_path)
    known = {name for batch in planned for name, _ in batch.images}
    new = [
        batch
        for batch in dealt.shares[share.number - 1]
        if not known & {name for name, _ in batch.images}
    ]
    if queue and new:
        images = tuple(image for batch in new for image in batch.images)
        new = [PlannedBatch(images, max(batch.size for batch in new))]
    if new:
        save_plan(folder.plan_path, with_batches(planned, new))


def _checked(dealt: Dealt | None, run: Path, share: Share) -> Dealt | None:
    if dealt is not None and len(dealt.shares) != share.of:
        count = len(dealt.shares)
        raise InputError(
            f"{shown(run)} was dealt to {count} shares, not {share.of}: give --share "
            f"K/{count}, or merge it first with `pmsfc merge {shown(run)}`"
        )
    return dealt
