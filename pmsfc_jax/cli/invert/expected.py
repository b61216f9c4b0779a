"""What a run will compose in and compare with, as far as its cost goes, before it is run."""

from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.api import InversionConfig, Perceptual, Subspaces
from pmsfc_jax.cli.invert.options import Method
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.abstract import even_masks
from pmsfc_jax.inversion.compositions import composition_of


class Expected(NamedTuple):
    """Of one run.

    Attributes:
      masks: ``[R, C]``, of as many subspaces as the run will have.
      extract: V, or ``None`` where its term has no weight.
      v_params: V's weights.

    """

    masks: np.ndarray
    extract: Any
    v_params: Params | None


def expected(
    cut: Cut,
    config: InversionConfig,
    method: Method,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> Expected:
    """From the options of the method, the partition where one is given, and V."""
    rows = method.num_subspaces if given is None else given.num_subspaces
    by_subspace = composition_of(config.composition).by_subspace
    masks = even_masks(cut, rows if by_subspace else 1)
    if perceptual is None or not config.objective.perceptual_weight:
        return Expected(masks, None, None)
    return Expected(masks, perceptual.extract, perceptual.params)
