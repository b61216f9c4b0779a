"""The work behind ``pmsfc evaluate --task edit``."""

import dataclasses
import json
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import find_parts, invert, save_codes, to_uint8
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.evaluate.editing.prepare import Job
from pmsfc_jax.cli.evaluate.kept import Kept
from pmsfc_jax.cli.exit_codes import EXIT_INCOMPLETE
from pmsfc_jax.core.images import to_float
from pmsfc_jax.evaluation.edited_inversions import as_markdown, measure_inversion
from pmsfc_jax.evaluation.edits import Question, sample_pairs
from pmsfc_jax.evaluation.methods import ROWS
from pmsfc_jax.io.atomic import write_text_atomic
from pmsfc_jax.io.paths import shown
from pmsfc_jax.io.runs import make_folder

_NUM_PARTS, _NUM_OWN, _BATCH = 6, 300, 50
# Streams of the seed's key that discovery does not use.
_PARTS, _OWN, _PAIRS, _RANDOM = range(201, 205)


def work(job: Job) -> int:
    """Measure what is not measured yet, and write the table; returns the exit code."""
    rows_folder = job.options.out / "rows"
    make_folder(rows_folder)
    kept = {name: _kept(job, name) for name in job.rows}
    found = {name: row for name in job.rows if (row := kept[name].read()) is not None}
    to_do = [name for name in job.rows if name not in found]
    job.events.tell("started", rows=to_do, images=len(job.targets))
    if to_do:
        key = jax.random.key(job.options.seed)
        question = _question(job, key)
        for name in to_do:
            found[name] = kept[name].save(_measured(job, name, question, key))
            job.events.tell("row", row=name, psnr_db=float(np.mean(found[name]["psnr"])))
    found = {name: found[name] for name in job.rows}
    markdown = as_markdown(found)
    write_text_atomic(job.options.out / "table.md", markdown)
    record = job.facts | {"images": len(job.targets), "rows": found}
    write_text_atomic(job.options.out / "table.json", json.dumps(record, indent=1) + "\n")
    # For programs, stdout is theirs alone.
    (notice if job.events.wanted else print)(markdown.rstrip("\n"))
    notice(f"written to {shown(job.options.out)}: table.md, table.json, rows/")
    code = EXIT_INCOMPLETE if job.left_out else 0
    table = str(job.options.out / "table.json")
    job.events.tell("done", table=table, images=len(job.targets), exit_code=code)
    return code


def _question(job: Job, key: Any) -> Question:
    """What every row is asked."""
    generator, params, layer = job.generator, job.params, job.layer
    keys = {stream: jax.random.fold_in(key, stream) for stream in (_PARTS, _OWN, _PAIRS)}
    parts = find_parts(generator, params, layer=layer, num_parts=_NUM_PARTS, key=keys[_PARTS])
    own = None
    if job.embed is not None:
        whole = jax.jit(lambda params, codes: generator(params, codes))
        batches = [
            job.embed(to_uint8(whole(params, generator.draw(params, batch, _BATCH))))
            for batch in jax.random.split(keys[_OWN], _NUM_OWN // _BATCH)
        ]
        own = np.concatenate(batches)
    pairs = sample_pairs(generator, params, layer=layer, key=keys[_PAIRS], num=64)
    return Question(generator, params, layer, pairs, parts, embed=job.embed, own=own)


def _measured(job: Job, name: str, question: Question, key: Any) -> dict[str, Any]:
    """Invert and measure one row."""
    exchanged = job.partitions.of("discovered", job.layer)
    assert exchanged is not None
    with progress_bar(name) as update:
        result = invert(
            job.generator,
            job.params,
            to_float(job.targets),
            subspaces=job.partitions.of(ROWS[name].partition, job.layer),
            key=key,
            config=job.rows[name],
            on_progress=lambda done, total, loss: update(done, total),
        )
    save_codes(job.options.out / "rows" / f"{name}.npz", result.drawing)
    return measure_inversion(
        question,
        result.drawing,
        job.targets,
        np.asarray(exchanged.masks),
        key=jax.random.fold_in(key, _RANDOM),
    )


def _kept(job: Job, name: str) -> Kept:
    """Where a row is kept."""
    settings = job.facts | {"inversion": dataclasses.asdict(job.rows[name])}
    return Kept(job.options.out / "rows" / f"{name}.json", settings, "row")
