"""A partition of a layer's channels into subspaces, and how it was found."""

from dataclasses import dataclass, field, replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.masks import check_labels, masks_from_labels, random_partition
from pmsfc_jax.core.typing import Array, Key
from pmsfc_jax.subspace.settings import DiscoverySettings


@partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "eigenvalues",
        "coefficients",
        "isolated",
        "residual",
        "held_out_residual",
        "image_error",
    ],
    meta_fields=["settings", "advice"],
)
@dataclass(frozen=True, eq=False)
class Discovery:
    """How subspaces were found, and how well the channels express each other.

    Attributes:
      eigenvalues: ``[C]`` of the normalised affinity, largest first; a gap after the R-th speaks
        for R subspaces.
      coefficients: S, ``[C, C]`` with a zero diagonal.
      isolated: ``[C]`` bool, channels related to no other, placed in the largest subspace.
      residual: ``||F - F S||^2 / ||F||^2`` on the latents S was found on.
      held_out_residual: the same on independent latents.
      settings: how they were found, with the penalty that was used.
      advice: what to do where a step did not come to its end, else empty.
      image_error: mean squared difference, in [-1, 1] units, of pictures redrawn from ``F S`` on
        held-out latents; None unless the method is `Paper`.
    """

    eigenvalues: Array
    coefficients: Array = field(repr=False)
    isolated: Array = field(repr=False)
    residual: float
    held_out_residual: float
    settings: DiscoverySettings
    advice: str = ""
    image_error: float | None = None


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["labels", "masks", "discovery"],
    meta_fields=["layer", "generator", "identity"],
)
@dataclass(frozen=True, eq=False, repr=False)
class Subspaces:
    """The subspaces of the channels at one layer. A pytree; what is no array is static.

    Attributes:
      layer: the cut they belong to.
      labels: ``[C]`` int32 in 0..R-1, the subspace of every channel.
      masks: ``[R, C]`` float32, the indicator of every subspace.
      generator: name of the generator whose channels these are; empty where it is not known.
      identity: hash of its stored weights; empty where they never were stored.
      discovery: how they were found; None where they were given or dealt at random.
    """

    layer: int
    labels: Array
    masks: Array
    generator: str = ""
    identity: str = ""
    discovery: Discovery | None = None

    @property
    def num_subspaces(self) -> int:
        """R."""
        return int(self.masks.shape[0])

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of channels of each subspace."""
        return tuple(int(size) for size in np.asarray(self.masks).sum(axis=1))

    @property
    def held_out_residual(self) -> float:
        """Of the discovery; NaN where there was none."""
        return float("nan") if self.discovery is None else self.discovery.held_out_residual

    def __repr__(self) -> str:
        number, channels = self.masks.shape
        of = f" of {self.generator}" if self.generator else ""
        return f"<{number} subspaces of the {channels} channels at layer {self.layer}{of}>"


def subspaces_from_labels(
    labels: ArrayLike, layer: int, generator: SplitGenerator | None = None
) -> Subspaces:
    """Subspaces that are known already, for instance from another program.

    Args:
      labels: ``[C]`` integers in 0..R-1, the subspace of every channel; none may be empty.
      layer: the cut.
      generator: whose channels they are; where it is given, the subspaces are refused by others.

    Raises:
      InputError: labels that are no partition, or do not belong to the generator's layer.
    """
    values = np.asarray(labels)
    count = int(values.max()) + 1 if values.size and values.dtype.kind in "iu" else 1
    checked = check_labels(values, max(count, 1))
    found = Subspaces(layer, jnp.asarray(checked), masks_from_labels(checked, count))
    if generator is None:
        return found
    check_subspaces(generator, found)
    spec = generator.spec
    return replace(found, generator=spec.name, identity=spec.identity)


def discovery_of(subspaces: Subspaces) -> Discovery:
    """How they were found.

    Raises:
      InputError: they were given or dealt at random.
    """
    if subspaces.discovery is None:
        raise InputError("these subspaces were not discovered: there is no spectrum of them")
    return subspaces.discovery


def random_subspaces(subspaces: Subspaces, key: Key) -> Subspaces:
    """Subspaces of the same sizes, channels dealt at random: the control of every comparison."""
    labels = random_partition(key, subspaces.labels)
    masks = masks_from_labels(labels, subspaces.num_subspaces)
    return replace(subspaces, labels=labels, masks=masks, discovery=None)


def check_subspaces(generator: SplitGenerator, subspaces: Subspaces) -> None:
    """Check that the subspaces are of this generator's channels.

    Raises:
      InputError: they were found for other weights, for a layer that it has not, or for another
        number of channels.
    """
    spec = generator.spec
    if subspaces.identity and spec.identity and subspaces.identity != spec.identity:
        raise InputError(
            f"these subspaces were found for {subspaces.generator} (weights "
            f"{subspaces.identity[:12]}), not for {spec.name} (weights {spec.identity[:12]}): "
            "discover them for this generator"
        )
    channels = spec.feature_shape(subspaces.layer)[-1]
    if subspaces.masks.shape[1] != channels:
        raise InputError(
            f"the subspaces have {subspaces.masks.shape[1]} channels and layer {subspaces.layer} "
            f"of {spec.name} has {channels}: discover them for this generator"
        )
