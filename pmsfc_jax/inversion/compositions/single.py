"""One code, no weights: ordinary inversion."""

import jax.numpy as jnp

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition, unguarded


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """One, whatever the weights."""
    return jnp.broadcast_to(rows[None, :, None, :], w.shape), unguarded(w)


COMPOSITION = Composition(
    "single",
    by_subspace=False,
    sliceable=False,
    linear=False,
    mix=mix,
    live=lambda rows, codes: jnp.zeros(rows.shape, bool),
    level=lambda codes: 0.0,
    weights_per_channel=lambda num_rows, codes: 0,
    at_centre=True,
    default_codes=1,
    fixed_codes=True,
)
