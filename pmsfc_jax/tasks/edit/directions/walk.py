"""Walk along a direction: some steps of it, as frames of one picture."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from pmsfc_jax.inversion.drawing import Drawing, join
from pmsfc_jax.tasks.edit.codes import move
from pmsfc_jax.tasks.edit.features import gate


def walk_codes(
    drawing: Drawing, step: Any, amounts: Sequence[float], *, constant_density: bool
) -> Drawing:
    """One picture with all its codes moved, a frame an amount.

    Args:
      drawing: of one picture.
      step: of the structure of one code, what an amount of 1 adds.
      amounts: of the frames; 0 gives the picture's bits.
      constant_density: see `codes.move`.

    Raises:
      InputError: a direction of another size.

    """
    return join(
        [move(drawing, step, amount, constant_density=constant_density) for amount in amounts]
    )


def walk_features(
    h: np.ndarray,
    step: np.ndarray,
    amounts: Sequence[float],
    subspaces: Sequence[int],
    masks: np.ndarray,
    region: np.ndarray | None = None,
) -> np.ndarray:
    """One picture's feature with multiples of a step added, ``[len(amounts), H, W, C]``.

    Args:
      h: composed features ``[H, W, C]``.
      step: ``[H, W, C]`` or ``[1, 1, C]``.
      amounts: of the frames; 0 gives the bits of ``h``.
      subspaces: which may move.
      masks: ``[R, C]``.
      region: see `features.gate`.

    Raises:
      InputError: see `features.gate`.

    """
    moving = gate(subspaces, masks, region) * np.asarray(step, np.float32)
    return np.stack([h + np.float32(amount) * moving if amount else h for amount in amounts])
