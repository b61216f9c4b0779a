"""The judge of pictures that commands measure by: a name or a file, the same for all of them."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pmsfc_jax.api import Perceptual, load_perceptual
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.core.images import to_float
from pmsfc_jax.inversion.feature_distance import feature_distance
from pmsfc_jax.metrics import load_squeezenet, perceptual_distance


class Judge(NamedTuple):
    """A perceptual distance.

    Attributes:
      distance: ``(a [n, H, W, 3], b [n, H, W, 3]) -> [n]``, pictures in uint8.
      name: what reports call it.
      sha256: of its weights.

    """

    distance: Callable[[np.ndarray, np.ndarray], np.ndarray]
    name: str
    sha256: str


def load_judge(name_or_file: str, weights_dir: Path | None = None) -> Judge:
    """The perceptual distance of SqueezeNet v1.0, or of a converted network.

    Args:
      name_or_file: weights of SqueezeNet v1.0 as ``.npz``, see `load_squeezenet`; or the name or
        the folder of converted weights.
      weights_dir: where to look first for the name.

    Raises:
      InputError: it is absent, or judges no pictures.

    """
    if name_or_file.endswith(".npz"):
        weights = load_squeezenet(name_or_file)
        return Judge(
            lambda a, b: np.asarray(perceptual_distance(weights, a, b)),
            "SqueezeNet v1.0",
            hashlib.sha256(Path(name_or_file).read_bytes()).hexdigest(),
        )
    perceptual = load_perceptual(name_or_file, weights_dir=weights_dir)
    if perceptual is None:
        raise InputError(
            f"--judge {name_or_file} is a generator without a network that judges: name another"
        )
    between = feature_distance(perceptual)
    return Judge(
        lambda a, b: between(to_float(a), to_float(b)),
        distance_name(perceptual),
        perceptual.identity,
    )


def distance_name(perceptual: Perceptual) -> str:
    """What reports call the distance under a network V."""
    return f"mean |V(a) - V(b)|, V = {perceptual.name}"
