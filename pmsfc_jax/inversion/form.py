"""What a compiled program depends on besides arrays, kept small, and the traced settings beside it.

Programs are compiled for a `Form` and the shapes of arrays. Learning rates, weights of terms,
dampings and the number of steps are traced: others compile nothing. A generator that is loaded
twice is equal to itself, and so is a judging network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.operator import Operator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import Groups
from pmsfc_jax.inversion.compositions import Composition, composition_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.solvers import Rates, SolverSettings
from pmsfc_jax.inversion.terms import Kind, Norm
from pmsfc_jax.inversion.until import Limits, limits


class TermForm(NamedTuple):
    """What a kind of term is, without its weight and target."""

    kind: Kind
    norm: Norm


@dataclass(frozen=True)
class Form:
    """Static and hashable.

    Attributes:
      cut: generator and layer.
      composition: how features are composed.
      operator: through which images are observed.
      terms: kinds of terms that have a weight, in a fixed order.
      solver: the solver, its traced settings at their defaults.
      extract: V as ``(v_params, x [b, H, W, 3]) -> feature maps``, or ``None``.
      groups: of `compose.served_groups`, for heads that compute no channel in vain.
      precision: of matrix products.

    """

    cut: Cut
    composition: Composition
    operator: Operator
    terms: tuple[TermForm, ...]
    solver: SolverSettings
    extract: Callable[[Params, Array], Any] | None
    groups: Groups | None
    precision: str


class Traced(NamedTuple):
    """Settings that programs take as arrays.

    Attributes:
      weights: of the terms of `Form.terms`, scalars.
      rates: of the solver.
      limits: when an image is done.

    """

    weights: tuple[Any, ...]
    rates: Rates
    limits: Limits


def terms_of(config: InversionConfig) -> dict[TermForm, float]:
    """Kinds of terms that have a weight, with it."""
    objective = config.objective
    kinds: dict[TermForm, float] = {
        TermForm("pixel", objective.pixel_norm): objective.pixel_weight,
        TermForm("coarse", objective.pixel_norm): objective.coarse_weight,
        TermForm("base", objective.pixel_norm): objective.base_weight,
        TermForm("perceptual", objective.perceptual_norm): objective.perceptual_weight,
        TermForm("latent", "l2"): objective.latent_weight,
    }
    # The pixel term stays where its weight is 0: it is reported.
    return {kind: weight for kind, weight in kinds.items() if weight or kind.kind == "pixel"}


def form_of(
    config: InversionConfig,
    cut: Cut,
    operator: Operator,
    extract: Callable[[Params, Array], Any] | None,
    groups: Groups | None,
) -> Form:
    """The form of an inversion of these settings."""
    return Form(
        cut=cut,
        composition=composition_of(config.composition),
        operator=operator,
        terms=tuple(terms_of(config)),
        solver=config.solver.form(),
        extract=extract if config.objective.perceptual_weight else None,
        groups=groups,
        precision=config.precision,
    )


def traced(config: InversionConfig, count: int, rates: Rates | None = None) -> Traced:
    """The traced settings of a batch of ``count`` images.

    Args:
      config: the inversion's settings.
      count: images.
      rates: of the solver, by default those of the settings; numbers, or an image each, ``[b]``.

    """
    rates = config.solver.rates() if rates is None else rates
    each = jax.tree.map(lambda rate: jnp.broadcast_to(jnp.asarray(rate, jnp.float32), count), rates)
    weights = tuple(jnp.asarray(np.float32(weight)) for weight in terms_of(config).values())
    each = each._replace(num_steps=jnp.int32(config.num_steps))
    return Traced(weights, each, limits(config.until))
