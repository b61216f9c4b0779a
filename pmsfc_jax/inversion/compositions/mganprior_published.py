"""What the code of mganprior computes (genforce/mganprior, ``derivable_generator.py``).

Its sum over the codes is divided by their number once more, and all weights start at ``1 / K``
exactly. The same set of pictures as ``mganprior``, another start, and under plain gradient descent
another rate: that of the weights is ``K^2`` times smaller. Published with 30 codes, 3,000 steps of
gradient descent at a rate of 1, pixels and VGG16.
"""

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition, unguarded


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """``w_k / K``."""
    return w * rows[None, :, None, :] / w.shape[2], unguarded(w)


COMPOSITION = Composition(
    "mganprior_published",
    by_subspace=False,
    sliceable=False,
    linear=True,
    mix=mix,
    noise=0.0,
    default_codes=30,
)
