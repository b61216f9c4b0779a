"""From a module whose tail needs more than the feature to a `SplitGenerator`; classes as noise."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
import jax.numpy as jnp

from pmsfc_jax.core.generator import GeneratorSpec, Prior, SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params
from pmsfc_jax.nn.functional import Groups, PureModule


def split_with_context(
    module: PureModule,
    spec: GeneratorSpec,
    *,
    program: Hashable,
    join: Callable[[Any, Array, Any], Any],
    sliced: bool = False,
    mapped: bool = False,
    centred: bool = False,
) -> SplitGenerator:
    """A module with ``head(latent, layer) -> (h, context)`` and ``tail(h, context, layer)``.

    All refuse layers that ``spec`` does not have.

    Args:
      module: the network.
      spec: its facts.
      program: family and configuration, by which equal generators are known.
      join: see `SplitGenerator`.
      sliced: it also has ``head_sliced(latent, layer, groups) -> (features, context)``.
      mapped: it also has ``mapping(noise) -> latent``.
      centred: it also has ``centre() -> latent`` without a batch axis.

    """

    def head(params: Params, latent: Any, *, layer: int) -> tuple[Array, Any]:
        spec.feature_shape(layer)
        return module.bind(params).head(latent, layer)

    def tail(params: Params, h: Array, context: Any, *, layer: int) -> Array:
        spec.feature_shape(layer)
        return module.bind(params).tail(h, context, layer)

    def head_sliced(
        params: Params, latent: Any, *, layer: int, groups: Groups
    ) -> tuple[tuple[Array, ...], Any]:
        spec.feature_shape(layer)
        features, context = module.bind(params).head_sliced(latent, layer, groups)
        return tuple(features), context

    def mapping(params: Params, noise: Any) -> Any:
        return module.bind(params).mapping(noise)

    def centre(params: Params) -> Any:
        return module.bind(params).centre()

    return SplitGenerator(
        spec,
        head,
        tail,
        head_sliced if sliced else None,
        join,
        mapping if mapped else None,
        centre if centred else None,
        program,
    )


def labelled(prior: Prior, num_classes: int) -> Prior:
    """Noise ``{"z": [num, d], "label": [num] int32}``: of ``prior``, and classes all alike."""

    def draw(key: Key, num: int) -> dict[str, Array]:
        key_z, key_label = jax.random.split(key)
        label = jax.random.randint(key_label, (num,), 0, num_classes, jnp.int32)
        return {"z": prior.draw(key_z, num), "label": label}

    return Prior("other", draw)


def unflattened(x: Array, like: tuple[int, ...]) -> Array:
    """``[n * r, ...]`` as ``[n, r, ...]``."""
    return x.reshape(*like, *x.shape[1:])
