"""How sure a mean is: bootstrap intervals of means and of paired differences."""

import numpy as np

NUM_RESAMPLES = 10_000


def bootstrap_interval(values: np.ndarray, *, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, 95 % (Efron 1979).

    For methods run on the same images, give the differences image by image: they are paired.

    Args:
      values: ``[n]``, one an image.
      seed: of the resamples; the same values and seed give the same interval.

    """
    rng = np.random.default_rng(seed)
    values = np.asarray(values, np.float64)
    means = values[rng.integers(0, len(values), (NUM_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
