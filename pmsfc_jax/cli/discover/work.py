"""The work behind ``pmsfc discover``."""

import shlex
from collections.abc import Callable

import jax
import numpy as np

from pmsfc_jax.api import Subspaces, discover_subspaces
from pmsfc_jax.cli.console import Update, notice, progress_bar
from pmsfc_jax.cli.describe import describe_effects, describe_subspaces
from pmsfc_jax.cli.discover.options import Options
from pmsfc_jax.cli.discover.prepare import Job
from pmsfc_jax.cli.discover.report import PAGE, write_folder
from pmsfc_jax.cli.events import Events
from pmsfc_jax.effects.comparison import BesideRandom, beside_random
from pmsfc_jax.io.paths import shown
from pmsfc_jax.report.subspaces import diagnostics

# A stream of the seed's key that discovery itself does not use.
_EFFECTS_STREAM = 101
#: Pairs of which the perceptual distance is taken: it costs more than drawing them.
_DISTANCE_PAIRS = 16
# Pixels that go through the tail in a step.
_STEP_PIXELS = 2**18


def work(job: Job) -> int:
    """Discover, print and write; returns the exit code."""
    options, events = job.options, job.events
    # For programs, stdout is theirs alone.
    say: Callable[[str], None] = notice if events.wanted else print
    with progress_bar("features") as update:
        subspaces = discover_subspaces(
            job.generator,
            job.params,
            layer=options.layer,
            num_subspaces=options.num_subspaces,
            key=jax.random.key(options.seed),
            settings=job.settings,
            on_progress=_both(update, events, "features"),
        )
    say(describe_subspaces(subspaces))
    events.tell(
        "subspaces",
        **diagnostics(subspaces, None, {}),
        labels=np.asarray(subspaces.labels).tolist(),
    )
    if options.out is not None:
        beside = _effects(job, subspaces) if options.report else None
        if beside is not None:
            say(describe_effects(beside))
            events.tell("effects", measures=diagnostics(subspaces, beside, {})["measures"])
        write_folder(job, options.out, subspaces, beside)
        notice(f"written to {shown(options.out)}{f': {PAGE}, to look at' if beside else ''}")
        notice(f"next: {_next_command(options)}")
    events.tell("done", out=None if options.out is None else str(options.out), exit_code=0)
    return 0


def _next_command(options: Options) -> str:
    """The inversion that uses what was written, as it has to be typed."""
    words = ["--generator", options.name, "--subspaces", str(options.out)]
    if options.weights_dir is not None:
        words += ["--weights-dir", str(options.weights_dir)]
    return f"pmsfc invert PHOTOGRAPHS --out RUN {shlex.join(words)}"


def _both(update: Update, events: Events, stage: str) -> Callable[[int, int], None]:
    """Tell people and programs of progress."""

    def told(done: int, total: int) -> None:
        update(done, total)
        events.progress(stage=stage, done=done, of=total)

    return told


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
            on_progress=_both(update, job.events, "effects"),
        )
