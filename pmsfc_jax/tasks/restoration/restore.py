"""Photographs as they are to pictures as they might have been."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.inversion.config import InversionConfig
from pmsfc_jax.inversion.drawing import Drawing
from pmsfc_jax.inversion.resume import Resume
from pmsfc_jax.subspace import Subspaces
from pmsfc_jax.tasks.degradations import Degradation
from pmsfc_jax.tasks.restoration.calibration import Calibration
from pmsfc_jax.tasks.restoration.choose import Choice, Tried, checked, choose
from pmsfc_jax.tasks.restoration.mean import mean_and_deviation, screened_out, uncertainty
from pmsfc_jax.tasks.restoration.sampling import inverted_samples, seen_samples
from pmsfc_jax.tasks.restoration.settings import RestoreConfig


@dataclass(frozen=True, eq=False)
class Restoration:
    """Restored photographs, ``n`` of them with M samples each; arrays are numpy's.

    Attributes:
      restored: ``[n, H, W, 3]`` float32, nominally in [-1, 1]: the mean of the samples that are not
        screened out, in each of which what was observed was put back.
      samples: ``[n, M, H, W, 3]``, likewise put back.
      uncertainty: ``[n, H, W]``, standard deviation over samples, root mean square over colours,
        and under noise what putting back leaves open, times the scale of ``calibration`` where
        there is one; in units of images (2 is the whole range). It is zero where a pixel was
        observed exactly and put back.
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
    subspaces: Subspaces | None = None,
    choice: Choice | None = None,
    on_progress: Callable[[int, int, float], None] = lambda done, total, loss: None,
    on_fewer: Callable[[int], None] = lambda size: None,
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
      subspaces: the partition, where the composition of ``config.inversion`` has one.
      choice: what `choose` gave for photographs of the same degradation; nothing is chosen then,
        and of ``config`` the screen alone is used.
      on_progress: ``(image-steps done, in all, mean loss)`` of the run that goes on.
      on_fewer: told with how many samples at once it goes on where more did not fit into the
        device's memory.
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
        "subspaces": subspaces,
        "on_progress": on_progress,
        "on_fewer": on_fewer,
        "resume": resume,
        "should_stop": should_stop,
        "devices": devices,
    }
    if choice is None:
        choice = choose(generator, params, observed, degradation, config=config, **rest)
    observed = checked(generator, observed, degradation, samples)
    inversion, calibration = choice.inversion, choice.calibration
    whole = np.ones((*observed.target.shape[:3], 1), np.float32)
    result = inverted_samples(generator, params, degradation, observed, whole, inversion, **rest)
    drawn, misfit = seen_samples(degradation, observed, whole, result, samples)
    screened = screened_out(misfit, config.screen)
    finish = jax.jit(degradation.finish)
    finished = [finish(observed.operands, observed.target, drawn[:, i]) for i in range(samples)]
    put_back = np.stack([np.asarray(x) for x in finished], axis=1)
    # The mean of pictures that each fit what was observed fits it, too, and lies further inside.
    mean, deviation = mean_and_deviation(put_back, screened)
    scale = 1.0 if calibration is None else calibration.scale
    return Restoration(
        restored=mean,
        samples=put_back,
        uncertainty=uncertainty(degradation, observed, mean, deviation, scale),
        calibration=calibration,
        misfit=misfit,
        screened=screened,
        drawing=result.drawing,
        inversion=inversion,
        tried=choice.tried,
    )
