"""The loop from shapes alone: it can be traced, counted and compiled without a device."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.operator import IDENTITY, Observation
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.compose import served_groups
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.form import form_of, traced
from pmsfc_jax.inversion.initialise import code_shapes
from pmsfc_jax.inversion.optimise import advance, start


def even_masks(cut: Cut, num_subspaces: int) -> np.ndarray:
    """A partition of the channels into subspaces of one size, ``[R, C]``."""
    labels = np.arange(cut.channels) % num_subspaces
    return (labels == np.arange(num_subspaces)[:, None]).astype(np.float32)


def traced_loop(
    cut: Cut,
    params: Params,
    config: InversionConfig,
    masks: np.ndarray,
    count: int,
    *,
    extract: Callable[[Params, Array], Any] | None = None,
    v_params: Params | None = None,
    place: Callable[[Any, bool], Any] = lambda tree, split: tree,
) -> Any:
    """`optimise.advance` as ``jax.jit(...).trace`` gives it.

    Args:
      cut: generator and layer.
      params: weights of the generator, or their shapes.
      config: the settings.
      masks: ``[R, C]``.
      count: images.
      extract: V.
      v_params: V's weights, or their shapes.
      place: ``(shapes, whether axes of images are split) -> shapes`` with their sharding.

    """
    v_params = {} if v_params is None else v_params
    composition = composition_of(config.composition)
    form = form_of(config, cut, IDENTITY, extract, served_groups(cut, masks, composition))
    one = code_shapes(cut, composition, masks, config.codes_per_subspace)
    codes = jax.tree.map(lambda s: jax.ShapeDtypeStruct((count, *s.shape), s.dtype), one)
    target = jax.ShapeDtypeStruct((count, *cut.generator.spec.image_shape), jnp.float32)
    settings = traced(config, count)
    begin = (form, v_params, codes, Observation(target), jnp.asarray(masks), settings)
    problem, state = start.eval_shape(*begin)
    return advance.trace(
        form,
        place(params, False),
        place(v_params, False),
        place(problem, True),
        place(state, True),
        place(settings, True),
        place(jax.ShapeDtypeStruct((), jnp.int32), False),
    )
