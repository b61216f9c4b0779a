"""How far restored pictures, degraded again, are from what was given."""

import jax
import numpy as np

from pmsfc_jax.core.images import LEVELS, to_float
from pmsfc_jax.core.operator import Observation
from pmsfc_jax.tasks.degradations import Degradation


def fidelity(degradation: Degradation, observed: Observation, pictures: np.ndarray) -> np.ndarray:
    """How far pictures, degraded again, are from what was given: ``[n]`` grey levels.

    The root mean square over what was observed.

    Args:
      degradation: what had happened.
      observed: what was given.
      pictures: ``[n, H, W, 3]`` uint8.

    """
    operator = degradation.operator
    seen = np.asarray(jax.jit(operator.apply)(observed.operands, to_float(pictures)))
    weights = operator.weights(observed.operands, observed.target)
    squares = np.square(LEVELS * (seen - np.asarray(observed.target)))
    shares = np.ones_like(squares) if weights is None else np.asarray(weights) + 0 * squares
    axes = (1, 2, 3)
    found: np.ndarray = np.sqrt((shares * squares).sum(axes) / shares.sum(axes))
    return found
