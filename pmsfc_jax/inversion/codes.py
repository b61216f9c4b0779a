"""What is optimised for a batch of images, and its shape as one vector an image."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array


class Codes(NamedTuple):
    """Codes, weights and contexts of ``b`` images.

    Axes: ``b`` images, ``r`` sets of codes (subspaces, and what a composition adds to them), ``k``
    codes of a set, ``c`` channels of the feature at the cut.

    Attributes:
      latent: latent codes, a pytree with leaves ``[b, r, k, ...]``; for plain stacks one array
        ``[b, r, k, d]``.
      w: weights ``[b, r, k, c]``; some compositions do not use all of them.
      context: what is optimised of each image's context, leaves ``[b, ...]``; ``()`` for plain
        stacks.

    """

    latent: Any
    w: Any
    context: Any = ()


def flatten(codes: Codes) -> Array:
    """All numbers of each image as one vector, ``[b, n]``."""
    count = codes.w.shape[0]
    return jnp.concatenate([leaf.reshape(count, -1) for leaf in jax.tree.leaves(codes)], axis=1)


def unflatten(flat: Array, like: Codes) -> Codes:
    """The inverse of `flatten`.

    Args:
      flat: ``[b, n]``.
      like: codes, for their structure and shapes.

    """
    leaves, structure = jax.tree.flatten(like)
    parts, first = [], 0
    for leaf in leaves:
        size = leaf.size // leaf.shape[0]
        parts.append(flat[:, first : first + size].reshape(leaf.shape))
        first += size
    return jax.tree.unflatten(structure, parts)


def num_codes(codes: Codes) -> tuple[int, int]:
    """``(r, k)``."""
    return codes.w.shape[1], codes.w.shape[2]
