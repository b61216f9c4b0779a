"""What a composition is: how weights mix the features of several codes into one.

The composed feature of an image is ``sum_r sum_k mixing[r, k] * head(latent[r, k])``, channel by
channel. Compositions differ in how the weights become ``mixing``, and in which sets of codes there
are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

#: ``(w [b, r, k, c], rows [r, c]) -> (mixing [b, r, k, c], guarded denominators [b])``.
Mix = Callable[[Array, Array], tuple[Array, Array]]


def unguarded(w: Array) -> Array:
    """Guarded denominators ``[b]`` of a composition that has none."""
    return jnp.zeros((w.shape[0],), jnp.int32)


def _given(masks: Array) -> Array:
    return masks


def _all_weights(rows: Array, codes: int) -> Array:
    return jnp.ones(rows.shape, bool)


def _mean(codes: int) -> float:
    return 1 / codes


def _codes(num_rows: int, codes: int) -> int:
    return codes


@dataclass(frozen=True)
class Composition:
    """One way to compose; static and hashable by its name.

    Attributes:
      name: in settings and saved codes.
      by_subspace: it composes within subspaces and needs a partition; else it has one set of
        codes, on all channels.
      sliceable: a code is asked for the channels of its own subspace only, so that heads may leave
        out the others.
      linear: the composed feature is linear in the weights, and they matter.
      mix: see `Mix`. Masks are part of ``mixing``.
      rows: from the subspaces' masks ``[R, c]`` to those of all sets of codes ``[r, c]``.
      extra: of these sets, slices each of which draws one more picture alone, to be compared with
        the target by the term ``base``.
      live: ``(rows [r, c], k) -> [r, c]``, which weights have an effect.
      level: of ``k`` codes, the weight that each starts with.
      at_centre: its codes start where draws are truncated to, for families that have such a
        centre (the mean w of StyleGAN2); else they start between there and their draws, since
        codes that start equal stay equal.
      noise: standard deviation of the starting weights, as a share of their level: codes start
        nearly alike, since weights of random sign let denominators cross zero.
      weights_per_channel: of ``r`` sets of ``k`` codes, how many numbers weight what one channel
        shows.
      default_codes: codes a set where nothing is said.
      fixed_codes: whether there cannot be another number.
      objective: defaults of the objective's settings that differ from the usual.

    """

    name: str
    by_subspace: bool
    sliceable: bool
    linear: bool
    mix: Mix = field(compare=False)
    rows: Callable[[Array], Array] = field(compare=False, default=_given)
    extra: tuple[slice, ...] = field(compare=False, default=())
    live: Callable[[Array, int], Array] = field(compare=False, default=_all_weights)
    level: Callable[[int], float] = field(compare=False, default=_mean)
    at_centre: bool = field(compare=False, default=False)
    noise: float = field(compare=False, default=0.1)
    weights_per_channel: Callable[[int, int], int] = field(compare=False, default=_codes)
    default_codes: int = field(compare=False, default=4)
    fixed_codes: bool = field(compare=False, default=False)
    objective: Mapping[str, float] = field(compare=False, default_factory=dict)
