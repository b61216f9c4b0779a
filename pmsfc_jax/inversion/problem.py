"""One batch of images as an optimisation problem: predictions, their targets, and the misfit."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import (
    Codes,
    Features,
    Groups,
    draw_composed,
    head_features,
    row_masks,
)
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.objective import (
    Term,
    distance,
    kind_mean,
    pyramid,
    radius,
    weighted_sum,
)
from pmsfc_jax.inversion.prior import check_latent_weight


class Setting(NamedTuple):
    """What the compiled step depends on besides arrays: static, hashable, compared by identity.

    Attributes:
      generator: head and tail.
      config: the inversion's settings.
      layer: the cut.
      extract: V as ``(v_params, x [b, H, W, 3]) -> feature maps``, or ``None``.
      groups: of `compose.served_groups`, for heads that compute no channel in vain.

    """

    generator: SplitGenerator
    config: InversionConfig
    layer: int
    extract: Callable[[Params, Array], Any] | None = None
    groups: Groups | None = None


class Problem(NamedTuple):
    """What the loop does not change: targets ``[b, H, W, 3]``, V of them, and masks ``[R, c]``."""

    target: Array
    target_features: tuple[Array, ...]
    masks: Array


class Info(NamedTuple):
    """Diagnostics of one evaluation, each ``[b]``."""

    loss: Array
    pixel_loss: Array
    perceptual_loss: Array
    guarded: Array


class Objective(NamedTuple):
    """The problem as functions of the codes; each image's values depend on its own codes alone.

    Attributes:
      features: ``z [b, r, k, d] -> [b, r, k, h, w, c]``, the heads, or one array a group.
      predict: ``(features, codes) -> (predictions, guarded [b])``; one prediction a term. The
        codes' own ``z`` counts in it only for terms of the codes themselves.
      terms: what the predictions are compared with.

    """

    features: Callable[[Array], Features]
    predict: Callable[[Features, Codes], tuple[tuple[Array, ...], Array]]
    terms: tuple[Term, ...]


def pose(setting: Setting, v_params: Params, target: Array, masks: Array) -> Problem:
    """The constants of a batch.

    Raises:
      InputError: ``latent_weight`` is set and the generator's codes are not normal.

    """
    check_latent_weight(setting.generator.spec, setting.config.latent_weight)
    return Problem(target, _perceptual_features(setting, v_params, target), masks)


def objective_of(setting: Setting, params: Params, v_params: Params, problem: Problem) -> Objective:
    """Equation 9 and what the settings add to it, for one batch."""
    generator, config, layer = setting.generator, setting.config, setting.layer
    rows = row_masks(problem.masks, config.method)

    def draw(features: Features, w: Array, masks: Array) -> tuple[Array, Array]:
        return draw_composed(
            generator,
            params,
            features,
            w,
            masks,
            layer=layer,
            method=config.method,
            groups=setting.groups,
        )

    def features(z: Array) -> Features:
        return head_features(generator, params, z, layer=layer, groups=setting.groups)

    def predict(features: Features, codes: Codes) -> tuple[tuple[Array, ...], Array]:
        image, guarded = draw(features, codes.w, rows)
        predictions = [image]
        if config.coarse_weight:
            predictions += pyramid(image)
        if config.method == "released" and not isinstance(features, tuple):
            predictions.append(draw(features[:, -1:], codes.w[:, -1:], rows[-1:])[0])
        predictions += _perceptual_features(setting, v_params, image)
        if config.latent_weight:
            predictions.append(radius(codes.z))
        return tuple(predictions), guarded

    return Objective(features, predict, _terms(setting, problem))


def evaluate(objective: Objective, codes: Codes) -> Info:
    """The objective of each image."""
    predictions, guarded = objective.predict(objective.features(codes.z), codes)
    return measure(objective, predictions, guarded)


def measure(objective: Objective, predictions: tuple[Array, ...], guarded: Array) -> Info:
    """`Info` of given predictions."""
    terms = objective.terms
    distances = [
        distance(term.target, prediction, term.norm)
        for term, prediction in zip(terms, predictions, strict=True)
    ]
    return Info(
        weighted_sum(terms, distances),
        kind_mean(terms, distances, "pixel"),
        kind_mean(terms, distances, "perceptual"),
        guarded,
    )


def value_and_gradient(objective: Objective, codes: Codes) -> tuple[Info, Codes]:
    """`evaluate`, and its gradient for each image."""

    def total(codes: Codes) -> tuple[Array, Info]:
        info = evaluate(objective, codes)
        return info.loss.sum(), info

    gradient, info = jax.grad(total, has_aux=True)(codes)
    return info, gradient


def _terms(setting: Setting, problem: Problem) -> tuple[Term, ...]:
    """In the order of `Objective.predict`."""
    config, target = setting.config, problem.target
    terms = [Term("pixel", config.pixel_weight, config.pixel_norm, target)]
    if config.coarse_weight:
        levels = pyramid(target)
        share = config.coarse_weight / len(levels)
        terms += [Term("coarse", share, config.pixel_norm, level) for level in levels]
    if config.method == "released":
        terms.append(Term("base", config.base_weight, config.pixel_norm, target))
    maps = problem.target_features
    terms += [
        Term("perceptual", config.perceptual_weight / len(maps), config.perceptual_norm, feature)
        for feature in maps
    ]
    if config.latent_weight:
        num_codes = len(row_masks(problem.masks, config.method)), config.codes_per_subspace
        ones = jnp.ones((target.shape[0], *num_codes), target.dtype)
        terms.append(Term("latent", config.latent_weight, "l2", ones))
    return tuple(terms)


def _perceptual_features(setting: Setting, v_params: Params, x: Array) -> tuple[Array, ...]:
    if setting.extract is None or not setting.config.perceptual_weight:
        return ()
    return tuple(setting.extract(v_params, x))
