"""From a Flax NNX module class to pure functions of a plain nested dict of arrays."""

from collections.abc import Callable, Hashable
from typing import Any

import jax
from flax import nnx

from pmsfc_jax.core.generator import GeneratorSpec, SplitGenerator
from pmsfc_jax.core.typing import Array, Key, Params


class PureModule:
    """The structure of one NNX module, without its weights.

    Weights never enter the construction: the module is built abstractly, and each call merges the
    given params into its structure. Calls are pure and can be jitted, differentiated and vmapped.
    """

    def __init__(self, build: Callable[[nnx.Rngs], nnx.Module]):
        self._build = build
        abstract = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
        self._graph, self._state = nnx.split(abstract)

    @property
    def abstract_params(self) -> Params:
        """The params as a nested dict of `jax.ShapeDtypeStruct`."""
        return nnx.to_pure_dict(self._state)

    def init(self, key: Key) -> Params:
        """Draw fresh params."""
        return nnx.to_pure_dict(nnx.split(self._build(nnx.Rngs(key)))[1])

    def bind(self, params: Params) -> Any:
        """The module with ``params`` in it; use it inside a pure function and let it go."""
        state = jax.tree.map(lambda leaf: leaf, self._state)
        nnx.replace_by_pure_dict(state, params)
        return nnx.merge(self._graph, state)


#: Some channels of a feature, in any order, and the channels of each subspace.
Channels = tuple[int, ...]
Groups = tuple[Channels, ...]


def split(
    module: PureModule, spec: GeneratorSpec, *, program: Hashable, sliced: bool = False
) -> SplitGenerator:
    """A module with methods ``head(z, layer)`` and ``tail(h, layer)`` as a plain-stack generator.

    All refuse layers that ``spec`` does not have; the context in between is ``None``.

    Args:
      module: the network.
      spec: its facts.
      program: family and configuration, by which equal generators are known.
      sliced: it also has a method ``head_sliced(z [n, r, d], layer, groups)``.

    """

    def head(params: Params, z: Array, *, layer: int) -> tuple[Array, None]:
        spec.feature_shape(layer)
        return module.bind(params).head(z, layer), None

    def tail(params: Params, h: Array, context: None, *, layer: int) -> Array:
        spec.feature_shape(layer)
        return module.bind(params).tail(h, layer)

    def head_sliced(
        params: Params, z: Array, *, layer: int, groups: Groups
    ) -> tuple[tuple[Array, ...], None]:
        spec.feature_shape(layer)
        return tuple(module.bind(params).head_sliced(z, layer, groups)), None

    return SplitGenerator(spec, head, tail, head_sliced if sliced else None, program=program)
