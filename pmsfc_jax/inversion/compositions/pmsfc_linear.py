"""The weights themselves, within each subspace.

A channel can be rescaled, and no denominator can vanish.
"""

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition, unguarded


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """``m^r * w^r_k``."""
    return w * rows[None, :, None, :], unguarded(w)


COMPOSITION = Composition(
    "pmsfc_linear",
    by_subspace=True,
    sliceable=True,
    linear=True,
    mix=mix,
    live=lambda rows, codes: rows != 0,
)
