"""The work behind ``pmsfc evaluate``: a row of the table after the other."""

import dataclasses
import hashlib
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import to_uint8
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.evaluate.prepare import Job
from pmsfc_jax.cli.evaluate.report import write_table
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE
from pmsfc_jax.cli.wording import counted
from pmsfc_jax.core.wording import duration
from pmsfc_jax.evaluation.measure import measure_row, seconds_of_a_step, steps_within
from pmsfc_jax.evaluation.methods import ROWS
from pmsfc_jax.io.arrays import load_arrays, save_arrays
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import make_folder
from pmsfc_jax.version import __version__

_KIND, _FORMAT = "evaluation", 1
#: Steps of images below which the time of all of them is not worth measuring beforehand.
_WORTH_A_PILOT = 5_000

Finished = dict[str, tuple[dict[str, Any], np.ndarray]]


def work(job: Job) -> int:
    """Run what is not finished, write and print the table; returns the exit code.

    Raises:
      InputError: something cannot be written or read.

    """
    options = job.options
    make_folder(options.out / "methods")
    finished = _finished(job)
    for name in finished:
        notice(f"{name}: finished before")
    to_do = [name for name in job.rows if name not in finished]
    _tell_beginning(job, to_do)
    for name in to_do:
        finished[name] = record, images = _measure(job, name)
        facts = {"kind": _KIND, "format": _FORMAT, "settings": _settings(job, name)}
        path = options.out / "methods" / f"{name}.npz"
        save_arrays(path, {"images": images}, facts | {"record": record})
        mean, seconds = float(np.mean(record["psnr"])), record["seconds_per_image"]
        notice(f"{name}: {mean:.2f} dB, {seconds:.2f} s each")
        job.events.tell("row", method=name, psnr_db=mean, seconds_per_image=seconds)
    records = {name: finished[name][0] for name in job.rows}
    markdown = write_table(job, records, [finished[name][1] for name in job.rows])
    # For programs, stdout is theirs alone.
    (notice if job.events.wanted else print)(markdown.rstrip("\n"))
    notice(
        f"written to {shown(options.out)}: report.html, table.md, table.csv, table.json, sheet.png"
    )
    code = EXIT_INCOMPLETE if job.left_out else 0
    job.events.tell(
        "done",
        table=str(options.out / "table.json"),
        methods=len(records),
        images=len(job.task.targets),
        left_out=job.left_out,
        exit_code=code,
    )
    return code


def _tell_beginning(job: Job, to_do: list[str]) -> None:
    """How many methods, steps and minutes it will be."""
    options, images = job.options, len(job.task.targets)
    steps = [job.steps[name] for name in to_do]
    seconds = None
    if options.seconds is not None:
        what = f"{options.seconds:g} s an image each"
        seconds = options.seconds * images * len(to_do)
    else:
        counts = sorted(set(steps))
        what = f"{' or '.join(map(str, counts))} {'step' if counts == [1] else 'steps'} each"
        if sum(steps) * images >= _WORTH_A_PILOT:
            # A step of the most codes takes longest: what is told is rather too much.
            most = max(to_do, key=lambda name: ROWS[name].num_codes)
            subspaces = job.partitions.of(ROWS[most].partition, job.layer)
            a_step = seconds_of_a_step(job.task, lambda n: job.config(most, n), subspaces)
            # What the pilot has compiled is part of what its row is measured for.
            jax.clear_caches()
            seconds = a_step * images * sum(steps)
    if to_do:
        about = "" if seconds is None else f": about {duration(seconds)}, and compilation"
        notice(f"{counted(len(to_do), 'method')} on {counted(images, 'photograph')}, {what}{about}")
    job.events.tell(
        "started",
        methods=to_do,
        finished_before=len(job.rows) - len(to_do),
        images=images,
        steps=steps,
        seconds=seconds,
    )


def _measure(job: Job, name: str) -> tuple[dict[str, Any], np.ndarray]:
    """A row's record and pictures."""
    subspaces = job.partitions.of(ROWS[name].partition, job.layer)
    steps = job.num_steps
    if job.options.seconds is not None and "num_steps" not in ROWS[name].fields:
        steps = steps_within(
            job.task, lambda n: job.config(name, n), subspaces, job.options.seconds
        )
    return measure_row(job.task, job.config(name, steps), subspaces)


def _finished(job: Job) -> Finished:
    """Rows that are on disk with these settings."""
    found: Finished = {}
    for name in job.rows:
        path = job.options.out / "methods" / f"{name}.npz"
        if path.exists():
            arrays, facts = load_arrays(path, kind=_KIND, newest=_FORMAT)
            if facts["settings"] == _settings(job, name):
                found[name] = facts["record"], arrays["images"]
    return found


def _settings(job: Job, name: str) -> dict[str, Any]:
    """What decides a row, as it stands beside it."""
    options, task = job.options, job.task
    return {
        "inversion": dataclasses.asdict(job.config(name, job.num_steps)),
        "seconds": options.seconds,
        **job.partitions.settings_of(ROWS[name].partition),
        "generator": options.generator,
        "weights_sha256": task.generator.spec.identity,
        "targets_sha256": hashlib.sha256(to_uint8(task.targets).tobytes()).hexdigest(),
        "judge": None if job.judge is None else job.judge.sha256,
        "perceptual": [task.perceptual.name, task.perceptual.identity] if task.perceptual else None,
        "seed": options.seed,
        "device": jax.devices()[0].device_kind,
        "versions": [__version__, jax.__version__],
    }
