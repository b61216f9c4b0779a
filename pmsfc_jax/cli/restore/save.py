"""What is written of each photograph of a batch that was restored."""

import numpy as np

from pmsfc_jax.api import Observation, Restoration, to_uint8
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.restore.load import truth_of
from pmsfc_jax.cli.restore.observe import Observed
from pmsfc_jax.cli.restore.report import as_numbers, quality, row_of, shown_given
from pmsfc_jax.cli.restore.standing import Run
from pmsfc_jax.core.images import LEVELS
from pmsfc_jax.evaluation.simple import simple_way
from pmsfc_jax.io.runs import pixels_sha256
from pmsfc_jax.saved import to_file
from pmsfc_jax.tasks.restoration.fidelity import fidelity
from pmsfc_jax.tasks.restoration.mix import mixed, usual_share


def save(
    run: Run,
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
    asked = job.options.how.mix
    share = usual_share(degradation) if asked == "auto" else asked
    if share:
        pictures = mixed(degradation, seen, pictures, simple, share)
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
        measured = quality(truth_of(run, file), pictures[i], simple[i])
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
