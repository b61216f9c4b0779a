"""A cell of the table: photographs that lost something, restored, and how good that is."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from pmsfc_jax.api import SplitGenerator, Subspaces, restore, to_uint8
from pmsfc_jax.core.images import LEVELS
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.restoration.columns import COLUMNS
from pmsfc_jax.evaluation.restoration.rows import Row
from pmsfc_jax.metrics import psnr, ssim
from pmsfc_jax.metrics.image_metrics import SSIM_WINDOW
from pmsfc_jax.tasks.degradations import Degradation, observe
from pmsfc_jax.tasks.degradations.grey import LUMA
from pmsfc_jax.tasks.restoration.choose import Choice
from pmsfc_jax.tasks.restoration.fidelity import fidelity
from pmsfc_jax.tasks.restoration.mean import mean_and_deviation, screened_out, uncertainty

#: ``(a, b) uint8 [n, H, W, 3] -> distance [n]``
Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Given(NamedTuple):
    """Photographs of one column.

    Attributes:
      truth: ``[n, H, W, 3]`` uint8, before anything was lost.
      degradation: what was lost.
      observed: what is left.

    """

    truth: np.ndarray
    degradation: Degradation
    observed: Observation


class Restored(NamedTuple):
    """Pictures of one cell.

    Attributes:
      pictures: ``[n, H, W, 3]`` uint8.
      uncertainty: ``[n, H, W]`` in grey levels, not calibrated; ``None`` of a single sample.

    """

    pictures: np.ndarray
    uncertainty: np.ndarray | None


def given(column: str, truth: np.ndarray, seed: int) -> Given:
    """Photographs ``[n, H, W, 3]`` uint8 as they are when a column's loss is over."""
    rng = np.random.default_rng([seed, *column.encode()])
    height, width = truth.shape[1:3]
    degradation, operands = COLUMNS[column]((height, width), len(truth), rng)
    return Given(truth, degradation, observe(degradation, operands, truth, rng))


def restored(
    rows: Mapping[str, Row],
    column: Given,
    generator: SplitGenerator,
    params: Params,
    *,
    subspaces: Subspaces | None,
    seed: int,
    **rest: Any,
) -> dict[str, Restored]:
    """The pictures of rows that share all but the number of their samples.

    What was observed is put back into each of them.

    Args:
      rows: by their names.
      column: the photographs.
      generator: cut in two at any layer.
      params: its weights.
      subspaces: that the rows' composition needs.
      seed: of the codes.
      rest: of `pm.restore`, such as ``on_progress``.

    """
    most = max(rows.values(), key=lambda row: row.samples)
    found = restore(
        generator,
        params,
        column.observed,
        column.degradation,
        key=jax.random.key(seed),
        samples=most.samples,
        choice=Choice(most.inversion, None, ()),
        subspaces=subspaces,
        **rest,
    )

    def first(count: int) -> Restored:
        mean, deviation = mean_and_deviation(
            found.samples[:, :count], screened_out(found.misfit[:, :count])
        )
        levels = LEVELS * uncertainty(column.degradation, column.observed, mean, deviation)
        return Restored(to_uint8(mean), levels if count > 1 else None)

    return {name: first(row.samples) for name, row in rows.items()}


def measured(column: Given, found: Restored, judge: Judge | None) -> dict[str, Any]:
    """What is recorded of a cell, lists with one number a photograph.

    ``chroma`` is the root mean square of the error that is not luma's, ``fidelity`` that of the
    pictures degraded again against what was given, both in grey levels. ``correlation`` is
    Spearman's, of uncertainty and absolute error, and ``error_over_uncertainty`` the ratio of their
    root mean squares, over all pixels that are uncertain.
    """
    truth, pictures = column.truth, found.pictures
    small = min(truth.shape[1:3]) < SSIM_WINDOW
    error = pictures.astype(np.float64) - truth
    record = {
        "psnr": np.asarray(psnr(truth, pictures)).tolist(),
        "ssim": None if small else np.asarray(ssim(truth, pictures)).tolist(),
        "distance": None if judge is None else judge(truth, pictures).tolist(),
        "chroma": _root_mean_square(error - (error @ np.array(LUMA))[..., None]).tolist(),
        "fidelity": fidelity(column.degradation, column.observed, pictures).tolist(),
    }
    return record | _calibration(error, found.uncertainty)


def _root_mean_square(errors: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.sqrt(np.square(errors).mean(axis=(1, 2, 3)))
    return found


def _calibration(error: np.ndarray, uncertainty: np.ndarray | None) -> dict[str, float]:
    if uncertainty is None or not (uncertainty > 0).any():
        return {}
    of_pixel = np.sqrt(np.square(error).mean(axis=-1))
    size, deviation = of_pixel[uncertainty > 0], uncertainty[uncertainty > 0].astype(np.float64)
    ranks = [np.argsort(np.argsort(x)).astype(np.float64) for x in (deviation, size)]
    ratio = np.sqrt(np.square(size).mean() / np.square(deviation).mean())
    return {
        "correlation": float(np.corrcoef(ranks[0], ranks[1])[0, 1]),
        "error_over_uncertainty": float(ratio),
    }
