"""One random key an image, from its pixels: results do not depend on places or companions."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.typing import Key


@jax.jit
def _fold(key: Key, words: jax.Array) -> Key:
    def one(pair: jax.Array) -> Key:
        return jax.random.fold_in(jax.random.fold_in(key, pair[0]), pair[1])

    return jax.vmap(one)(words)


def image_keys(key: Key, targets: np.ndarray) -> Key:
    """One key an image, ``key`` folded with a digest of its pixels, ``[n]``.

    An image's key never depends on its place in a batch or on its companions.
    """
    digests = [hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest() for image in targets]
    words = np.stack([np.frombuffer(digest[:8], "<u4") for digest in digests])
    return _fold(key, jnp.asarray(words))
