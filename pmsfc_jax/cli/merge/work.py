"""The work behind ``pmsfc merge``, which the last share of ``pmsfc invert`` does, too."""

import shutil
from pathlib import Path
from typing import NamedTuple

from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE
from pmsfc_jax.cli.invert.report import means, summary
from pmsfc_jax.cli.merge.prepare import Job
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.io.lock import check_no_writer, writer_of
from pmsfc_jax.io.merge import find_finished, merge
from pmsfc_jax.io.metrics_table import MetricsTable
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.io.shares import (
    SHARES,
    Dealt,
    load_done,
    not_done,
    remove_dealt,
    share_folder,
)
from pmsfc_jax.report.inversion import save_run_pages
from pmsfc_jax.report.runs import save_run_sheets


class _Missing(NamedTuple):
    """A share that is not done."""

    share: int
    of: int
    images: int


def work(job: Job) -> int:
    """Merge what there is, and tell what there is not; returns the exit code.

    Raises:
      InputError: a file cannot be read or written.

    """
    sources = job.sources
    found = find_finished(sources)
    order = list({name: None for dealt in job.dealt if dealt for name in dealt.photographs})
    missing = _missing(job, set(found.rows) | set(RunFolder(job.out).metrics().rows))
    whole = not missing
    own = [run for run in job.runs if run.resolve() == job.out.resolve()]
    if whole:
        for source in sources:
            check_no_writer(source)
    # Done shares say what they could not do; it is asked before their folders go.
    lost = _lost(job)
    with RunFolder.open(job.out, job.settings, environment=job.environment) as into:
        partition = next((run / "subspaces.npz" for run in job.runs if _has_partition(run)), None)
        if partition is not None and not _has_partition(job.out):
            shutil.copyfile(partition, job.out / "subspaces.npz")
        table = merge(found, into, order, link=bool(own))
        save_run_sheets(job.out, _decibels(table))
        if table.rows:
            save_run_pages(job.out, table.rows, into.settings())
        if whole and own:
            remove_dealt(job.out)
            for folder in (job.out / SHARES, into.states_path):
                shutil.rmtree(folder, ignore_errors=True)
        into.sweep()
    for one in missing:
        notice(_sentence(job, one))
        job.events.tell("share", **one._asdict())
    if found.twice:
        notice(f"{counted(found.twice, 'image was', 'images were')} there more than once")
    if table.rows:
        (notice if job.events.wanted else print)(summary(table.rows))
    notice(f"merged into {shown(job.out)}: report.html, sheet.png, images/, codes/, metrics.csv")
    code = EXIT_INCOMPLETE if missing or lost else 0
    job.events.tell(
        "merged",
        run=str(job.out),
        finished=len(table.rows),
        not_done=len(missing),
        means=means(table.rows) if table.rows else None,
        exit_code=code,
    )
    return code


def _has_partition(run: Path) -> bool:
    return (run / "subspaces.npz").exists()


def _decibels(table: MetricsTable) -> dict[str, float]:
    return {name: float(row["psnr_db"]) for name, row in table.rows.items()}


def _shares(job: Job) -> dict[tuple[int, int], tuple[Dealt, list[Path]]]:
    """Every share by its number and their count: what it has to do, and where it may have done it.

    Machines of their own have dealt the same photographs, each for itself.
    """
    found: dict[tuple[int, int], tuple[Dealt, list[Path]]] = {}
    for run, dealt in zip(job.runs, job.dealt, strict=True):
        count = len(dealt.shares) if dealt else 0
        for share in range(1, count + 1):
            assert dealt is not None
            known = found.setdefault((share, count), (dealt, []))
            known[1].append(run)
    return found


def _missing(job: Job, finished: set[str]) -> list[_Missing]:
    """Shares that are not done in any folder and have images that are not finished."""
    missing = []
    for (share, count), (dealt, runs) in sorted(_shares(job).items()):
        if all(share in not_done(run, dealt) for run in runs):
            left = [name for name in dealt.names(share) if name not in finished]
            missing.append(_Missing(share, count, len(left)))
    return [one for one in missing if one.images]


def _lost(job: Job) -> int:
    """How many photographs shares had to leave out, or failed at."""
    lost = 0
    for (share, count), (_, runs) in _shares(job).items():
        said = [load_done(share_folder(run, share, count)) for run in runs]
        lost += max((done.failed + done.left_out for done in said if done), default=0)
    return lost


def _sentence(job: Job, one: _Missing) -> str:
    """Which share is not done, and what is known of the process that is at it."""
    left = f"{counted(one.images, 'image is', 'images are')} left"
    (dealt, runs) = _shares(job)[one.share, one.of]
    begun = [run for run in runs if share_folder(run, one.share, one.of).exists()] or runs
    now = job.out.stat().st_mtime
    state = at_it(begun[0], one.share, dealt, now)
    return f"share {one.share} of {one.of} is not done, {left}: {state}"


def at_it(run: Path, share: int, dealt: Dealt, now: float) -> str:
    """What is known of the process that is at a share.

    Args:
      run: folder of the whole run.
      share: its number.
      dealt: to all shares.
      now: the present time by the clock of the disk.

    """
    count = len(dealt.shares)
    folder, again = share_folder(run, share, count), f"--share {share}/{count}"
    if not folder.exists():
        return f"nobody has begun it; give {again}, on any machine"
    writer = writer_of(folder, now)
    if writer is None:
        return f"it was stopped; give {again} again, on any machine"
    who = f"process {writer.pid} on {writer.host}"
    return (
        f"{who} is dead; give {again} again, on any machine" if writer.dead else f"{who} is at it"
    )
