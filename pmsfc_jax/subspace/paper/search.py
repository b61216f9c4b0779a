"""The loops around a step of equation 6: latents in batches, few in flight, none kept."""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.cut import Cut
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.typing import Array, Key, Progress
from pmsfc_jax.subspace.paper.options import PaperOptions
from pmsfc_jax.subspace.paper.step import State, Weights, advance, measure

# Independent streams of one key, by `jax.random.fold_in`.
STEP_STREAM, HELD_OUT_STREAM = range(2)
# Held-out passes: before the first step where they set the weight, half-way, and at the end.
_PASSES = 2


class HeldOut(NamedTuple):
    """Means over held-out latents, in float64.

    Attributes:
      image_error: mean square of ``tail(h) - tail(T(F S))``.
      gradient: of ``image_error`` with respect to S, ``[C, C]``.
      energy: mean square of ``tail(h)``.
    """

    image_error: float
    gradient: np.ndarray
    energy: float


def latents_drawn(options: PaperOptions) -> int:
    """How many latents `paper_expression` draws, in whole batches."""
    passes = _PASSES + (options.image_weight is None)
    return (options.num_steps + passes * _num_batches(options)) * options.batch_size


def _num_batches(options: PaperOptions) -> int:
    """Batches of held-out latents."""
    return -(-options.num_held_out // options.batch_size)


class Search:
    """Draws what the steps and the measurements need, and reports how far it is."""

    def __init__(
        self, cut: Cut, params: Any, options: PaperOptions, key: Key, on_progress: Progress | None
    ) -> None:
        """Nothing is drawn yet."""
        self._cut, self._params, self._options = cut, params, options
        self._step_key = jax.random.fold_in(key, STEP_STREAM)
        self._held_out_key = jax.random.fold_in(key, HELD_OUT_STREAM)
        self._on_progress = on_progress
        self._done, self._total = 0, latents_drawn(options)

    def descend(self, state: State, gram: Array, weights: Weights, steps: Iterable[int]) -> State:
        """Take ``steps``, each on latents of its own.

        A loop on the host: any tail is fast there, which a compiled loop cannot promise (design.md,
        facts measured, 1).
        """
        options, dtype = self._options, gram.dtype.type
        for step in steps:
            rate = options.learning_rate * (1 + math.cos(math.pi * step / options.num_steps)) / 2
            state = advance(
                self._cut,
                self._params,
                gram,
                weights,
                state,
                self._step_key,
                np.int32(step),
                dtype(rate),
                options.batch_size,
            )
            # A few steps ahead keep the device busy; more would only make the progress untrue.
            if step % 4 == 3:
                state.coefficients.block_until_ready()
            self._report()
        return state

    def held_out(self, coefficients: Array) -> HeldOut:
        """`measure`, averaged over the held-out latents.

        Raises:
          InputError: pictures or coefficients are not finite.
        """
        error, gradient, energy = 0.0, np.zeros(coefficients.shape), 0.0
        count = _num_batches(self._options)
        for index in range(count):
            one = measure(
                self._cut,
                self._params,
                coefficients,
                self._held_out_key,
                np.uint32(index),
                self._options.batch_size,
            )
            error += float(one[0]) / count
            gradient += np.asarray(one[1], np.float64) / count
            energy += float(one[2]) / count
            self._report()
        if not math.isfinite(energy):
            raise InputError(
                f"{self._cut.generator.spec.name} draws pictures that are not finite: check its "
                "weights"
            )
        if not (math.isfinite(error) and bool(jnp.all(jnp.isfinite(coefficients)))):
            raise InputError(
                f"the search diverged with learning_rate={self._options.learning_rate:g}: give a "
                "smaller one"
            )
        return HeldOut(error, gradient, energy)

    def _report(self) -> None:
        self._done += self._options.batch_size
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)
