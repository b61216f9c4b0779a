"""From the options of ``pmsfc edit`` to a job that can be done: every mistake is found here."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.api import SplitGenerator
from pmsfc_jax.cli.chosen_directions import read_directions
from pmsfc_jax.cli.edit.options import Mix, Morph, Move, Options, Swap
from pmsfc_jax.cli.edit.pictures import Picture, generator_of, read_pictures
from pmsfc_jax.cli.edit.regions import regions_of
from pmsfc_jax.cli.edit.report import check_folder
from pmsfc_jax.cli.generators import load_chosen, recorded_settings
from pmsfc_jax.cli.partition import partition_at
from pmsfc_jax.cli.start_jax import start_jax
from pmsfc_jax.cli.wording import told_by_options
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.drawing import check_alike, check_drawing
from pmsfc_jax.io.paths import shown
from pmsfc_jax.tasks.edit.directions import Directions, check_directions, conditioned
from pmsfc_jax.tasks.edit.features import gate
from pmsfc_jax.tasks.edit.frames import strengths
from pmsfc_jax.tasks.edit.together import check_together, common_masks


class Pair(NamedTuple):
    """A picture that is changed, and the one that gives."""

    picture: Picture
    source: Picture


@dataclass(frozen=True)
class Job:
    """Everything that the work needs.

    Attributes:
      options: as given.
      command: the words of the command, to be shown.
      action: swap, mix, morph or move.
      generator: draws the pictures.
      params: its weights.
      settings: what was chosen anew of it.
      pictures: all pictures, each once.
      pairs: who is changed by whom, of swap and mix.
      masks: the partition ``[R, C]``.
      chosen: sets of subspaces, each of which is an edit of its own; empty for all of the picture.
      regions: where, ``[H, W]`` of the feature, by the picture's name; ``None`` for everywhere.
      strengths: of the frames.
      directions: of a move.

    """

    options: Options
    command: str
    action: str
    generator: SplitGenerator
    params: Any
    settings: dict[str, Any]
    pictures: list[Picture]
    pairs: list[Pair]
    masks: np.ndarray
    chosen: list[tuple[int, ...]]
    regions: dict[str, np.ndarray] | None
    strengths: list[float]
    directions: Directions | None

    def region(self, picture: Picture) -> np.ndarray | None:
        """Where a picture changes; ``None`` for everywhere."""
        return None if self.regions is None else self.regions[picture.name]


def prepare(options: Options, argv: Sequence[str]) -> Job:
    """Check the options and load what they name; nothing is written.

    Raises:
      InputError: anything is wrong with them.

    """
    check_folder(options.output.out)
    if not options.output.fps > 0:
        raise InputError(f"--fps is {options.output.fps:g}: give a number above 0")
    with told_by_options({"frames": "--frames"}):
        steps = _strengths(options)
    start_jax()
    groups = read_pictures(options.pictures)
    pictures = [picture for group in groups for picture in group]
    drawings = {shown(picture.path): picture.drawing for picture in pictures}
    check_together(drawings)
    name = options.output.generator or generator_of(options.pictures, pictures)
    settings = recorded_settings(options.pictures[0], pictures[0].path.parent.parent)
    generator, params = load_chosen(name, settings, options.output.weights_dir)
    check_drawing(generator, pictures[0].drawing)
    layer = pictures[0].drawing.layer
    if isinstance(options, Morph):
        _check_way(pictures)
    masks = _masks(options, generator, layer, drawings)
    chosen = _chosen(options, masks)
    pairs = _pairs(groups) if isinstance(options, Swap | Mix) else []
    changed = pictures[:1] if isinstance(options, Morph) else groups[0]
    changed = pictures if isinstance(options, Move) else changed
    return Job(
        options=options,
        command=shlex.join(["pmsfc", *argv]),
        action=argv[1],
        generator=generator,
        params=params,
        settings=settings,
        pictures=pictures,
        pairs=pairs,
        masks=masks,
        chosen=chosen,
        regions=regions_of(options.where, generator, params, changed, _folders(options)),
        strengths=steps,
        directions=_directions(options, generator, layer) if isinstance(options, Move) else None,
    )


def _strengths(options: Options) -> list[float]:
    if isinstance(options, Morph):
        if options.frames < 2:
            raise InputError(f"--frames is {options.frames}: a morph has 2 or more a picture")
        return strengths(1.0, options.frames)
    if isinstance(options, Move):
        return strengths(options.strength, options.frames, first=-options.strength)
    return strengths(1.0 if isinstance(options, Swap) else options.strength, options.frames)


def _masks(
    options: Options, generator: SplitGenerator, layer: int, drawings: dict[str, Any]
) -> np.ndarray:
    where = options.where
    if isinstance(options, Morph | Move) and not where.subspace:
        # All of a picture changes, whatever the subspaces are.
        return np.ones((1, generator.spec.feature_shape(layer)[-1]), np.float32)
    if where.subspaces is None:
        return common_masks(drawings)
    otherwise = f" and the pictures were cut at layer {layer}: discover them there"
    return partition_at(where.subspaces, generator, layer, otherwise)


def _chosen(options: Options, masks: np.ndarray) -> list[tuple[int, ...]]:
    if options.where.subspace:
        gate(options.where.subspace, masks)
        return [tuple(sorted(set(options.where.subspace)))]
    if isinstance(options, Morph | Move):
        return [(0,)] if options.where.region else []
    return [(number,) for number in range(len(masks))]


def _directions(options: Move, generator: SplitGenerator, layer: int) -> Directions:
    found = read_directions(options.direction)
    others = [read_directions(text) for text in options.condition]
    for directions in (found, *others):
        check_directions(generator, directions, layer)
    return conditioned(found, others)


def _folders(options: Options) -> list[Path]:
    """Where parts may lie: beside the subspaces, or in the first run."""
    first, subspaces = options.pictures[0], options.where.subspaces
    run = first if first.is_dir() else first.parent.parent
    beside = [] if subspaces is None else [subspaces if subspaces.is_dir() else subspaces.parent]
    return [*beside, run]


def _pairs(groups: list[list[Picture]]) -> list[Pair]:
    """Each picture of the first path with each of the others; of one path all with all."""
    first = groups[0]
    sources = [picture for group in groups[1:] for picture in group] or first
    pairs = [Pair(a, b) for a in first for b in sources if a.path.resolve() != b.path.resolve()]
    if not pairs:
        raise InputError("there is one picture only: name another one that gives its subspaces")
    return pairs


def _check_way(pictures: list[Picture]) -> None:
    if len(pictures) < 2:
        raise InputError("there is one picture only: name another one that it becomes")
    for picture in pictures[1:]:
        try:
            check_alike(pictures[0].drawing, picture.drawing)
        except InputError as error:
            raise InputError(
                f"{shown(pictures[0].path)} and {shown(picture.path)} were found with different "
                "settings or subspaces: a morph goes between pictures of the same ones"
            ) from error
