"""The rows of a table of restorations that a generator fills; baselines are the others."""

import re
from dataclasses import replace
from typing import NamedTuple

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.methods import ROWS as METHODS
from pmsfc_jax.evaluation.methods import Partition, config_of
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.tasks.restoration.settings import DEFAULT_STEPS, RestoreConfig

#: Rows of ours, and how many samples they average: ``ours_4`` is what `pm.restore` does by itself.
_OURS = re.compile(r"ours_(\d+)")
#: Rows that mix one of ours with the simple way, in `usual_share`.
_MIXED = re.compile(r"mixed_(\d+)")


class Row(NamedTuple):
    """One row.

    Attributes:
      inversion: of each sample.
      samples: how many are averaged.
      partition: that its composition needs.

    """

    inversion: InversionConfig
    samples: int = 1
    partition: Partition | None = None


#: Rows that are named after the inversion that they are.
_INVERSIONS = {
    "single": "single_lbfgs",
    "mganprior_16": "mganprior_16_lbfgs",
    "pmsfc_4x4": "pmsfc_4x4_lbfgs",
    "pmsfc_4x4_random": "pmsfc_4x4_random_lbfgs",
    "mganprior_published": "mganprior_published",
}
#: What a table has where no row is named; the published mGANprior takes minutes a picture.
DEFAULT_ROWS = (
    *("single", "mganprior_16", "ours_1", "ours_4", "mixed_4"),
    *("pmsfc_4x4", "pmsfc_4x4_random"),
)


def check_rows(names: tuple[str, ...]) -> None:
    """Check names of rows.

    Raises:
      InputError: one is unknown.

    """
    for name in names:
        found = _OURS.fullmatch(name) or _MIXED.fullmatch(name)
        if name not in _INVERSIONS and (found is None or int(found[1]) < 1):
            raise InputError(
                f"row {name} is unknown: choose among {', '.join(_INVERSIONS)} ours_M, the mean "
                "of M samples, such as ours_4, and mixed_M, that and the simple way"
            )


def mixed_of(name: str) -> str | None:
    """The row that ``mixed_M`` mixes with the simple way: ``ours_M``; of other rows ``None``."""
    found = _MIXED.fullmatch(name)
    return f"ours_{found[1]}" if found else None


def row_of(name: str, *, layer: int, steps: int | None, batch_size: int) -> Row:
    """A row by its name.

    Args:
      name: one that `check_rows` accepts, and that mixes nothing.
      layer: the cut.
      steps: of rows that have no number of their own; by default those of `pm.restore`.
      batch_size: pictures, samples counted one by one, in a compiled step.

    Raises:
      InputError: a value is impossible.

    """
    steps = steps or DEFAULT_STEPS
    found = _OURS.fullmatch(name)
    if found:
        config = RestoreConfig(layer=layer, steps=steps)
        inversion = replace(config.with_defaults(layer), batch_size=batch_size)
        return Row(inversion, int(found[1]))
    method = _INVERSIONS[name]
    inversion = config_of(method, layer=layer, num_steps=steps, batch_size=batch_size)
    return Row(inversion, 1, METHODS[method].partition)
