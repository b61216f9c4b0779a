"""Where an inversion starts: the best of several draws, or codes found before."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.inversion.compose import Codes, initial_codes, row_masks
from pmsfc_jax.inversion.problem import Setting, evaluate, objective_of, pose
from pmsfc_jax.inversion.solvers.per_image import select


@partial(jax.jit, static_argnames="setting")
def draw_codes(
    setting: Setting, params: Params, v_params: Params, keys: Key, target: Array, masks: Array
) -> Codes:
    """Of ``num_candidates`` draws of starting codes the one of lowest objective, for each image.

    The first draw is the only one where there is one candidate; the others come from further keys
    of the same image, so that more candidates never start worse.

    Args:
      setting: ``config.num_candidates`` and the objective.
      params: of the generator.
      v_params: of V.
      keys: ``[b]``, one an image.
      target: ``[b, H, W, 3]``.
      masks: ``[R, C]``.

    """
    config = setting.config

    def draw(keys: Key) -> Codes:
        return initial_codes(
            setting.generator,
            keys,
            layer=setting.layer,
            num_subspaces=len(masks),
            codes_per_subspace=config.codes_per_subspace,
            method=config.method,
        )

    first = draw(keys)
    if config.num_candidates == 1:
        return first
    with jax.default_matmul_precision(config.precision):
        problem = pose(setting, v_params, target, masks)
        objective = objective_of(setting, params, v_params, problem)

        def better(best: tuple[Codes, Array], number: Array) -> tuple[tuple[Codes, Array], None]:
            codes = draw(jax.vmap(jax.random.fold_in, (0, None))(keys, number))
            loss = evaluate(objective, codes).loss
            lower = (loss < best[1]) | ~jnp.isfinite(best[1])
            return (select(lower, codes, best[0]), jnp.where(lower, loss, best[1])), None

        start = first, evaluate(objective, first).loss
        # One candidate after the other: the memory of one, whatever their number.
        (codes, _), _ = jax.lax.scan(better, start, jnp.arange(1, config.num_candidates))
    return codes


def codes_from(setting: Setting, z: Any, w: Any, masks: np.ndarray) -> Codes:
    """Codes of an earlier inversion as a start.

    Args:
      setting: the inversion that starts there.
      z: ``[n, R, K, d]`` as `InversionResult.codes`.
      w: ``[n, R, K, C]`` as `InversionResult.weights`.
      masks: ``[R, C]`` of the inversion that starts there.

    Raises:
      InputError: shapes of another method, partition or generator; values that are not finite.

    """
    spec, config = setting.generator.spec, setting.config
    rows = len(row_masks(jnp.asarray(masks), config.method)), config.codes_per_subspace
    channels = spec.feature_shape(setting.layer)[-1]
    z, w = np.asarray(z, np.float32), np.asarray(w, np.float32)
    expected = (*rows, *spec.latent.shape), (*rows, channels)
    if (z.shape[1:], w.shape[1:]) != expected or len(z) != len(w):
        raise InputError(
            f"codes have shape {z.shape} and weights {w.shape}, and {config.method} at layer "
            f"{setting.layer} of {spec.name} starts from [n, {', '.join(map(str, expected[0]))}] "
            f"and [n, {', '.join(map(str, expected[1]))}]: use the settings they were found with"
        )
    if not (np.isfinite(z).all() and np.isfinite(w).all()):
        raise InputError("starting codes and weights must be finite")
    return Codes(jnp.asarray(z), jnp.asarray(w))
