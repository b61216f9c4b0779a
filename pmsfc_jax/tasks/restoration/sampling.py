"""Several independent samples of each observation, and measurements that they do not see."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import Observation, Operator
from pmsfc_jax.core.typing import Array, Params
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.invert import invert_batches
from pmsfc_jax.inversion.result import InversionResult, concatenate
from pmsfc_jax.tasks.degradations import Degradation


class Sampled(NamedTuple):
    """Operands of one sample of an observation.

    Attributes:
      own: the operator's own operands.
      keep: ``[b, h, w, 1]``, 0 where a measurement is held out, else 1.
      number: ``[b]``, which sample of its observation: it makes the sample's seed another.

    """

    own: Any
    keep: Any
    number: Any


@lru_cache(maxsize=64)
def sampled(operator: Operator) -> Operator:
    """The same operator on `Sampled` operands: what is held out has no weight."""

    def weights(operands: Sampled, y: Array) -> Array:
        own = operator.weights(operands.own, y)
        keep = jnp.asarray(operands.keep)
        return keep if own is None else own * keep

    return Operator(
        operator.name,
        ("sampled", *operator.settings),
        lambda operands, x: operator.apply(operands.own, x),
        operator.shape,
        operator.view,
        weights,
        lambda operands: operator.noise(operands.own),
    )


def samples_of(observed: Observation, keep: np.ndarray, samples: int) -> Observation:
    """Each observation ``samples`` times, those of one photograph side by side.

    Args:
      observed: leaves ``[n, ...]``.
      keep: ``[n, h, w, 1]``.
      samples: M.

    Returns:
      Leaves ``[n * M, ...]`` with operands `Sampled`.

    """
    count = len(observed.target)
    number = np.tile(np.arange(samples, dtype=np.int32), count)
    operands, kept = jax.tree.map(
        lambda leaf: np.repeat(np.asarray(leaf), samples, axis=0),
        (observed.operands, np.asarray(keep, np.float32)),
    )
    target = np.repeat(np.asarray(observed.target), samples, axis=0)
    return Observation(target, Sampled(operands, kept, number))


def held_out(operator: Operator, observed: Observation, share: float, seed: int) -> np.ndarray:
    """``keep [n, h, w, 1]``: ``share`` of what was observed of each photograph, at random, is 0.

    At least one measurement is held out of two or more. What counts less than half is no
    measurement.

    Args:
      operator: whose weights tell what was observed.
      observed: leaves ``[n, ...]``.
      share: of the measurements.
      seed: which ones.

    """
    keep = np.ones((*np.shape(observed.target)[:3], 1), np.float32)
    weights = operator.weights(observed.operands, jnp.asarray(observed.target))
    known = keep > 0 if weights is None else np.broadcast_to(np.asarray(weights) > 0.5, keep.shape)
    rng = np.random.default_rng(seed)
    for row, seen in zip(keep.reshape(len(keep), -1), known.reshape(len(keep), -1), strict=True):
        places = rng.permutation(np.flatnonzero(seen))
        number = min(max(1, round(share * len(places))), len(places) - 1)
        row[places[: max(number, 0)]] = 0
    return keep


def inverted_samples(
    generator: SplitGenerator,
    params: Params,
    degradation: Degradation,
    observed: Observation,
    keep: np.ndarray,
    inversion: InversionConfig,
    *,
    samples: int,
    on_fewer: Callable[[int], None] = lambda size: None,
    **rest: Any,
) -> InversionResult:
    """The inversions of all samples; see `restore`."""
    found = invert_batches(
        generator,
        params,
        samples_of(observed, keep, samples),
        operator=sampled(degradation.operator),
        config=inversion,
        on_split=lambda batch, parts: on_fewer(parts[0].size),
        **rest,
    )
    return concatenate([done.result for done in found])


def seen_samples(
    degradation: Degradation,
    observed: Observation,
    keep: np.ndarray,
    result: InversionResult,
    samples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Pictures ``[n, M, H, W, 3]``, and their misfits ``[n, M]`` on what was kept."""
    pictures = result.reconstruction
    many = samples_of(observed, keep, samples)
    operator = sampled(degradation.operator)
    residual = np.asarray(jax.jit(operator.apply)(many.operands, pictures)) - many.target
    weights = np.asarray(operator.weights(many.operands, jnp.asarray(many.target)))
    squares = np.square(weights * residual).mean(axis=(1, 2, 3))
    squares /= np.square(weights).mean(axis=(1, 2, 3))
    shape = (len(observed.target), samples)
    return pictures.reshape(*shape, *pictures.shape[1:]), squares.reshape(shape)
