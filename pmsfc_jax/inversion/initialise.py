"""Where an inversion starts: the best of several draws, or codes found before."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.compose import initial_codes
from pmsfc_jax.inversion.compositions import Composition
from pmsfc_jax.inversion.form import Form, Traced
from pmsfc_jax.inversion.misfit import evaluate
from pmsfc_jax.inversion.problem import misfit_of, pose
from pmsfc_jax.inversion.solvers.per_image import select


@partial(jax.jit, static_argnames=("form", "codes_per_subspace", "num_candidates"))
def draw_codes(
    form: Form,
    params: Params,
    v_params: Params,
    keys: Key,
    observation: Observation,
    masks: Array,
    traced: Traced,
    *,
    codes_per_subspace: int,
    num_candidates: int = 1,
) -> Codes:
    """Of ``num_candidates`` draws of starting codes the one of lowest objective, for each image.

    The first draw is the only one where there is one candidate; the others come from further keys
    of the same image, so that more candidates never start worse.

    Args:
      form: composition and objective.
      params: of the generator.
      v_params: of V.
      keys: ``[b]``, one an image.
      observation: of ``b`` images.
      masks: ``[R, C]``.
      traced: weights of the terms.
      codes_per_subspace: K.
      num_candidates: how many draws.

    """

    def draw(keys: Key) -> Codes:
        num_rows = len(form.composition.rows(masks))
        return initial_codes(
            form.cut, form.composition, params, keys, num_rows=num_rows, codes=codes_per_subspace
        )

    first = draw(keys)
    if num_candidates == 1:
        return first
    with jax.default_matmul_precision(form.precision):
        problem = pose(form, v_params, observation, masks, first)
        misfit = misfit_of(form, params, v_params, problem, traced.weights)

        def better(best: tuple[Codes, Array], number: Array) -> tuple[tuple[Codes, Array], None]:
            codes = draw(jax.vmap(jax.random.fold_in, (0, None))(keys, number))
            loss = evaluate(misfit, codes).loss
            lower = (loss < best[1]) | ~jnp.isfinite(best[1])
            return (select(lower, codes, best[0]), jnp.where(lower, loss, best[1])), None

        start = first, evaluate(misfit, first).loss
        # One candidate after the other: the memory of one, whatever their number.
        (codes, _), _ = jax.lax.scan(better, start, jnp.arange(1, num_candidates))
    return codes


def code_shapes(
    cut: Cut, composition: Composition, masks: np.ndarray, codes_per_subspace: int
) -> Codes:
    """Shapes of one image's codes, as `Codes` of `jax.ShapeDtypeStruct`."""
    sets = len(composition.rows(jnp.asarray(masks))), codes_per_subspace
    latent = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct((*sets, *leaf.shape), np.float32),
        cut.generator.spec.latent,
    )
    weights = jax.ShapeDtypeStruct((*sets, cut.channels), np.float32)
    return Codes(latent, weights, cut.free_context)


def checked_start(
    codes: Codes, cut: Cut, composition: Composition, masks: np.ndarray, codes_per_subspace: int
) -> Codes:
    """Codes of an earlier inversion as a start.

    Args:
      codes: of ``n`` images.
      cut: of the inversion that starts there; so are the others.
      composition: how it composes.
      masks: ``[R, C]``.
      codes_per_subspace: K.

    Raises:
      InputError: shapes of another composition, partition or generator; values that are not finite.

    """
    expected = code_shapes(cut, composition, masks, codes_per_subspace)
    codes = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), codes)
    given = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], np.float32), codes)
    counts = {len(leaf) for leaf in jax.tree.leaves(codes)}
    if given != expected or len(counts) != 1:
        raise InputError(
            f"starting codes have shapes {_shapes(given)} and {composition.name} at layer "
            f"{cut.layer} of {cut.generator.spec.name} starts from {_shapes(expected)} for each "
            "image: use the settings they were found with"
        )
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(codes)):
        raise InputError("starting codes and weights must be finite")
    return jax.tree.map(jnp.asarray, codes)


def _shapes(codes: Codes) -> str:
    return ", ".join(str(list(leaf.shape)) for leaf in jax.tree.leaves(codes))
