"""What the authors' released script composes.

The masked sums of ``pmsfc_linear``, plus one more set of codes on every channel, the base, which
has to redraw the target alone, too: the loss is ``0.01 * MSE(composite) + MSE(base)``.
"""

import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition, unguarded


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """``m^r * w^r_k``."""
    return w * rows[None, :, None, :], unguarded(w)


def with_base(masks: Array) -> Array:
    """Masks of the subspaces, and of the base: all channels."""
    return jnp.concatenate([masks, jnp.ones_like(masks[:1])])


COMPOSITION = Composition(
    "released",
    by_subspace=True,
    sliceable=False,
    linear=True,
    mix=mix,
    rows=with_base,
    extra=(slice(-1, None),),
    live=lambda rows, codes: rows != 0,
    # Each channel has two sets of codes: half of the mean from each.
    level=lambda codes: 1 / codes / 2,
    weights_per_channel=lambda num_rows, codes: 2 * codes,
    objective={"pixel_weight": 0.01, "base_weight": 1.0},
)
