"""The misfit of a batch of images as functions of their codes, and its value and gradient."""

from collections.abc import Callable
from typing import NamedTuple

import jax

from pmsfc_jax.core.typing import Array
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import Heads
from pmsfc_jax.inversion.terms import Term, distance, kind_mean, weighted_sum


class Info(NamedTuple):
    """Diagnostics of one evaluation, each ``[b]``."""

    loss: Array
    pixel_loss: Array
    perceptual_loss: Array
    guarded: Array


class Misfit(NamedTuple):
    """The problem as functions of the codes; each image's values depend on its own codes alone.

    Attributes:
      heads: ``latent -> Heads``, of all codes.
      predict: ``(heads, codes) -> (predictions, guarded [b])``; one prediction a term. The codes'
        own ``latent`` counts in it only for terms of the codes themselves.
      terms: what the predictions are compared with.
      live: of the number of codes, which weights have an effect, ``[r, c]``.

    """

    heads: Callable[..., Heads]
    predict: Callable[[Heads, Codes], tuple[tuple[Array, ...], Array]]
    terms: tuple[Term, ...]
    live: Callable[[int], Array]


def evaluate(misfit: Misfit, codes: Codes) -> Info:
    """The objective of each image."""
    predictions, guarded = misfit.predict(misfit.heads(codes.latent), codes)
    return measured(misfit, predictions, guarded)


def measured(misfit: Misfit, predictions: tuple[Array, ...], guarded: Array) -> Info:
    """`Info` of given predictions."""
    terms = misfit.terms
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


def value_and_gradient(misfit: Misfit, codes: Codes) -> tuple[Info, Codes]:
    """`evaluate`, and its gradient for each image."""

    def total(codes: Codes) -> tuple[Array, Info]:
        info = evaluate(misfit, codes)
        return info.loss.sum(), info

    gradient, info = jax.grad(total, has_aux=True)(codes)
    return info, gradient
