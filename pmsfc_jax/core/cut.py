"""A generator together with the layer it is cut at."""

from dataclasses import dataclass
from typing import Any

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Array, Params


@dataclass(frozen=True)
class Cut:
    """``G = tail . head`` at one layer: static and hashable, resolved where settings are read.

    Attributes:
      generator: what is cut.
      layer: index of the cut.

    Raises:
      InputError: the generator has no such layer.

    """

    generator: SplitGenerator
    layer: int

    def __post_init__(self) -> None:
        """Check the layer."""
        self.generator.spec.feature_shape(self.layer)

    @property
    def feature_shape(self) -> tuple[int, int, int]:
        """Shape ``(H, W, C)`` of the feature in between."""
        return self.generator.spec.feature_shape(self.layer)

    @property
    def channels(self) -> int:
        """C."""
        return self.feature_shape[-1]

    @property
    def free_context(self) -> Any:
        """Shapes of what can be optimised of an image's context; ``()`` for plain stacks."""
        return self.generator.spec.free_context(self.layer)

    def head(self, params: Params, latent: Any) -> tuple[Array, Any]:
        """Codes with ``n`` in front to ``(h [n, H, W, C], context)``."""
        return self.generator.head(params, latent, layer=self.layer)

    def head_sliced(
        self, params: Params, latent: Any, groups: tuple[tuple[int, ...], ...]
    ) -> tuple[tuple[Array, ...], Any]:
        """See `SplitGenerator.head_sliced`.

        Raises:
          InputError: the family's heads cannot be cut by channels.

        """
        if self.generator.head_sliced is None:
            raise InputError(f"heads of {self.generator.spec.name} cannot be cut by channels")
        return self.generator.head_sliced(params, latent, layer=self.layer, groups=groups)

    def tail(self, params: Params, h: Array, context: Any) -> Array:
        """``(h [b, H, W, C], context) -> x [b, H', W', 3]``."""
        return self.generator.tail(params, h, context, layer=self.layer)
