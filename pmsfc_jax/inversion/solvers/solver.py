"""What a solver is: one step of every image, what it remembers, and the settings that are its own.

A solver's settings are a frozen dataclass, in the file of the solver. Those that decide shapes are
static; rates and dampings are traced (`Rates`), so that others compile nothing.
"""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, ClassVar, NamedTuple, Self

import jax.numpy as jnp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.misfit import Info, Misfit


class Rates(NamedTuple):
    """Traced settings of solvers, of each image: all ``[b]`` but the last.

    Attributes:
      latent: learning rate of the latent codes; for L-BFGS the root mean square of a first step.
      w: learning rate of the weights.
      context: learning rate of what is optimised of the context.
      damping: with which Gauss-Newton starts.
      num_steps: steps in all, a scalar, for schedules.

    """

    latent: Any
    w: Any
    context: Any
    damping: Any
    num_steps: Any


class Step(NamedTuple):
    """What one step gives.

    Attributes:
      codes: for the next step.
      memory: for the next step.
      evaluated: codes whose objective was computed in this step; the driver keeps the best of them.
      info: of ``evaluated``.

    """

    codes: Codes
    memory: Any
    evaluated: Codes
    info: Info


def unknown(codes: Codes) -> Info:
    """`Info` before anything was evaluated: an infinite loss."""
    infinite = jnp.full(codes.w.shape[:1], jnp.inf, codes.w.dtype)
    return Info(infinite, infinite, infinite, jnp.zeros(codes.w.shape[:1], jnp.int32))


class Solver(NamedTuple):
    """A method of optimisation. Images in a batch never influence each other.

    Attributes:
      init: ``(codes, rates) -> memory``, before the first step. Leaves have the images in front,
        ``[b, ...]``, or are scalars that do not depend on any image, and serve one that
        begins later.
      step: ``(misfit, codes, memory, rates, number) -> Step``; ``number [b]`` counts each
        image's own steps from 0.

    """

    init: Callable[[Codes, Rates], Any]
    step: Callable[[Misfit, Codes, Any, Rates, Array], Step]


class SolverSettings:
    """Base of the solvers' settings; subclasses are frozen dataclasses.

    Attributes:
      traced: names of the fields that are traced.
      counts: names of the fields that are whole numbers of at least 1.

    """

    traced: ClassVar[tuple[str, ...]] = ()
    counts: ClassVar[tuple[str, ...]] = ()
    #: What messages call it.
    label: ClassVar[str]
    #: It solves for the weights, and needs compositions that are linear in them.
    needs_linear: ClassVar[bool] = False

    def solver(self) -> Solver:
        """The solver; only fields that are not traced may decide it."""
        raise NotImplementedError

    def rates(self) -> Rates:
        """The traced settings as plain numbers; ``num_steps`` is filled in by the driver."""
        rate = float(getattr(self, "learning_rate", 1.0))
        weight_rate = getattr(self, "weight_learning_rate", None)
        context_rate = getattr(self, "context_learning_rate", None)
        return Rates(
            rate,
            rate if weight_rate is None else weight_rate,
            rate if context_rate is None else context_rate,
            float(getattr(self, "damping", 1.0)),
            1,
        )

    def form(self) -> Self:
        """The same solver with every traced setting at its default: what programs depend on."""
        defaults = {f.name: f.default for f in fields(self) if f.name in self.traced}  # type: ignore[arg-type]
        return replace(self, **defaults)  # type: ignore[type-var]

    def slower(self, divisor: float) -> Rates:
        """The rates of a second try."""
        rates = self.rates()
        return rates._replace(
            latent=rates.latent / divisor, w=rates.w / divisor, context=rates.context / divisor
        )

    def __post_init__(self) -> None:
        """Check values.

        Raises:
          InputError: a value is impossible.

        """
        for name in self.counts:
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in self.traced:
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise InputError(f"{name} must be positive and finite, not {value}")
