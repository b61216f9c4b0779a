"""The simple way that a restored photograph is shown beside."""

import numpy as np

from pmsfc_jax.api import Observation
from pmsfc_jax.core.errors import InputError
from pmsfc_jax.evaluation.baselines import baselines
from pmsfc_jax.tasks.degradations import Degradation
from pmsfc_jax.tasks.degradations.degradation import Shape

#: The one to show for an operator; of others the first is shown. The best of its baselines on
#: sixteen training photographs of 32x32: of masks, the mean over 90 % missing, a hole and strokes.
#: Of noise the best one that other packages have; filtered again it is better, but mixes worse.
_SHOWN = {
    "downsample": "bicubic, back-projected",
    "mask": "linear",
    "noise": "non-local means",
    "jpeg": "total variation",
    "blur": "Wiener",
}


def simple_way(
    degradation: Degradation, observed: Observation, image_shape: Shape
) -> tuple[str, np.ndarray]:
    """Its name and its pictures ``[n, H, W, 3]`` uint8.

    Where it needs a package that is not installed, the first baseline stands in its place.
    """
    known = baselines(degradation, image_shape)
    first = next(iter(known))
    name = _SHOWN.get(degradation.operator.name, first)
    try:
        return name, known[name](observed)
    except InputError:
        return first, known[first](observed)
