"""``m^r / K + w``: starts as the mean within each subspace, and may then leave the subspaces.

Any code may serve any channel. As free as ``mganprior`` with all ``R K`` codes, from another start.
"""

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition, unguarded


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """``m^r / K + w^r_k``."""
    return w + rows[None, :, None, :] / w.shape[2], unguarded(w)


COMPOSITION = Composition(
    "pmsfc_full",
    by_subspace=True,
    sliceable=False,
    linear=True,
    mix=mix,
    # Weights are what is added to the mean.
    level=lambda codes: 0.0,
    weights_per_channel=lambda num_rows, codes: num_rows * codes,
)
