"""What an inversion is: everything that decides its outcome, saved beside it.

Settings nest: each choice owns its own. ``InversionConfig()`` is the default preset, in Python and
on the command line.
"""

import math
from dataclasses import dataclass, field, fields
from typing import Literal

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.inversion.compositions import Composition, composition_of
from pmsfc_jax.inversion.solvers import LBFGS, SOLVERS, SolverSettings
from pmsfc_jax.inversion.terms import Norm
from pmsfc_jax.inversion.until import Until

_NORMS = ("l1", "l2")
_PRECISIONS = ("default", "high", "highest")


@dataclass(frozen=True)
class Objective:
    """What is minimised: a sum of terms, each a mean over elements times its weight.

    Attributes:
      pixel_weight: of the pixel term.
      pixel_norm: ``l2``, the mean squared difference, or ``l1``, the mean absolute one.
      coarse_weight: of the mean of the pixel terms at a half and a quarter of the size.
      base_weight: of the pictures that a composition draws from some of its codes alone
        (``released``).
      perceptual_weight: of the difference of V's features; 0 where there is no V.
      perceptual_norm: ``l1``, the mean absolute difference of equation 9, or ``l2``.
      latent_weight: of ``(|z| / sqrt(d) - 1)^2``, for generators with normal codes.

    """

    pixel_weight: float = 1.0
    pixel_norm: Norm = "l2"
    coarse_weight: float = 0.0
    base_weight: float = 0.0
    perceptual_weight: float = 0.0
    perceptual_norm: Norm = "l1"
    latent_weight: float = 0.0

    def __post_init__(self) -> None:
        """Check values.

        Raises:
          InputError: a value is impossible.

        """
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name.endswith("_norm"):
                _check_choice(entry.name, value, _NORMS)
            elif not (value >= 0 and math.isfinite(value)):
                raise InputError(f"{entry.name} must be 0 or more and finite, not {value}")
        if not (self.pixel_weight or self.perceptual_weight or self.coarse_weight):
            raise InputError(
                "pixel_weight, coarse_weight and perceptual_weight are all 0: nothing would be "
                "compared with the target"
            )


@dataclass(frozen=True)
class InversionConfig:
    """Settings of one inversion.

    Attributes:
      composition: how features are composed, see `inversion.compositions`: ``pmsfc_full`` (which
        starts in the given subspaces and may leave them), ``pmsfc`` (equation 7 over the
        subspaces), ``pmsfc_linear`` (the same without its normalisation), ``mganprior``,
        ``mganprior_published``, ``single``, or ``released`` (the authors' released script).
      layer: the cut; ``None`` takes that of the subspaces.
      codes_per_subspace: K; where a composition has one set of codes, the number of all. ``None``
        takes the composition's own: 4, 16 for ``mganprior``, 1 for ``single``.
      num_steps: optimiser steps; with ``until`` the most of any image.
      until: when an image is done before. Then images are a queue: the next one takes the place of
        one that is done. ``None`` inverts batch after batch.
      objective: what is minimised; ``None`` takes the composition's own.
      solver: the optimiser and its settings: `LBFGS`, `Adam`, `SGD`, `LevenbergMarquardt`,
        `VariableProjection`.
      num_candidates: sets of starting codes drawn for each image; the one of lowest objective is
        taken.
      batch_size: images in one compiled step, at most; fewer images make a smaller one. Of a
        queue, its slots.
      precision: of matrix products: ``default`` is the machine's own (bf16 on a TPU), ``highest``
        is float32 everywhere.

    """

    composition: str = "pmsfc_full"
    layer: int | None = None
    codes_per_subspace: int = None  # type: ignore[assignment]
    num_steps: int = 150
    objective: Objective = None  # type: ignore[assignment]
    solver: SolverSettings = field(default_factory=LBFGS)
    num_candidates: int = 1
    batch_size: int = 8
    precision: Literal["default", "high", "highest"] = "default"
    until: Until | None = None

    def __post_init__(self) -> None:
        """Fill in the composition's own defaults, and check.

        Raises:
          InputError: a value is impossible.

        """
        composition = composition_of(self.composition)
        if self.codes_per_subspace is None:
            object.__setattr__(self, "codes_per_subspace", composition.default_codes)
        if self.objective is None:
            object.__setattr__(self, "objective", Objective(**composition.objective))
        if not isinstance(self.solver, SolverSettings):
            raise InputError(
                f"solver is {self.solver!r}: give one of "
                f"{', '.join(kind.__name__ for kind in SOLVERS.values())}, such as LBFGS()"
            )
        _check_choice("precision", self.precision, _PRECISIONS)
        for name in ("codes_per_subspace", "num_steps", "num_candidates", "batch_size"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        self._check_together(composition)

    def _check_together(self, composition: Composition) -> None:
        name, codes = composition.name, composition.default_codes
        if composition.fixed_codes and self.codes_per_subspace != codes:
            plural = "code" if codes == 1 else "codes"
            raise InputError(f"{name} has {codes} {plural}: set codes_per_subspace to {codes}")
        if bool(self.objective.base_weight) != bool(composition.extra):
            raise InputError(
                f"base_weight is {self.objective.base_weight} and the composition {name}: "
                + (
                    "it needs a positive one (1 in the authors' script, with pixel_weight 0.01)"
                    if composition.extra
                    else "it has no base picture, so leave base_weight at 0"
                )
            )
        squares = self.objective.pixel_norm == "l2"
        if self.until is not None and self.until.psnr is not None and not squares:
            raise InputError(
                "until_psnr is of squared differences of pixels, and pixel_norm is l1: take "
                "until_fall, or pixel_norm l2"
            )
        if self.solver.needs_linear and not composition.linear:
            raise InputError(
                f"{self.solver.label} solves for linear weights, and {name} has none: choose "
                "pmsfc_linear, pmsfc_full, mganprior or released, or another optimiser"
            )


def _check_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} is {value!r}: choose one of {', '.join(known)}")
