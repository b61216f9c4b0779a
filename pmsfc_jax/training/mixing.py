"""Samples that are drawn from mixed features, so that a generator learns to be composed.

Equation 8 draws a picture from a feature whose channels come from several codes. A generator that
only ever drew whole features of one code has never seen such a thing, and its tail need not draw
anything real from it. Here a share of the samples that it is trained on are

    tail( sum_r m^r * ((1 - a^r) head(z) + a^r head(z')) )

with the masks ``m^r`` of a partition of the layer's channels, two codes z and z', and a share
``a^r`` for each subspace. The discriminator sees them among the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key

Partition = Literal["discovered", "random"]


@dataclass(frozen=True)
class Mixing:
    """Which samples are mixed, and where.

    Attributes:
      layer: the cut whose features are mixed, as in `SplitGenerator`.
      num_subspaces: R, at least 2.
      partition: ``"discovered"`` from the average generator's features, and again as they move, or
        ``"random"``: dealt once, of the sizes of the discovered one, as a control.
      share: part of the samples that are mixed, in (0, 1].
      refresh_images: photographs shown between two discoveries.

    Raises:
      InputError: a value out of its range.

    """

    layer: int
    num_subspaces: int = 4
    partition: Partition = "discovered"
    share: float = 0.5
    refresh_images: int = 10_000

    def __post_init__(self) -> None:
        """Check the ranges."""
        positive_int(self.num_subspaces, "num_subspaces")
        positive_int(self.refresh_images, "refresh_images")
        if self.num_subspaces < 2:
            raise InputError("num_subspaces is 1: to mix subspaces there have to be at least 2")
        if not 0 < self.share <= 1:
            raise InputError(
                f"share is {self.share}: give a part of the samples, above 0 and up to 1"
            )
        if self.partition not in get_args(Partition):
            raise InputError(f"partition is {self.partition!r}: {' or '.join(get_args(Partition))}")


def mixing_from(settings: Mapping[str, Any] | Mixing | None) -> Mixing | None:
    """A `Mixing` from its fields by name, as they stand in a run's record."""
    return Mixing(**settings) if isinstance(settings, Mapping) else settings


class Mixed(NamedTuple):
    """What the features of a batch of samples are mixed with.

    Attributes:
      layer: the cut.
      codes: ``[b, d]``, the second code of each sample.
      shares: ``[b, R]``, how much of each subspace comes from it.
      masks: ``[R, C]``, a partition.

    """

    layer: int
    codes: Array
    shares: Array
    masks: Array


def draw_mixed(key: Key, mixing: Mixing, batch: int, latent_dim: int, masks: Array) -> Mixed:
    """Second codes and shares of ``batch`` samples."""
    of_codes, of_shares = jax.random.split(key)
    codes = jax.random.normal(of_codes, (batch, latent_dim))
    return Mixed(mixing.layer, codes, draw_shares(of_shares, mixing, batch), masks)


def draw_shares(key: Key, mixing: Mixing, batch: int) -> Array:
    """Shares ``a [b, R]``.

    A sample is mixed with probability ``mixing.share``; the others have zeros. Half of the mixed
    ones exchange whole subspaces (each 0 or 1, at even odds), as editing does; the other half blend
    them (each uniform on [0, 1]), as equation 7 does with more than one code.
    """
    keys = jax.random.split(key, 4)
    shape = (batch, mixing.num_subspaces)
    exchanged = jax.random.bernoulli(keys[0], 0.5, shape).astype(jnp.float32)
    blended = jax.random.uniform(keys[1], shape)
    exchanges = jax.random.bernoulli(keys[2], 0.5, (batch, 1))
    is_mixed = jax.random.bernoulli(keys[3], mixing.share, (batch, 1))
    return jnp.where(is_mixed, jnp.where(exchanges, exchanged, blended), jnp.float32(0))


def mix(h: Array, other: Array, mixed: Mixed) -> Array:
    """Features ``[b, H, W, C]``, each subspace of ``h`` with its share of ``other`` in it."""
    by_channel = (mixed.shares @ mixed.masks).astype(h.dtype)[:, None, None, :]
    return (1 - by_channel) * h + by_channel * other
