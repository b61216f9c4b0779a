"""The edits of a job, one after the other: drawings or features, with the way they were made."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from pmsfc_jax.api import Drawing, Edited, composed, edited, morph
from pmsfc_jax.cli.edit.pictures import Picture
from pmsfc_jax.cli.edit.prepare import Job
from pmsfc_jax.inversion.drawing import join
from pmsfc_jax.tasks.edit.directions import (
    Directions,
    keeps_density,
    walk_codes,
    walk_features,
)
from pmsfc_jax.tasks.edit.frames import limited_frames, mixed_frames


class Item(NamedTuple):
    """One edit.

    Attributes:
      name: what its files are called.
      picture: name of the picture that is changed.
      sources: names of those that give.
      subspaces: which; empty for all of the picture.
      strengths: of its frames.
      result: a picture a frame.
      direction: its name, of a move.

    """

    name: str
    picture: str
    sources: list[str]
    subspaces: tuple[int, ...]
    strengths: list[float]
    result: Drawing | Edited
    direction: str | None = None


def count_items(job: Job) -> int:
    """How many edits there are."""
    if job.directions is not None:
        return len(job.pictures) * len(job.directions)
    return len(job.pairs) * len(job.chosen) if job.pairs else 1


def items(job: Job) -> Iterator[Item]:
    """Every edit of the job."""
    if job.action == "morph":
        yield _morph(job)
        return
    if job.directions is not None:
        yield from _moves(job, job.directions)
        return
    known = _Features(job)
    for pair in job.pairs:
        for subspaces in job.chosen:
            region = job.region(pair.picture)
            (h, context), (other, _) = known.of(pair.picture), known.of(pair.source)
            frames = mixed_frames(h[0], other[0], subspaces, job.masks, job.strengths, region)
            name = f"{pair.picture.name}-from-{pair.source.name}-{_numbers(subspaces)}"
            yield _edited(job, name, pair.picture, [pair.source.name], subspaces, frames, context)


def _morph(job: Job) -> Item:
    """A way through all pictures, or of one through parts of the others."""
    names = [picture.name for picture in job.pictures]
    steps = [0.0]
    frames = [job.pictures[0].drawing]
    for number, (a, b) in enumerate(zip(job.pictures, job.pictures[1:], strict=False)):
        frames += [morph(a.drawing, b.drawing, t) for t in job.strengths[1:]]
        steps += [number + t for t in job.strengths[1:]]
    drawing = join(frames)
    name = f"{names[0]}-to-{names[-1]}"
    if not job.chosen:
        return Item(name, names[0], names[1:], (), steps, drawing)
    (subspaces,) = job.chosen
    h, context = composed(job.generator, job.params, drawing)
    region = job.region(job.pictures[0])
    limited = limited_frames(h[0], h, subspaces, job.masks, region)
    first = jax.tree.map(lambda leaf: leaf[:1], context)
    return _edited(job, name, job.pictures[0], names[1:], subspaces, limited, first, steps)


def _moves(job: Job, directions: Directions) -> Iterator[Item]:
    """Each picture along each direction."""
    subspaces = job.chosen[0] if job.chosen else (0,)
    shown = subspaces if job.options.where.subspace else ()
    for picture in job.pictures:
        h, context = composed(job.generator, job.params, picture.drawing)
        region = job.region(picture)
        for number, direction in enumerate(directions.names):
            name = f"{picture.name}-along-{direction}"
            step = directions[number]
            if directions.space == "feature":
                frames = walk_features(h[0], step, job.strengths, subspaces, job.masks, region)
            else:
                density = keeps_density(job.generator)
                walked = walk_codes(picture.drawing, step, job.strengths, constant_density=density)
                if not job.chosen:
                    yield Item(name, picture.name, [], (), job.strengths, walked, direction)
                    continue
                features, _ = composed(job.generator, job.params, walked)
                frames = limited_frames(h[0], features, subspaces, job.masks, region)
            item = _edited(job, name, picture, [], shown, frames, context)
            yield item._replace(direction=direction)


def _edited(
    job: Job,
    name: str,
    picture: Picture,
    sources: list[str],
    subspaces: tuple[int, ...],
    frames: np.ndarray,
    context: Any,
    steps: list[float] | None = None,
) -> Item:
    """Features of all frames in the picture's own context, with how they were made."""
    steps = steps or job.strengths
    recipe = {
        "action": job.action,
        "picture": picture.name,
        "sources": sources,
        "subspaces": list(subspaces),
        "strengths": steps,
        "region": job.options.where.region,
    }
    contexts = jax.tree.map(lambda leaf: leaf.repeat(len(frames), axis=0), context)
    result = edited(picture.drawing, frames, contexts, recipe)
    return Item(name, picture.name, sources, subspaces, steps, result)


def _numbers(subspaces: tuple[int, ...]) -> str:
    return "s" + "-".join(map(str, subspaces))


class _Features:
    """Composed features of pictures, each composed once."""

    def __init__(self, job: Job):
        self._job = job
        self._known: dict[str, tuple[np.ndarray, Any]] = {}

    def of(self, picture: Picture) -> tuple[np.ndarray, Any]:
        if picture.name not in self._known:
            job = self._job
            self._known[picture.name] = composed(job.generator, job.params, picture.drawing)
        return self._known[picture.name]
