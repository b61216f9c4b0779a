"""What a run will compose in and compare with, as far as its cost goes, before it is run."""

from typing import Any, NamedTuple

import numpy as np

from pmsfc_jax.api import InversionConfig, Perceptual, Subspaces
from pmsfc_jax.cli.invert.options import Method
from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.typing import Params
from pmsfc_jax.inversion.abstract import even_masks, traced_loop
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.inversion.workload import Workload, workload_of


class Expected(NamedTuple):
    """One run.

    Attributes:
      cut: generator and layer.
      params: its weights.
      config: settings of the inversion.
      masks: ``[R, C]``, of as many subspaces as the run will have.
      v: ``extract``, V or ``None`` where its term has no weight, and its weights ``v_params``.

    """

    cut: Cut
    params: Params
    config: InversionConfig
    masks: np.ndarray
    v: dict[str, Any]

    def workload(self) -> Workload:
        """What a step costs."""
        return workload_of(self.cut, self.params, self.config, self.masks, **self.v)

    def loop(self, count: int, **place: Any) -> Any:
        """Its loop for ``count`` images, as `traced_loop` gives it; ``place`` is as there."""
        return traced_loop(self.cut, self.params, self.config, self.masks, count, **self.v, **place)


def expected(
    cut: Cut,
    params: Params,
    config: InversionConfig,
    method: Method,
    given: Subspaces | None,
    perceptual: Perceptual | None,
) -> Expected:
    """From the options of the method, the partition where one is given, and V."""
    rows = method.num_subspaces if given is None else given.num_subspaces
    by_subspace = composition_of(config.composition).by_subspace
    masks = even_masks(cut, rows if by_subspace else 1)
    v: dict[str, Any] = {"extract": None, "v_params": None}
    if perceptual is not None and config.objective.perceptual_weight:
        v = {"extract": perceptual.extract, "v_params": perceptual.params}
    return Expected(cut, params, config, masks, v)
