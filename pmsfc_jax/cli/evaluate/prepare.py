"""From the options of ``pmsfc evaluate`` to a job that can be done: every mistake is found here."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pmsfc_jax.api import Cut, InversionConfig, Perceptual, load_perceptual
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.evaluate.partitions import Partitions, given_subspaces, layer_of
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_asked
from pmsfc_jax.cli.judge import Judge, load_judge
from pmsfc_jax.cli.out_folder import check_out_folder
from pmsfc_jax.cli.photographs import look_at_photographs, tell_left_out
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import GeneratorSpec
from pmsfc_jax.core.images import to_float
from pmsfc_jax.core.operator import IDENTITY
from pmsfc_jax.evaluation.measure import Task
from pmsfc_jax.evaluation.methods import NUM_SUBSPACES, ROWS, choose_rows, config_of
from pmsfc_jax.evaluation.subsets import load_subset
from pmsfc_jax.inversion.checks import check_objective
from pmsfc_jax.io.photographs import PhotographFile, identify_photographs
from pmsfc_jax.io.source import PhotographSource
from pmsfc_jax.subspace import check_question

DEFAULT_STEPS = 300
_OPTION_NAMES = {
    "num_steps": "--steps",
    "perceptual_weight": "--perceptual-weight",
    "learning_rate": "--learning-rate",
    "batch_size": "--batch-size",
}


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      command: the words of the command, to be shown.
      rows: names of the table's rows.
      layer: the cut.
      partitions: of the rows that have any.
      task: photographs, generator, V and judge.
      judge: the independent distance, or ``None``.
      left_out: how many photographs could not be used.
      events: what programs are told.

    """

    options: Options
    command: str
    rows: tuple[str, ...]
    layer: int
    partitions: Partitions
    task: Task
    judge: Judge | None
    left_out: int
    events: Events

    def config(self, name: str, steps: int) -> InversionConfig:
        """The inversion of row ``name`` with so many steps, where it has no number of its own."""
        return _config(self.options, self.layer, name, steps)

    @property
    def num_steps(self) -> int:
        """Steps of rows that have no number of their own."""
        return _steps(self.options)

    @property
    def steps(self) -> Mapping[str, int]:
        """Steps of each row; under a time budget those that it has without one."""
        return {name: self.config(name, self.num_steps).num_steps for name in self.rows}


def prepare(options: Options, argv: Sequence[str]) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    events = Events(options.json)
    rows = choose_rows(options.methods)
    if options.seconds is not None and not options.seconds > 0:
        raise InputError(f"--seconds is {options.seconds}: give a positive number")
    check_out_folder(options.out)
    # Other seconds of the table hold compilation, so programs of earlier runs may not be used.
    start_jax(cache=False)
    generator, params = load_asked(options.generator, options.generator_set, options.weights_dir)
    perceptual = _perceptual(options)
    judge = None if options.judge is None else load_judge(options.judge, options.weights_dir)
    given = given_subspaces(options, generator)
    layer = layer_of(options, generator, given)
    Cut(generator, layer)
    if given is None and any(ROWS[name].partition for name in rows):
        check_question(generator, layer, NUM_SUBSPACES)
    with told_by_options(_OPTION_NAMES):
        for name in rows:
            config = _config(options, layer, name, _steps(options))
            check_objective(generator.spec, config, IDENTITY, perceptual)
    pixels, left_out = photographs_of(options, generator.spec, events)
    return Job(
        options,
        shlex.join(["pmsfc", "evaluate", *argv]),
        rows,
        layer,
        Partitions(generator, params, given, options.seed),
        Task(
            generator,
            params,
            to_float(pixels),
            perceptual,
            None if judge is None else judge.distance,
            options.seed,
        ),
        judge,
        left_out,
        events,
    )


def _steps(options: Options) -> int:
    return DEFAULT_STEPS if options.steps is None else options.steps


def _config(options: Options, layer: int, name: str, steps: int) -> InversionConfig:
    return config_of(
        name,
        layer=layer,
        num_steps=steps,
        learning_rate=options.learning_rate,
        perceptual_weight=options.perceptual_weight,
        batch_size=options.batch_size,
    )


def _perceptual(options: Options) -> Perceptual | None:
    if options.perceptual_weight == 0:
        return None
    perceptual = load_perceptual(options.generator, weights_dir=options.weights_dir)
    if perceptual is None:
        raise InputError(
            f"{options.generator} has no perceptual network: leave --perceptual-weight out"
        )
    return perceptual


def photographs_of(options: Options, spec: GeneratorSpec, events: Events) -> tuple[np.ndarray, int]:
    """The photographs as the generator could draw them, and how many were left out.

    Returns:
      ``[n, H, W, 3]`` uint8, and the number.

    Raises:
      InputError: there are none.

    """
    height, width, _ = spec.image_shape
    files, left_out = _look(options, events)
    bad: dict[int, str] = {}
    source = PhotographSource(files, (height, width), on_bad=bad.__setitem__)
    found = source.take_pixels(range(len(files)))
    for row, reason in bad.items():
        tell_left_out(events, files[row].path, reason)
    if not found.rows:
        raise InputError("none of the photographs can be used")
    return np.asarray(found.pixels), left_out + len(bad)


def _look(options: Options, events: Events) -> tuple[list[PhotographFile], int]:
    """The photographs, and how many files are seen to be of no use."""
    if options.subset is None:
        files, skipped = look_at_photographs([options.photos])
    else:
        paths = load_subset(options.subsets, options.subset, options.photos)
        files, skipped = identify_photographs(paths)
    for skip in skipped:
        tell_left_out(events, skip.path, skip.reason)
    return files, len(skipped)
