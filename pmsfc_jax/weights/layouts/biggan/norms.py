"""What is folded into BigGAN's arrays: spectral norms, batch norms with their statistics.

A conditional batch norm is ``(1 + c G) (x - mean) / sqrt(var + eps) + c B`` for a condition ``c``
with kernels G and B. With ``r = 1 / sqrt(var + eps)`` that is ``scale x + shift``,

    scale = r + c (G r),        shift = -mean r + c (B - G r mean),

two affine maps of the condition.
"""

import math

import numpy as np

from pmsfc_jax.core.typing import Params
from pmsfc_jax.weights.layouts.places import put


def stored_sigma(weight: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    """The spectral norm as torch evaluates it: ``u . (W v)`` with the stored vectors."""
    return float(np.float64(u) @ (_matrix(weight) @ np.float64(v)))


def stepped_sigma(weight: np.ndarray, u: np.ndarray) -> float:
    """The spectral norm as ajbrock's layers evaluate it: one power step from the stored vector."""
    matrix = _matrix(weight)
    v = _unit(matrix.T @ np.float64(u.ravel()))
    u = _unit(matrix @ v)
    return float(u @ (matrix @ v))


def at_truncation(table: np.ndarray, truncation: float) -> np.ndarray:
    """One row of statistics that were taken at truncations 0 to 1: ``[n, C] -> [C]``.

    Between two rows the published code weighs them the wrong way round, and lets quotients that
    rounding leaves just under a whole number (0.58 / 0.02) read the row below; the statistics are
    used as it uses them.
    """
    share, row = math.modf(truncation / (1.0 / (len(table) - 1)))
    place = int(row)
    if not share:
        return table[place]
    return table[place] * share + table[place + 1] * (1 - share)


def put_norm(
    params: Params,
    path: tuple[str, ...],
    gain: np.ndarray,
    bias: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
) -> None:
    """Put a conditional norm's two affine maps at ``path``.

    Args:
      params: nested.
      path: of the norm.
      gain: G, ``[condition, C]``.
      bias: B, ``[condition, C]``.
      mean: ``[C]``.
      variance: ``[C]``, epsilon included.

    """
    r = 1 / np.sqrt(variance)
    put(params, (*path, "scale", "kernel"), gain * r)
    put(params, (*path, "scale", "bias"), r)
    put(params, (*path, "shift", "kernel"), bias - gain * r * mean)
    put(params, (*path, "shift", "bias"), -mean * r)


def put_last_norm(
    params: Params, gain: np.ndarray, bias: np.ndarray, mean: np.ndarray, variance: np.ndarray
) -> None:
    """Put the norm before the image layer, which nothing conditions: all ``[C]``."""
    r = gain / np.sqrt(variance)
    put(params, ("image", "scale"), r)
    put(params, ("image", "shift"), bias - mean * r)


def _matrix(weight: np.ndarray) -> np.ndarray:
    return np.asarray(weight, np.float64).reshape(len(weight), -1)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / max(float(np.linalg.norm(x)), 1e-12)
