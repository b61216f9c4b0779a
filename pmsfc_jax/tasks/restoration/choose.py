"""Settings that tell held-out measurements best, and how sure their samples are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import jax
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.inversion.checks import check_observation
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.result import InversionResult
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.subspace import Subspaces
from pmsfc_jax.tasks.degradations import Degradation
from pmsfc_jax.tasks.restoration.calibration import Calibration, calibrate
from pmsfc_jax.tasks.restoration.mean import mean_and_deviation, screened_out
from pmsfc_jax.tasks.restoration.sampling import held_out, inverted_samples, seen_samples
from pmsfc_jax.tasks.restoration.settings import (
    DEFAULT_STEPS,
    TRIED_STEPS,
    RestoreConfig,
    tried_layers,
)

#: Which measurements are held out is the same in every run of the same photographs.
_HELD_OUT_SEED = 0

_Run = Callable[[Observation, np.ndarray, InversionConfig], InversionResult]


@dataclass(frozen=True, eq=False)
class Tried:
    """Settings that were tried, and the error on what was held out.

    Attributes:
      layer: the cut.
      steps: of the optimiser.
      error: mean squared error of the mean of the samples at held-out measurements, images in
        [-1, 1].

    """

    layer: int
    steps: int
    error: float


@dataclass(frozen=True, eq=False)
class Choice:
    """Settings that were chosen on held-out measurements, and how sure their samples are.

    Attributes:
      inversion: the settings to use.
      calibration: of the uncertainty; ``None`` where it was not measured.
      tried: what was tried.

    """

    inversion: InversionConfig
    calibration: Calibration | None
    tried: tuple[Tried, ...]


def choose(
    generator: SplitGenerator,
    params: Params,
    observed: Observation,
    degradation: Degradation,
    *,
    key: Key,
    config: RestoreConfig | None = None,
    samples: int = 4,
    subspaces: Subspaces | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    on_fewer: Callable[[int], None] = lambda size: None,
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
) -> Choice:
    """What `restore` chooses by itself, for many calls of it: settings, and the calibration.

    Arguments and errors are those of `restore`; of the photographs the first ``config.pilot`` are
    looked at.
    """
    config = config or RestoreConfig()
    observed = checked(generator, observed, degradation, samples)
    # Batches of the size that the pilot has: the run after it compiles nothing.
    batch = min(config.pilot or len(observed.target), len(observed.target)) * samples
    batch = min(batch, config.inversion.batch_size)
    config = replace(config, inversion=replace(config.inversion, batch_size=batch))
    run = partial(
        inverted_samples,
        generator,
        params,
        degradation,
        key=key,
        samples=samples,
        subspaces=subspaces,
        on_progress=on_progress,
        on_fewer=on_fewer,
        resume=resume,
        should_stop=should_stop,
        devices=devices,
    )
    return _chosen(generator, observed, degradation, config, run, samples)


def checked(
    generator: SplitGenerator, observed: Observation, degradation: Degradation, samples: int
) -> Observation:
    """The observation as the inversion takes it.

    Raises:
      InputError: it does not fit, or there are no samples.

    """
    if samples < 1:
        raise InputError(f"samples must be at least 1, not {samples}")
    return check_observation(generator.spec, observed, degradation.operator)


def _chosen(
    generator: SplitGenerator,
    observed: Observation,
    degradation: Degradation,
    config: RestoreConfig,
    run: _Run,
    samples: int,
) -> Choice:
    """See `choose`.

    Layers come first, then steps at the best layer; where the noise is known, it says when to stop.
    """
    if config.pilot == 0:
        assert config.layer is not None
        return Choice(config.with_defaults(config.layer), None, ())
    few = jax.tree.map(lambda leaf: np.asarray(leaf)[: config.pilot], observed)
    keep = held_out(degradation.operator, few, config.held_out, _HELD_OUT_SEED)
    known = degradation.operator.noise(few.operands) is not None
    tried: dict[tuple[int, int], _Trial] = {}

    def best(inversions: list[InversionConfig]) -> InversionConfig:
        for inversion in inversions:
            name = (int(inversion.layer or 0), inversion.num_steps)
            if name not in tried:
                result = run(few, keep, inversion)
                tried[name] = _trial(degradation, few, keep, result, samples, config.screen)
        return min(inversions, key=lambda i: tried[int(i.layer or 0), i.num_steps].error)

    layers = tried_layers(generator.spec) if config.layer is None else (config.layer,)
    inversion = best([config.with_defaults(layer) for layer in layers])
    if config.steps is None and not known:
        # The default first: it is kept where another is no better.
        steps = (DEFAULT_STEPS, *(s for s in TRIED_STEPS if s != DEFAULT_STEPS))
        inversion = best([replace(inversion, num_steps=number) for number in steps])
    chosen = tried[int(inversion.layer or 0), inversion.num_steps]
    table = tuple(Tried(*name, trial.error) for name, trial in tried.items())
    return Choice(inversion, chosen.calibration, table)


@dataclass(frozen=True, eq=False)
class _Trial:
    error: float
    calibration: Calibration | None


def _trial(
    degradation: Degradation,
    observed: Observation,
    keep: np.ndarray,
    result: InversionResult,
    samples: int,
    screen: float,
) -> _Trial:
    """How well the mean of samples tells the measurements that they did not see."""
    operator = degradation.operator
    drawn, misfit = seen_samples(degradation, observed, keep, result, samples)
    out = screened_out(misfit, screen)
    apply = jax.jit(operator.apply)
    seen = np.stack(
        [np.asarray(apply(observed.operands, drawn[:, i])) for i in range(samples)], axis=1
    )
    mean, deviation = mean_and_deviation(seen, out)
    chosen = np.broadcast_to(keep == 0, mean.shape)
    if not chosen.any():
        return _Trial(float(misfit.mean()), None)
    error = (mean - observed.target)[chosen]
    sigma = operator.noise(observed.operands)
    level = np.zeros(len(mean)) if sigma is None else np.asarray(sigma)
    photograph = np.broadcast_to(np.arange(len(mean))[:, None, None, None], mean.shape)[chosen]
    half = photograph % 2 == 1 if len(mean) > 1 else np.arange(len(error)) % 2 == 1
    return _Trial(
        float(np.square(error).mean()),
        calibrate(error, deviation[chosen], level[photograph], half),
    )
