"""The work behind ``pmsfc restore``: a batch of photographs of one loss after the other."""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import jax

from pmsfc_jax.api import Stopped, restore
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.environment import environment
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE, EXIT_INTERRUPTED
from pmsfc_jax.cli.invert.resume import resume_in
from pmsfc_jax.cli.restore.choices import record, recorded, tell_choice
from pmsfc_jax.cli.restore.folder import RestorationFolder
from pmsfc_jax.cli.restore.load import load, truth_of
from pmsfc_jax.cli.restore.observe import stacked
from pmsfc_jax.cli.restore.prepare import Job
from pmsfc_jax.cli.restore.report import means, save_sheets, summary
from pmsfc_jax.cli.restore.save import save
from pmsfc_jax.cli.restore.standing import Run, standing
from pmsfc_jax.cli.signals import stop_on_signal
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.states import StateFolder
from pmsfc_jax.report.restoration import save_restoration_pages
from pmsfc_jax.tasks.restoration.choose import choose


def work(job: Job) -> int:
    """Do what `pmsfc restore` says; returns its exit code.

    Raises:
      InputError: something cannot be written, or one photograph does not fit into memory.

    """
    opened = RestorationFolder.open(
        job.options.what.out,
        job.settings,
        environment=environment(),
        overwrite=job.options.run.overwrite,
    )
    with opened as folder:
        run = standing(job, folder)
        _tell_beginning(run)
        stopped = _restore_all(run)
        return _finish(run, stopped)


def _tell_beginning(run: Run) -> None:
    job, finished = run.job, sum(run.finished)
    if finished:
        were = counted(finished, "photograph was", "photographs were")
        notice(f"{were} finished before and {'is' if finished == 1 else 'are'} kept")
    job.events.tell(
        "started",
        run=str(run.folder.path),
        images=len(job.items),
        finished_before=finished,
        size=list(job.request.size),
    )


def _restore_all(run: Run) -> bool:
    """Restore what is left, a group after the other; returns whether it was stopped."""
    job = run.job
    states = StateFolder(
        run.folder.states_path,
        job.options.run.save_every_seconds,
        on_damage=notice,
        on_resume=lambda step: notice(f"going on at step {step} of a batch"),
    )
    groups: dict[str, list[int]] = {}
    for row, item in enumerate(job.items):
        groups.setdefault(item.group, []).append(row)
    began = time.perf_counter()
    with stop_on_signal() as should_stop, progress_bar("restoration") as update:

        def report(done: int, total: int, loss: float) -> None:
            ready = sum(run.finished)
            update(done, total, f"loss {loss:.5f}, {ready} of {len(run.files)} done")
            seconds = round(time.perf_counter() - began, 3)
            job.events.progress(
                image_steps=done, of=total, loss=loss, finished=ready, seconds=seconds
            )

        rest = {
            "key": jax.random.key(job.options.what.seed),
            "samples": job.options.how.samples,
            "should_stop": should_stop,
        }
        try:
            for group, rows in groups.items():
                resume = resume_in(states)
                _restore_group(run, group, rows, rest, report, resume)
        except Stopped:
            return True
    states.remove()
    run.folder.sweep()
    return False


def _restore_group(
    run: Run,
    group: str,
    rows: list[int],
    rest: dict[str, Any],
    report: Callable[[int, int, float], None],
    resume: Resume,
) -> None:
    """Photographs that share a degradation: choose their settings, then restore them."""
    job = run.job
    files, finished = [run.files[row] for row in rows], [run.finished[row] for row in rows]
    batches = run.plan.to_do(files, finished, job.options.run.batch_size)
    if not batches:
        return
    inverted: dict[str, Any] = {
        "on_progress": report,
        "resume": resume,
        "on_fewer": partial(_go_on_with_fewer, run),
    }
    choice = recorded(run, group)
    if choice is None:
        _, pilot = load(run, rest, rows[: max(1, job.config.pilot)])
        if not pilot:
            return
        choice = choose(
            job.generator,
            job.params,
            stacked(pilot),
            pilot[0].degradation,
            config=replace(job.config, inversion=_fitting(run, job.config.inversion)),
            **rest,
            **inverted,
        )
        record(run, group, choice)
    tell_choice(run, job.items[rows[0]], len(rows), choice)
    for batch in batches:
        there, observed = load(run, rest, [rows[place] for place in batch.rows])
        if not observed:
            continue
        began = time.perf_counter()
        seen = stacked(observed)
        whole = replace(choice.inversion, batch_size=batch.size * rest["samples"])
        sized = replace(choice, inversion=_fitting(run, whole))
        found = restore(
            job.generator,
            job.params,
            seen,
            observed[0].degradation,
            config=job.config,
            choice=sized,
            **rest,
            **inverted,
        )
        seconds = (time.perf_counter() - began) / len(observed)
        save(run, there, observed, seen, found, seconds)


def _fitting(run: Run, inversion: InversionConfig) -> InversionConfig:
    """With as many samples at once as are known to fit; a later run does the same."""
    fits = run.folder.samples_at_once()
    size = inversion.batch_size if fits is None else min(inversion.batch_size, fits)
    return replace(inversion, batch_size=size)


def _go_on_with_fewer(run: Run, size: int) -> None:
    """Keep and tell how many samples fit."""
    known = run.folder.samples_at_once()
    if known is not None and known <= size:
        return
    run.folder.save_samples_at_once(size)
    notice(
        "the samples of a batch do not fit into the device's memory at once: going on with "
        f"{size} of them"
    )
    run.job.events.tell("smaller_batches", size=size)


def _finish(run: Run, stopped: bool) -> int:
    """Write and tell what there is; returns the exit code."""
    job, table = run.job, run.table
    names = [file.name for file, done in zip(run.files, run.finished, strict=True) if done]
    counts = {"images": len(run.files), "finished": len(names)}
    if stopped:
        notice(
            f"stopped; {len(names)} of {counted(len(run.files), 'photograph')} "
            f"{'is' if len(names) == 1 else 'are'} finished, and the rest is saved"
        )
        job.events.tell("stopped", **counts, exit_code=EXIT_INTERRUPTED)
        return EXIT_INTERRUPTED
    table.save([file.name for file in run.files])
    rows = {name: table.rows[name] for name in names}
    left_out = job.left_out + len(run.bad)
    code = EXIT_INCOMPLETE if left_out or run.failed else 0
    if rows:
        found = {file.name: truth_of(run, file) for file in run.files if file.name in rows}
        truths = {name: picture for name, picture in found.items() if picture is not None}
        save_sheets(run.folder.path, rows, truths)
        save_restoration_pages(
            run.folder.path,
            rows,
            run.folder.settings(),
            truths=truths,
            chosen=run.folder.choices(),
            command=job.command,
        )
        # For programs, stdout is theirs alone.
        (notice if job.events.wanted else print)(summary(rows))
        notice("uncertainty and fidelity are in grey levels of 255")
        notice(
            f"results in {shown(run.folder.path)}: report.html, sheet.png, restored/, samples/, "
            "uncertainty/, codes/, metrics.csv"
        )
    job.events.tell(
        "done",
        **counts,
        failed=len(run.failed),
        left_out=left_out,
        means=means(rows) if rows else None,
        exit_code=code,
    )
    return code
