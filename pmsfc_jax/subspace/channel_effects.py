"""Affinities between channels by what each of them does to pictures.

The affinity of equation 4 asks which channels carry the same features. What a person means by a
subspace, however, shows in pictures. Here every channel is exchanged alone between random codes
(see `exchange`), and channels are related where the changes are alike:

- `effect_gram`, the mean products of these changes, may stand wherever a Gram matrix of features
  does: `cosine_affinity` of it relates channels that change the same pixels in the same way, and
  `self_expression` of it is equation 5's image term with a tail that is linear;
- `place_affinity` relates channels that change the same pixels, in whatever way.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Progress
from pmsfc_jax.effects.change import energy_map
from pmsfc_jax.effects.exchange import exchange_batches

#: Pictures are reduced to this many pixels a side: the changes of all channels are held at once.
SIDE = 64


class ChannelEffects(NamedTuple):
    """What the exchange of each channel alone does to pictures, over pairs of codes.

    Attributes:
      gram: ``[C, C]`` float32, symmetric; the mean over pairs, pixels and colours of the product of
        the changes by channel i and by channel j.
      energy_maps: ``[C, H, W]`` float32, the mean over pairs of the squared change, summed over
        colours.
    """

    gram: Array
    energy_maps: Array


def channel_effects(
    generator: SplitGenerator,
    params: Any,
    *,
    layer: int,
    key: Key,
    num_pairs: int = 32,
    batch_size: int = 16,
    on_progress: Progress | None = None,
) -> ChannelEffects:
    """Exchange every channel alone between random pairs of codes: ``C * num_pairs`` pictures.

    Args:
      generator: the generator.
      params: its weights.
      layer: the cut.
      key: a jax random key.
      num_pairs: pairs of codes, at least 1.
      batch_size: pairs a step.
      on_progress: called as ``on_progress(done, num_pairs)`` after every batch.

    Raises:
      InputError: no such layer, or a count below 1.
    """
    channels = generator.spec.feature_shape(layer)[-1]
    num_pairs = positive_int(num_pairs, "num_pairs")
    gram = np.zeros((channels, channels))
    maps: np.ndarray | float = 0.0
    done, size = 0, 1
    for found in exchange_batches(
        generator,
        params,
        np.eye(channels),
        layer=layer,
        key=key,
        num_pairs=num_pairs,
        batch_size=batch_size,
        side=SIDE,
    ):
        changes = found.exchanged - found.source[:, None]
        maps = maps + energy_map(changes).sum(axis=0)
        rows = changes.swapaxes(0, 1).reshape(channels, -1).astype(np.float64)
        gram += rows @ rows.T
        done += changes.shape[0]
        size = changes[0, 0].size
        if on_progress is not None:
            on_progress(done, num_pairs)
    mean = gram / (num_pairs * size)
    return ChannelEffects(
        jnp.asarray(((mean + mean.T) / 2).astype(np.float32)),
        jnp.asarray((np.asarray(maps) / num_pairs).astype(np.float32)),
    )


def place_affinity(energy_maps: ArrayLike) -> Array:
    """Affinity ``[C, C]`` float32 of channels that change the same pixels, 0 to 1.

    Each map is scaled to a sum of 1 and the mean of these over channels is taken off, since most
    channels change what most pictures have in their middle; A holds the cosines of what is left,
    negative ones set to 0, and a zero diagonal. A channel without effect has no affinity.

    Args:
      energy_maps: ``[C, H, W]``, not negative, see `channel_effects`.

    Raises:
      InputError: another shape, negative or not finite entries, or no two maps that differ.
    """
    maps = np.asarray(energy_maps, np.float64)
    if maps.ndim != 3 or not np.all(np.isfinite(maps)) or np.any(maps < 0):
        raise InputError("the energy maps have to be finite and not negative, [C, H, W]")
    rows = maps.reshape(maps.shape[0], -1)
    total = rows.sum(axis=1, keepdims=True)
    acting = total[:, 0] > 0
    shares = rows / np.where(total > 0, total, 1)
    if acting.any():
        shares[acting] -= shares[acting].mean(axis=0)
    norms = np.linalg.norm(shares, axis=1, keepdims=True)
    if not np.any(norms > 0):
        raise InputError(
            "all channels change the same pixels alike, so their places relate none to another: "
            "choose another layer or another affinity"
        )
    shares /= np.where(norms > 0, norms, 1)
    cosines = np.clip(shares @ shares.T, 0, 1)
    np.fill_diagonal(cosines, 0)
    return jnp.asarray(((cosines + cosines.T) / 2).astype(np.float32))
