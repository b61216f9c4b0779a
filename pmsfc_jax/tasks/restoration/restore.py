"""Photographs as they are to pictures as they might have been."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.inversion.checks import check_observation
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.drawing import Drawing
from pmsfc_jax.inversion.invert import invert
from pmsfc_jax.inversion.result import InversionResult
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.tasks.degradations import Degradation
from pmsfc_jax.tasks.restoration.calibration import Calibration, calibrate
from pmsfc_jax.tasks.restoration.mean import mean_and_deviation, screened_out
from pmsfc_jax.tasks.restoration.sampling import held_out, sampled, samples_of
from pmsfc_jax.tasks.restoration.settings import (
    DEFAULT_STEPS,
    TRIED_STEPS,
    RestoreConfig,
    tried_layers,
)

#: Which measurements are held out is the same in every run of the same photographs.
_HELD_OUT_SEED = 0


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


@dataclass(frozen=True, eq=False)
class Restoration:
    """Restored photographs, ``n`` of them with M samples each; arrays are numpy's.

    Attributes:
      restored: ``[n, H, W, 3]`` float32, nominally in [-1, 1]: the mean of the samples that are not
        screened out, in each of which what was observed was put back.
      samples: ``[n, M, H, W, 3]``, likewise put back.
      uncertainty: ``[n, H, W]``, standard deviation over samples, root mean square over colours,
        times the scale of ``calibration`` where there is one; in units of images (2 is the whole
        range). It is zero where a pixel was observed and put back.
      calibration: how far the uncertainty is to be trusted; ``None`` where it was not measured.
        It is measured on what is observed: of lost colour or lost detail it is an extrapolation.
      misfit: ``[n, M]``, mean squared residual of each sample over what was observed, before
        anything was put back.
      screened: ``[n, M]``, true where a sample was left out of mean and uncertainty.
      drawing: codes of all samples, those of one photograph side by side: ``n * M`` pictures.
      inversion: the settings that were used.
      tried: what was tried on held-out measurements before.

    """

    restored: np.ndarray
    samples: np.ndarray
    uncertainty: np.ndarray
    calibration: Calibration | None
    misfit: np.ndarray
    screened: np.ndarray
    drawing: Drawing
    inversion: InversionConfig
    tried: tuple[Tried, ...]

    def __len__(self) -> int:
        return len(self.restored)


def restore(
    generator: SplitGenerator,
    params: Params,
    observed: Observation,
    degradation: Degradation,
    *,
    key: Key,
    config: RestoreConfig | None = None,
    samples: int = 4,
    choice: Choice | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
) -> Restoration:
    """Restore photographs by the mean of several small inversions through their degradation.

    Each sample is an inversion from codes of its own. Samples of all photographs share batches. A
    sample that is stuck is left out of the mean; where the noise is known, an inversion ends at the
    first step that explains the photograph up to it; what was observed exactly is put back.

    Args:
      generator: cut in two at any layer.
      params: its weights.
      observed: what is known of ``n`` photographs: targets in [-1, 1] of the shape that the
        degradation gives, and its operands.
      degradation: what happened to them.
      key: of all randomness; a photograph's comes from it and from what was observed of it alone.
      config: settings; the layer, and the steps of an operator without known noise, are by default
        those that tell held-out measurements best.
      samples: M, of each photograph.
      choice: what `choose` gave for photographs of the same degradation; nothing is chosen then,
        and of ``config`` the screen alone is used.
      on_progress: ``(image-steps done, in all, mean loss)`` of the run that goes on.
      resume: keeps batches in progress.
      should_stop: asked between compiled loops.
      devices: over which batches are split.

    Raises:
      InputError: observation, degradation and generator do not fit, or a setting is impossible.
      Stopped: ``should_stop()`` was true.

    """
    config = config or RestoreConfig()
    rest: dict[str, Any] = {
        "key": key,
        "samples": samples,
        "on_progress": on_progress,
        "resume": resume,
        "should_stop": should_stop,
        "devices": devices,
    }
    if choice is None:
        choice = choose(generator, params, observed, degradation, config=config, **rest)
    observed = _checked(generator, observed, degradation, samples)
    run = partial(inverted_samples, generator, params, degradation, **rest)
    inversion, calibration, tried = choice.inversion, choice.calibration, choice.tried
    whole = np.ones((*observed.target.shape[:3], 1), np.float32)
    result = run(observed, whole, inversion)
    drawn, misfit = seen_samples(degradation, observed, whole, result, samples)
    screened = screened_out(misfit, config.screen)
    finish = jax.jit(degradation.finish)
    finished = [finish(observed.operands, observed.target, drawn[:, i]) for i in range(samples)]
    put_back = np.stack([np.asarray(x) for x in finished], axis=1)
    # The mean of pictures that each fit what was observed fits it, too, and lies further inside.
    mean, deviation = mean_and_deviation(put_back, screened)
    uncertainty = np.sqrt(np.square(deviation).mean(axis=-1))
    if calibration is not None:
        uncertainty = uncertainty * np.float32(calibration.scale)
    return Restoration(
        restored=mean,
        samples=put_back,
        uncertainty=uncertainty,
        calibration=calibration,
        misfit=misfit,
        screened=screened,
        drawing=result.drawing,
        inversion=inversion,
        tried=tried,
    )


def choose(
    generator: SplitGenerator,
    params: Params,
    observed: Observation,
    degradation: Degradation,
    *,
    key: Key,
    config: RestoreConfig | None = None,
    samples: int = 4,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    resume: Resume | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
) -> Choice:
    """What `restore` chooses by itself, for many calls of it: settings, and the calibration.

    Arguments and errors are those of `restore`; of the photographs the first ``config.pilot`` are
    looked at.
    """
    config = config or RestoreConfig()
    observed = _checked(generator, observed, degradation, samples)
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
        on_progress=on_progress,
        resume=resume,
        should_stop=should_stop,
        devices=devices,
    )
    return _chosen(generator, observed, degradation, config, run, samples)


def _checked(
    generator: SplitGenerator, observed: Observation, degradation: Degradation, samples: int
) -> Observation:
    if samples < 1:
        raise InputError(f"samples must be at least 1, not {samples}")
    return check_observation(generator.spec, observed, degradation.operator)


_Run = Callable[[Observation, np.ndarray, InversionConfig], InversionResult]


def inverted_samples(
    generator: SplitGenerator,
    params: Params,
    degradation: Degradation,
    observed: Observation,
    keep: np.ndarray,
    inversion: InversionConfig,
    *,
    samples: int,
    **rest: Any,
) -> InversionResult:
    """The inversions of all samples; see `restore`."""
    return invert(
        generator,
        params,
        samples_of(observed, keep, samples),
        operator=sampled(degradation.operator),
        config=inversion,
        **rest,
    )


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
