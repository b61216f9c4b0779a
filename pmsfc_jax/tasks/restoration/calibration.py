"""How far the deviation of samples tells the error of their mean, on measurements held out."""

from dataclasses import dataclass

import numpy as np

#: A normal error is within one and within two standard deviations in these shares of all cases.
NORMAL_SHARES = (0.6827, 0.9545)


@dataclass(frozen=True)
class Calibration:
    """What held-out measurements say of the uncertainty.

    Attributes:
      scale: by which the deviation over samples is multiplied to be the standard deviation of the
        mean's error.
      within: shares of the errors within one and two scaled deviations (noise included), each half
        judged with the scale of the other half; `NORMAL_SHARES` if they were normal.
      correlation: Spearman's, of deviation and absolute error: 0 where the map does not tell where
        the errors are.
      measurements: how many were held out.

    """

    scale: float
    within: tuple[float, float]
    correlation: float
    measurements: int

    def __str__(self) -> str:
        one, two = (f"{100 * share:.0f} %" for share in self.within)
        return (
            f"on {self.measurements} held-out measurements, {one} of the errors lie within one and "
            f"{two} within two standard deviations (normal: 68 % and 95 %), rank correlation of "
            f"uncertainty and error {self.correlation:.2f}"
        )


def calibrate(
    error: np.ndarray, deviation: np.ndarray, noise: np.ndarray, half: np.ndarray
) -> Calibration | None:
    """Fit the scale, and judge it.

    The scale makes the mean square of the scaled deviation that of the error, less the noise in
    the measurements.

    Args:
      error: ``[m]``, of the mean at measurements that the samples did not see.
      deviation: ``[m]``, over samples, of the same.
      noise: ``[m]``, standard deviation of the measurements' noise, 0 where there is none.
      half: ``[m]`` bool, halves that judge each other.

    Returns:
      ``None`` where nothing can be said: fewer than 20 measurements, samples that agree
      everywhere, or noise so strong that the error cannot be told from it.

    """
    if len(error) < 20 or not deviation.any() or _lost_in_noise(error, noise):
        return None
    within = np.zeros(2)
    for judged in (half, ~half):
        if not judged.any() or not (~judged).any():
            return None
        scale = _scale(error[~judged], deviation[~judged], noise[~judged])
        expected = np.hypot(scale * deviation[judged], noise[judged])
        size = np.abs(error[judged])
        within += [(size <= times * expected).sum() for times in (1, 2)]
    one, two = within / len(error)
    return Calibration(
        scale=_scale(error, deviation, noise),
        within=(float(one), float(two)),
        correlation=_rank_correlation(deviation, np.abs(error)),
        measurements=len(error),
    )


def _lost_in_noise(error: np.ndarray, noise: np.ndarray) -> bool:
    """Whether the mean square of the error less that of the noise is within two standard errors.

    Strong noise is clipped in a file, so that it is less than its level says, and the difference
    may even be negative.
    """
    uncertain = np.square(error).std() / np.sqrt(len(error))
    return bool(noise.any() and _own_square(error, noise) < 2 * uncertain)


def _own_square(error: np.ndarray, noise: np.ndarray) -> float:
    """Mean square of the error without that of the measurements' noise."""
    return float(np.square(error).mean() - np.square(noise).mean())


def _scale(error: np.ndarray, deviation: np.ndarray, noise: np.ndarray) -> float:
    own = max(_own_square(error, noise), 0.0)
    return float(np.sqrt(own / max(float(np.square(deviation).mean()), 1e-20)))


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's; ties are in the order they come, which a continuous measure has few of."""
    ranks = [np.argsort(np.argsort(x)).astype(np.float64) for x in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
