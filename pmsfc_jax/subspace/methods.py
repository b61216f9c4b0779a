"""The ways to find coefficients, each with the settings that are its own.

A `Method` is a frozen dataclass of plain values, so that it can stand in a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, Literal, Self

from pmsfc_jax.core.checks import positive_int
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key, Progress
from pmsfc_jax.subspace.features import FeatureSample
from pmsfc_jax.subspace.numerics.precision import Precision, check_precision
from pmsfc_jax.subspace.numerics.self_expression import SelfExpressionResult, self_expression
from pmsfc_jax.subspace.numerics.solvers import PAPER, TOLERANCE, check_mu, check_tolerance
from pmsfc_jax.subspace.paper.expression import paper_expression
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.paper.search import latents_drawn

#: Of ``mu``: choose it by what it does on held-out latents, see `choose_mu`.
HELD_OUT = "held_out"


@dataclass(frozen=True)
class Method:
    """One way to find coefficients S, and what all of them can be told.

    Attributes:
      mu: the penalty in the units of the Gram matrix, at least 0; None is the method's default, see
        `self_expression`; ``"held_out"`` is the choice of `choose_mu`.
      precision: of the solver, see `self_expression`.

    Raises:
      InputError: a value out of its range.
    """

    #: What messages and files call it.
    name: ClassVar[str]
    #: The solver by which ``mu="held_out"`` is chosen.
    path: ClassVar[str]

    mu: float | Literal["held_out"] | None = None
    precision: Precision = "float64"

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_precision(self.precision)
        if self.mu is not None and not isinstance(self.mu, str):
            object.__setattr__(self, "mu", check_mu(self.mu))
        elif self.mu not in (None, HELD_OUT):
            raise InputError(f"mu is {self.mu!r}: give a number, or {HELD_OUT!r} to have it chosen")

    @property
    def penalty(self) -> float | None:
        """``mu``, where it is a number."""
        return None if isinstance(self.mu, str) else self.mu

    @property
    def latents_drawn(self) -> int:
        """How many latents it draws beside those of the Gram matrices."""
        return 0

    def express(
        self, sample: FeatureSample, gram: Array, key: Key, on_progress: Progress | None
    ) -> SelfExpressionResult:
        """The coefficients.

        Args:
          sample: where the features come from.
          gram: of the sample, ``[C, C]``.
          key: for what the method itself draws.
          on_progress: called as ``on_progress(done, latents_drawn)``.

        Raises:
          InputError: the features hold no subspaces, or ``mu`` is too small for them.
        """
        raise NotImplementedError

    def as_used(self, result: SelfExpressionResult) -> Self:
        """The same with the penalty that was used in the place of one that had to be found."""
        return replace(self, mu=result.mu)


@dataclass(frozen=True)
class Ridge(Method):
    """``E||F - F S||^2 + mu ||S||_F^2``, in closed form; see `self_expression`."""

    name: ClassVar[str] = "ridge"
    path: ClassVar[str] = "ridge"

    def express(
        self, sample: FeatureSample, gram: Array, key: Key, on_progress: Progress | None
    ) -> SelfExpressionResult:
        """The coefficients; see `Method.express`."""
        return self_expression(gram, method=self.name, mu=self.penalty, precision=self.precision)


@dataclass(frozen=True)
class Lasso(Method):
    """``E||F - F S||^2 + mu ||S||_1`` (equation 4), by ADMM; see `self_expression`.

    Attributes:
      tolerance: KKT residual at which the iteration stops, between 0 and 1.
      max_iterations: after which it gives up; the result says so.
    """

    name: ClassVar[str] = "lasso"
    path: ClassVar[str] = "lasso"

    tolerance: float = TOLERANCE
    max_iterations: int = 5000

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        check_tolerance(self.tolerance)
        positive_int(self.max_iterations, "max_iterations")

    def express(
        self, sample: FeatureSample, gram: Array, key: Key, on_progress: Progress | None
    ) -> SelfExpressionResult:
        """The coefficients; see `Method.express`."""
        return self_expression(
            gram,
            method=self.name,
            mu=self.penalty,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            precision=self.precision,
        )


@dataclass(frozen=True)
class ElasticNet(Lasso):
    """``E||F - F S||^2 + mu/2 (||S||_1 + ||S||_F^2)``, by ADMM; settings as of `Lasso`."""

    name: ClassVar[str] = "elastic_net"
    path: ClassVar[str] = "elastic_net"


@dataclass(frozen=True)
class Paper(Method):
    """The paper's whole objective, with pictures (equation 6); see `paper_expression`.

    ``mu="held_out"`` is the choice of the lasso, which leaves the pictures out.

    Attributes:
      options: weight of the pictures and length of the search.
    """

    name: ClassVar[str] = PAPER
    path: ClassVar[str] = "lasso"

    options: PaperOptions = field(default_factory=PaperOptions)

    @property
    def latents_drawn(self) -> int:
        """How many latents it draws beside those of the Gram matrices."""
        return latents_drawn(self.options)

    def express(
        self, sample: FeatureSample, gram: Array, key: Key, on_progress: Progress | None
    ) -> SelfExpressionResult:
        """The coefficients; see `Method.express`."""
        return paper_expression(
            sample.cut.generator,
            sample.params,
            gram,
            layer=sample.cut.layer,
            key=key,
            mu=self.penalty,
            options=self.options,
            precision=self.precision,
            on_progress=on_progress,
        )

    def as_used(self, result: SelfExpressionResult) -> Self:
        """The same with the penalty and the image weight that were used."""
        options = replace(self.options, image_weight=result.image_weight)
        return replace(super().as_used(result), options=options)


METHODS: Mapping[str, type[Method]] = MappingProxyType(
    {method.name: method for method in (Ridge, Lasso, ElasticNet, Paper)}
)


def find_method(name: str) -> type[Method]:
    """The class of the method called ``name``.

    Raises:
      InputError: there is none.
    """
    if name not in METHODS:
        raise InputError(f"unknown method {name!r}: choose one of {', '.join(METHODS)}")
    return METHODS[name]
