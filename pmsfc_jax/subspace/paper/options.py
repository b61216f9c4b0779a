"""What can be chosen about the minimisation of equation 6, in plain values."""

import math
from dataclasses import dataclass
from typing import Literal

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError


@dataclass(frozen=True)
class PaperOptions:
    """How `paper_expression` weighs the pictures, and how long it goes on.

    Attributes:
      image_weight: lam of equation 6, on the mean square over latents, pixels and colours, at least
        0; None makes redrawing nothing right cost as much as expressing nothing: ``trace(gram)``
        over the mean square of the pictures.
      num_steps: of Adam, at least 1.
      learning_rate: of the first step, falling along half a cosine to 0; positive.
      batch_size: latents drawn in a step.
      num_held_out: latents that the image error and the optimality conditions are measured on.
      start: the coefficients of the first step: ``"lasso"`` minimises the same objective without
        the image term, ``"ridge"`` is the closed form.

    Raises:
      InputError: a value out of its range.
    """

    image_weight: float | None = None
    num_steps: int = 300
    learning_rate: float = 0.01
    batch_size: int = 8
    num_held_out: int = 256
    start: Literal["lasso", "ridge"] = "lasso"

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("num_steps", "batch_size", "num_held_out"):
            positive_int(getattr(self, name), name)
        weight, rate = self.image_weight, self.learning_rate
        if weight is not None and not (math.isfinite(weight) and weight >= 0):
            raise InputError(
                f"image_weight is {weight:g}: give a number of at least 0, or leave it out"
            )
        if not (math.isfinite(rate) and rate > 0):
            raise InputError(f"learning_rate is {rate:g}: give a positive number")
        if self.start not in ("lasso", "ridge"):
            raise InputError(f"unknown start {self.start!r}: choose lasso or ridge")
