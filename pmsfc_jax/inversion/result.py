"""What an inversion is given beside the generator, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion import drawing as drawings
from pmsfc_jax.inversion.drawing import Drawing
from pmsfc_jax.inversion.terms import Norm


class Perceptual(NamedTuple):
    """A network V of equation 9.

    Attributes:
      extract: ``(params, x [b, H, W, 3] in [-1, 1]) -> feature maps``; the same function for the
        same network, so that it compiles nothing anew.
      params: its weights.
      name: what the run's record calls it.
      norm: the ``perceptual_norm`` that it is defined with, or ``None`` where either will do.
      identity: hash of its arrays and of which maps it gives; empty for networks made in memory.

    """

    extract: Callable[[Params, Array], Any]
    params: Params
    name: str
    norm: Norm | None = None
    identity: str = ""


@dataclass(frozen=True, eq=False)
class InversionResult:
    """Codes that redraw ``n`` images, and how they were found. All arrays are numpy's.

    Attributes:
      drawing: the codes of each image's lowest loss; what is rendered, saved, edited.
      reconstruction: what they draw, ``[n, H, W, 3]`` float32, nominally in [-1, 1].
      losses: objective before each step, ``[n, num_steps]``; nan after an image's last step.
      steps: ``[n]``, how many an image was given; those of the try that is here.
      reason: ``[n]``, why no more: ``steps`` where that was the most, ``psnr`` or ``fall`` for the
        criteria of `Until`, ``noise`` where an observation was explained up to its noise.
      best_step: ``[n]``, the step whose codes were kept.
      guarded: ``[n]``, the most denominators of equation 7 guarded in any step.
      failed: ``[n]``, true where no step had a finite loss; such codes are the starting ones.
      restarted: ``[n]``, true where the loss ceased to be finite and the image was tried once more
        from new codes with a smaller step; the better try is the one that is here.
      seconds: ``[n]``, the time of an image's batch divided by its images, compilation included; in
        a queue that of its slot divided by the number of slots.

    """

    drawing: Drawing
    reconstruction: np.ndarray
    losses: np.ndarray
    steps: np.ndarray
    reason: np.ndarray
    best_step: np.ndarray
    guarded: np.ndarray
    failed: np.ndarray
    restarted: np.ndarray
    seconds: np.ndarray

    @property
    def codes(self) -> Any:
        """Latent codes: leaves ``[n, R, K, ...]``."""
        return self.drawing.codes.latent

    @property
    def weights(self) -> np.ndarray:
        """Weights ``[n, R, K, C]``."""
        return self.drawing.codes.w

    def __len__(self) -> int:
        return len(self.reconstruction)

    def __repr__(self) -> str:
        finite = np.where(np.isfinite(self.losses), self.losses, np.inf)
        loss = float(np.median(finite.min(axis=1)))
        return f"<{len(self)} images, median loss {loss:.3g}: {self.drawing!r}>"


def concatenate(results: list[InversionResult]) -> InversionResult:
    """Join results of the same setting along their images."""
    names = [entry.name for entry in fields(InversionResult) if entry.name != "drawing"]
    joined = {name: np.concatenate([getattr(r, name) for r in results]) for name in names}
    return replace(
        results[0], drawing=drawings.join([result.drawing for result in results]), **joined
    )
