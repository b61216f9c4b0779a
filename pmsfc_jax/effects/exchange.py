"""Exchange of one subspace's features between two codes (the experiment of the paper's figure 6).

Of a source code a and a partner b, with the features ``h`` at the cut and the masks ``m^r``,

    x^r = tail( (1 - m^r) * head(a) + m^r * head(b) )

is the source's picture with subspace r of the partner. Where the tail needs a context (styles, a
class) it is the source's.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.masks import check_masks
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.effects.change import pooled

_SOURCE_STREAM, _PARTNER_STREAM = range(2)


class Exchanges(NamedTuple):
    """Pictures of a batch of pairs, float32, nominally in [-1, 1].

    Attributes:
      source: ``[b, H, W, 3]``.
      partner: ``[b, H, W, 3]``, the source with all its features exchanged.
      exchanged: ``[b, R, H, W, 3]``, the source with the features of one subspace exchanged.
    """

    source: np.ndarray
    partner: np.ndarray
    exchanged: np.ndarray


def exchange_batches(
    cut: Cut,
    params: Params,
    masks: ArrayLike,
    *,
    key: Key,
    num_pairs: int,
    batch_size: int = 16,
    side: int | None = None,
) -> Iterator[Exchanges]:
    """Exchange every set of channels between random pairs of codes, a batch of pairs at a time.

    Batch i draws its sources and partners with keys folded from ``key`` and i, so the pairs do not
    depend on the masks. Two programs are compiled for a cut and a batch size; other masks, and
    other numbers of them, use the same.

    Args:
      cut: the generator and its layer.
      params: its weights.
      masks: ``[R, C]`` of 0 and 1, any sets of channels; `check_masks` tells whether they are a
        partition.
      key: a jax random key.
      num_pairs: P; the last batch is cut to what is missing.
      batch_size: pairs a batch.
      side: reduce the pictures to at most this many pixels a side, see `change.pooled`; for many
        sets of channels of a large generator.

    Raises:
      InputError: masks for another number of channels, or a count below 1.
    """
    channels = cut.channels
    sets = np.asarray(masks, np.float32)
    if sets.ndim != 2 or sets.shape[1] != channels or not np.all((sets == 0) | (sets == 1)):
        raise InputError(
            f"the masks have shape {sets.shape}: expected 0 and 1 for each of the {channels} "
            f"channels at layer {cut.layer}, [R, {channels}]"
        )
    num_pairs = positive_int(num_pairs, "num_pairs")
    batch_size = positive_int(batch_size, "batch_size")
    for index, start in enumerate(range(0, num_pairs, batch_size)):
        count = min(batch_size, num_pairs - start)
        source, partner, context = _pair_features(cut, params, key, np.uint32(index), batch_size)

        pictures = []
        for mask in (np.zeros(channels, np.float32), np.ones(channels, np.float32), *sets):
            drawn = _exchanged(cut, params, source, partner, context, mask)
            kept = np.asarray(drawn)[:count]
            pictures.append(kept if side is None else pooled(kept, side))
        yield Exchanges(pictures[0], pictures[1], np.stack(pictures[2:], axis=1))


def exchange_grid(
    generator: SplitGenerator,
    params: Any,
    masks: ArrayLike,
    *,
    layer: int,
    key: Key,
    num_pairs: int = 6,
) -> np.ndarray:
    """Pictures as in the paper's figure 6: a pair a row; source, each subspace exchanged, partner.

    Args:
      generator: the generator.
      params: its weights.
      masks: ``[R, C]``, a partition.
      layer: the cut.
      key: a jax random key.
      num_pairs: rows.

    Returns:
      ``[num_pairs, R + 2, H, W, 3]`` float32, nominally in [-1, 1].

    Raises:
      InputError: as `exchange_batches`, or masks that are no partition.
    """
    (found,) = exchange_batches(
        Cut(generator, layer),
        params,
        check_masks(masks),
        key=key,
        num_pairs=num_pairs,
        batch_size=num_pairs,
    )
    return np.concatenate([found.source[:, None], found.exchanged, found.partner[:, None]], axis=1)


@partial(jax.jit, static_argnames=("cut", "batch_size"))
def _pair_features(
    cut: Cut, params: Params, key: Key, index: Array, batch_size: int
) -> tuple[Array, Array, Any]:
    """Features of sources and partners ``[b, h, w, C]`` and the sources' context."""

    def head(stream: int) -> tuple[Array, Any]:
        own = jax.random.fold_in(jax.random.fold_in(key, index), stream)
        return cut.head(params, cut.generator.draw(params, own, batch_size))

    source, context = head(_SOURCE_STREAM)
    partner, _ = head(_PARTNER_STREAM)
    return source, partner, context


@partial(jax.jit, static_argnames="cut")
def _exchanged(
    cut: Cut, params: Params, source: Array, partner: Array, context: Any, mask: Array
) -> Array:
    features = jnp.where(mask[None, None, None, :] > 0, partner, source)
    return cut.tail(params, features, context).astype(jnp.float32)
