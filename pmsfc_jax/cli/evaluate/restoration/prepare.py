"""From the options to a job that can be done: every mistake is found here."""

import hashlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pmsfc_jax.api import Cut, SplitGenerator
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.evaluate.partitions import Partitions, given_subspaces
from pmsfc_jax.cli.evaluate.prepare import photographs_of
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import chosen_settings, load_asked
from pmsfc_jax.cli.judge import Judge, load_judge
from pmsfc_jax.cli.out_folder import check_out_folder
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.restoration.rows import DEFAULT_ROWS, check_rows, mixed_of, row_of
from pmsfc_jax.version import __version__

_OPTION_NAMES = {"num_steps": "--steps", "steps": "--steps", "batch_size": "--batch-size"}


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      command: the words of the command, to be shown.
      generator: what draws.
      params: its weights.
      truth: ``[n, H, W, 3]`` uint8, the photographs before they lose anything.
      judge: the independent distance, or ``None``.
      rows: names of the rows that the generator fills.
      layers: the cuts that were given, by column.
      partitions: of the rows that have any.
      left_out: how many photographs could not be used.
      events: what programs are told.

    """

    options: Options
    command: str
    generator: SplitGenerator
    params: Params
    truth: np.ndarray
    judge: Judge | None
    rows: tuple[str, ...]
    layers: dict[str, int]
    partitions: Partitions
    left_out: int
    events: Events

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What decides every cell."""
        return {
            "weights_sha256": self.generator.spec.identity,
            "generator_settings": chosen_settings(self.options.generator_set),
            "truth_sha256": hashlib.sha256(self.truth.tobytes()).hexdigest(),
            "judge": None if self.judge is None else self.judge.sha256,
            "seed": self.options.seed,
            "version": __version__,
        }


def prepare(options: Options, argv: Sequence[str]) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    events, rows = Events(options.json), options.methods or DEFAULT_ROWS
    check_rows(rows)
    if options.seconds is not None or options.perceptual_weight:
        raise InputError("--seconds and --perceptual-weight are of --task invert: leave them out")
    check_out_folder(options.out)
    layers = {} if options.layer is None else dict.fromkeys(options.task, options.layer)
    for word in options.layers:
        found = re.fullmatch(r"(\w+)=(\d+)", word)
        if found is None or found[1] not in options.task:
            raise InputError(f"--layers {word}: give TASK=INT, a word of --task and its cut")
        layers[found[1]] = int(found[2])
    start_jax()
    generator, params = load_asked(options.generator, options.generator_set, options.weights_dir)
    given = given_subspaces(options, generator)
    if given is not None:
        for word, layer in layers.items():
            if layer != given.layer:
                raise InputError(
                    f"{word} is cut at layer {layer} and --subspaces are of layer {given.layer}"
                )
        layers = dict.fromkeys(options.task, given.layer)
    with told_by_options(_OPTION_NAMES):
        for layer in {*layers.values(), 0}:
            Cut(generator, layer)
            for name in rows:
                drawn = mixed_of(name) or name
                row_of(drawn, layer=layer, steps=options.steps, batch_size=options.batch_size)
    judge = None if options.judge is None else load_judge(options.judge, options.weights_dir)
    truth, left_out = photographs_of(options, generator.spec, events)
    command = shlex.join(["pmsfc", "evaluate", *argv])
    partitions = Partitions(generator, params, given, options.seed)
    return Job(
        options,
        command,
        generator,
        params,
        truth,
        judge,
        rows,
        layers,
        partitions,
        left_out,
        events,
    )
