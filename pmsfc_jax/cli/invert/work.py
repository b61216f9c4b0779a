"""The work behind ``pmsfc invert``; imports jax, so it is imported when the work begins."""

import time
from contextlib import ExitStack
from typing import NamedTuple

import jax
import numpy as np

from pmsfc_jax.api import (
    InversionConfig,
    InversionResult,
    Perceptual,
    SplitGenerator,
    Subspaces,
    invert_batches,
    load_generator,
    load_subspaces,
    to_uint8,
)
from pmsfc_jax.cli.compile_cache import use_compilation_cache
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.invert.options import EXIT_STOPPED, Options
from pmsfc_jax.cli.invert.prepare import (
    config_of,
    load_all,
    load_v,
    partition_for,
    settings_record,
)
from pmsfc_jax.cli.invert.report import (
    as_numbers,
    means,
    measure,
    save_sheets,
    saved_codes,
    summary,
)
from pmsfc_jax.cli.invert.resume import batches_to_do, plan_of, resume_in
from pmsfc_jax.cli.invert.start import codes_sha256, starting_codes, subspaces_path
from pmsfc_jax.cli.signals import stop_on_signal
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.drawing import Drawing
from pmsfc_jax.inversion.restart import RESTART_DIVISOR
from pmsfc_jax.inversion.resume import Stopped
from pmsfc_jax.io.images import Photograph
from pmsfc_jax.io.metrics_table import MetricsTable
from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.plans import PlannedBatch
from pmsfc_jax.io.runs import RunFolder
from pmsfc_jax.io.states import StateFolder
from pmsfc_jax.version import __version__


class _Work(NamedTuple):
    """What the inversion is of, and where it goes."""

    generator: SplitGenerator
    params: Params
    files: list[PhotographFile]
    photographs: list[Photograph]
    plan: list[PlannedBatch]
    finished: list[bool]
    subspaces: Subspaces | None
    config: InversionConfig
    perceptual: Perceptual | None
    start: Drawing | None
    run: RunFolder
    table: MetricsTable
    events: Events


def invert_run(options: Options) -> int:
    """Do what `pmsfc invert` says; returns its exit code."""
    events = Events(options.json)
    try:
        with ExitStack() as held:
            return _invert_run(options, events, held)
    except InputError as error:
        events.tell("error", message=str(error))
        raise


def _invert_run(options: Options, events: Events, held: ExitStack) -> int:
    if not options.save_every_seconds >= 0:
        raise InputError(f"--save-every-seconds is {options.save_every_seconds}: give 0 or more")
    use_compilation_cache()
    work, num_left_out = _prepare(options, events, held)
    states = StateFolder(
        work.run.states_path,
        options.save_every_seconds,
        on_damage=notice,
        on_resume=lambda step: notice(f"going on at step {step} of a batch"),
    )
    batches = batches_to_do(work.run, work.plan, work.files, work.finished, work.config.batch_size)
    num_finished = sum(work.finished)
    events.tell(
        "started",
        run=str(work.run.path),
        images=len(work.photographs),
        finished_before=num_finished,
        steps=work.config.num_steps,
    )
    began, stopped, failed = time.perf_counter(), False, 0
    with stop_on_signal() as should_stop, progress_bar("inversion") as update:

        def report(done: int, total: int, loss: float) -> None:
            update(done, total, f"loss {loss:.5f}")
            seconds = round(time.perf_counter() - began, 3)
            events.progress(image_steps=done, of=total, loss=loss, seconds=seconds)

        found = invert_batches(
            work.generator,
            work.params,
            to_float(np.stack([photograph.pixels for photograph in work.photographs])),
            subspaces=work.subspaces,
            key=jax.random.key(options.seed),
            config=work.config,
            perceptual=work.perceptual,
            on_progress=report,
            batches=batches,
            resume=resume_in(states),
            should_stop=should_stop,
            start_from=work.start,
        )
        try:
            for done in found:
                failed += _save_batch(work, done.rows, done.result)
        except Stopped:
            stopped = True
    if not stopped:
        states.remove()
        work.run.sweep()
    return _finish(work, num_left_out, failed, stopped)


def _prepare(options: Options, events: Events, held: ExitStack) -> tuple[_Work, int]:
    """Load everything and open the run; also, how many photographs could not be read."""
    generator, params = load_generator(options.generator, weights_dir=options.weights_dir)
    perceptual = load_v(options)
    path = subspaces_path(options)
    given = load_subspaces(path) if path else None
    config = config_of(options, generator, given, perceptual)
    files, photographs, num_left_out = load_all(options, generator, events)
    settings = settings_record(options, generator, config, given, perceptual)
    start = None
    if options.start_from is not None:
        start = starting_codes(options.start_from, generator, config, given, photographs)
        settings["start_from_sha256"] = codes_sha256(options.start_from)
    environment = {
        "pmsfc_jax": __version__,
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
    }
    opened = RunFolder.open(
        options.out, settings, environment=environment, overwrite=options.overwrite
    )
    run = held.enter_context(opened)
    subspaces = partition_for(options, generator, params, config, given, run)
    table, plan = run.metrics(), plan_of(run)
    files = names_in_run(files, table.rows, [image for batch in plan for image in batch.images])
    photographs = [p._replace(name=f.name) for p, f in zip(photographs, files, strict=True)]
    finished = [run.is_finished(file, table) for file in files]
    if any(finished):
        notice(f"{sum(finished)} images were finished before and are kept")
    used = perceptual if config.objective.perceptual_weight else None
    with_v = f"V = {used.name}" if used else "no V"
    notice(
        f"{len(photographs) - sum(finished)} images, {options.generator} at layer {config.layer}, "
        f"{config.composition}, {with_v}, {config.num_steps} steps on "
        f"{jax.local_device_count()} {jax.devices()[0].platform}"
    )
    work = _Work(
        generator,
        params,
        files,
        photographs,
        plan,
        finished,
        subspaces,
        config,
        perceptual,
        start,
        run,
        table,
        events,
    )
    return work, num_left_out


def _save_batch(work: _Work, rows: tuple[int, ...], result: InversionResult) -> int:
    """Write the files of a batch's images that are not there yet; returns how many failed."""
    batch = [work.photographs[row] for row in rows]
    images = to_uint8(result.reconstruction)
    targets = np.stack([photograph.pixels for photograph in batch])
    measured = measure([p.name for p in batch], targets, images, result)
    for i, row in enumerate(rows):
        file = work.files[row]
        measured[i] |= {"source": file.source, "source_sha256": file.sha256}
    done, failed = [], 0
    for i, (row, photograph) in enumerate(zip(rows, batch, strict=True)):
        name = photograph.name
        if work.finished[row]:
            continue
        if result.failed[i]:
            failed += 1
            notice(f"{name}: failed, its loss was never a finite number, nor with a smaller step")
            work.events.tell("failed", image=name, reason="its loss was never a finite number")
            continue
        if result.restarted[i]:
            notice(
                f"{name}: its loss was not finite; it was tried again from other codes with a "
                f"learning rate of {work.config.solver.slower(RESTART_DIVISOR).latent:g}"
            )
        done.append(i)
    # An image is finished when it has a row and codes, and codes are what comes last.
    work.table.add(measured[i] for i in done)
    for i in done:
        name = batch[i].name
        codes = saved_codes(result, i, batch[i])
        work.run.save_image(name, batch[i].pixels, images[i], codes)
        work.events.tell(
            "image",
            **as_numbers(measured[i]),
            picture=str(work.run.path / "images" / f"{name}.png"),
            codes=str(work.run.codes_path(name)),
        )
    return failed


def _finish(work: _Work, num_left_out: int, failed: int, stopped: bool) -> int:
    """Write and tell what there is; returns the exit code."""
    names = [p.name for p in work.photographs]
    rows = {name: work.table.rows[name] for name in names if name in work.table.rows}
    counts = {"images": len(names), "finished": len(rows)}
    if stopped:
        notice(f"stopped; {len(rows)} of {len(names)} images are finished, and the rest is saved")
        work.events.tell("stopped", **counts, exit_code=EXIT_STOPPED)
        return EXIT_STOPPED
    work.table.save(names)
    code = 1 if num_left_out or failed else 0
    if rows:
        save_sheets(work.run, work.table.rows)
        # For programs, stdout is theirs alone.
        (notice if work.events.wanted else print)(summary(rows))
        notice(f"results in {work.run.path}: sheet.png, images/, codes/, metrics.csv")
    work.events.tell(
        "done",
        **counts,
        failed=failed,
        left_out=num_left_out,
        means=means(rows) if rows else None,
        exit_code=code,
    )
    return code
