"""From one drawing to another by their codes, at constant density."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.drawing import Drawing, check_alike


def length(latent: Any) -> np.ndarray:
    """Norm of each code over all its numbers, ``[n, r, k]``, of leaves ``[n, r, k, ...]``."""
    squares = [
        np.square(np.asarray(leaf, np.float64)).reshape(*leaf.shape[:3], -1).sum(axis=-1)
        for leaf in jax.tree.leaves(latent)
    ]
    return np.sqrt(sum(squares[1:], start=squares[0]))


def scaled(latent: Any, size: np.ndarray) -> Any:
    """Codes of the given norms ``[n, r, k]``, in the same directions."""
    factor = (size / np.maximum(length(latent), 1e-30)).astype(np.float32)
    return jax.tree.map(
        lambda leaf: leaf * factor.reshape(*factor.shape, *(1,) * (leaf.ndim - 3)), latent
    )


def morph(a: Drawing, b: Drawing, t: float) -> Drawing:
    """A drawing between two: weights and contexts on a line, codes on an arc.

    Codes are mixed linearly and scaled to norms that go from those of ``a`` to those of ``b``, so
    that the way does not lead through the middle, where a prior has no codes.

    Args:
      a: ``n`` pictures; ``t`` of 0 gives its bits.
      b: as many, of the same generator, settings and partition; ``t`` of 1 gives its bits.
      t: how far from ``a`` to ``b``.

    Raises:
      InputError: the drawings differ in generator, settings, partition or number.

    """
    check_alike(a, b)
    if len(a) != len(b):
        raise InputError(f"there are {len(a)} pictures and {len(b)}: give as many of each")
    if t in (0, 1):
        return b if t else a
    share = np.float32(t)

    def between(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return x + share * (y - x)

    latent = jax.tree.map(between, a.codes.latent, b.codes.latent)
    norms = (1 - t) * length(a.codes.latent) + t * length(b.codes.latent)
    codes = Codes(
        scaled(latent, norms),
        between(a.codes.w, b.codes.w),
        jax.tree.map(between, a.codes.context, b.codes.context),
    )
    return replace(a, codes=codes)


def move(
    drawing: Drawing,
    direction: Any,
    amount: float,
    subspaces: Sequence[int] | None = None,
    *,
    constant_density: bool = True,
) -> Drawing:
    """All codes of the chosen subspaces along a latent direction, each at its own norm.

    Args:
      drawing: ``n`` pictures.
      direction: of the structure of one latent code.
      amount: steps along it; 0 gives the drawing itself.
      subspaces: sets of codes, from 0; all by default.
      constant_density: keep the norm of each code, as suits priors whose density hangs on it
        (normal ones); other codes, such as StyleGAN2's w, are moved on a line without.

    Raises:
      InputError: a direction of another size, a subspace that there is not.

    """
    latent = drawing.codes.latent
    shapes = [leaf.shape[3:] for leaf in jax.tree.leaves(latent)]
    given = [np.shape(leaf) for leaf in jax.tree.leaves(direction)]
    if shapes != given:
        raise InputError(
            f"the direction has shape {given} and a code {shapes}: use one of this generator"
        )
    sets = drawing.codes.w.shape[1]
    chosen = range(sets) if subspaces is None else subspaces
    for number in chosen:
        if not 0 <= number < sets:
            raise InputError(f"there is no set of codes {number}: there are {sets}, from 0")
    if amount == 0:
        return drawing
    moves = np.zeros((1, sets, 1), np.float32)
    moves[:, list(chosen)] = amount
    moved = jax.tree.map(
        lambda leaf, step: (
            leaf + moves.reshape(1, sets, 1, *(1,) * (leaf.ndim - 3)) * np.float32(step)
        ),
        latent,
        direction,
    )
    walked = scaled(moved, length(latent)) if constant_density else moved
    kept = jax.tree.map(
        lambda old, new: np.where(moves.reshape(1, sets, 1, *(1,) * (old.ndim - 3)) == 0, old, new),
        latent,
        walked,
    )
    return replace(drawing, codes=drawing.codes._replace(latent=kept))
