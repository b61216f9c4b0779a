"""From the options of ``pmsfc discover`` to a job that can be done: every mistake is found here."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pmsfc_jax.api import (
    DiscoverySettings,
    Latents,
    SplitGenerator,
    load_perceptual,
    to_uint8,
)
from pmsfc_jax.cli.discover.options import Options
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_asked
from pmsfc_jax.cli.judge import distance_name, load_judge
from pmsfc_jax.cli.out_folder import check_out_folder
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.typing import Params
from pmsfc_jax.effects.subspace_effects import Distance, check_num_pairs
from pmsfc_jax.inversion.feature_distance import feature_distance
from pmsfc_jax.subspace import check_question
from pmsfc_jax.subspace.methods import find_method
from pmsfc_jax.subspace.relations import find_relation

_OPTION_NAMES = {
    "num_pairs": "--num-pairs",
    "num_random": "--num-random",
    "num_samples": "--num-samples",
    "num_subspaces": "--num-subspaces",
    "mu": "--mu",
}


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      command: the words of the command, to be shown.
      generator: what is discovered in.
      params: its weights.
      settings: of the discovery.
      distance: the perceptual distance of the report, or None.
      judge: its name, or None.
      events: what programs are told.

    """

    options: Options
    command: str
    generator: SplitGenerator
    params: Params
    settings: DiscoverySettings
    distance: Distance | None
    judge: str | None
    events: Events


def prepare(options: Options, argv: Sequence[str]) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.
    """
    if options.out is not None:
        check_out_folder(options.out)
    with told_by_options(_OPTION_NAMES):
        check_num_pairs(options.num_pairs)
        positive_int(options.num_random, "num_random")
        settings = DiscoverySettings(
            latents=Latents(options.num_samples),
            method=find_method(options.method)(mu=options.mu),
            relation=find_relation(options.relation)(),
        )
    start_jax()
    generator, params = load_asked(options.name, options.generator_set, options.weights_dir)
    with told_by_options(_OPTION_NAMES):
        check_question(generator, options.layer, options.num_subspaces)
    distance, judge = _distance(options) if options.out and options.report else (None, None)
    command = shlex.join(["pmsfc", "discover", *argv])
    return Job(options, command, generator, params, settings, distance, judge, Events(options.json))


def _distance(options: Options) -> tuple[Distance | None, str | None]:
    """The judge where one is given, else the V that is shipped with the generator; and its name."""
    if options.judge is not None:
        judge = load_judge(options.judge, options.weights_dir)

        def judged(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return judge.distance(to_uint8(a), to_uint8(b))

        return judged, judge.name
    perceptual = load_perceptual(options.name, weights_dir=options.weights_dir)
    if perceptual is None:
        return None, None
    return feature_distance(perceptual), distance_name(perceptual)
