"""``pmsfc directions train``: boundaries between inverted photographs with a label and without."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pmsfc_jax.api import (
    Drawing,
    SplitGenerator,
    composed,
    directions,
    load_codes,
)
from pmsfc_jax.cli.directions.labels import read_labels
from pmsfc_jax.cli.directions.limits import check_file, finish, limit_of
from pmsfc_jax.cli.directions.options import Train
from pmsfc_jax.cli.events import Events
from pmsfc_jax.cli.generators import load_chosen, recorded_settings
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.inversion.drawing import check_drawing
from pmsfc_jax.io.runs import RunFolder


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      generator: of the run.
      params: its weights.
      drawing: all pictures of the run that have a label.
      labels: ``[n]`` of 1, 0 and NaN, by attribute.
      subspaces: to which directions are limited, or ``None``.
      masks: the partition that these are counted in, or ``None``.

    """

    options: Train
    generator: SplitGenerator
    params: Any
    drawing: Drawing
    labels: dict[str, np.ndarray]
    subspaces: tuple[int, ...] | None
    masks: np.ndarray | None


def prepare(options: Train) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    check_file(options.out)
    run = RunFolder(options.run)
    labels = read_labels(options.labels, run.names(), options.attribute)
    start_jax()
    name = options.generator or str(run.settings().get("generator"))
    generator, params = load_chosen(name, recorded_settings(options.run), options.weights_dir)
    drawing = load_codes(options.run)
    check_drawing(generator, drawing)
    known = np.any([~np.isnan(values) for values in labels.values()], axis=0)
    subspaces, masks = limit_of(options.limit, options.of, generator, drawing.layer, drawing.masks)
    return Job(
        options,
        generator,
        params,
        drawing[np.flatnonzero(known)],
        {attribute: values[known] for attribute, values in labels.items()},
        subspaces,
        masks,
    )


def work(job: Job) -> int:
    """Find, tell and save; returns the exit code."""
    if job.options.of == "codes":
        means = jax.tree.map(lambda leaf: leaf.mean(axis=(1, 2)), job.drawing.codes.latent)
        found = directions.latent_boundaries(job.generator, means, job.labels)
    else:
        h, _ = composed(job.generator, job.params, job.drawing)
        found = directions.feature_boundaries(
            job.generator,
            h,
            job.labels,
            layer=job.drawing.layer,
            subspaces=job.subspaces,
            masks=job.masks,
        )
    return finish(found, job.options.out, Events(job.options.json))
