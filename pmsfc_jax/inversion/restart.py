"""An image whose loss ceased to be a finite number gets a second try after its batch."""

from collections.abc import Callable

import jax
import numpy as np

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key
from pmsfc_jax.inversion.codes import Codes
from pmsfc_jax.inversion.keys import image_keys
from pmsfc_jax.inversion.run_batch import Job, Outcome, run_batch

#: The learning rate of the second try is that of the first divided by this.
RESTART_DIVISOR = 4
#: Steps at the end without a finite loss that call for one; of few steps, half.
_LAST = 10
_OF_AN_IMAGE = ("codes", "best_loss", "best_step", "guarded", "steps", "reason")


def diverged(losses: np.ndarray) -> np.ndarray:
    """Which images had no finite loss at the end, ``[b]``.

    Args:
      losses: of every step, ``[steps, b]``.

    """
    last = losses[-max(1, min(_LAST, len(losses) // 2)) :]
    return ~np.isfinite(last).any(axis=0)


def run_with_restart(
    job: Job,
    key: Key,
    observation: Observation,
    count: int,
    *,
    codes: Codes | None,
    on_step: Callable[[int, np.ndarray], None],
) -> tuple[Outcome, np.ndarray, list[str]]:
    """Run a batch, and once more those of its ``count`` images whose loss ceased to be finite.

    The second try has new starting codes and a smaller step: either may have been the fault. It is
    filled up to the size of the first, so that it compiles nothing. A solver that tries a point,
    finds no finite loss there and goes back needs no second try.

    Args:
      job: what all batches share.
      key: of the run; the second try's is another.
      observation: leaves ``[b, ...]``.
      count: how many of the images are not there to fill the batch.
      codes: to start from, where they are given; a second try does not take them.
      on_step: told of the first try; see `run_batch`.

    Returns:
      The better try of each image, which were tried twice ``[count]``, and names of the batches.

    """
    operator = job.form.operator
    first = run_batch(
        job,
        image_keys(key, observation, operator),
        observation,
        codes=codes,
        on_step=on_step,
        keep=lambda losses: bool(diverged(losses[:, :count]).any()),
    )
    restarted = diverged(first.losses[:, :count])
    merged = _take(first, np.arange(count))
    if not restarted.any():
        return merged, restarted, [first.name]
    rows = np.flatnonzero(restarted)
    filled = np.r_[rows, np.full(len(observation.target) - len(rows), rows[0])]
    again = jax.tree.map(lambda leaf: leaf[filled], observation)
    second = run_batch(
        job,
        image_keys(jax.random.fold_in(key, 1), again, operator),
        again,
        rates=job.config.solver.slower(RESTART_DIVISOR),
    )
    better = second.best_loss[: len(rows)] < merged.best_loss[rows]
    merged = _replace(merged, rows[better], _take(second, np.flatnonzero(better)))
    merged = merged._replace(seconds=first.seconds + second.seconds)
    return merged, restarted, [first.name, second.name]


def _take(outcome: Outcome, rows: np.ndarray) -> Outcome:
    """The outcome of some of a batch's images."""
    taken = {
        name: jax.tree.map(lambda leaf: leaf[rows], getattr(outcome, name)) for name in _OF_AN_IMAGE
    }
    return outcome._replace(**taken, losses=outcome.losses[:, rows])


def _replace(outcome: Outcome, rows: np.ndarray, other: Outcome) -> Outcome:
    """``outcome`` with those of ``rows`` taken from ``other``, which has only them."""

    def put(old: np.ndarray, new: np.ndarray) -> np.ndarray:
        copy = old.copy()
        copy[rows] = new
        return copy

    replaced = {
        name: jax.tree.map(put, getattr(outcome, name), getattr(other, name))
        for name in _OF_AN_IMAGE
    }
    losses = outcome.losses.copy()
    losses[:, rows] = other.losses
    return outcome._replace(**replaced, losses=losses)
