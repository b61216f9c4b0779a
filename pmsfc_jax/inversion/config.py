"""What an inversion is: everything that decides its outcome, saved beside it."""

from dataclasses import dataclass
from typing import Literal

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.compose import METHODS, Method

#: Weight of V where the shipped discriminator is V. Of 0 to 10 the one with the highest PSNR; a
#: network that nothing was optimised against prefers it to less, too (docs/prior.md has the sweep).
DEFAULT_PERCEPTUAL_WEIGHT = 1.0


@dataclass(frozen=True)
class InversionConfig:
    """Settings of one inversion.

    Attributes:
      method: ``pmsfc`` (equation 7 over the given subspaces), ``pmsfc_linear`` (the same without
        its normalisation), ``mganprior``, or ``single``.
      layer: the cut; ``None`` takes that of the subspaces.
      codes_per_subspace: K. For ``mganprior``, which has one subspace, the number of all codes; for
        ``single`` it is 1.
      num_steps: optimiser steps.
      optimiser: ``adam``, or ``sgd``, plain gradient descent as in the published mGANprior.
      learning_rate: for codes and weights; Adam's falls to a tenth along a cosine, that of gradient
        descent stays.
      pixel_weight: of the mean squared difference.
      perceptual_weight: of the mean absolute difference of V's features; 0 where there is no V.
      batch_size: images in one compiled step; a smaller last batch is padded.
      precision: of matrix products: ``default`` is the machine's own (bf16 on a TPU), ``highest``
        is float32 everywhere.

    """

    method: Method = "pmsfc"
    layer: int | None = None
    codes_per_subspace: int = 4
    num_steps: int = 300
    optimiser: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 0.05
    pixel_weight: float = 1.0
    perceptual_weight: float = 0.0
    batch_size: int = 8
    precision: Literal["default", "high", "highest"] = "default"

    def __post_init__(self) -> None:
        """Check values.

        Raises:
          InputError: a value is impossible.

        """
        if self.method not in METHODS:
            raise InputError(f"method is {self.method!r}, not one of {', '.join(METHODS)}")
        if min(self.codes_per_subspace, self.num_steps, self.batch_size) < 1:
            raise InputError("codes_per_subspace, num_steps and batch_size must be at least 1")
        if self.method == "single" and self.codes_per_subspace != 1:
            raise InputError("method single has one code: set codes_per_subspace to 1")
        if self.optimiser not in ("adam", "sgd"):
            raise InputError(f"optimiser is {self.optimiser!r}, not adam or sgd")
        if not self.learning_rate > 0:
            raise InputError(f"learning_rate must be positive, not {self.learning_rate}")
        if min(self.pixel_weight, self.perceptual_weight) < 0 or not (
            self.pixel_weight or self.perceptual_weight
        ):
            raise InputError("pixel_weight and perceptual_weight must be >= 0 and not both 0")
        if self.precision not in ("default", "high", "highest"):
            raise InputError(f"precision is {self.precision!r}, not default, high or highest")
