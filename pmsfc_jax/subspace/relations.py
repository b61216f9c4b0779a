"""What makes two channels belong together, each with the settings that are its own.

A `Relation` is a frozen dataclass of plain values, so that it can stand in a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.channel_effects import channel_effects
from pmsfc_jax.subspace.features import FeatureSample, mean_of
from pmsfc_jax.subspace.numerics.affinity import affinity, check_refinement
from pmsfc_jax.subspace.numerics.likeness import correlation_affinity, cosine_affinity


@dataclass(frozen=True)
class Relation:
    """One way to relate channels."""

    #: What messages and files call it.
    name: ClassVar[str]

    def affinity(self, sample: FeatureSample, gram: Array, coefficients: Array, key: Key) -> Array:
        """How much every two channels belong together, ``[C, C]``, not negative.

        Args:
          sample: where the features come from.
          gram: of the sample, ``[C, C]``.
          coefficients: S, ``[C, C]``.
          key: for what the relation itself draws.

        Raises:
          InputError: no two channels are related.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class ByCoefficients(Relation):
    """Channels that write each other (equation 4), refined or not; see `affinity`.

    Attributes:
      keep_mass: share of each column's L1 mass that stays, or None.
      rank: of the low-rank step, or None.
      affinity_power: to which the affinity is raised.

    Raises:
      InputError: a value out of its range.
    """

    name: ClassVar[str] = "self_expression"

    keep_mass: float | None = None
    rank: int | None = None
    affinity_power: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_refinement(self.keep_mass, self.rank, self.affinity_power)

    def affinity(self, sample: FeatureSample, gram: Array, coefficients: Array, key: Key) -> Array:
        """See `Relation.affinity`."""
        return affinity(
            coefficients,
            keep_mass=self.keep_mass,
            rank=self.rank,
            affinity_power=self.affinity_power,
        )


@dataclass(frozen=True)
class ByCosine(Relation):
    """Channels whose features are alike; see `cosine_affinity`."""

    name: ClassVar[str] = "cosine"

    def affinity(self, sample: FeatureSample, gram: Array, coefficients: Array, key: Key) -> Array:
        """See `Relation.affinity`."""
        return cosine_affinity(gram)


@dataclass(frozen=True)
class ByCorrelation(Relation):
    """Channels whose features are alike about their means; see `correlation_affinity`."""

    name: ClassVar[str] = "correlation"

    def affinity(self, sample: FeatureSample, gram: Array, coefficients: Array, key: Key) -> Array:
        """See `Relation.affinity`."""
        return correlation_affinity(gram, mean_of(sample))


@dataclass(frozen=True)
class ByEffect(Relation):
    """Channels that change the same pixels alike, each exchanged alone; see `channel_effects`.

    Attributes:
      num_pairs: pairs of codes between which every channel is exchanged.

    Raises:
      InputError: there is not one pair.
    """

    name: ClassVar[str] = "effect"

    num_pairs: int = 32

    def __post_init__(self) -> None:
        """Check the number."""
        positive_int(self.num_pairs, "num_pairs")

    def affinity(self, sample: FeatureSample, gram: Array, coefficients: Array, key: Key) -> Array:
        """See `Relation.affinity`."""
        effects = channel_effects(sample.cut, sample.params, key=key, num_pairs=self.num_pairs)
        return cosine_affinity(effects.gram)


RELATIONS: Mapping[str, type[Relation]] = MappingProxyType(
    {relation.name: relation for relation in (ByCoefficients, ByCosine, ByCorrelation, ByEffect)}
)


def find_relation(name: str) -> type[Relation]:
    """The class of the relation called ``name``.

    Raises:
      InputError: there is none.
    """
    if name not in RELATIONS:
        raise InputError(f"relation is {name!r}: choose one of {', '.join(RELATIONS)}")
    return RELATIONS[name]
