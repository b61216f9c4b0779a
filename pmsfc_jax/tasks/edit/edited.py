"""Features that were edited, with the recipe that made them; saved and drawn to the bit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.drawing import Drawing, draw_features


@dataclass(frozen=True, eq=False)
class Edited:
    """Composed features of ``n`` pictures that no codes draw alone.

    Attributes:
      h: ``[n, H, W, C]``.
      context: leaves ``[n, ...]``; ``None`` for plain stacks.
      layer: the cut.
      precision: of matrix products.
      generator: name of the generator.
      identity: hash of its stored weights; empty where they never were stored.
      recipe: how they were made, as JSON values.

    """

    h: np.ndarray
    context: Any
    layer: int
    precision: str
    generator: str
    identity: str
    recipe: dict[str, Any]

    def __len__(self) -> int:
        return len(self.h)

    def __repr__(self) -> str:
        return f"<{len(self)} edited of {self.generator} at layer {self.layer}: {self.recipe}>"


def edited(drawing: Drawing, h: np.ndarray, context: Any, recipe: dict[str, Any]) -> Edited:
    """Features made from those of a drawing."""
    return Edited(
        h=h,
        context=context,
        layer=drawing.layer,
        precision=drawing.precision,
        generator=drawing.generator,
        identity=drawing.identity,
        recipe=recipe,
    )


def draw_edited(generator: SplitGenerator, params: Params, edit: Edited) -> np.ndarray:
    """The pictures ``[n, H, W, 3]``, nominally in [-1, 1].

    Raises:
      InputError: the features are of other weights.

    """
    identity = generator.spec.identity
    if edit.identity and identity and edit.identity != identity:
        raise InputError(
            f"these features are of {edit.generator} (weights {edit.identity[:12]}), not of "
            f"{generator.spec.name} (weights {identity[:12]})"
        )
    return draw_features(
        generator, params, edit.h, edit.context, layer=edit.layer, precision=edit.precision
    )
