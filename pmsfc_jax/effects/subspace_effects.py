"""What each subspace does to pictures, measured by exchanging its features between random codes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.masks import check_masks
from pmsfc_jax.core.typing import Key, Progress
from pmsfc_jax.effects import change
from pmsfc_jax.effects.exchange import exchange_batches

#: ``(a [n, H, W, 3], b [n, H, W, 3]) -> [n]``, pictures nominally in [-1, 1].
Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]

#: `change.shared_variation` sees pictures reduced to this many pixels a side, since it needs the
#: changes of all pairs at once.
SHARED_SIDE = 64


class SubspaceEffects(NamedTuple):
    """Effects of R subspaces over P pairs of codes; float32, NaN where a subspace changes nothing.

    Attributes:
      effect_maps: ``[R, H, W]``, mean over pairs and colours of the absolute change of a picture
        when the subspace is exchanged; in units of images in [-1, 1], so at most 2.
      change: ``[R]``, means of the maps.
      whole_change: the same for the exchange of all subspaces at once.
      perceptual: ``[R]``, mean perceptual distance to the source; None without a distance.
      whole_perceptual: the same for the exchange of all; None without a distance.
      area: ``[R]``, share of the picture that changes, mean over pairs of `change.area`.
      map_area: ``[R]``, the same of the energy summed over pairs: small only where a subspace acts
        at the same place in all pictures.
      radius: ``[R]``, how far a change reaches, mean over pairs of `change.radius`.
      colour: ``[R]``, share of the energy that is not grey, 0 to 1.
      flat: ``[R]``, share of the energy that is the same at every pixel, 0 to 1.
      overlap: ``[R, R]``, mean over pairs of `change.overlaps`.
      alignment: ``[R, R]``, mean over pairs of `change.alignments`.
      shared: ``[R, R]``, `change.shared_variation`.
      interaction: ``||sum_r d^r - d||_F / ||d||_F`` over all pairs, d the change where all are
        exchanged at once: 0 where subspaces act independently.
      num_pairs: P.
    """

    effect_maps: np.ndarray
    change: np.ndarray
    whole_change: float
    perceptual: np.ndarray | None
    whole_perceptual: float | None
    area: np.ndarray
    map_area: np.ndarray
    radius: np.ndarray
    colour: np.ndarray
    flat: np.ndarray
    overlap: np.ndarray
    alignment: np.ndarray
    shared: np.ndarray
    interaction: float
    num_pairs: int


def subspace_effects(
    generator: SplitGenerator,
    params: Any,
    masks: ArrayLike,
    *,
    layer: int,
    key: Key,
    num_pairs: int = 64,
    batch_size: int = 16,
    distance: Distance | None = None,
    num_distance_pairs: int | None = None,
    on_progress: Progress | None = None,
) -> SubspaceEffects:
    """Measure what the exchange of each subspace changes, over random pairs of codes.

    The pairs follow from ``key`` and ``batch_size`` alone, so partitions that are measured with the
    same ones are compared on the same pictures. Pairs are streamed; what is kept of all of them are
    changes of at most `SHARED_SIDE` pixels a side.

    Args:
      generator: the generator.
      params: its weights.
      masks: ``[R, C]``, a partition.
      layer: the cut.
      key: a jax random key.
      num_pairs: P, at least 2.
      batch_size: pairs a step.
      distance: a perceptual distance of pictures, for instance of `pmsfc_jax.metrics`.
      num_distance_pairs: the first pairs that the distance is taken of; None is all.
      on_progress: called as ``on_progress(done, num_pairs)`` after every batch.

    Raises:
      InputError: no such layer, masks that are no partition, fewer than two pairs.
    """
    masks = check_masks(masks)
    num_pairs = check_num_pairs(num_pairs)
    left = num_pairs if num_distance_pairs is None else num_distance_pairs
    batches: list[dict[str, np.ndarray]] = []
    done = 0
    for found in exchange_batches(
        Cut(generator, layer),
        params,
        masks,
        key=key,
        num_pairs=num_pairs,
        batch_size=batch_size,
    ):
        everything = np.concatenate([found.exchanged, found.partner[:, None]], axis=1)
        batch = _measure_batch(found.source, everything)
        if distance is not None and left > 0:
            batch["distance"] = _distances(distance, found.source[:left], everything[:left])
            left -= found.source.shape[0]
        batches.append(batch)
        done += found.source.shape[0]
        if on_progress is not None:
            on_progress(done, num_pairs)
    return _summed(batches, done)


def check_num_pairs(num_pairs: int) -> int:
    """Return ``num_pairs`` as an int of at least 2.

    Raises:
      InputError: it is not an integer, or it is below 2.
    """
    number = positive_int(num_pairs, "num_pairs")
    if number < 2:
        raise InputError("num_pairs is 1: changes are compared between pairs, give 2 or more")
    return number


def _measure_batch(source: np.ndarray, exchanged: np.ndarray) -> dict[str, np.ndarray]:
    """What is kept of a batch. The exchange of everything is the last of ``[b, R + 1, ...]``."""
    changes = exchanged - source[:, None]
    single, whole = changes[:, :-1], changes[:, -1]
    energy = change.energy_map(single)
    rest = single.sum(axis=1, dtype=np.float64) - whole
    return {
        "maps": np.abs(changes).mean(axis=-1, dtype=np.float64).sum(axis=0),
        "energy_maps": energy.sum(axis=0),
        "energy": energy.sum(axis=(0, -2, -1)),
        "colour": change.colour_energy(single).sum(axis=0),
        "flat": change.flat_energy(single).sum(axis=0),
        "rest": np.square(rest).sum(),
        "whole": np.square(whole, dtype=np.float64).sum(),
        "area": change.area(energy),
        "radius": change.radius(energy),
        "overlap": change.overlaps(single),
        "alignment": change.alignments(single),
        "small": change.pooled(single, SHARED_SIDE),
    }


def _distances(distance: Distance, source: np.ndarray, exchanged: np.ndarray) -> np.ndarray:
    """``[b, R + 1]``."""
    return np.stack(
        [np.asarray(distance(source, exchanged[:, r])) for r in range(exchanged.shape[1])], axis=1
    )


def _summed(batches: list[dict[str, np.ndarray]], num_pairs: int) -> SubspaceEffects:
    def total(name: str) -> np.ndarray:
        return np.sum([batch[name] for batch in batches], axis=0)

    def pair_mean(name: str) -> np.ndarray:
        return change.mean_defined(np.concatenate([batch[name] for batch in batches]), axis=0)

    maps = total("maps") / num_pairs
    means = maps.mean(axis=(-2, -1))
    measured = [batch["distance"] for batch in batches if "distance" in batch]
    distances = np.concatenate(measured).mean(axis=0) if measured else None
    energy = np.where(total("energy") > 0, total("energy"), np.nan)
    whole = float(total("whole"))
    found = SubspaceEffects(
        effect_maps=maps[:-1],
        change=means[:-1],
        whole_change=float(means[-1]),
        perceptual=None if distances is None else distances[:-1],
        whole_perceptual=None if distances is None else float(distances[-1]),
        area=pair_mean("area"),
        map_area=change.area(total("energy_maps")),
        radius=pair_mean("radius"),
        colour=total("colour") / energy,
        flat=total("flat") / energy,
        overlap=pair_mean("overlap"),
        alignment=pair_mean("alignment"),
        shared=change.shared_variation(np.concatenate([batch["small"] for batch in batches])),
        interaction=float(np.sqrt(total("rest") / whole)) if whole > 0 else float("nan"),
        num_pairs=num_pairs,
    )
    narrow: dict[str, Any] = {
        name: value.astype(np.float32)
        for name, value in found._asdict().items()
        if isinstance(value, np.ndarray)
    }
    return found._replace(**narrow)
