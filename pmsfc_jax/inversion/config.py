"""What an inversion is: everything that decides its outcome, saved beside it."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.compose import METHODS, Method
from pmsfc_jax.inversion.objective import Norm

Optimiser = Literal["adam", "sgd", "lbfgs", "levenberg_marquardt", "variable_projection"]
OPTIMISERS: tuple[Optimiser, ...] = get_args(Optimiser)
#: Settings that are counts, positive numbers, and weights of terms.
_COUNTS = (
    "codes_per_subspace",
    "num_steps",
    "batch_size",
    "history",
    "inner_steps",
    "num_candidates",
)
_POSITIVE = ("learning_rate", "damping")
_WEIGHTS = ("pixel_weight", "coarse_weight", "base_weight", "perceptual_weight", "latent_weight")


@dataclass(frozen=True)
class InversionConfig:
    """Settings of one inversion.

    Attributes:
      method: how features are composed, see `inversion.compose`: ``pmsfc`` (equation 7 over the
        given subspaces), ``pmsfc_linear`` (the same without its normalisation), ``pmsfc_full``
        (which starts in the subspaces and may leave them), ``mganprior``,
        ``single``, or ``released`` (the authors' released script; its own weights are
        ``pixel_weight`` 0.01 and ``base_weight`` 1).
      layer: the cut; ``None`` takes that of the subspaces.
      codes_per_subspace: K. For ``mganprior``, which has one subspace, the number of all codes; for
        ``single`` it is 1.
      num_steps: optimiser steps.
      optimiser: ``adam``; ``sgd``, plain gradient descent as in the published mGANprior; ``lbfgs``;
        ``levenberg_marquardt``, Gauss-Newton steps on codes and weights; ``variable_projection``,
        Gauss-Newton on the weights in between Adam's steps on the codes.
      learning_rate: for codes and weights; Adam's falls to a tenth along a cosine, that of gradient
        descent stays. For ``lbfgs`` the root mean square of the first trial step; unused by
        ``levenberg_marquardt``.
      weight_learning_rate: that of the weights for ``adam`` and ``sgd``; ``None`` is
        ``learning_rate``.
      history: pairs of steps and changes of the gradient that ``lbfgs`` keeps of each image; its
        memory is ``2 * history`` times the codes.
      inner_steps: conjugate gradients in a step of the two Gauss-Newton solvers.
      damping: with which they start.
      num_candidates: sets of starting codes drawn for each image; the one of lowest objective is
        taken.
      pixel_weight: of the pixel term.
      pixel_norm: ``l2``, the mean squared difference, or ``l1``, the mean absolute one.
      coarse_weight: of the mean of the pixel terms at a half and a quarter of the size.
      base_weight: of the base picture of ``released``.
      perceptual_weight: of the difference of V's features; 0 where there is no V.
      perceptual_norm: ``l1``, the mean absolute difference of equation 9, or ``l2``.
      latent_weight: of ``(|z| / sqrt(d) - 1)^2``, for generators with normal codes.
      batch_size: images in one compiled step; a smaller last batch is padded.
      precision: of matrix products: ``default`` is the machine's own (bf16 on a TPU), ``highest``
        is float32 everywhere.

    """

    method: Method = "pmsfc"
    layer: int | None = None
    codes_per_subspace: int = 4
    num_steps: int = 300
    optimiser: Optimiser = "adam"
    learning_rate: float = 0.05
    weight_learning_rate: float | None = None
    history: int = 100
    inner_steps: int = 3
    damping: float = 1e-3
    num_candidates: int = 1
    pixel_weight: float = 1.0
    pixel_norm: Norm = "l2"
    coarse_weight: float = 0.0
    base_weight: float = 0.0
    perceptual_weight: float = 0.0
    perceptual_norm: Norm = "l1"
    latent_weight: float = 0.0
    batch_size: int = 8
    precision: Literal["default", "high", "highest"] = "default"

    @property
    def rate_of_weights(self) -> float:
        """Learning rate of the weights."""
        rate = self.weight_learning_rate
        return self.learning_rate if rate is None else rate

    def __post_init__(self) -> None:
        """Check values.

        Raises:
          InputError: a value is impossible.

        """
        for name, known in (
            ("method", METHODS),
            ("optimiser", OPTIMISERS),
            ("pixel_norm", ("l1", "l2")),
            ("perceptual_norm", ("l1", "l2")),
            ("precision", ("default", "high", "highest")),
        ):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}: choose one of {', '.join(known)}"
                )
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in _POSITIVE:
            self._check_finite(name, getattr(self, name), zero=False)
        self._check_finite("weight_learning_rate", self.rate_of_weights, zero=False)
        for name in _WEIGHTS:
            self._check_finite(name, getattr(self, name), zero=True)
        if self.method == "single" and self.codes_per_subspace != 1:
            raise InputError("method single has one code: set codes_per_subspace to 1")
        if not (self.pixel_weight or self.perceptual_weight or self.coarse_weight):
            raise InputError(
                "pixel_weight, coarse_weight and perceptual_weight are all 0: nothing would be "
                "compared with the target"
            )
        if bool(self.base_weight) != (self.method == "released"):
            raise InputError(
                f"base_weight is {self.base_weight} and the method {self.method}: released needs a "
                "positive one (1 in the authors' script, with pixel_weight 0.01), others have no "
                "base picture"
            )
        if self.optimiser == "variable_projection" and self.method in ("single", "pmsfc"):
            raise InputError(
                f"variable_projection solves for linear weights, and {self.method} has none: "
                "choose pmsfc_linear, mganprior or released, or another optimiser"
            )

    def _check_finite(self, name: str, value: float, *, zero: bool) -> None:
        if not (value > 0 or (zero and value == 0)) or not math.isfinite(value):
            kind = "0 or more" if zero else "positive"
            raise InputError(f"{name} must be {kind} and finite, not {value}")
