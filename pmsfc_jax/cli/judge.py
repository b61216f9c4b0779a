"""The independent judge of pictures that commands measure by."""

import os
from collections.abc import Callable

import numpy as np

from pmsfc_jax.metrics import load_squeezenet, perceptual_distance

#: ``(a [n, H, W, 3], b [n, H, W, 3]) -> [n]``, pictures in uint8.
Judge = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: What reports call it.
JUDGE_NAME = "SqueezeNet v1.0"


def load_judge(path: str | os.PathLike[str]) -> Judge:
    """The perceptual distance of SqueezeNet v1.0.

    Args:
      path: its weights as ``.npz``, see `load_squeezenet`.

    Raises:
      InputError: the file is absent or holds something else.
    """
    weights = load_squeezenet(path)
    return lambda a, b: np.asarray(perceptual_distance(weights, a, b))
