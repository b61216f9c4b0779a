"""What was observed of the photographs of a batch, and their clean pictures."""

from dataclasses import replace
from typing import Any

import numpy as np

from pmsfc_jax.api import estimate_kernels
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.photographs import tell_left_out
from pmsfc_jax.cli.restore.observe import Observed, observe, stacked
from pmsfc_jax.cli.restore.standing import Run
from pmsfc_jax.cli.wording import in_words
from pmsfc_jax.io.decode import check_photograph
from pmsfc_jax.io.images import load_photograph
from pmsfc_jax.io.photographs import PhotographFile
from pmsfc_jax.io.refusals import PhotographError
from pmsfc_jax.tasks.restoration.settings import tried_layers


def load(run: Run, rest: dict[str, Any], rows: list[int]) -> tuple[list[int], list[Observed]]:
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
    run: Run, rest: dict[str, Any], rows: list[int], observed: list[Observed]
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


def truth_of(run: Run, file: PhotographFile) -> np.ndarray | None:
    """The clean picture of a photograph, as the generator could draw it at best.

    ``None`` where there is none, or where it cannot be used, which is told.
    """
    truths = run.job.truths
    if truths is None:
        return None
    path = truths.get(file.path.stem)
    if path is None:
        return None
    crop, size = run.job.request.crop, run.job.request.size
    try:
        if crop.kind == "box" and check_photograph(path) != check_photograph(file.path):
            raise PhotographError(path, "--crop speaks of its photograph, and its size is another")
        return load_photograph(path, size, crop=crop).pixels
    except PhotographError as error:
        notice(f"not measured by {error}")
        return None
