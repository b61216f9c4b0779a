"""Do discovered subspaces act more locally, separately or semantically than random ones?"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.masks import check_masks, masks_from_labels, random_partition
from pmsfc_jax.core.typing import Key, Progress
from pmsfc_jax.effects.change import mean_defined
from pmsfc_jax.effects.subspace_effects import Distance, SubspaceEffects, subspace_effects

_PAIR_STREAM, _PARTITION_STREAM = range(2)


class Measure(NamedTuple):
    """One number of a partition.

    Attributes:
      claim: what it speaks for: that subspaces act more ``locally``, ``separately`` or
        ``semantically``.
      sign: +1 where larger values speak for the claim, -1 where smaller ones do.
      text: what it is, in a line.
      of: the number.
    """

    claim: Literal["locally", "separately", "semantically"]
    sign: Literal[1, -1]
    text: str
    of: Callable[[SubspaceEffects], float]


def _mean(values: np.ndarray) -> float:
    return float(mean_defined(np.asarray(values, np.float64)))


def _between(matrix: np.ndarray) -> float:
    """Mean over pairs of different subspaces; NaN for one subspace."""
    return _mean(matrix[np.triu_indices(matrix.shape[0], 1)])


def _spread(values: np.ndarray) -> float:
    """Standard deviation over subspaces; NaN for one subspace."""
    mean = _mean(values)
    return float(np.sqrt(_mean(np.square(values - mean)))) if values.shape[0] > 1 else float("nan")


def _perceptual_rate(effects: SubspaceEffects) -> np.ndarray:
    """Perceptual distance a unit of mean absolute change, ``[R]``."""
    if effects.perceptual is None:
        return np.full(effects.change.shape, np.nan)
    acting = np.where(effects.change > 0, effects.change, np.nan)
    return np.asarray(effects.perceptual / acting)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "area": Measure(
            "locally", -1, "share of the picture that an exchange changes", lambda e: _mean(e.area)
        ),
        "map_area": Measure(
            "locally",
            -1,
            "the same, of the changes of all pairs together",
            lambda e: _mean(e.map_area),
        ),
        "radius": Measure(
            "locally",
            -1,
            "how far a change reaches; 1 is the whole picture",
            lambda e: _mean(e.radius),
        ),
        "overlap": Measure(
            "separately",
            -1,
            "cosine of where two subspaces change a picture",
            lambda e: _between(e.overlap),
        ),
        "alignment": Measure(
            "separately",
            -1,
            "cosine of the changes of two subspaces",
            lambda e: _between(e.alignment),
        ),
        "shared": Measure(
            "separately",
            -1,
            "how much two subspaces make the same kinds of changes",
            lambda e: _between(e.shared),
        ),
        "interaction": Measure(
            "separately",
            -1,
            "difference between the sum of changes and the change of all at once",
            lambda e: e.interaction,
        ),
        "colour_spread": Measure(
            "semantically",
            1,
            "how much subspaces differ in the share of colour in their changes",
            lambda e: _spread(e.colour),
        ),
        "flat_spread": Measure(
            "semantically",
            1,
            "how much subspaces differ in the share of changes of the whole picture alike",
            lambda e: _spread(e.flat),
        ),
        "perceptual_rate": Measure(
            "semantically",
            1,
            "perceptual distance a unit of change",
            lambda e: _mean(_perceptual_rate(e)),
        ),
        "perceptual_spread": Measure(
            "semantically",
            1,
            "how much subspaces differ in that, as a share of its mean",
            lambda e: _spread(_perceptual_rate(e)) / _mean(_perceptual_rate(e)),
        ),
    }
)


class Comparison(NamedTuple):
    """One measure of a partition beside those of random partitions with the same sizes.

    Attributes:
      value: of the partition.
      random: ``[n]``, of each random one.
    """

    value: float
    random: np.ndarray

    def score(self, sign: int) -> float:
        """Standard deviations of the random ones by which the value speaks for the claim."""
        deviation = float(self.random.std(ddof=1)) if self.random.size > 1 else 0.0
        if not deviation > 0:
            return float("nan")
        return sign * (self.value - float(self.random.mean())) / deviation

    def beyond(self) -> int:
        """+1 where the value lies above every random one, -1 where below, 0 where among them."""
        if self.value > self.random.max():
            return 1
        return -1 if self.value < self.random.min() else 0


class BesideRandom(NamedTuple):
    """A partition and random ones of the same sizes, measured on the same pairs of codes.

    Attributes:
      effects: of the partition.
      random: of each random partition.
      random_masks: ``[R, C]`` of each random partition.
      measures: each of `MEASURES` by name, without those that need a distance where none was given.
    """

    effects: SubspaceEffects
    random: list[SubspaceEffects]
    random_masks: list[np.ndarray]
    measures: dict[str, Comparison]


def beside_random(
    generator: SplitGenerator,
    params: Any,
    masks: ArrayLike,
    *,
    layer: int,
    key: Key,
    num_random: int = 8,
    num_pairs: int = 64,
    batch_size: int = 16,
    distance: Distance | None = None,
    num_distance_pairs: int | None = None,
    on_progress: Progress | None = None,
) -> BesideRandom:
    """`subspace_effects` of a partition and of random ones with subspaces of the same sizes.

    Args:
      generator: the generator.
      params: its weights.
      masks: ``[R, C]``, a partition.
      layer: the cut.
      key: a jax random key, of the pairs and of the random partitions.
      num_random: how many random partitions.
      num_pairs: see `subspace_effects`.
      batch_size: see `subspace_effects`.
      distance: see `subspace_effects`.
      num_distance_pairs: see `subspace_effects`.
      on_progress: called as ``on_progress(done, total)`` in pairs, over all partitions.

    Raises:
      InputError: as `subspace_effects`.
    """
    num_random = positive_int(num_random, "num_random")
    given = np.asarray(check_masks(masks))
    partitions = [given, *random_masks(given, key=key, number=num_random)]
    found = []
    for index, partition in enumerate(partitions):

        def report(done: int, total: int, before: int = index) -> None:
            if on_progress is not None:
                on_progress(before * total + done, total * len(partitions))

        found.append(
            subspace_effects(
                generator,
                params,
                partition,
                layer=layer,
                key=jax.random.fold_in(key, _PAIR_STREAM),
                num_pairs=num_pairs,
                batch_size=batch_size,
                distance=distance,
                num_distance_pairs=num_distance_pairs,
                on_progress=report,
            )
        )
    return BesideRandom(found[0], found[1:], partitions[1:], compare(found[0], found[1:]))


def compare(effects: SubspaceEffects, random: list[SubspaceEffects]) -> dict[str, Comparison]:
    """Every measure that is defined, of one partition and of random ones."""
    rows = {
        name: Comparison(measure.of(effects), np.array([measure.of(other) for other in random]))
        for name, measure in MEASURES.items()
    }
    return {name: row for name, row in rows.items() if np.isfinite([row.value, *row.random]).all()}


def random_masks(masks: ArrayLike, *, key: Key, number: int) -> list[np.ndarray]:
    """``number`` random partitions ``[R, C]`` with subspaces of the sizes of ``masks``."""
    given = np.asarray(masks)
    keys = jax.random.split(jax.random.fold_in(key, _PARTITION_STREAM), number)
    return [
        np.asarray(masks_from_labels(random_partition(own, given.argmax(axis=0)), given.shape[0]))
        for own in keys
    ]
