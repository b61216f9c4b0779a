"""What a solver is: one step of every image, and what it remembers between steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp

from pmsfc_jax.inversion.compose import Codes
from pmsfc_jax.inversion.problem import Info, Objective


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
    infinite = jnp.full(codes.z.shape[:1], jnp.inf, codes.z.dtype)
    return Info(infinite, infinite, infinite, jnp.zeros(codes.z.shape[:1], jnp.int32))


class Solver(NamedTuple):
    """A method of optimisation. Images in a batch never influence each other.

    Attributes:
      init: ``codes -> memory``, before the first step. Leaves have the images in front,
        ``[b, ...]``, or are scalars that do not depend on any image.
      step: ``(objective, codes, memory) -> Step``.

    """

    init: Callable[[Codes], Any]
    step: Callable[[Objective, Codes, Any], Step]
