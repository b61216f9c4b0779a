"""Kernels of an unknown blur: what the generator can draw, and the blur of it, found in turn."""

from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.generator import SplitGenerator
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.core.typing import Key, Params
from pmsfc_jax.inversion.checks import check_observation
from pmsfc_jax.tasks.degradations import blur, fit_kernel, gaussian, kernels_of
from pmsfc_jax.tasks.restoration.mean import mean_and_deviation, screened_out
from pmsfc_jax.tasks.restoration.sampling import inverted_samples, seen_samples
from pmsfc_jax.tasks.restoration.settings import RestoreConfig

#: Width of the Gaussian that is the first guess, as a share of the kernel's side.
_FIRST_WIDTH = 0.15


def estimate_kernels(
    generator: SplitGenerator,
    params: Params,
    photographs: np.ndarray,
    *,
    side: int,
    layer: int,
    key: Key,
    config: RestoreConfig | None = None,
    samples: int = 4,
    rounds: int = 3,
    should_stop: Callable[[], bool] = lambda: False,
    devices: Sequence[jax.Device] | None = None,
) -> np.ndarray:
    """The kernel of each photograph whose blur is not known, for `restore` with `blur`.

    In turn, the photographs are inverted through the kernels that are known so far, and kernels are
    fitted to what was drawn (`fit_kernel`), nothing being put back in between: a picture that was
    made to fit the photograph by a wrong kernel would confirm it. What holds the two apart is the
    generator, which draws sharp pictures; an early layer holds best.

    Args:
      generator: cut in two at any layer.
      params: its weights.
      photographs: ``[n, H, W, 3]`` floats in [-1, 1], of the generator's size.
      side: of the kernels, odd, at least as wide as the blur.
      layer: the cut.
      key: of the starting codes.
      config: codes, steps and screen of the inversions; the rest of it is not used.
      samples: inversions of each photograph, whose mean is taken.
      rounds: of inversions and fits.
      should_stop: asked between compiled loops.
      devices: over which batches are split.

    Returns:
      ``[n, side, side]``, never negative, each of sum one: operands of `blur`.

    Raises:
      InputError: the photographs do not fit the generator, or the side is even or too large.
      Stopped: ``should_stop()`` was true.

    """
    degradation = blur()
    photographs = check_observation(generator.spec, Observation(photographs)).target
    if side % 2 == 0 or not 1 <= side <= min(photographs.shape[1:3]):
        raise InputError(
            f"a kernel of side {side} for pictures of {photographs.shape[2]}x"
            f"{photographs.shape[1]}: give an odd side that is no larger than they are"
        )
    config = config or RestoreConfig()
    whole = np.ones((*photographs.shape[:3], 1), np.float32)
    run = partial(
        inverted_samples,
        generator,
        params,
        degradation,
        keep=whole,
        inversion=config.with_defaults(layer),
        key=key,
        samples=samples,
        should_stop=should_stop,
        devices=devices,
    )
    kernels = kernels_of(gaussian(_FIRST_WIDTH * side, side // 2), len(photographs))
    for _ in range(rounds):
        observed = Observation(photographs, kernels)
        result = run(observed)
        drawn, misfit = seen_samples(degradation, observed, whole, result, samples)
        mean, _ = mean_and_deviation(drawn, screened_out(misfit, config.screen))
        start = jnp.asarray(kernels)
        kernels = np.asarray(fit_kernel(start, jnp.asarray(mean), jnp.asarray(photographs)))
    return kernels
