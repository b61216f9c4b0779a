"""The work behind ``pmsfc restore``: a batch of photographs of one loss after the other."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import Observation, Restoration, Stopped, estimate_kernels, restore, to_uint8
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE, EXIT_INTERRUPTED
from pmsfc_jax.cli.invert.resume import Plan, resume_in
from pmsfc_jax.cli.photographs import tell_left_out
from pmsfc_jax.cli.restore.folder import RestorationFolder
from pmsfc_jax.cli.restore.observe import Observed, observe, stacked
from pmsfc_jax.cli.restore.prepare import Item, Job
from pmsfc_jax.cli.restore.report import (
    LEVELS,
    as_numbers,
    fidelity,
    in_words,
    means,
    quality,
    row_of,
    save_sheets,
    shown_given,
    summary,
)
from pmsfc_jax.cli.restore.simple import simple_way
from pmsfc_jax.cli.signals import stop_on_signal
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.io.crop import CENTRE
from pmsfc_jax.io.images import load_photograph
from pmsfc_jax.io.metrics_table import MetricsTable
from pmsfc_jax.io.naming import names_in_run
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.refusals import PhotographError
from pmsfc_jax.io.runs import pixels_sha256
from pmsfc_jax.io.states import StateFolder
from pmsfc_jax.saved import to_file
from pmsfc_jax.tasks.restoration.calibration import Calibration
from pmsfc_jax.tasks.restoration.restore import Choice, Tried, choose
from pmsfc_jax.tasks.restoration.settings import tried_layers
from pmsfc_jax.version import __version__


@dataclass
class _Run:
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


def work(job: Job) -> int:
    """Do what `pmsfc restore` says; returns its exit code.

    Raises:
      InputError: something cannot be written, or one photograph does not fit into memory.

    """
    environment = {
        "pmsfc_jax": __version__,
        "jax": jax.__version__,
        "device": jax.devices()[0].device_kind,
    }
    opened = RestorationFolder.open(
        job.options.what.out,
        job.settings,
        environment=environment,
        overwrite=job.options.run.overwrite,
    )
    with opened as folder:
        run = _standing(job, folder)
        _tell_beginning(run)
        stopped = _restore_all(run)
        return _finish(run, stopped)


def _standing(job: Job, folder: RestorationFolder) -> _Run:
    table, plan = folder.metrics(), Plan(folder)
    expected = [image for batch in plan.planned for image in batch.images]
    files = names_in_run([item.file for item in job.items], table.rows, expected)
    finished = [
        table.rows.get(file.name, {}).get("observed_sha256") == item.sha256
        and folder.is_restored(file.name, job.options.how.samples)
        for file, item in zip(files, job.items, strict=True)
    ]
    return _Run(job, folder, files, finished, table, plan, set(), set())


def _tell_beginning(run: _Run) -> None:
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


def _restore_all(run: _Run) -> bool:
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
    run: _Run,
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
    load = partial(_load, run, rest)
    inverted = {"on_progress": report, "resume": resume}
    choice = _recorded(run, group)
    if choice is None:
        _, pilot = load(rows[: max(1, job.config.pilot)])
        if not pilot:
            return
        choice = choose(
            job.generator,
            job.params,
            stacked(pilot),
            pilot[0].degradation,
            config=job.config,
            **rest,
            **inverted,
        )
        _record(run, group, choice)
    _tell_choice(run, job.items[rows[0]], len(rows), choice)
    for batch in batches:
        there, observed = load([rows[place] for place in batch.rows])
        if not observed:
            continue
        began = time.perf_counter()
        seen = stacked(observed)
        size = batch.size * rest["samples"]
        sized = replace(choice, inversion=replace(choice.inversion, batch_size=size))
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
        _save(run, there, observed, seen, found, seconds)


def _load(run: _Run, rest: dict[str, Any], rows: list[int]) -> tuple[list[int], list[Observed]]:
    """What was observed of these photographs, kernels found where they are not known."""
    job = run.job
    there, found = [], []
    for row in rows:
        file = run.files[row]
        try:
            one = observe(file.path, file.path.stem, job.request)
        except PhotographError as error:
            run.bad.add(file.name)
            tell_left_out(job.events, file.path, error.reason)
            continue
        there.append(row)
        found.append(one)
    if found and found[0].tasks == ("deblur",) and job.request.kernel is None:
        found = _with_kernels(run, rest, there, found)
    return there, found


def _with_kernels(
    run: _Run, rest: dict[str, Any], rows: list[int], observed: list[Observed]
) -> list[Observed]:
    """Photographs with the kernels of their blur, which are kept in the run's folder."""
    job, names = run.job, [run.files[row].name for row in rows]
    kernels = [run.folder.kernel(name) for name in names]
    if any(kernel is None for kernel in kernels):
        notice(f"finding the blur of {in_words(names)}")
        height, width = job.request.size
        layers = tried_layers(job.generator.spec)
        found = estimate_kernels(
            job.generator,
            job.params,
            stacked(observed).target,
            side=min(height, width) // 4 | 1,
            layer=layers[len(layers) // 2] if job.config.layer is None else job.config.layer,
            config=job.config,
            **rest,
        )
        for name, kernel in zip(names, found, strict=True):
            run.folder.save_kernel(name, kernel)
        kernels = list(found)
    return [replace(one, operands=kernel) for one, kernel in zip(observed, kernels, strict=True)]


def _recorded(run: _Run, group: str) -> Choice | None:
    """What was chosen for a group when the run began."""
    record = run.folder.choices().get(group)
    if record is None:
        return None
    try:
        calibration = record["calibration"]
        if calibration is not None:
            calibration = Calibration(**(calibration | {"within": tuple(calibration["within"])}))
        inversion = run.job.config.with_defaults(record["layer"])
        return Choice(
            replace(inversion, num_steps=record["steps"]),
            calibration,
            tuple(Tried(**one) for one in record["tried"]),
        )
    except (KeyError, TypeError):
        return None


def _record(run: _Run, group: str, choice: Choice) -> None:
    calibration = choice.calibration
    run.folder.save_choices(
        run.folder.choices()
        | {
            group: {
                "layer": choice.inversion.layer,
                "steps": choice.inversion.num_steps,
                "calibration": None if calibration is None else asdict(calibration),
                "tried": [asdict(tried) for tried in choice.tried],
            }
        }
    )


def _tell_choice(run: _Run, item: Item, count: int, choice: Choice) -> None:
    job, tasks = run.job, ", ".join(item.tasks)
    layer, steps = choice.inversion.layer, choice.inversion.num_steps
    notice(
        f"{tasks}, {counted(count, 'photograph')}: {counted(job.options.how.samples, 'sample')} "
        f"each at layer {layer}, {counted(steps, 'step')}"
    )
    if choice.calibration is not None:
        notice(f"uncertainty: {choice.calibration}")
    job.events.tell(
        "chosen",
        tasks=list(item.tasks),
        layer=layer,
        steps=steps,
        calibration=None if choice.calibration is None else asdict(choice.calibration),
    )


def _save(
    run: _Run,
    rows: list[int],
    observed: list[Observed],
    seen: Observation,
    found: Restoration,
    seconds: float,
) -> None:
    """Write the files of a batch's photographs that are not there yet."""
    job, degradation = run.job, observed[0].degradation
    pictures, samples = to_uint8(found.restored), to_uint8(found.samples)
    label, simple = simple_way(degradation, seen, job.generator.spec.image_shape)
    levels = fidelity(degradation, seen, pictures)
    count = found.samples.shape[1]
    for i, row in enumerate(rows):
        if run.finished[row]:
            continue
        file, item, one = run.files[row], job.items[row], observed[i]
        if not np.isfinite(found.restored[i]).all():
            run.failed.add(file.name)
            reason = "no sample has a finite loss"
            notice(f"{file.name}: failed, {reason}")
            job.events.tell("failed", image=file.name, source=file.source, reason=reason)
            continue
        facts = {
            "image": file.name,
            "task": ",".join(item.tasks),
            "given": f"{one.target.shape[1]}x{one.target.shape[0]}",
        }
        measured = quality(_truth(run, file), pictures[i], simple[i])
        row_there = row_of(found, i, facts, fidelity_levels=levels[i], measured=measured) | {
            "simple_way": label,
            "seconds": f"{seconds:.3f}",
            "source": file.source,
            "source_sha256": file.sha256,
            "observed_sha256": item.sha256,
        }
        known = _known_of(one)
        given = shown_given(one.target, known)
        # A photograph is finished when it has a row and codes, and codes are what comes last.
        run.table.add([row_there])
        run.folder.save_restored(
            file.name,
            given=given,
            restored=pictures[i],
            samples=samples[i],
            uncertainty=LEVELS * found.uncertainty[i],
            baseline=simple[i],
            codes=[
                to_file(
                    found.drawing[i * count + number],
                    target_sha256=pixels_sha256(one.target),
                    source=file.source,
                    source_sha256=file.sha256,
                )
                for number in range(count)
            ],
        )
        run.finished[row] = True
        path = run.folder.path / "restored" / f"{file.name}.png"
        job.events.tell("image", **as_numbers(row_there), picture=str(path))


def _known_of(one: Observed) -> np.ndarray | None:
    """What is known of each pixel, where there are holes."""
    if "inpaint" not in one.tasks:
        return None
    operands = one.operands if len(one.tasks) == 1 else one.operands[-1]
    return np.asarray(operands)


def _truth(run: _Run, file: PhotographFile) -> np.ndarray | None:
    """The clean picture of a photograph, as the generator could draw it at best."""
    truths = run.job.truths
    if truths is None:
        return None
    path = truths.get(file.path.stem)
    if path is None:
        notice(f"{file.name}: --truth has no picture of this name")
        return None
    return load_photograph(path, run.job.request.size, crop=CENTRE).pixels


def _finish(run: _Run, stopped: bool) -> int:
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
        found = {file.name: _truth(run, file) for file in run.files if file.name in rows}
        truths = {name: picture for name, picture in found.items() if picture is not None}
        save_sheets(run.folder.path, rows, truths)
        # For programs, stdout is theirs alone.
        (notice if job.events.wanted else print)(summary(rows))
        notice("uncertainty and fidelity are in grey levels of 255")
        notice(
            f"results in {shown(run.folder.path)}: sheet.png, restored/, samples/, uncertainty/, "
            "codes/, metrics.csv"
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
