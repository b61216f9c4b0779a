"""What an inversion is given beside the generator, and what it gives back."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import Method
from pmsfc_jax.inversion.objective import Norm


class Perceptual(NamedTuple):
    """A network V of equation 9.

    Attributes:
      extract: ``(params, x [b, H, W, 3] in [-1, 1]) -> feature maps``.
      params: its weights.
      name: what the run's record calls it.
      norm: the ``perceptual_norm`` that it is defined with, or ``None`` where either will do.

    """

    extract: Callable[[Params, Array], Any]
    params: Params
    name: str
    norm: Norm | None = None


class InversionResult(NamedTuple):
    """Codes that redraw ``n`` targets, and how they were found. All arrays are numpy's.

    Attributes:
      reconstruction: ``[n, H, W, 3]`` float32, nominally in [-1, 1].
      codes: ``z [n, R, K, d]`` of the lowest loss of each image.
      weights: ``w [n, R, K, C]`` of the same step.
      masks: ``[R, C]``, the partition they were found with.
      layer: the cut.
      method: how features are composed.
      precision: of the matrix products that `render` has to use to redraw exactly.
      losses: objective before each step, ``[n, num_steps]``.
      best_step: ``[n]``, the step whose codes were kept.
      guarded: ``[n]``, the most denominators of equation 7 guarded in any step.
      failed: ``[n]``, true where no step had a finite loss; such codes are the starting ones.
      restarted: ``[n]``, true where the loss ceased to be finite and the image was tried once more
        from new codes with a smaller step; the better try is the one that is here.
      seconds: ``[n]``, the time of an image's batch divided by its images, compilation included.

    """

    reconstruction: np.ndarray
    codes: np.ndarray
    weights: np.ndarray
    masks: np.ndarray
    layer: int
    method: Method
    precision: str
    losses: np.ndarray
    best_step: np.ndarray
    guarded: np.ndarray
    failed: np.ndarray
    restarted: np.ndarray
    seconds: np.ndarray


def concatenate(results: list[InversionResult]) -> InversionResult:
    """Join results of the same setting along their images."""
    shared = {"masks", "layer", "method", "precision"}
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(result, name) for result in results])
        for name in InversionResult._fields
        if name not in shared
    }
    return results[0]._replace(**joined)
