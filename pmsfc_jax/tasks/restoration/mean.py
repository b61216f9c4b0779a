"""The mean of samples, without those that are stuck."""

import jax
import jax.numpy as jnp
import numpy as np

from pmsfc_jax.core.operator import Observation
from pmsfc_jax.tasks.degradations import Degradation

#: A sample is left out where its misfit is this many times the least of its photograph.
SCREEN = 3.0
#: Mean square of a residual of four grey levels: what explains a photograph so well is not stuck.
_GOOD = (4 * 2 / 255) ** 2


def screened_out(misfit: np.ndarray, most: float = SCREEN) -> np.ndarray:
    """Which samples do not explain their photograph as well as others do, ``[n, M]``.

    A restart that is stuck in a bad minimum spoils a mean. One that is only a little worse than
    others does not, and a sample whose residual is below four grey levels never is left out.

    Args:
      misfit: ``[n, M]``, mean squared residual of what was observed. NaN counts as the worst.
      most: times the least misfit of the photograph's samples, at least 1.

    """
    finite = np.where(np.isfinite(misfit), misfit, np.inf)
    least = finite.min(axis=1, keepdims=True)
    # Where all failed there is nothing better to take.
    return (finite > np.maximum(most * least, _GOOD)) & np.isfinite(least)


def mean_and_deviation(samples: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over the samples that are not screened out.

    Args:
      samples: ``[n, M, ...]``.
      out: ``[n, M]``.

    Returns:
      ``[n, ...]`` each, float32. The deviation is that of the population's estimate (divided by
      the number less one), and zero where one sample is left.

    """
    shape = (*out.shape, *(1,) * (samples.ndim - 2))
    use = (~out).astype(np.float64).reshape(shape)
    count = use.sum(axis=1)
    values = samples.astype(np.float64)
    mean = (use * values).sum(axis=1) / count
    squares = (use * np.square(values - mean[:, None])).sum(axis=1)
    deviation = np.sqrt(squares / np.maximum(count - 1, 1))
    return mean.astype(np.float32), deviation.astype(np.float32)


def uncertainty(
    degradation: Degradation,
    observed: Observation,
    mean: np.ndarray,
    deviation: np.ndarray,
    scale: float = 1.0,
) -> np.ndarray:
    """Standard deviation of the error of a mean of samples, ``[n, H, W]`` float32.

    Args:
      degradation: what had happened.
      observed: what was given.
      mean: ``[n, H, W, 3]``, of samples into which it was put back.
      deviation: ``[n, H, W, 3]``, over them.
      scale: of that and of what putting back leaves open.

    """
    variance = np.square(deviation).mean(axis=-1)
    if degradation.left is not None:
        left = jax.jit(degradation.left)(observed.operands, observed.target, jnp.asarray(mean))
        variance = variance + np.square(np.asarray(left))
    found: np.ndarray = np.float32(scale) * np.sqrt(variance)
    return found
