"""The one plug-in point: a generator that can be cut in two at any of its layers.

A generator ``G`` is cut at layer ``l`` into ``G = tail_l . head_l``. Everything outside ``nn/``
sees generators only through `SplitGenerator`, so that a new family is one module in ``nn/`` and one
line in the registry.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal

import jax
import jax.numpy as jnp

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key

_DEFAULT_SIDE = 16


@dataclass(frozen=True)
class Prior:
    """The distribution of latent codes that a generator was trained on.

    Where a family's codes live in a space of their own (StyleGAN2's w), it is the distribution of
    the noise that `SplitGenerator.mapping` turns into codes.

    Attributes:
      kind: ``normal`` (independent standard normals), ``uniform`` (independent, on [-1, 1]),
        ``sphere`` (normals scaled to ``|z| = sqrt(d)``), or ``other``.
      draw: ``(key, num) -> latent`` with leaves ``[num, ...]``, float32.

    """

    kind: Literal["normal", "uniform", "sphere", "other"]
    draw: Callable[[Key, int], Any]


def normal_prior(size: int) -> Prior:
    """Codes ``[num, size]`` of independent standard normals."""
    return Prior("normal", lambda key, num: jax.random.normal(key, (num, size), jnp.float32))


def uniform_prior(size: int) -> Prior:
    """Codes ``[num, size]``, independent and uniform on [-1, 1]."""

    def draw(key: Key, num: int) -> Array:
        return jax.random.uniform(key, (num, size), jnp.float32, minval=-1.0, maxval=1.0)

    return Prior("uniform", draw)


def latent_vector(size: int) -> jax.ShapeDtypeStruct:
    """`GeneratorSpec.latent` of a generator whose latent is one vector of ``size`` numbers."""
    return jax.ShapeDtypeStruct((size,), jnp.float32)


@dataclass(frozen=True)
class GeneratorSpec:
    """The facts of one generator that do not depend on its weights.

    Attributes:
      name: what messages and manifests call it.
      latent: what one latent code is: a pytree of `jax.ShapeDtypeStruct` without a batch axis, for
        plain stacks one vector (`latent_vector`).
      image_shape: shape of one image, ``(H, W, 3)``.
      feature_shapes: ``feature_shapes[layer]`` is the shape ``(H, W, C)`` of the feature at the cut
        ``layer``; layer 0 is the first convolution.
      prior: of the latent codes; use it through `SplitGenerator.draw`.
      free_contexts: ``free_contexts[layer]`` is what of an image's context can be optimised beside
        its codes, as a pytree of `jax.ShapeDtypeStruct`; empty for families whose tail needs
        nothing but the feature.
      identity: hash of the stored weights it was loaded with, empty for weights made in memory.
        Saved codes carry it, so that they are not drawn with other weights by mistake.

    """

    name: str
    latent: Any
    image_shape: tuple[int, int, int]
    feature_shapes: tuple[tuple[int, int, int], ...]
    prior: Prior
    free_contexts: tuple[Any, ...] = ()
    identity: str = ""

    @property
    def num_layers(self) -> int:
        """Number of layers at which the generator can be cut."""
        return len(self.feature_shapes)

    @property
    def latent_sizes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the leaves of one latent code, for messages."""
        return tuple(tuple(leaf.shape) for leaf in jax.tree.leaves(self.latent))

    def free_context(self, layer: int) -> Any:
        """Shapes of what can be optimised of the context at ``layer``; ``()`` for plain stacks."""
        return self.free_contexts[layer] if self.free_contexts else ()

    def feature_shape(self, layer: int) -> tuple[int, int, int]:
        """Shape ``(H, W, C)`` of the feature at ``layer``.

        Raises:
          InputError: the generator has no such layer.

        """
        if not 0 <= layer < self.num_layers:
            raise InputError(
                f"{self.name} has no layer {layer}: choose one of 0 to {self.num_layers - 1}"
            )
        return self.feature_shapes[layer]


def default_layer(spec: GeneratorSpec) -> int:
    """Where to cut when nothing is said: the first layer at 16x16, else the last."""
    sides = [shape[0] for shape in spec.feature_shapes]
    return sides.index(_DEFAULT_SIDE) if _DEFAULT_SIDE in sides else len(sides) - 1


def blend(contexts: Any, share: Array, free: Any) -> Any:
    """The context of an image as the mean of those of its codes, plus what is optimised of it.

    Args:
      contexts: leaves ``[b, n, ...]``, one of each code.
      share: ``[b, n]``, how much of the image each code draws; its rows sum to one.
      free: leaves ``[b, ...]`` of the same structure, zero at the start, or ``()`` for none.

    Returns:
      Leaves ``[b, ...]``.

    """

    def mean(leaf: Array) -> Array:
        weight = share.reshape(*share.shape, *(1,) * (leaf.ndim - 2))
        return (weight * leaf).sum(axis=1)

    joined = jax.tree.map(mean, contexts)
    return jax.tree.map(jnp.add, joined, free) if jax.tree.leaves(free) else joined


@dataclass(frozen=True, eq=False)
class SplitGenerator:
    """A generator as two pure functions of its weights.

    Attributes:
      spec: its shapes and its latent prior.
      head: ``(params, latent, *, layer) -> (h [n, H, W, C], context)``; leaves of ``latent`` have
        ``n`` codes in front. ``context`` is ``None`` for a plain stack and carries what a tail
        needs besides the feature (styles, class, a partial picture), leaves ``[n, ...]``.
      tail: ``(params, h [b, H, W, C], context, *, layer) -> x [b, H', W', 3]``, nominally in
        [-1, 1] and not clipped.
      head_sliced: the head where each code serves some channels only, or ``None`` for a family
        without one: ``(params, latent [n, r, ...], *, layer, groups) -> ((h_0 [n, H, W, c_0], ...),
        context [n, r, ...])``. ``groups`` has r tuples of channels, and ``h_i`` is
        ``head(latent[:, i])`` at the channels ``groups[i]``, without the work for the others in the
        last layer.
      join: ``(contexts [b, n, ...], share [b, n], free) -> context [b, ...]``: the context of an
        image that several codes draw; see `blend`, which is the default.
      mapping: ``(params, noise) -> latent``, leaves ``[n, ...]``: what the prior draws as latent
        codes. ``None`` where the prior draws the codes themselves.
      centre: ``(params) -> latent`` without a batch axis: the code towards which draws are
        truncated (StyleGAN2's mean w). ``None`` for a family without one.
      program: what decides the computation besides arrays, such as family and configuration.
        Generators of equal programs are equal, so that one loaded twice compiles nothing anew.
        ``None`` compares the functions themselves.

    ``layer`` and ``groups`` are static under `jax.jit`. All are pure and not jitted: jit once,
    outermost.

    """

    spec: GeneratorSpec
    head: Callable[..., tuple[Array, Any]]
    tail: Callable[..., Array]
    head_sliced: Callable[..., tuple[tuple[Array, ...], Any]] | None = None
    join: Callable[[Any, Array, Any], Any] = blend
    mapping: Callable[[Any, Any], Any] | None = None
    centre: Callable[[Any], Any] | None = None
    program: Hashable | None = None

    def __call__(self, params: Any, latent: Any) -> Array:
        """The whole generator: codes with ``b`` in front to ``x [b, H, W, 3]``."""
        layer = self.spec.num_layers - 1
        features, context = self.head(params, latent, layer=layer)
        return self.tail(params, features, context, layer=layer)

    def draw(self, params: Any, key: Key, num: int) -> Any:
        """``num`` latent codes from the prior, leaves ``[num, ...]`` float32."""
        noise = self.spec.prior.draw(key, num)
        return noise if self.mapping is None else self.mapping(params, noise)

    def with_identity(self, identity: str) -> "SplitGenerator":
        """The same generator, with the hash of the weights that were loaded for it."""
        return replace(self, spec=replace(self.spec, identity=identity))

    @property
    def _key(self) -> Hashable:
        if self.program is not None:
            return self.program
        functions = (self.head, self.tail, self.head_sliced, self.join)
        return (*functions, self.mapping, self.centre)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SplitGenerator) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        height, width, _ = self.spec.image_shape
        return f"<{self.spec.name}: {width}x{height}, {self.spec.num_layers} layers>"
