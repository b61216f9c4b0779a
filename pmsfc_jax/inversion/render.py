"""Draw images from codes, each alone, so that the same codes give the same bits."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import Codes, Method, reconstruct


@partial(jax.jit, static_argnames=("generator", "layer", "method", "precision"))
def _render_one(
    generator: SplitGenerator,
    params: Params,
    codes: Codes,
    masks: Array,
    *,
    layer: int,
    method: Method,
    precision: str,
) -> Array:
    with jax.default_matmul_precision(precision):
        image, _ = reconstruct(generator, params, codes, masks, layer=layer, method=method)
    return image


def render_codes(
    generator: SplitGenerator,
    params: Params,
    z: np.ndarray,
    w: np.ndarray,
    masks: np.ndarray,
    *,
    layer: int,
    method: Method,
    precision: str = "default",
) -> np.ndarray:
    """Draw images ``[n, H, W, 3]`` from ``z [n, R, K, d]`` and ``w [n, R, K, C]``.

    Each image is drawn alone, so that the same codes give the same bits whatever was beside them.
    """
    images = [
        np.asarray(
            _render_one(
                generator,
                params,
                Codes(jnp.asarray(z[i : i + 1]), jnp.asarray(w[i : i + 1])),
                jnp.asarray(masks, jnp.float32),
                layer=layer,
                method=method,
                precision=precision,
            )
        )
        for i in range(len(z))
    ]
    return np.concatenate(images)
