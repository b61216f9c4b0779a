"""The one plug-in point: a generator that can be cut in two at any of its layers.

A generator ``G`` is cut at layer ``l`` into ``G = tail_l . head_l``. Everything outside ``nn/``
sees generators only through `SplitGenerator`, so that a new family is one module in ``nn/`` and one
line in the registry.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key

_DEFAULT_SIDE = 16


@dataclass(frozen=True)
class GeneratorSpec:
    """The facts of one generator that do not depend on its weights.

    Attributes:
      name: what messages and manifests call it.
      latent_shape: shape of one latent code, ``(d,)``.
      image_shape: shape of one image, ``(H, W, 3)``.
      feature_shapes: ``feature_shapes[layer]`` is the shape ``(H, W, C)`` of the feature at the cut
        ``layer``; layer 0 is the first convolution.
      latent_prior: ``(key, num) -> z [num, d]`` float32, the distribution the generator was trained
        on.
      identity: hash of the stored weights it was loaded with, empty for weights made in memory.
        Saved codes carry it, so that they are not drawn with other weights by mistake.

    """

    name: str
    latent_shape: tuple[int, ...]
    image_shape: tuple[int, int, int]
    feature_shapes: tuple[tuple[int, int, int], ...]
    latent_prior: Callable[[Key, int], Array]
    identity: str = ""

    @property
    def num_layers(self) -> int:
        """Number of layers at which the generator can be cut."""
        return len(self.feature_shapes)

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


class SplitGenerator(NamedTuple):
    """A generator as two pure functions of its weights.

    Attributes:
      spec: its shapes and its latent prior.
      head: ``(params, z [b, d], *, layer) -> (h [b, H, W, C], context)``. ``context`` is ``None``
        for a plain stack and carries what a later family's tail needs (styles, class).
      tail: ``(params, h [b, H, W, C], context, *, layer) -> x [b, H', W', 3]``, nominally in
        [-1, 1] and not clipped.
      head_sliced: the head where each code serves some channels only, or ``None`` for a family
        without one: ``(params, z [r, n, d], *, layer, groups) -> ((h_0 [n, H, W, c_0], ...),
        context)``. ``groups`` has r tuples of channels, and ``h_i`` is ``head(z[i])`` at the
        channels ``groups[i]``, without the work for the others in the last layer.

    ``layer`` and ``groups`` are static under `jax.jit`. All are pure and not jitted: jit once,
    outermost.

    """

    spec: GeneratorSpec
    head: Callable[..., tuple[Array, Any]]
    tail: Callable[..., Array]
    head_sliced: Callable[..., tuple[tuple[Array, ...], Any]] | None = None

    def __call__(self, params: Any, z: Array) -> Array:
        """The whole generator, ``z [b, d] -> x [b, H, W, 3]``."""
        layer = self.spec.num_layers - 1
        features, context = self.head(params, z, layer=layer)
        return self.tail(params, features, context, layer=layer)
