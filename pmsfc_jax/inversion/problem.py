"""One batch of images as an optimisation problem: predictions, their targets, and the misfit."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import Heads, composed, head_features
from pmsfc_jax.inversion.form import Form
from pmsfc_jax.inversion.misfit import Misfit
from pmsfc_jax.inversion.terms import Term, mean_per_image, pyramid, radius

#: What each kind of term compares: one array or several.
Parts = tuple[tuple[Array, ...], ...]


class Problem(NamedTuple):
    """What the loop does not change.

    Attributes:
      operands: of the operator, leaves ``[b, ...]``.
      targets: of each kind of term, arrays ``[b, ...]``.
      masks: ``[R, c]``.
      floor: ``[b]``, what the pixel term's distance is where the residual is the noise that the
        operator knows of; 0 without noise.

    """

    operands: Any
    targets: Parts
    masks: Array
    floor: Array


def pose(
    form: Form, v_params: Params, observation: Observation, masks: Array, codes: Codes
) -> Problem:
    """The constants of a batch.

    Args:
      form: what is composed, observed and compared.
      v_params: weights of V.
      observation: of the images.
      masks: of the subspaces ``[R, c]``.
      codes: where the inversion starts, for their shapes.

    """
    target, operands = observation
    seen = _weighted(form, operands, target)
    extra = (seen,) * len(form.composition.extra)
    shell = jnp.ones(codes.w.shape[:3], target.dtype)
    parts = _parts(form, v_params, seen, extra, shell)
    return Problem(operands, parts, masks, _floor(form, operands, target))


def misfit_of(
    form: Form, params: Params, v_params: Params, problem: Problem, weights: tuple[Array, ...]
) -> Misfit:
    """Equation 9 and what the settings add to it, for one batch.

    Args:
      form: what is composed, observed and compared.
      params: of the generator.
      v_params: of V.
      problem: of `pose`.
      weights: of the kinds of terms, as `Traced.weights`.

    """
    composition, cut, operator = form.composition, form.cut, form.operator
    rows = composition.rows(problem.masks)

    def heads(latent: Any) -> Heads:
        return head_features(cut, params, latent, form.groups)

    def observed(heads: Heads, codes: Codes, rows: Array) -> tuple[Array, Array]:
        h, context, guarded = composed(
            cut, composition, heads, codes.w, codes.context, rows, form.groups
        )
        image = cut.tail(params, h, context)
        y = operator.apply(problem.operands, image)
        return _weighted(form, problem.operands, y), guarded

    def predict(heads: Heads, codes: Codes) -> tuple[tuple[Array, ...], Array]:
        seen, guarded = observed(heads, codes, rows)
        extra = tuple(
            observed(*_some(heads, codes, part), rows[part])[0] for part in composition.extra
        )
        parts = _parts(form, v_params, seen, extra, radius(codes.latent))
        return sum(parts, ()), guarded

    terms = tuple(
        # Pictures that some codes draw alone count in full; levels and maps share the weight.
        Term(kind, weight if kind == "base" else weight / len(parts), norm, part)
        for (kind, norm), weight, parts in zip(form.terms, weights, problem.targets, strict=True)
        for part in parts
    )
    return Misfit(heads, predict, terms, lambda codes: composition.live(rows, codes))


def _weighted(form: Form, operands: Any, y: Array) -> Array:
    """An observation times the operator's weights of its residual."""
    weights = form.operator.weights(operands, y)
    return y if weights is None else weights * y


def _floor(form: Form, operands: Any, y: Array) -> Array:
    """The expected distance of weighted normal noise from 0 in the norm of the pixel term, ``[b]``.

    The pixel term is the first one of a form.
    """
    sigma, weights = form.operator.noise(operands), form.operator.weights(operands, y)
    if sigma is None:
        return jnp.zeros(y.shape[0], y.dtype)
    factors = jnp.ones((y.shape[0], 1), y.dtype) if weights is None else weights
    if form.terms[0].norm == "l2":
        return jnp.square(sigma) * mean_per_image(jnp.square(factors))
    return math.sqrt(2 / math.pi) * sigma * mean_per_image(jnp.abs(factors))


def _parts(
    form: Form, v_params: Params, seen: Array, extra: tuple[Array, ...], radii: Array
) -> Parts:
    """What each kind of term compares, of an observation or of its prediction.

    Args:
      form: kinds of terms.
      v_params: weights of V.
      seen: the observation ``[b, h, w, c]``.
      extra: those of the pictures that some codes draw alone.
      radii: ``|z| / sqrt(d)`` of the codes ``[b, r, k]``.

    """

    def parts(kind: str) -> tuple[Array, ...]:
        if kind == "coarse":
            return pyramid(seen)
        if kind == "base":
            return extra
        if kind == "perceptual":
            assert form.extract is not None
            return tuple(form.extract(v_params, form.operator.view(seen)))
        return (radii,) if kind == "latent" else (seen,)

    return tuple(parts(term.kind) for term in form.terms)


def _some(heads: Heads, codes: Codes, part: slice) -> tuple[Heads, Codes]:
    """Heads and codes of some sets of codes."""
    assert not isinstance(heads.features, tuple), "sliced heads serve no picture of their own"
    contexts = jax.tree.map(lambda leaf: leaf[:, part], heads.contexts)
    return Heads(heads.features[:, part], contexts), codes._replace(w=codes.w[:, part])
