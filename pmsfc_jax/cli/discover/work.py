"""The work behind ``pmsfc discover``."""

import jax

from pmsfc_jax.api import Subspaces, discover_subspaces
from pmsfc_jax.cli.console import notice, progress_bar
from pmsfc_jax.cli.describe import describe_effects, describe_subspaces
from pmsfc_jax.cli.discover.prepare import Job
from pmsfc_jax.cli.discover.report import PAGE, write_folder
from pmsfc_jax.effects.comparison import BesideRandom, beside_random

# A stream of the seed's key that discovery itself does not use.
_EFFECTS_STREAM = 101
#: Pairs of which the perceptual distance is taken: it costs more than drawing them.
_DISTANCE_PAIRS = 16
# Pixels that go through the tail in a step.
_STEP_PIXELS = 2**18


def work(job: Job) -> int:
    """Discover, print and write; returns the exit code."""
    options = job.options
    with progress_bar("features") as update:
        subspaces = discover_subspaces(
            job.generator,
            job.params,
            layer=options.layer,
            num_subspaces=options.num_subspaces,
            key=jax.random.key(options.seed),
            settings=job.settings,
            on_progress=lambda done, total: update(done, total, ""),
        )
    print(describe_subspaces(subspaces))
    if options.out is None:
        return 0
    beside = _effects(job, subspaces) if options.report else None
    if beside is not None:
        print(describe_effects(beside))
    write_folder(job, options.out, subspaces, beside)
    notice(
        f"written to {options.out}: subspaces.npz, for pmsfc invert --subspaces {options.out}"
        + (f"; {PAGE}, to look at" if beside else "")
    )
    return 0


def _effects(job: Job, subspaces: Subspaces) -> BesideRandom:
    options = job.options
    height, width, _ = job.generator.spec.image_shape
    with progress_bar("effects") as update:
        return beside_random(
            job.generator,
            job.params,
            subspaces.masks,
            layer=subspaces.layer,
            key=jax.random.fold_in(jax.random.key(options.seed), _EFFECTS_STREAM),
            num_random=options.num_random,
            num_pairs=options.num_pairs,
            batch_size=max(1, min(options.num_pairs, 64, _STEP_PIXELS // (height * width))),
            distance=job.distance,
            num_distance_pairs=_DISTANCE_PAIRS,
            on_progress=lambda done, total: update(done, total, ""),
        )
