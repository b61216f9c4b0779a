"""``pmsfc directions find``: principal components and SeFa's closed form."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import (
    SplitGenerator,
    directions,
    load_subspaces,
    reading_code,
    reading_feature,
)
from pmsfc_jax.cli.console import progress_bar
from pmsfc_jax.cli.directions.limits import check_file, finish, limit_of
from pmsfc_jax.cli.directions.options import Find
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_asked
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.generator import default_layer


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      generator: in which directions are found.
      params: its weights.
      layer: the cut.
      subspaces: to which they are limited, or ``None``.
      masks: the partition that these are counted in, or ``None``.

    """

    options: Find
    generator: SplitGenerator
    params: Any
    layer: int
    subspaces: tuple[int, ...] | None
    masks: np.ndarray | None


def prepare(options: Find) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    check_file(options.out)
    positive_int(options.num, "--num")
    positive_int(options.num_samples, "--num-samples")
    start_jax()
    generator, params = load_asked(options.name, options.generator_set, options.weights_dir)
    layer = options.layer
    if layer is None:
        file = options.limit.subspaces
        layer = default_layer(generator.spec) if file is None else load_subspaces(file).layer
    generator.spec.feature_shape(layer)
    subspaces, masks = limit_of(options.limit, options.of, generator, layer)
    return Job(options, generator, params, layer, subspaces, masks)


def work(job: Job) -> int:
    """Find, tell and save; returns the exit code."""
    return finish(_found(job), job.options.out, Events(job.options.json))


def _found(job: Job) -> directions.Directions:
    options, generator, params = job.options, job.generator, job.params
    key = jax.random.key(options.seed)
    plain: dict[str, Any] = {"key": key, "num": options.num, "num_samples": options.num_samples}
    limited: dict[str, Any] = {"layer": job.layer, "subspaces": job.subspaces, "masks": job.masks}
    if options.of == "codes" and options.method == "components":
        return directions.latent_components(generator, params, **plain)
    if options.of == "codes":
        weights = reading_code(generator, params)
        return directions.latent_closed_form(generator, params, weights, **plain)
    if options.method == "sefa":
        weights = reading_feature(generator, params, job.layer)
        return directions.feature_closed_form(generator, params, weights, **plain, **limited)
    with progress_bar("features") as update:
        return directions.feature_components(
            generator,
            params,
            **plain,
            **limited,
            on_progress=update,
        )
