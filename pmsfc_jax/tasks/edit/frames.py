"""The frames of an edit: how far each has gone, and features on the way."""

from collections.abc import Sequence

import numpy as np

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.tasks.edit.features import mix


def strengths(last: float, num: int, first: float = 0.0) -> list[float]:
    """``num`` equal steps from ``first`` to ``last``; one frame alone is the last.

    Raises:
      InputError: ``num`` is no whole number of at least 1.

    """
    num = positive_int(num, "frames")
    return [float(value) for value in (np.linspace(first, last, num) if num > 1 else [last])]


def mixed_frames(
    h_a: np.ndarray,
    h_b: np.ndarray,
    subspaces: Sequence[int],
    masks: np.ndarray,
    shares: Sequence[float],
    region: np.ndarray | None = None,
) -> np.ndarray:
    """One picture with growing shares of another's subspaces, ``[len(shares), H, W, C]``.

    Args:
      h_a: composed features of the picture, ``[H, W, C]``.
      h_b: those of the other.
      subspaces: which are taken from it.
      masks: ``[R, C]``.
      shares: see `features.mix`.
      region: see `features.gate`.

    Raises:
      InputError: see `features.mix`.

    """
    return np.stack([mix(h_a, h_b, subspaces, masks, share, region) for share in shares])


def limited_frames(
    h_a: np.ndarray,
    frames: np.ndarray,
    subspaces: Sequence[int],
    masks: np.ndarray,
    region: np.ndarray | None = None,
) -> np.ndarray:
    """A picture of which only some subspaces, somewhere, follow others: ``[n, H, W, C]``.

    Args:
      h_a: composed features of the picture, ``[H, W, C]``.
      frames: ``[n, H, W, C]``, features that are followed.
      subspaces: which follow.
      masks: ``[R, C]``.
      region: see `features.gate`.

    Raises:
      InputError: see `features.mix`.

    """
    return np.stack([mix(h_a, frame, subspaces, masks, 1.0, region) for frame in frames])
