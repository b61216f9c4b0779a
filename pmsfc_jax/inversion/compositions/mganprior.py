"""The weights themselves, on every channel (Gu, Shen, Zhou: CVPR 2020). One set of codes."""

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.compositions.composition import Composition, unguarded


def mix(w: Array, rows: Array) -> tuple[Array, Array]:
    """``w_k``."""
    return w * rows[None, :, None, :], unguarded(w)


COMPOSITION = Composition(
    "mganprior", by_subspace=False, sliceable=False, linear=True, mix=mix, default_codes=16
)
