"""Features of one picture with some subspaces, somewhere, of another. Arrays in, arrays out."""

from collections.abc import Sequence

import numpy as np

from pmsfc_jax.core.errors import InputError


def gate(
    subspaces: Sequence[int], masks: np.ndarray, region: np.ndarray | None = None
) -> np.ndarray:
    """How much of the other picture is taken: ``[1, 1, C]``, or ``[H, W, C]`` with a region.

    Args:
      subspaces: numbers of subspaces, from 0.
      masks: of all subspaces ``[R, C]``, in [0, 1].
      region: ``[H, W]`` in [0, 1] at the feature's resolution; everywhere by default.

    Raises:
      InputError: no subspace, or one that there is not; a region that covers nothing.

    """
    masks = np.asarray(masks, np.float32)
    if not len(subspaces):
        raise InputError("no subspace is chosen: name one or more, counted from 0")
    for number in subspaces:
        if not 0 <= number < len(masks):
            raise InputError(
                f"there is no subspace {number}: there are {len(masks)}, counted from 0"
            )
    channels = np.clip(masks[sorted(set(subspaces))].sum(axis=0), 0, 1)[None, None]
    if region is None:
        return channels
    region = np.asarray(region, np.float32)
    if region.max(initial=0) <= 0:
        raise InputError("the region covers nothing of the picture")
    return channels * region[..., None]


def mix(
    h_a: np.ndarray,
    h_b: np.ndarray,
    subspaces: Sequence[int],
    masks: np.ndarray,
    share: float,
    region: np.ndarray | None = None,
) -> np.ndarray:
    """``h_a`` with a share of what the chosen subspaces are in ``h_b``.

    Args:
      h_a: composed features ``[..., H, W, C]``.
      h_b: those of other pictures, of the same shape.
      subspaces: which are taken from ``h_b``.
      masks: of all subspaces, ``[R, C]``.
      share: of ``h_b``, usually in [0, 1]; 0 gives the bits of ``h_a``, and 1 those of ``h_b``
        where its channels are taken whole.
      region: see `gate`.

    Raises:
      InputError: shapes that do not fit; see `gate`.

    """
    h_a, h_b = np.asarray(h_a, np.float32), np.asarray(h_b, np.float32)
    if h_a.shape != h_b.shape or h_a.shape[-1] != np.shape(masks)[-1]:
        raise InputError(
            f"features of shapes {h_a.shape} and {h_b.shape} and masks of {np.shape(masks)[-1]} "
            "channels do not fit together: use pictures of one generator and one layer"
        )
    taken = np.float32(share) * gate(subspaces, masks, region)
    mixed = h_a + taken * (h_b - h_a)
    return np.where(taken == 0, h_a, np.where(taken == 1, h_b, mixed))


def swap(
    h_a: np.ndarray,
    h_b: np.ndarray,
    subspaces: Sequence[int],
    masks: np.ndarray,
    region: np.ndarray | None = None,
) -> np.ndarray:
    """``h_a`` with the chosen subspaces of ``h_b``: `mix` with a share of 1."""
    return mix(h_a, h_b, subspaces, masks, 1.0, region)
