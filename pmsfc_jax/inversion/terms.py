"""The misfit between a target and its reconstruction (paper, equation 9).

Every part of it is a `Term`: a weight times the mean over elements of ``|prediction - target|`` or
its square, for each image by itself. All weights are settings; there is no hidden factor. Images
are in [-1, 1]. ``V`` may give several feature maps; each counts by its own mean, and the means are
averaged.

A sum of terms has, besides its gradient, a curvature that is diagonal in the predictions: exact for
squares, and for absolute values that of the parabola which touches them from above at the current
prediction. The solvers that know the problem's shape (`solvers`) build on it.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

#: Mean absolute difference, or mean squared difference.
Norm = Literal["l1", "l2"]
#: Differences smaller than this have the curvature of this one under ``l1``; images span 2.
L1_EPSILON = 1e-2


#: What a term compares.
Kind = Literal["pixel", "coarse", "base", "perceptual", "latent"]


class Term(NamedTuple):
    """``weight * mean |prediction - target|^p``.

    Attributes:
      kind: what is compared.
      weight: its factor, a scalar; traced, so that another one compiles nothing.
      norm: p is 1 or 2.
      target: ``[b, ...]``.

    """

    kind: Kind
    weight: Array | float
    norm: Norm
    target: Array


def mean_per_image(x: Array) -> Array:
    """``[b, ...] -> [b]``."""
    return x.reshape(x.shape[0], -1).mean(axis=1)


def distance(target: Array, prediction: Array, norm: Norm) -> Array:
    """Mean absolute (``l1``) or squared (``l2``) difference of each image, ``[b]``."""
    chex.assert_equal_shape([target, prediction])
    difference = prediction - target
    return mean_per_image(jnp.square(difference) if norm == "l2" else jnp.abs(difference))


def curvature(term: Term, prediction: Array) -> Array:
    """Second derivative of a term in each element of its prediction, ``[b, ...]``, never negative.

    For ``l1``, ``|d| <= d^2 / (2 |d0|) + |d0| / 2`` with equality at ``d0``: the second derivative
    of the right-hand side, with ``|d0|`` at least `L1_EPSILON`.
    """
    per_element = term.weight * term.target.shape[0] / term.target.size
    if term.norm == "l2":
        return jnp.full_like(prediction, 2 * per_element)
    return per_element / jnp.maximum(jnp.abs(prediction - term.target), L1_EPSILON)


def kind_mean(terms: Sequence[Term], distances: Sequence[Array], kind: str) -> Array:
    """Mean of the unweighted distances of one kind, ``[b]``; zero where there is none."""
    chosen = [d for term, d in zip(terms, distances, strict=True) if term.kind == kind]
    return sum(chosen[1:], start=chosen[0]) / len(chosen) if chosen else 0 * distances[0]


#: Levels of `pyramid`: a half and a quarter of the size.
PYRAMID_LEVELS = 2


def pyramid(x: Array) -> tuple[Array, ...]:
    """Pictures ``[b, H, W, c]`` at a half and a quarter of their size, by means of blocks.

    Sides have to be multiples of four; `coarse_fits` tells.
    """

    def halved(x: Array) -> Array:
        b, h, w, c = x.shape
        return x.reshape(b, h // 2, 2, w // 2, 2, c).mean((2, 4))

    half = halved(x)
    return half, halved(half)


def coarse_fits(shape: tuple[int, ...]) -> bool:
    """Whether pictures ``(H, W, c)`` can be halved twice."""
    return shape[0] % 4 == 0 and shape[1] % 4 == 0


def radius(latent: Any) -> Array:
    """``|z| / sqrt(d)`` of codes with leaves ``[b, r, k, ...]``: ``[b, r, k]``.

    About 1 under a normal prior.
    """
    leaves = [leaf.reshape(*leaf.shape[:3], -1) for leaf in jax.tree.leaves(latent)]
    z = jnp.concatenate(leaves, axis=-1)
    return jnp.sqrt(jnp.square(z).mean(axis=-1) + jnp.finfo(z.dtype).tiny)


def weighted_sum(terms: Sequence[Term], distances: Sequence[Array]) -> Array:
    """The objective of each image, ``[b]``."""
    parts: list[Any] = [term.weight * d for term, d in zip(terms, distances, strict=True)]
    return sum(parts[1:], start=parts[0])
