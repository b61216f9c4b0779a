"""How good edits are: do they stay where they should, and do they still look like the generator's?

Pairs of pictures exchange one subspace at a time, everywhere or within one part of the picture. All
measures of a partition are taken on the same pairs as those of random partitions of the same sizes.
Parts are those of `pmsfc_jax.tasks.edit.parts`, looked up in each picture that is changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import jax
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.images import LEVELS, to_uint8
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.effects.change import energy_map
from pmsfc_jax.effects.comparison import Comparison, random_masks
from pmsfc_jax.evaluation.measure import Judge
from pmsfc_jax.metrics import precision_recall
from pmsfc_jax.tasks.edit.directions import Boundary
from pmsfc_jax.tasks.edit.features import swap
from pmsfc_jax.tasks.edit.parts.parts import Parts
from pmsfc_jax.tasks.edit.region import in_picture

#: ``uint8 [n, H, W, 3] -> [n, d]``, one descriptor a picture.
Embed = Callable[[np.ndarray], np.ndarray]
_BATCH = 32


class Pairs(NamedTuple):
    """Composed features of pictures that are changed, and of those that give.

    Attributes:
      h_a: ``[n, H, W, C]``, changed.
      h_b: ``[n, H, W, C]``, giving.
      context: of the changed ones, leaves ``[n, ...]``; ``None`` for plain stacks.

    """

    h_a: np.ndarray
    h_b: np.ndarray
    context: Any


class _Within(NamedTuple):
    """One part of the pictures that have it.

    Attributes:
      there: which pairs have it, ``[k]``.
      regions: where, at the feature and feathered, ``[k, h, w]``.
      pixels: where in the picture, ``[k, H, W]`` bool.

    """

    there: np.ndarray
    regions: np.ndarray
    pixels: np.ndarray


class Measure(NamedTuple):
    """One number of an edit.

    Attributes:
      sign: +1 where larger is better, -1 where smaller is, 0 where neither is.
      text: what it is, in a line.

    """

    sign: int
    text: str


MEASURES: Mapping[str, Measure] = {
    "change": Measure(0, "mean absolute change of a picture, in levels of 255"),
    "concentration": Measure(
        1,
        "how much more a part changes by its best subspace than by all of them at once, as a share "
        "of the change; mean over parts",
    ),
    "inside": Measure(1, "share of the change inside of the part, where the exchange is limited"),
    "rest": Measure(
        -1,
        "change of what lies outside of the part, as a share of the whole (SqueezeNet)",
    ),
    "precision": Measure(
        1, "share of edited pictures that lie among the generator's own (k-NN precision)"
    ),
    "selectivity": Measure(
        1,
        "how much more a label's score moves by its best subspace than the others do; mean over "
        "labels",
    ),
}


@dataclass(frozen=True, eq=False)
class Question:
    """What all partitions of a table share.

    Attributes:
      generator: head and tail.
      params: its weights.
      layer: the cut.
      pairs: that are edited.
      parts: of the generator's pictures.
      distance: ``(a, b) uint8 -> [n]``, the independent distance; ``None`` for none.
      embed: descriptors of pictures; ``None`` for none.
      own: descriptors of the generator's own pictures ``[m, d]``, where ``embed`` is given.
      probes: boundaries between descriptors of labelled pictures, by label.
      num_judged: pairs whose limited edits ``distance`` is taken of: it costs most.

    """

    generator: SplitGenerator
    params: Params
    layer: int
    pairs: Pairs
    parts: Parts
    distance: Judge | None = None
    embed: Embed | None = None
    own: np.ndarray | None = None
    probes: Mapping[str, Boundary] = field(default_factory=dict)
    num_judged: int = 12

    @property
    def cut(self) -> Cut:
        """The generator and its layer."""
        return Cut(self.generator, self.layer)

    # What follows is the same for every partition that is asked about, so it is worked out once.

    @cached_property
    def original(self) -> np.ndarray:
        """The pictures before, ``[n, H, W, 3]`` in [-1, 1]."""
        return drawn(self.cut, self.params, self.pairs.h_a, self.pairs.context)

    @cached_property
    def whole(self) -> np.ndarray:
        """The pictures with all subspaces exchanged, as `original`."""
        return drawn(self.cut, self.params, self.pairs.h_b, self.pairs.context)

    @cached_property
    def descriptors(self) -> np.ndarray:
        """Of `original`, ``[n, d]``; where ``embed`` is given."""
        assert self.embed is not None
        return self.embed(to_uint8(self.original))

    @cached_property
    def labels(self) -> np.ndarray:
        """``[n, h, w]``, the part of every position of the changed features."""
        return self.parts.labels(self.pairs.h_a)

    @cached_property
    def within(self) -> list[_Within]:
        """The parts that any of the pictures has."""
        found = []
        for part in range(len(self.parts)):
            there = np.flatnonzero((self.labels == part).any(axis=(1, 2)))
            if len(there):
                regions = [self.parts.region(self.pairs.h_a[i], [part]) for i in there]
                mask = in_picture((self.labels == part)[there], self.original.shape[1:3])
                found.append(_Within(there, np.stack(regions), mask))
        return found


class Edits(NamedTuple):
    """Measures of one partition.

    Attributes:
      values: by name, see `MEASURES`; those that could be taken.
      concentration: ``[R, P]``, of each subspace in each part.
      scores: ``[R, labels]``, mean absolute change of each label's score, in deviations.

    """

    values: dict[str, float]
    concentration: np.ndarray
    scores: np.ndarray


class EditsBesideRandom(NamedTuple):
    """A partition and random ones of the same sizes.

    Attributes:
      edits: of the partition.
      random: of each random one.
      measures: each measure of the partition beside those of the random ones.
      unedited: precision of the pictures before they were edited; ``None`` without descriptors.

    """

    edits: Edits
    random: list[Edits]
    measures: dict[str, Comparison]
    unedited: float | None


def sample_pairs(
    generator: SplitGenerator, params: Params, *, layer: int, key: Key, num: int
) -> Pairs:
    """``num`` random pictures, and as many others that give.

    Raises:
      InputError: no such layer, or a count below 1.

    """
    cut, num = Cut(generator, layer), positive_int(num, "num_pairs")
    head = jax.jit(cut.head)
    first, second = jax.random.split(key)
    h_a, context = jax.tree.map(np.asarray, head(params, generator.draw(params, first, num)))
    h_b, _ = jax.tree.map(np.asarray, head(params, generator.draw(params, second, num)))
    return Pairs(h_a, h_b, context)


def edits_beside_random(
    question: Question,
    masks: np.ndarray,
    *,
    key: Key,
    num_random: int = 8,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> EditsBesideRandom:
    """Measure a partition and random ones of the same sizes.

    Args:
      question: what is edited, and how it is judged.
      masks: ``[R, C]``, a partition.
      key: a jax random key, of the random partitions.
      num_random: how many.
      on_progress: called as ``on_progress(done, total)`` after every partition.

    Raises:
      InputError: masks of another number of channels, or fewer pairs than the precision takes.

    """
    _check(question, masks)
    partitions = [masks, *random_masks(masks, key=key, number=num_random)]
    found = []
    for number, partition in enumerate(partitions):
        found.append(measure_edits(question, partition))
        on_progress(number + 1, len(partitions))
    edits, *random = found
    measures = {
        name: Comparison(value, np.array([other.values[name] for other in random]))
        for name, value in edits.values.items()
    }
    unedited = None
    if question.embed is not None and question.own is not None:
        unedited = precision_recall(question.own, question.descriptors).precision
    return EditsBesideRandom(edits, random, measures, unedited)


def measure_edits(question: Question, masks: np.ndarray) -> Edits:
    """All measures of one partition.

    Args:
      question: what is edited, and how it is judged.
      masks: ``[R, C]``.

    """
    (h_a, h_b, context), original = question.pairs, question.original
    everywhere = [
        drawn(question.cut, question.params, swap(h_a, h_b, [r], masks), context)
        for r in range(len(masks))
    ]
    concentration = _concentration(
        [energy_map(one - original) for one in everywhere],
        energy_map(question.whole - original),
        question.labels,
        len(question.parts),
    )
    changes = [np.abs(one - original).mean() * LEVELS for one in everywhere]
    values = {"change": float(np.mean(changes))}
    values |= {"concentration": mean_of_best(concentration)}
    values |= _limited(question, masks)
    scores = np.zeros((len(masks), 0))
    if question.embed is not None and question.own is not None:
        after = [question.embed(to_uint8(one)) for one in everywhere]
        values["precision"] = precision_recall(question.own, np.concatenate(after)).precision
        if len(question.probes) > 1:
            scores = _scores(question, question.descriptors, after)
            values["selectivity"] = float(selectivity(scores).max(axis=0).mean())
    return Edits(values, concentration, scores)


def mean_of_best(concentration: np.ndarray) -> float:
    """Mean over parts of the best subspace's concentration, ``[R, parts]``.

    Parts that are in none of the pictures, NaN for all subspaces, are left out; NaN without any.
    """
    known = concentration[:, ~np.isnan(concentration).all(axis=0)]
    return float(np.nanmax(known, axis=0).mean()) if known.size else float("nan")


def selectivity(scores: np.ndarray) -> np.ndarray:
    """Change of each label's score over the mean change of the others, of scores ``[R, L]``.

    The converse of attribute dependency (Wu, Lischinski, Shechtman, *StyleSpace Analysis*, CVPR
    2021): 1 where a subspace moves all labels alike.
    """
    others = (scores.sum(axis=1, keepdims=True) - scores) / (scores.shape[1] - 1)
    return np.asarray(scores / np.maximum(others, 1e-12))


def drawn(cut: Cut, params: Params, h: np.ndarray, context: Any) -> np.ndarray:
    """Pictures ``[n, H, W, 3]`` of features, a batch at a time; the last one is filled up."""
    found = []
    for start in range(0, len(h), _BATCH):
        rows = np.minimum(np.arange(start, start + min(_BATCH, len(h))), len(h) - 1)
        some = jax.tree.map(lambda leaf, rows=rows: leaf[rows], context)
        found.append(np.asarray(_tail(cut, params, h[rows], some))[: len(h) - start])
    return np.concatenate(found)


@partial(jax.jit, static_argnames="cut")
def _tail(cut: Cut, params: Params, h: Array, context: Any) -> Array:
    return cut.tail(params, h, context)


def _check(question: Question, masks: np.ndarray) -> None:
    channels = question.cut.channels
    if np.ndim(masks) != 2 or np.shape(masks)[1] != channels:
        raise InputError(
            f"the masks have shape {np.shape(masks)}: expected [R, {channels}], the channels at "
            f"layer {question.layer}"
        )
    if question.embed is not None and question.own is None:
        raise InputError("descriptors of the generator's own pictures are missing")


def _concentration(
    energies: list[np.ndarray], whole: np.ndarray, labels: np.ndarray, num_parts: int
) -> np.ndarray:
    """``[R, P]``: share of a subspace's change in a part, over the share of the whole change."""
    where = [in_picture(labels == part, whole.shape[1:]) for part in range(num_parts)]

    def shares(energy: np.ndarray) -> np.ndarray:
        inside = np.array([(energy * mask).sum() for mask in where])
        return inside / max(float(energy.sum()), 1e-30)

    of_whole = shares(whole)
    return np.stack([shares(energy) for energy in energies]) / np.where(
        of_whole > 0, of_whole, np.nan
    )


def _limited(question: Question, masks: np.ndarray) -> dict[str, float]:
    """Measures of exchanges that are limited to one part."""
    (h_a, h_b, context), original = question.pairs, question.original
    inside, total = 0.0, 0.0
    rest, edited = 0.0, 0.0
    for there, regions, pixels in question.within:
        own = jax.tree.map(lambda leaf, there=there: leaf[there], context)
        for r in range(len(masks)):
            h = np.stack(
                [
                    swap(h_a[i], h_b[i], [r], masks, region)
                    for i, region in zip(there, regions, strict=True)
                ]
            )
            changed = drawn(question.cut, question.params, h, own)
            energy = energy_map(changed - original[there])
            inside += float((energy * pixels).sum())
            total += float(energy.sum())
            judged = there < question.num_judged
            if question.distance is not None and judged.any():
                before = to_uint8(original[there[judged]])
                after = to_uint8(changed[judged])
                outside = np.where(pixels[judged][..., None], before, after)
                rest += float(np.sum(question.distance(before, outside)))
                edited += float(np.sum(question.distance(before, after)))
    values = {"inside": inside / max(total, 1e-30)}
    return values | ({"rest": rest / edited} if edited > 0 else {})


def _scores(question: Question, before: np.ndarray, after: list[np.ndarray]) -> np.ndarray:
    """``[R, labels]``: mean absolute change of a label's score, in deviations of own pictures."""
    assert question.own is not None
    columns = []
    for probe in question.probes.values():
        unit = max(float(probe.side(question.own).std()), 1e-12)
        was = probe.side(before)
        columns.append([float(np.abs(probe.side(one) - was).mean()) / unit for one in after])
    return np.array(columns).T
