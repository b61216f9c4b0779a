"""One random key an image, from what was observed of it: not from its place or its companions."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.operator import IDENTITY, Observation, Operator
from pmsfc_jax.core.typing import Key


@jax.jit
def _fold(key: Key, words: jax.Array) -> Key:
    def one(pair: jax.Array) -> Key:
        return jax.random.fold_in(jax.random.fold_in(key, pair[0]), pair[1])

    return jax.vmap(one)(words)


def digests(observation: Observation, operator: Operator = IDENTITY) -> list[bytes]:
    """The sha256 of what is known of each image: target, operands and operator.

    With the identity it is that of the target's bytes alone.
    """

    def digest(row: int) -> bytes:
        sha = hashlib.sha256(np.ascontiguousarray(observation.target[row]).tobytes())
        if operator != IDENTITY:
            sha.update(repr((operator.name, operator.settings)).encode())
            for leaf in jax.tree.leaves(observation.operands):
                sha.update(np.ascontiguousarray(leaf[row]).tobytes())
        return sha.digest()

    return [digest(row) for row in range(len(observation.target))]


def image_keys(key: Key, observation: Observation, operator: Operator = IDENTITY) -> Key:
    """One key an image, ``key`` folded with a digest of what was observed of it, ``[n]``.

    An image's key never depends on its place in a batch or on its companions.
    """
    words = np.stack([np.frombuffer(d[:8], "<u4") for d in digests(observation, operator)])
    return _fold(key, jnp.asarray(words))
