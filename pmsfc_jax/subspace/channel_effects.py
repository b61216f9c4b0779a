"""What each channel alone does to pictures.

The affinity of equation 4 asks which channels carry the same features. What a person means by a
subspace, however, shows in pictures. Here every channel is exchanged alone between random codes
(see `effects.exchange`), and channels may be related where the changes are alike:

- the mean products of these changes may stand wherever a Gram matrix of features does:
  `cosine_affinity` of them relates channels that change the same pixels in the same way, and
  `self_expression` of them is equation 5's image term with a tail that is linear;
- `place_affinity` relates channels that change the same pixels, in whatever way.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.typing import Array, Key, Params, Progress
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
    cut: Cut,
    params: Params,
    *,
    key: Key,
    num_pairs: int = 32,
    batch_size: int = 16,
    on_progress: Progress | None = None,
) -> ChannelEffects:
    """Exchange every channel alone between random pairs of codes: ``C * num_pairs`` pictures.

    Args:
      cut: the generator and its layer.
      params: its weights.
      key: a jax random key.
      num_pairs: pairs of codes, at least 1.
      batch_size: pairs a step.
      on_progress: called as ``on_progress(done, num_pairs)`` after every batch.

    Raises:
      InputError: a count below 1.
    """
    channels = cut.channels
    num_pairs = positive_int(num_pairs, "num_pairs")
    gram = np.zeros((channels, channels))
    maps: np.ndarray | float = 0.0
    done, size = 0, 1
    for found in exchange_batches(
        cut,
        params,
        np.eye(channels),
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
