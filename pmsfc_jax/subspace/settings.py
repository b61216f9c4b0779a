"""How subspaces are looked for, in plain values: one object a choice, with its own settings."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.subspace.methods import Method, Ridge, find_method
from pmsfc_jax.subspace.numerics.spectral import ENOUGH, NUM_RESTARTS
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.relations import ByCoefficients, Relation, find_relation


@dataclass(frozen=True)
class Latents:
    """The latents whose features are looked at.

    Attributes:
      num_samples: to find the coefficients on, at least 1.
      num_held_out: to measure them on; None is a quarter of ``num_samples``.
      batch_size: a step, see `FeatureSample`.

    Raises:
      InputError: a count below 1.
    """

    num_samples: int = 4096
    num_held_out: int | None = None
    batch_size: int = 64

    def __post_init__(self) -> None:
        """Check the counts."""
        positive_int(self.num_samples, "num_samples")
        positive_int(self.batch_size, "batch_size")
        if self.num_held_out is None:
            object.__setattr__(self, "num_held_out", -(-self.num_samples // 4))
        positive_int(self.held_out, "num_held_out")

    @property
    def held_out(self) -> int:
        """``num_held_out``, as it was given or a quarter."""
        assert self.num_held_out is not None
        return self.num_held_out


@dataclass(frozen=True)
class Clustering:
    """How the affinity is clustered.

    Attributes:
      num_restarts: k-means starts at most, see `spectral_clustering_details`.
      enough: how often the best clustering has to be found.

    Raises:
      InputError: a count below 1.
    """

    num_restarts: int = NUM_RESTARTS
    enough: int = ENOUGH

    def __post_init__(self) -> None:
        """Check the counts."""
        positive_int(self.num_restarts, "num_restarts")
        positive_int(self.enough, "enough")


@dataclass(frozen=True)
class DiscoverySettings:
    """How subspaces are found.

    Together with the key, the weights, the layer and R these reproduce the result.

    Attributes:
      latents: whose features are looked at.
      method: how coefficients are found: `Ridge`, `Lasso`, `ElasticNet` or `Paper`.
      relation: what the affinity is made of: `ByCoefficients` as in the paper, or one of
        `ByCosine`, `ByCorrelation`, `ByEffect`, which leave the coefficients as diagnostics.
      clustering: of the affinity.

    Raises:
      InputError: a choice that is none of these.
    """

    latents: Latents = field(default_factory=Latents)
    method: Method = field(default_factory=Ridge)
    relation: Relation = field(default_factory=ByCoefficients)
    clustering: Clustering = field(default_factory=Clustering)

    def __post_init__(self) -> None:
        """Check the kinds."""
        for name, kind, example in (
            ("latents", Latents, "Latents()"),
            ("method", Method, "Lasso()"),
            ("relation", Relation, "ByCosine()"),
            ("clustering", Clustering, "Clustering()"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise InputError(
                    f"{name} is {getattr(self, name)!r}: give an object such as {example}"
                )

    def as_record(self) -> dict[str, Any]:
        """Plain values for a file."""
        record = asdict(self)
        for name in ("method", "relation"):
            record[name] = {"name": getattr(self, name).name, **record[name]}
        return record


def settings_from_record(record: Mapping[str, Any]) -> DiscoverySettings:
    """The settings that `DiscoverySettings.as_record` wrote, in this or an earlier version.

    Raises:
      InputError: it names a method or relation that there is not, or a value is out of its range.
      KeyError, TypeError: it is no record of settings.
    """
    parts = record if "latents" in record else _nested(record)
    method, relation = dict(parts["method"]), dict(parts["relation"])
    if "options" in method:
        method["options"] = PaperOptions(**method["options"])
    return DiscoverySettings(
        Latents(**parts["latents"]),
        find_method(method.pop("name"))(**method),
        find_relation(relation.pop("name"))(**relation),
        Clustering(**parts["clustering"]),
    )


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """A record of format 1, where all settings were side by side."""
    method = {
        "name": flat["method"],
        "mu": flat["mu"],
        "precision": flat.get("precision", "float64"),
    }
    if flat.get("paper") is not None:
        method["options"] = flat["paper"]
    relation = {"name": flat.get("relation", ByCoefficients.name)}
    if relation["name"] == ByCoefficients.name:
        relation |= {name: flat[name] for name in ("keep_mass", "rank", "affinity_power")}
    return {
        "latents": {name: flat[name] for name in ("num_samples", "num_held_out", "batch_size")},
        "method": method,
        "relation": relation,
        "clustering": {"num_restarts": flat["num_restarts"]},
    }
