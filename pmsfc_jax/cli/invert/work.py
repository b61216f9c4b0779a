"""The work behind ``pmsfc invert``: a batch of photographs after the other, each put on disk."""

import time
from dataclasses import dataclass

import jax

from pmsfc_jax.api import (
    Done,
    Stopped,
    Subspaces,
    discover_subspaces,
    invert_batches,
    random_subspaces,
    save_subspaces,
    to_uint8,
)
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.describe import describe_subspaces
from pmsfc_jax.cli.environment import environment
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE, EXIT_INTERRUPTED
from pmsfc_jax.cli.invert.prepare import Job, load_subspaces_of, with_share
from pmsfc_jax.cli.invert.report import as_numbers, means, measure, summary
from pmsfc_jax.cli.invert.resume import Standing, resume_in, standing_of
from pmsfc_jax.cli.invert.share import begin_folder, deal_photographs
from pmsfc_jax.cli.invert.source import Photographs
from pmsfc_jax.cli.merge.prepare import merge_job
from pmsfc_jax.cli.merge.work import at_it
from pmsfc_jax.cli.merge.work import work as merge_work
from pmsfc_jax.cli.signals import stop_on_signal
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.plan import Batch
from pmsfc_jax.inversion.restart import RESTART_DIVISOR
from pmsfc_jax.inversion.source import PixelSource
from pmsfc_jax.io.lock import SILENCE, HeldElsewhere
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import RunFolder, pixels_sha256
from pmsfc_jax.io.shares import Dealt, load_dealt, not_done, save_done
from pmsfc_jax.io.shares import Done as ShareDone
from pmsfc_jax.io.states import StateFolder
from pmsfc_jax.report.inversion import save_run_pages
from pmsfc_jax.report.runs import save_run_sheets
from pmsfc_jax.saved import to_file


@dataclass
class _Run:
    """A job in its folder.

    Attributes:
      job: what is to be done.
      folder: where it goes.
      standing: what there was at the beginning.
      photographs: decoded as they are needed.
      failed: how many images never had a finite loss.

    """

    job: Job
    folder: RunFolder
    standing: Standing
    photographs: Photographs
    failed: int = 0


def work(job: Job) -> int:
    """Do what `pmsfc invert` says; returns its exit code.

    Raises:
      InputError: something cannot be written, or one image does not fit into memory.

    """
    out, overwrite = job.options.what.out, job.options.run.overwrite
    if job.share is not None:
        dealt = _deal(job) if job.share.deals else None
        job = with_share(job, dealt)
        assert job.share is not None
    opened = RunFolder.open(
        job.folder,
        job.settings,
        environment=environment(),
        overwrite=overwrite,
        patience=None if job.share is None else SILENCE,
    )
    with opened as folder:
        if job.share is not None and job.dealt is not None:
            begin_folder(folder, out, job.dealt, job.share, queue=job.config.until is not None)
        subspaces = _partition(job, folder)
        standing = standing_of(folder, job.files)
        height, width, _ = job.generator.spec.image_shape
        photographs = Photographs(
            standing.files,
            (height, width),
            job.crop,
            job.events,
            verbose=job.options.run.verbose,
        )
        run = _Run(job, folder, standing, photographs)
        _tell_beginning(run)
        stopped = _invert(run, subspaces)
        code = _finish(run, stopped)
    if stopped or job.share is None or job.options.shares.own_disk:
        return code
    return max(code, _merge_if_last(job))


def _deal(job: Job) -> Dealt:
    """Discover the subspaces and deal the photographs, into the folder of the whole run."""
    assert job.share is not None
    opened = RunFolder.open(
        job.options.what.out,
        job.settings,
        environment=environment(),
        overwrite=job.options.run.overwrite,
        patience=SILENCE,
    )
    with opened as folder:
        _partition(job, folder)
        return deal_photographs(folder, job.files, job.share, job.config.batch_size)


def _merge_if_last(job: Job) -> int:
    """Merge when all shares are done, and else name those that are not; returns the exit code."""
    assert job.share is not None
    out, dealt = job.options.what.out, load_dealt(job.options.what.out)
    if dealt is None:
        return 0  # another share was done at the same moment, and has merged
    now = job.folder.stat().st_mtime
    for share in not_done(out, dealt):
        notice(f"share {share} of {job.share.of} is not done: {at_it(out, share, dealt, now)}")
    if not_done(out, dealt):
        return 0
    try:
        return merge_work(merge_job(out, job.events))
    except HeldElsewhere:
        return 0


def _partition(job: Job, folder: RunFolder) -> Subspaces | None:
    """The partition to compose in, kept in the run's folder as it is used."""
    if not composition_of(job.config.composition).by_subspace:
        return None
    kept = load_subspaces_of(folder)
    if kept is not None:
        return kept
    asked, seed, subspaces = job.options.method, job.options.what.seed, job.subspaces
    if subspaces is None:
        assert job.config.layer is not None
        with progress_bar("subspaces") as update:
            subspaces = discover_subspaces(
                job.generator,
                job.params,
                layer=job.config.layer,
                num_subspaces=asked.num_subspaces,
                key=jax.random.key(seed),
                on_progress=update,
            )
        notice(describe_subspaces(subspaces))
    if asked.partition == "random":
        subspaces = random_subspaces(subspaces, jax.random.key(seed))
    save_subspaces(folder.path / "subspaces.npz", subspaces, seed=seed)
    return subspaces


def _tell_beginning(run: _Run) -> None:
    job, finished = run.job, sum(run.standing.finished)
    if finished:
        were = counted(finished, "image was", "images were")
        notice(f"{were} finished before and {'is' if finished == 1 else 'are'} kept")
    device = jax.devices()[0].platform
    notice(
        f"{counted(len(job.files) - finished, 'image')}, {job.options.what.generator} at layer "
        f"{job.config.layer}, {job.config.composition}, "
        f"{f'V = {job.perceptual.name}' if job.perceptual else 'no V'}, "
        f"{_steps(job)} on {jax.local_device_count()} {device}"
    )
    job.events.tell(
        "started",
        run=str(run.folder.path),
        images=len(job.files),
        finished_before=finished,
        steps=job.config.num_steps,
    )


def _steps(job: Job) -> str:
    """How long an image takes, in words."""
    until, steps = job.config.until, counted(job.config.num_steps, "step")
    if until is None:
        return steps
    ends = [f"{until.psnr:g} dB"] if until.psnr is not None else []
    if until.fall is not None:
        ends.append(f"a fall of less than {until.fall:g} in {counted(until.window, 'step')}")
    return f"until {' or '.join(ends)}, at most {steps},"


def _invert(run: _Run, subspaces: Subspaces | None) -> bool:
    """Invert what is left; returns whether it was stopped."""
    job, standing = run.job, run.standing
    queue = job.config.until is not None
    states = StateFolder(
        run.folder.states_path,
        job.options.run.save_every_seconds,
        on_damage=notice,
        on_resume=lambda step: notice(
            f"going on at step {step} of a {'queue' if queue else 'batch'}"
        ),
    )
    batches = standing.plan.to_do(
        standing.files, standing.finished, job.config.batch_size, queue=queue
    )
    batches = run.photographs.worth_it(batches, standing.finished)
    smallest = job.config.batch_size

    def on_split(batch: Batch, parts: tuple[Batch, ...]) -> None:
        nonlocal smallest
        standing.plan.split(parts)
        if parts[0].size < smallest:
            smallest = parts[0].size
            notice(
                f"{counted(batch.size, 'image')} at once do not fit into the device's memory: "
                f"going on with {smallest}"
            )
            job.events.tell("smaller_batches", size=smallest)

    began = time.perf_counter()
    with stop_on_signal() as should_stop, progress_bar("inversion") as update:

        def report(done: int, total: int, loss: float) -> None:
            update(done, total, f"loss {loss:.5f}")
            seconds = round(time.perf_counter() - began, 3)
            job.events.progress(image_steps=done, of=total, loss=loss, seconds=seconds)

        found = invert_batches(
            job.generator,
            job.params,
            PixelSource(run.photographs.pixels),
            subspaces=subspaces,
            key=jax.random.key(job.options.what.seed),
            config=job.config,
            perceptual=job.perceptual,
            on_progress=report,
            batches=batches,
            on_split=on_split,
            finished=[row for row, finished in enumerate(standing.finished) if finished],
            resume=resume_in(states),
            should_stop=should_stop,
            start_from=job.start,
        )
        try:
            for done in found:
                standing.plan.save()
                _save_batch(run, done)
        except Stopped:
            standing.plan.save()
            return True
    states.remove()
    run.folder.sweep()
    return False


def _save_batch(run: _Run, done: Done) -> None:
    """Write the files of a batch's images that are not there yet."""
    standing, result, events = run.standing, done.result, run.job.events
    files = [standing.files[row] for row in done.rows]
    images, targets = to_uint8(result.reconstruction), to_uint8(done.observation.target)
    measured = measure(files, targets, images, result)
    to_save = []
    for i, (row, file) in enumerate(zip(done.rows, files, strict=True)):
        if standing.finished[row]:
            continue
        if result.failed[i]:
            run.failed += 1
            reason = "its loss was never a finite number"
            notice(f"{file.name}: failed, {reason}, nor with a smaller step")
            events.tell("failed", image=file.name, source=file.source, reason=reason)
            continue
        if result.restarted[i]:
            rate = run.job.config.solver.slower(RESTART_DIVISOR).latent
            notice(
                f"{file.name}: its loss was not finite; it was tried again from other codes with "
                f"a learning rate of {rate:g}"
            )
        to_save.append(i)
    # An image is finished when it has a row and codes, and codes are what comes last.
    standing.table.add(measured[i] for i in to_save)
    for i in to_save:
        file = files[i]
        codes = to_file(
            result.drawing[i],
            result.losses[i : i + 1, : result.steps[i]],
            target_sha256=pixels_sha256(targets[i]),
            source=file.source,
            source_sha256=file.sha256,
        )
        run.folder.save_image(file.name, targets[i], images[i], codes)
        events.tell(
            "image",
            **as_numbers(measured[i]),
            picture=str(run.folder.path / "images" / f"{file.name}.png"),
            codes=str(run.folder.codes_path(file.name)),
        )


def _finish(run: _Run, stopped: bool) -> int:
    """Write and tell what there is; returns the exit code."""
    job, table, files = run.job, run.standing.table, run.standing.files
    rows = {
        file.name: table.rows[file.name]
        for file in files
        if table.rows.get(file.name, {}).get("source_sha256") == file.sha256
    }
    counts = {"images": len(files), "finished": len(rows)}
    run.photographs.sum_up()
    if stopped:
        notice(
            f"stopped; {len(rows)} of {counted(len(files), 'image')} "
            f"{'is' if len(rows) == 1 else 'are'} finished, and the rest is saved"
        )
        job.events.tell("stopped", **counts, exit_code=EXIT_INTERRUPTED)
        return EXIT_INTERRUPTED
    table.save([file.name for file in files])
    left_out = job.left_out + len(run.photographs.bad)
    code = EXIT_INCOMPLETE if left_out or run.failed else 0
    if job.share is not None and job.dealt is not None:
        done = ShareDone(job.dealt.digest(job.share.number), run.failed, left_out)
        save_done(run.folder.path, done)
    if rows:
        pages = ""
        if job.share is None:
            decibels = {name: float(row["psnr_db"]) for name, row in table.rows.items()}
            save_run_sheets(run.folder.path, decibels)
            save_run_pages(run.folder.path, table.rows, run.folder.settings(), command=job.command)
            pages = "report.html, sheet.png, "
        # For programs, stdout is theirs alone.
        (notice if job.events.wanted else print)(summary(rows))
        notice(f"results in {shown(run.folder.path)}: {pages}images/, codes/, metrics.csv")
    job.events.tell(
        "done",
        **counts,
        failed=run.failed,
        left_out=left_out,
        means=means(rows) if rows else None,
        exit_code=code,
    )
    return code
