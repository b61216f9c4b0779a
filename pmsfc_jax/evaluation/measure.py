"""Run one row on all targets and measure it: quality, time without compilation, memory."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from pmsfc_jax.api import (
    InversionConfig,
    InversionResult,
    Perceptual,
    SplitGenerator,
    Subspaces,
    invert,
    to_uint8,
)
from pmsfc_jax.core.typing import Params
from pmsfc_jax.evaluation.memory import peak_memory
from pmsfc_jax.inversion.compositions import composition_of
from pmsfc_jax.metrics import psnr, ssim
from pmsfc_jax.metrics.image_metrics import SSIM_WINDOW

#: ``(a, b) uint8 [n, H, W, 3] -> distance [n]``
Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Steps are a multiple of this under a time budget: the length of a compiled loop.
_ROUND = 10


class Task(NamedTuple):
    """What all rows of a table share.

    Attributes:
      generator: head and tail.
      params: its weights.
      targets: ``[n, H, W, 3]`` in [-1, 1].
      perceptual: V, where the objective has one.
      judge: the independent distance, where there is one.
      seed: of the codes.

    """

    generator: SplitGenerator
    params: Params
    targets: np.ndarray
    perceptual: Perceptual | None
    judge: Judge | None
    seed: int


def measure_row(
    task: Task, config: InversionConfig, subspaces: Subspaces | None
) -> tuple[dict[str, Any], np.ndarray]:
    """One row's record and its pictures ``[n, H, W, 3]`` uint8.

    ``seconds_per_image`` is the median time of an image's step in the running loop times the
    steps: neither compilation nor drawing is in it; both are in ``other_seconds``, of all images.
    """
    began = time.perf_counter()
    with peak_memory() as peak:
        result, per_step = _timed(task, config, subspaces)
    whole = time.perf_counter() - began
    a, b = to_uint8(task.targets), to_uint8(result.reconstruction)
    small = min(a.shape[1:3]) < SSIM_WINDOW
    seconds = per_step * config.num_steps
    sets, codes = result.weights.shape[1:3]
    record = {
        "codes": sets * codes,
        "weights_per_channel": composition_of(config.composition).weights_per_channel(sets, codes),
        "steps": config.num_steps,
        "psnr": np.asarray(psnr(a, b)).tolist(),
        "ssim": None if small else np.asarray(ssim(a, b)).tolist(),
        "distance": None if task.judge is None else task.judge(a, b).tolist(),
        "seconds_per_image": seconds,
        "other_seconds": max(0.0, whole - seconds * len(a)),
        "peak_mib": peak.mib,
        "peak_kind": peak.kind,
        "guarded": int(result.guarded.max()),
        "failed": int(result.failed.sum()),
    }
    return record, b


def steps_within(
    task: Task,
    config_for: Callable[[int], InversionConfig],
    subspaces: Subspaces | None,
    seconds: float,
) -> int:
    """Steps that fit into ``seconds`` an image, by timing one batch for a few steps.

    Args:
      task: its first batch is timed.
      config_for: the row's inversion for a number of steps.
      subspaces: the row's partition.
      seconds: the budget of one image, compilation not counted.

    Returns:
      A multiple of ten, at least ten.

    """
    per_step = seconds_of_a_step(task, config_for, subspaces)
    return max(1, int(seconds / per_step) // _ROUND) * _ROUND


def seconds_of_a_step(
    task: Task, config_for: Callable[[int], InversionConfig], subspaces: Subspaces | None
) -> float:
    """Seconds of one step of one image, from a few steps of the first batch.

    Arguments are those of `steps_within`.
    """
    pilot = config_for(3 * _ROUND)
    first = task._replace(targets=task.targets[: pilot.batch_size])
    return _timed(first, pilot, subspaces)[1]


def _timed(
    task: Task, config: InversionConfig, subspaces: Subspaces | None
) -> tuple[InversionResult, float]:
    """Invert, and the median seconds of one step of one image once everything is compiled."""
    marks: list[tuple[int, float]] = []

    def run() -> InversionResult:
        marks.clear()
        return invert(
            task.generator,
            task.params,
            task.targets,
            subspaces=subspaces,
            key=jax.random.key(task.seed),
            config=config,
            perceptual=task.perceptual,
            on_progress=lambda done, total, loss: marks.append((done, time.perf_counter())),
        )

    result = run()
    if len(marks) == 1:
        # One compiled loop was all: its time has the compilation in it, so time it once more.
        began = time.perf_counter()
        result = run()
        marks.insert(0, (0, began))
    done, times = np.array(marks, np.float64).T
    return result, float(np.median(np.diff(times) / np.diff(done)))
