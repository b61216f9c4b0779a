"""From the options to a job that can be done: every mistake is found here."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from pmsfc_jax.api import Cut, SplitGenerator
from pmsfc_jax.cli.evaluate.options import Options
from pmsfc_jax.cli.evaluate.partitions import Partitions, given_subspaces, layer_of
from pmsfc_jax.cli.evaluate.prepare import photographs_of
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_asked
from pmsfc_jax.cli.out_folder import check_out_folder
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.edited_inversions import ordered_pairs
from pmsfc_jax.evaluation.edits import Embed
from pmsfc_jax.evaluation.methods import NUM_SUBSPACES, choose_rows, config_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.metrics import load_squeezenet, perceptual_embedding
from pmsfc_jax.subspace import check_question
from pmsfc_jax.version import __version__

_OPTION_NAMES = {"num_steps": "--steps", "batch_size": "--batch-size"}
_ROWS = ("single_lbfgs", "pmsfc_4x4_lbfgs", "pmsfc_full_4x4_lbfgs")
_STEPS = 150


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      generator: what draws.
      params: its weights.
      layer: the cut.
      partitions: whose discovered one is exchanged.
      targets: the photographs, ``[n, H, W, 3]`` uint8.
      rows: the inversion of each row.
      embed: descriptors of pictures, where SqueezeNet was given.
      left_out: how many photographs could not be used.
      events: what programs are told.

    """

    options: Options
    generator: SplitGenerator
    params: Params
    layer: int
    partitions: Partitions
    targets: np.ndarray
    rows: dict[str, InversionConfig]
    embed: Embed | None
    left_out: int
    events: Events

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What decides every row."""
        judge = self.options.judge
        return {
            "weights_sha256": self.generator.spec.identity,
            "targets_sha256": hashlib.sha256(self.targets.tobytes()).hexdigest(),
            "judge": None
            if judge is None
            else hashlib.sha256(Path(judge).read_bytes()).hexdigest(),
            "layer": self.layer,
            "seed": self.options.seed,
            "version": __version__,
            # What every row is asked to exchange.
            **self.partitions.settings_of("discovered"),
        }


def prepare(options: Options) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    names, events = choose_rows(options.methods or _ROWS), Events(options.json)
    if options.seconds is not None or options.perceptual_weight or options.layers:
        raise InputError(
            "--seconds, --perceptual-weight and --layers are not of --task edit: leave them out"
        )
    if options.judge is not None and not options.judge.endswith(".npz"):
        raise InputError("--task edit takes SqueezeNet v1.0 as --judge, an .npz file")
    check_out_folder(options.out)
    start_jax()
    generator, params = load_asked(options.generator, options.generator_set, options.weights_dir)
    given = given_subspaces(options, generator)
    layer = layer_of(options, generator, given)
    Cut(generator, layer)
    if given is None:
        check_question(generator, layer, NUM_SUBSPACES)
    with told_by_options(_OPTION_NAMES):
        rows = {
            name: config_of(
                name,
                layer=layer,
                num_steps=_STEPS if options.steps is None else options.steps,
                learning_rate=options.learning_rate,
                batch_size=options.batch_size,
            )
            for name in names
        }
    embed = None
    if options.judge is not None:
        network = load_squeezenet(options.judge)

        def embed(images: np.ndarray) -> np.ndarray:
            return np.asarray(perceptual_embedding(network, images))

    targets, left_out = photographs_of(options, generator.spec, events)
    ordered_pairs(len(targets))
    partitions = Partitions(generator, params, given, options.seed)
    return Job(
        options, generator, params, layer, partitions, targets, rows, embed, left_out, events
    )
