"""What of a picture was observed: a forward operator, its operands, and the observation.

Restoration sees a photograph through an operator (grey, small, holed, blurred); plain inversion
through the identity. The operator is static; what differs from image to image (masks, kernels,
noise levels) are operands, so that another mask is no other program.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pmsfc_jax.core.typing import Array


class Observation(NamedTuple):
    """What is known of ``b`` images: a pytree with the images in front.

    Attributes:
      target: ``[b, h, w, c]`` float32, what the operator's result is compared with.
      operands: of the operator, leaves ``[b, ...]``; ``()`` for the identity.

    """

    target: Any
    operands: Any = ()


def _seen_as_it_is(y: Array) -> Array:
    return y


def _equal_weights(operands: Any, y: Array) -> None:
    return None


def _no_noise(operands: Any) -> None:
    return None


def _same_shape(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    return image_shape


@dataclass(frozen=True)
class Operator:
    """A forward operator; static and hashable by its name and settings.

    Attributes:
      name: what messages and records call it.
      settings: hashable values that decide its functions, together with ``name``.
      apply: ``(operands, x [b, H, W, 3]) -> y [b, h, w, c]``, differentiable.
      shape: shape of one observation from that of one image.
      view: ``y -> [b, h, w, 3]``, how an observation is shown, and what V looks at.
      weights: ``(operands, y) -> [b, h, w, 1]`` or alike, factors of the residual (0 where nothing
        was observed), or ``None`` where all of it counts alike.
      noise: ``operands -> [b]``, standard deviation of the noise in ``y``, or ``None`` where there
        is none or it is not known. An inversion keeps the codes of the first step that explains
        an observation as well as its noise allows (the discrepancy principle, Morozov 1966).

    """

    name: str
    settings: tuple[Hashable, ...]
    apply: Callable[[Any, Array], Array] = field(compare=False)
    shape: Callable[[tuple[int, int, int]], tuple[int, int, int]] = field(
        compare=False, default=_same_shape
    )
    view: Callable[[Array], Array] = field(compare=False, default=_seen_as_it_is)
    weights: Callable[[Any, Array], Array | None] = field(compare=False, default=_equal_weights)
    noise: Callable[[Any], Array | None] = field(compare=False, default=_no_noise)


def _identity(operands: Any, x: Array) -> Array:
    return x


#: The picture itself: plain inversion.
IDENTITY = Operator("identity", (), _identity)
