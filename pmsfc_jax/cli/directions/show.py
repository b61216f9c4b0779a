"""``pmsfc directions show``: what is in a file, and what directions do to random pictures."""

from dataclasses import dataclass
from typing import Any

import jax

from pmsfc_jax.api import SplitGenerator, directions, to_uint8
from pmsfc_jax.cli.chosen_directions import read_directions
from pmsfc_jax.cli.console import notice
from pmsfc_jax.cli.directions.limits import tell
from pmsfc_jax.cli.directions.options import Show
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_asked
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.io.images import save_png
from pmsfc_jax.io.paths import shown
from pmsfc_jax.report.sheet import comparison_sheet
from pmsfc_jax.tasks.edit.frames import strengths

_CELL = 128


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      found: the directions.
      generator: that draws with its weights; ``None`` where no pictures are wanted.
      amounts: of the frames.

    """

    options: Show
    found: directions.Directions
    generator: tuple[SplitGenerator, Any] | None
    amounts: list[float]


def prepare(options: Show) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    positive_int(options.num, "--num")
    with told_by_options({"frames": "--frames"}):
        amounts = strengths(options.strength, options.frames, first=-options.strength)
    found = read_directions(options.file)
    if options.out is None:
        return Job(options, found, None, amounts)
    if options.out.suffix != ".png":
        raise InputError(f"{shown(options.out)} would hold a picture: let its name end in .png")
    name = options.generator or found.generator
    if not name:
        raise InputError("it is not known whose directions these are: give --generator")
    start_jax()
    generator, params = load_asked(name, options.generator_set, options.weights_dir)
    layer = 0 if found.layer is None else found.layer
    directions.check_directions(generator, found, layer)
    return Job(options, found, (generator, params), amounts)


def work(job: Job) -> int:
    """Tell, and draw where pictures are wanted; returns the exit code."""
    options, events = job.options, Events(job.options.json)
    tell(job.found, events)
    if job.generator is not None and options.out is not None:
        pictures = directions.walk_samples(
            *job.generator,
            job.found,
            job.amounts,
            key=jax.random.key(options.seed),
            num=options.num,
        )
        rows = [list(to_uint8(frames)) for moved in pictures for frames in moved]
        sheet = comparison_sheet(
            rows,
            column_titles=[f"{amount:.3g}" for amount in job.amounts],
            row_titles=[
                f"direction {name}" if not number else ""
                for name in job.found.names
                for number in range(options.num)
            ],
            cell=_CELL,
        )
        save_png(options.out, sheet)
        notice(f"written to {shown(options.out)}")
    events.tell("done", directions=len(job.found), exit_code=0)
    return 0
