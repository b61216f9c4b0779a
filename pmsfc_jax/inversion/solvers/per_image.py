"""Algebra on trees of ``[b, ...]`` leaves in which every image is a vector of its own."""

from typing import TypeVar

import jax
import jax.numpy as jnp

from pmsfc_jax.core.typing import Array

Tree = TypeVar("Tree")


def per_image(values: Array, leaf: Array) -> Array:
    """``values [b]`` with axes of length one behind, to meet ``leaf [b, ...]``."""
    return values.reshape(values.shape[0], *(1,) * (leaf.ndim - 1))


def dot(a: Tree, b: Tree) -> Array:
    """Scalar product of each image, ``[b]``."""
    products = [
        (x * y).reshape(x.shape[0], -1).sum(axis=1)
        for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    ]
    return sum(products[1:], start=products[0])


def axpy(scale: Array, x: Tree, y: Tree) -> Tree:
    """``scale * x + y`` with ``scale [b]``."""
    return jax.tree.map(lambda x, y: per_image(scale, x) * x + y, x, y)


def select(condition: Array, a: Tree, b: Tree) -> Tree:
    """Of each image ``a`` where ``condition [b]`` holds, else ``b``."""
    return jax.tree.map(lambda x, y: jnp.where(per_image(condition, x), x, y), a, b)


def zeros_like(tree: Tree) -> Tree:
    """A tree of zeros."""
    return jax.tree.map(jnp.zeros_like, tree)


def negative(tree: Tree) -> Tree:
    """``-tree``."""
    return jax.tree.map(jnp.negative, tree)


def dimension(tree: Tree) -> int:
    """Numbers of one image."""
    return sum(leaf.size // leaf.shape[0] for leaf in jax.tree.leaves(tree))
